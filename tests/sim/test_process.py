"""The simulation's process: how it starts, what it refuses, and when it ends."""

import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import paramiko
import pytest

from fleet.errors import FleetError, InputError
from fleet.model.inventory import Terminal
from fleet.sim.simulation import start_simulation

TIMEOUT_S = 20.0

START = """
import sys
from pathlib import Path
from fleet.errors import FleetError
from fleet.model.inventory import Terminal
from fleet.sim.simulation import start_simulation

terminals = [Terminal(site="s1", code=f"t{number}", host="x.invalid") for number in range(int(sys.argv[3]))]
try:
    simulation = start_simulation(terminals, {}, Path(sys.argv[1]), sys.argv[2], seed=1)
except FleetError as error:
    print(error, flush=True)
    raise SystemExit(error.exit_code) from None
print(len(simulation.addresses), simulation._process.pid, flush=True)
sys.stdin.read()
simulation.stop()
"""


def start(limits: str, directory: Path, public_line: str, count: int) -> subprocess.Popen[str]:
    """Start a simulation below `sh`, so that limits are those of a person's shell; ends when its input does."""
    words = ["sh", "-c", f'{limits} exec "$@"', "sh", sys.executable, "-c", START, str(directory), public_line, str(count)]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ended(pid: int) -> bool:
    """Whether the process has ended, or ends within the time allowed."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], TIMEOUT_S)[0])
    finally:
        os.close(handle)


def test_it_raises_its_own_file_limit(tmp_path: Path, public_line: str) -> None:
    with start("ulimit -Sn 64;", tmp_path, public_line, 100) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.communicate("")

    assert first.startswith("100 ")
    assert process.returncode == 0


def test_a_hard_file_limit_that_is_too_low_is_told_before_anything_starts(tmp_path: Path, public_line: str) -> None:
    with start("ulimit -n 600;", tmp_path, public_line, 100) as process:
        out, _ = process.communicate("")

    assert process.returncode == 2
    assert out.splitlines() == [
        "100 simulated terminals need 612 open files, this system allows 600",
        "hint: raise the hard limit (`ulimit -Hn`), or simulate fewer sites",
    ]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waiting for another's child needs pidfd_open (Linux)")
def test_it_dies_with_the_process_that_started_it(tmp_path: Path, public_line: str) -> None:
    with start("", tmp_path, public_line, 1) as process:
        assert process.stdout is not None
        server = int(process.stdout.readline().split()[1])
        process.send_signal(signal.SIGKILL)

    assert ended(server)


def test_what_still_runs_on_a_terminal_ends_with_the_simulation(tmp_path: Path, user_key: paramiko.PKey, public_line: str) -> None:
    with start_simulation([Terminal(site="s1", code="t1", host="x.invalid")], {}, tmp_path, public_line, seed=1) as simulation:
        host, port = simulation.addresses["s1/t1"]
        with paramiko.Transport((host, port)) as link:
            link.connect(username="anybody", pkey=user_key)
            channel = link.open_session(timeout=TIMEOUT_S)
            channel.exec_command("setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $!")
            detached = int(channel.makefile().readline())

    assert ended(detached)


def test_stopping_twice_is_stopping_once_and_the_last_figures_stay(tmp_path: Path, public_line: str) -> None:
    simulation = start_simulation([Terminal(site="s1", code="t1", host="x.invalid")], {}, tmp_path, public_line, seed=1)
    address = simulation.addresses["s1/t1"]

    simulation.stop()
    simulation.stop()

    assert simulation.cpu_seconds() > 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, TIMEOUT_S)


def test_a_key_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not an SSH public key: `hello`"):
        start_simulation([], {}, tmp_path, "hello", seed=1)


def test_a_start_that_fails_says_why_and_where(tmp_path: Path, public_line: str) -> None:
    (tmp_path / "homes").write_text("in the way")

    with pytest.raises(FleetError, match=r"the simulated terminals did not start: .*homes") as refused:
        start_simulation([Terminal(site="s1", code="t1", host="x.invalid")], {}, tmp_path, public_line, seed=1)

    assert refused.value.where == str(tmp_path / "simulation.log")
