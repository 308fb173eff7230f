"""What a process carries: a door loads only what it needs."""

import subprocess
import sys

import pytest

HEAVY = ("fabric", "paramiko", "asyncssh", "textual", "sqlalchemy", "pydantic", "openpyxl", "cryptography")
SSH = ("fabric", "paramiko", "asyncssh")


def loaded_by(statement: str) -> set[str]:
    script = f"import sys\n{statement}\nsys.stderr.write(' '.join(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    return set(ran.stderr.split())


@pytest.mark.parametrize("words", [["--help"], ["--lang", "zh_CN", "--help"], ["--version"]])
def test_the_programs_own_help_loads_nothing_heavy(words: list[str]) -> None:
    loaded = loaded_by(f"from fleet.cli.app import run; run({words})")

    assert loaded & set(HEAVY) == set()


@pytest.mark.parametrize("door", ["fleet.tui", "fleet.report", "fleet.control", "fleet.store"])
def test_what_only_looks_and_decides_carries_no_ssh(door: str) -> None:
    loaded = loaded_by(
        f"import pkgutil, importlib\nmodule = importlib.import_module('{door}')\n"
        "[importlib.import_module(f'{module.__name__}.{found.name}') for found in pkgutil.iter_modules(getattr(module, '__path__', []))]"
    )

    assert loaded & set(SSH) == set()


def test_a_commands_help_loads_neither_ssh_nor_the_screen_nor_the_database() -> None:
    from fleet.cli.app import COMMANDS

    loaded = loaded_by(f"from fleet.cli.app import run; [run([name, '--help']) for name in {list(COMMANDS)}]")

    assert loaded & {*SSH, "textual", "sqlalchemy"} == set()
