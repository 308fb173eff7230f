"""Start a simulation in its own process, and what its user sees of it: addresses, fingerprints, cost."""

import json
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, NamedTuple, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from fleet.errors import FleetError, InputError
from fleet.model.inventory import Reach, Terminal
from fleet.sim.config import Config
from fleet.sim.faults import Fault
from fleet.sim.keys import fingerprint
from fleet.sim.scratch import ShellName
from fleet.text import N_

_FILES_AT_LEAST = 512
"""Descriptors beside the listeners: four for each connection, and some of the process's own."""
_STOP_S = 30.0


class Address(NamedTuple):
    """Where a simulated terminal is reached."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class _Usage:
    cpu_s: float
    peak_rss_bytes: int


class Simulation:
    """Simulated terminals that can be reached, until `stop`. A context manager; any thread may ask it."""

    def __init__(
        self, process: subprocess.Popen[str], log: Path, addresses: Mapping[str, Address], fingerprints: Mapping[str, str]
    ) -> None:
        self.log = log
        """File that holds what the process complained about."""
        self.addresses = addresses
        """Terminal id -> where it is reached."""
        self.fingerprints = fingerprints
        """Terminal id -> fingerprint of the host key it ought to show; the one that the inventory carries."""
        self._process = process
        self._lock = Lock()
        self._last = _Usage(0.0, 0)

    def cpu_seconds(self) -> float:
        """CPU time of the server process and of every program that ended on a terminal so far; the last figure after `stop`."""
        return self._usage().cpu_s

    def rss_bytes(self) -> int:
        """The most memory that the server process ever held; the programs on the terminals are not in it."""
        return self._usage().peak_rss_bytes

    def stop(self) -> None:
        """End every terminal and what runs on it. May be called twice."""
        self._usage()
        with self._lock:
            if self._process.stdin and not self._process.stdin.closed:
                self._process.stdin.close()
            try:
                self._process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            if self._process.stdout:
                self._process.stdout.close()

    def wait(self) -> int:
        """Wait until the server process ends by itself; its exit status."""
        return self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _usage(self) -> _Usage:
        with self._lock:
            if self._process.poll() is None and self._process.stdin and not self._process.stdin.closed:
                try:
                    self._process.stdin.write("usage\n")
                    self._process.stdin.flush()
                    self._last = _Usage(**_answer(self._process))
                except (BrokenPipeError, EOFError):
                    pass  # it ended just now; the last figures stand
            return self._last


def start_simulation(
    terminals: Sequence[Terminal],
    faults: Mapping[str, Fault],
    directory: Path,
    user_public_key: str,
    seed: int,
    *,
    shell: ShellName = "sh",
) -> Simulation:
    """Raise every terminal that is reached by SSH, in one process of its own; returns when all can be reached.

    Args:
        terminals: Those reached by hand are passed over; host and port are not looked at.
        faults: Terminal id -> fault; the others are sound.
        directory: Scratch directory, made where it is missing. What stands in it is kept, and left there by `stop`.
        user_public_key: The one key that terminals accept, an `ssh-ed25519 ...` line; any user name is.
        seed: Decides the host keys.
        shell: What runs the commands: the system's sh, or busybox and nothing but its applets.

    Raises:
        InputError: The key is none, or this system allows too few open files.
        FleetError: The process did not start; its log says why.
    """
    reached = [terminal.id for terminal in terminals if terminal.reach is Reach.SSH]
    _check_key(user_public_key)
    _check_file_limit(len(reached))
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    config = directory / "simulation.json"
    Config(str(directory), user_public_key, seed, shell, {terminal: faults.get(terminal) for terminal in reached}).write(config)
    log = directory / "simulation.log"
    with log.open("w") as stderr:
        process = subprocess.Popen(  # noqa: S603 - our own module
            (sys.executable, "-m", "fleet.sim.server", str(config)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,  # Ctrl-C is ours to answer; the server ends when its input does
        )
    try:
        raised = _answer(process)["addresses"]
    except EOFError:
        process.wait()
        assert process.stdin
        assert process.stdout
        process.stdin.close()
        process.stdout.close()
        reason = (log.read_text().strip().splitlines() or ["?"])[-1]
        raise FleetError(N_("the simulated terminals did not start: {reason}", reason=reason), where=str(log)) from None
    addresses = {terminal: Address(*address) for terminal, address in raised.items()}
    return Simulation(process, log, addresses, {terminal: fingerprint(seed, terminal) for terminal in reached})


def _answer(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise EOFError
    return json.loads(line)


def _check_key(line: str) -> None:
    try:
        load_ssh_public_key(line.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise InputError(N_("not an SSH public key: `{line}`", line=line[:60]), hint=N_("give the .pub file of the user key")) from None


def _check_file_limit(terminals: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = terminals + _FILES_AT_LEAST
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise InputError(
            N_(
                "{terminals} simulated terminals need {needed} open files, this system allows {hard}",
                terminals=terminals,
                needed=needed,
                hard=hard,
            ),
            hint=N_("raise the hard limit (`ulimit -Hn`), or simulate fewer sites"),
        )
