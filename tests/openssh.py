"""A real OpenSSH server, started as ordinary configuration on a high loopback port, and stopped; and pushes to it."""

import getpass
import io
import os
import select
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from fleet.model.inventory import Site, SiteKind, Terminal
from fleet.model.playbook import Account, Step
from fleet.push import PushJob, UserKey
from fleet.terminal.compile import compile_program
from tests.conftest import program
from tests.keys import new_user_key
from tests.terminal.field import Build, playbook

ENOUGH_S = 20


@dataclass
class OpenSSH:
    """One running sshd. Every session's home is `home`."""

    directory: Path
    port: int
    user: str
    fingerprint: str
    key: UserKey
    home: Path
    pid: int
    output: list[str] = field(default_factory=list)
    """What sshd wrote so far, at LogLevel VERBOSE."""


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _configure(directory: Path, port: int, environment: str) -> Path:
    config = directory / "sshd_config"
    lines = (
        f"Port {port}",
        "ListenAddress 127.0.0.1",
        f"HostKey {directory}/host_key",
        f"AuthorizedKeysFile {directory}/authorized_keys",
        f"PidFile {directory}/sshd.pid",
        f"SetEnv {environment}",
        "StrictModes no",
        "UsePAM no",
        "UseDNS no",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "MaxStartups 200:30:400",
        "MaxSessions 200",
        "LogLevel VERBOSE",
    )
    config.write_text("".join(f"{line}\n" for line in lines))
    return config


def _read_log(stream: object, output: list[str], listening: threading.Event) -> None:
    for line in stream:  # type: ignore[attr-defined]
        output.append(line.rstrip())
        if "Server listening" in line:
            listening.set()
    listening.set()


@contextmanager
def running_openssh(directory: Path, home: Path, path: Path | None = None) -> Iterator[OpenSSH]:
    """A server that lets one user key in; every session finds this home, and `path` as its PATH."""
    sshd = program("sshd")
    assert sshd is not None
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / "host_key"], check=True)
    shown = subprocess.run(["ssh-keygen", "-lf", directory / "host_key.pub"], check=True, capture_output=True, text=True)
    key = new_user_key(directory / "id_ed25519")
    (directory / "authorized_keys").write_text(f"{key.public_line}\n")
    port = _free_port()
    environment = f"HOME={home}" if path is None else f"HOME={home} PATH={path}"
    config = _configure(directory, port, environment)
    listening = threading.Event()
    with subprocess.Popen([sshd, "-D", "-e", "-f", config], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        server = OpenSSH(directory, port, getpass.getuser(), shown.stdout.split()[1], key, home, process.pid)
        reader = threading.Thread(target=_read_log, args=(process.stderr, server.output, listening))
        reader.start()
        try:
            assert listening.wait(ENOUGH_S), "sshd does not listen"
            assert process.poll() is None, server.output
            yield server
        finally:
            process.terminate()
            process.wait(ENOUGH_S)
            reader.join(ENOUGH_S)


@dataclass
class Source:
    """Contents of a release, and which were asked for."""

    release: Build
    opened: list[str] = field(default_factory=list)
    on_open: Callable[[], object] = lambda: None

    def open(self, sha256: str) -> BinaryIO:
        self.opened.append(sha256)
        self.on_open()
        return io.BytesIO(self.release.contents[sha256])


def make_job(
    server: OpenSSH, steps: Sequence[Step], release: Build, number: int, *, terminal: Terminal, pinned: str | None, deadline_s: float = 60.0
) -> PushJob:
    """One attempt on the server's account."""
    # This sshd knows one user, whoever runs the tests; that may be root, which no playbook may name.
    account = Account(user="fleet", root="client").model_copy(update={"user": server.user})
    compiled = compile_program(playbook(list(steps)).model_copy(update={"account": account}), steps, release.artifact, release.version)
    return PushJob(
        terminal=terminal,
        site=Site(code="pharmacy-12", kind=SiteKind.PHARMACY, name="A pharmacy", district="qingwan"),
        number=number,
        program=compiled,
        artifact=release.artifact,
        version=release.version,
        account=account,
        pinned=pinned,
        deadline_s=deadline_s,
        rollout="r1",
    )


def wait_for_transactions(home: Path) -> None:
    """Until no transaction is left that a test cut off; each ends by itself."""
    for lock in home.glob("client/.fleet/lock.*"):
        with suppress(OSError, ValueError):  # over, or released
            _wait_for_process(int(lock.read_text().split()[0]))


def wait_for_rest(server: OpenSSH) -> None:
    """Until no session is open, and nothing that one began runs any more."""
    while sessions := _children(server.pid):
        _wait_for(sessions)
    wait_for_sessions(server.home)


def wait_for_sessions(home: Path) -> None:
    """Until nothing that a session began with this home runs any more."""
    while running := _at_home_in(home):
        _wait_for(running)


def _wait_for(processes: list[int]) -> None:
    for pid in processes:
        with suppress(OSError):  # it is over
            _wait_for_process(pid)


def _wait_for_process(pid: int) -> None:
    descriptor = os.pidfd_open(pid)
    ended, _, _ = select.select([descriptor], [], [], ENOUGH_S)
    os.close(descriptor)
    assert ended, f"process {pid} does not end"


def _children(parent: int) -> list[int]:
    """The processes that this one started and that are alive."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, ppid, *_ = status.read_text().rpartition(")")[2].split()
            if int(ppid) == parent and state != "Z":
                found.append(int(status.parent.name))
    return found


def _at_home_in(home: Path) -> list[int]:
    """The processes of sessions that began there, whoever is their parent now."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if f"HOME={home}".encode() in environment.read_bytes().split(b"\0"):
                found.append(int(environment.parent.name))
    return found
