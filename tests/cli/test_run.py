"""`fleet run` as a process of its own: it is ended by signals, and there is only one."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import PROGRAM

Program = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def running(program: Program, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A workspace whose orchestrator has begun."""
    assert program("init").returncode == 0
    with begun(tmp_path) as process:
        yield process


@contextmanager
def begun(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """`fleet run` in a directory, once it says that it runs."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory), "LC_ALL": "C.UTF-8"}
    with subprocess.Popen([PROGRAM, "run"], cwd=directory, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "The orchestrator runs" in process.stderr.readline()
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_good_order(running: subprocess.Popen[str], tmp_path: Path, number: signal.Signals) -> None:
    running.send_signal(number)
    _out, told = running.communicate(timeout=30)

    assert running.returncode == 0
    assert "Ending when the pushes that run have ended" in told
    log = [json.loads(line)["event"] for line in (tmp_path / ".fleet" / "fleet.log").read_text("utf-8").splitlines()]
    assert log == ["orchestrator started", "orchestrator stopped"]


def test_a_second_one_is_refused_and_told_who_runs(running: subprocess.Popen[str], program: Program) -> None:
    ran = program("run")

    assert ran.returncode == 2
    assert f"another orchestrator runs this workspace: pid {running.pid} on " in ran.stderr
    assert "Traceback" not in ran.stderr


def test_after_a_kill_the_next_one_begins_at_once(running: subprocess.Popen[str], tmp_path: Path) -> None:
    running.kill()
    running.wait()

    with begun(tmp_path) as following:
        assert following.poll() is None
