"""The command line as a process of its own, for what one process cannot show twice."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

FLEET = Path(sys.executable).with_name("fleet")
Within = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the installed `fleet` in the test's directory: `program("--help", LANG="zh_CN.UTF-8")`."""

    def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        variables = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"} | environment
        return subprocess.run([FLEET, *words], cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=60, check=False)

    return run


@pytest.fixture
def within(tmp_path: Path) -> Within:
    """Run `fleet` with the disk of the directory `place` prepared by a shell command: `within("mount ...", "status")`."""
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-r", "-m"]
    if subprocess.run([*unshare, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=False, capture_output=True).returncode:
        pytest.skip("nobody may mount a disk of his own here; run the tests as root, or let the system allow user namespaces")

    def run(before: str, *words: object) -> subprocess.CompletedProcess[str]:
        variables = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
        script = [*unshare, "sh", "-ec", f'{before}\nshift\nexec "$@"', "sh", *map(str, (FLEET, FLEET, *words))]
        return subprocess.run(script, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=60, check=False)

    return run
