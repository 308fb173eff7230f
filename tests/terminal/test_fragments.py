"""The .sh files: readable by every shell in the field, and by shellcheck."""

import subprocess
from pathlib import Path

import pytest

import fleet.terminal
from fleet.terminal.compile import compile_program
from tests.terminal.field import SHELLS, build, playbook, upgrade_steps

FRAGMENTS = sorted(Path(fleet.terminal.__path__[0]).glob("*.sh"))
READERS = {"dash": ["dash", "-n"], "busybox": ["busybox", "ash", "-n"], "bash": ["bash", "--posix", "-n"]}


@pytest.mark.parametrize("shell", [pytest.param(shell, marks=pytest.mark.needs(shell)) for shell in SHELLS])
@pytest.mark.parametrize("fragment", FRAGMENTS, ids=lambda path: path.stem)
def test_every_fragment_is_posix_sh_to_every_shell(fragment: Path, shell: str) -> None:
    ran = subprocess.run([*READERS[shell], fragment], capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.needs("shellcheck")
@pytest.mark.parametrize("fragment", FRAGMENTS, ids=lambda path: path.stem)
def test_shellcheck_finds_nothing_in_any_fragment(fragment: Path) -> None:
    # Variables are set in one fragment and used in another: SC2034 and SC2154 see only one of them.
    ran = subprocess.run(["shellcheck", "-s", "sh", "-e", "SC2034,SC2154", fragment], capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stdout) == (0, "")


@pytest.mark.parametrize("shell", [pytest.param(shell, marks=pytest.mark.needs(shell)) for shell in SHELLS])
def test_a_whole_program_is_posix_sh_to_every_shell(shell: str) -> None:
    release = build("2.0")
    steps = upgrade_steps("2.0")

    program = compile_program(playbook(steps), steps, release.artifact, "2.0")
    ran = subprocess.run(READERS[shell], input=program.text, capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize("fragment", FRAGMENTS, ids=lambda path: path.stem)
def test_no_fragment_holds_text_that_travelling_without_comments_and_indentation_would_change(fragment: Path) -> None:
    source = fragment.read_text()

    assert "<<" not in source
    assert not any(line.rstrip().endswith("\\") for line in source.splitlines())
