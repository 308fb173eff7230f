"""The command line as a process of its own, for what one process cannot show twice."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

FLEET = Path(sys.executable).with_name("fleet")


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the installed `fleet` in the test's directory: `program("--help", LANG="zh_CN.UTF-8")`."""

    def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        variables = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"} | environment
        return subprocess.run([FLEET, *words], cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=60, check=False)

    return run
