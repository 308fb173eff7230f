"""A real OpenSSH server, started as ordinary configuration on a high loopback port, and stopped."""

import getpass
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fleet.push import UserKey
from tests.keys import new_user_key

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
    output: list[str] = field(default_factory=list)
    """What sshd wrote so far, at LogLevel VERBOSE."""


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _configure(directory: Path, port: int, home: Path) -> Path:
    config = directory / "sshd_config"
    lines = (
        f"Port {port}",
        "ListenAddress 127.0.0.1",
        f"HostKey {directory}/host_key",
        f"AuthorizedKeysFile {directory}/authorized_keys",
        f"PidFile {directory}/sshd.pid",
        f"SetEnv HOME={home}",
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


@pytest.fixture(scope="session")
def openssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenSSH]:
    """A running server that lets one user key in."""
    sshd = shutil.which("sshd", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin")))
    if sshd is None:
        pytest.skip("`sshd` is not installed; `make system-packages` installs it (Debian package openssh-server)")
    directory = tmp_path_factory.mktemp("openssh")
    home = directory / "home"
    home.mkdir()
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / "host_key"], check=True)
    shown = subprocess.run(["ssh-keygen", "-lf", directory / "host_key.pub"], check=True, capture_output=True, text=True)
    key = new_user_key(directory / "id_ed25519")
    (directory / "authorized_keys").write_text(f"{key.public_line}\n")
    port = _free_port()
    server = OpenSSH(directory, port, getpass.getuser(), shown.stdout.split()[1], key, home)
    listening = threading.Event()
    with subprocess.Popen(
        [sshd, "-D", "-e", "-f", _configure(directory, port, home)], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
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
