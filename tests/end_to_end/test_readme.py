"""The README's walk-through is run as it stands, command by command."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXIT_CODE = re.compile(r"# exit code (\d)|# 退出码 (\d)")


def walk_through(readme: str) -> list[str]:
    """The commands of the README's ```sh blocks, in order."""
    text = (ROOT / readme).read_text("utf-8")
    return [line for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL) for line in block.splitlines() if line]


def without_comment(command: str) -> str:
    return command.split("  #", maxsplit=1)[0].strip()


def expected_code(command: str) -> int:
    found = EXIT_CODE.search(command)
    return int(next(filter(None, found.groups()))) if found else 0


@pytest.fixture
def bureau(tmp_path: Path) -> Path:
    """A directory that has what a clone has, as far as the README speaks of it."""
    (tmp_path / "playbooks").symlink_to(ROOT / "playbooks")
    return tmp_path


def environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


@contextmanager
def kept_up(command: str, directory: Path) -> Iterator[None]:
    """A command that goes on in the background; begins when it has said that it is ready."""
    words = ["sh", "-c", f"exec {command.removesuffix('&').strip()}"]
    with subprocess.Popen(words, cwd=directory, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        try:
            assert any("Ready" in line for line in process.stdout)
            yield
        finally:
            process.terminate()


def test_the_readme_walks_a_bureau_from_an_empty_directory_to_its_counts(bureau: Path) -> None:
    first, background, *rest = walk_through("README.md")
    assert background.endswith("&")
    subprocess.run(first, shell=True, cwd=bureau, env=environment(), check=True, capture_output=True)  # what a reader would type

    with kept_up(background, bureau):
        for command in rest:
            done = subprocess.run(
                without_comment(command), shell=True, cwd=bureau, env=environment(), check=False, capture_output=True, text=True
            )

            assert done.returncode == expected_code(command), f"{command}\n{done.stdout}\n{done.stderr}"
    assert (bureau / "completion.xlsx").stat().st_size > 0


def test_both_readmes_walk_the_same_way() -> None:
    english, chinese = ([without_comment(command) for command in walk_through(name)] for name in ("README.md", "README.zh-CN.md"))

    assert english == chinese


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_every_page_that_a_readme_names_is_there(readme: str) -> None:
    linked = re.findall(r"\]\(([^)#]+)\)", (ROOT / readme).read_text("utf-8"))

    missing = [name for name in linked if not name.startswith("http") and not (ROOT / name).exists()]

    assert missing == []
