"""A bed of terminals on one machine: one real sshd listens on all of 127/8, and each 127.10.x.y is a terminal with a home of its own.

The home follows from the address that was connected to (the third word of SSH_CONNECTION), so a thousand terminals cost one server.
The server offers one key exchange only, curve25519, so that no tool pays for a dearer default.
"""

import getpass
import hashlib
import io
import os
import random
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ENTER = """\
set -- $SSH_CONNECTION
HOME={homes}/$3
export HOME
cd "$HOME" || exit 1
exec sh -c "$SSH_ORIGINAL_COMMAND"
"""


ROOM_BYTES = 4_000_000_000


@dataclass(frozen=True)
class Build:
    """One version of the client software, in the two forms it travels in."""

    version: str
    files: dict[str, bytes]
    """By path; those in bin/ are programs."""
    archive: Path
    """A tar of all files: what every tool but ours sends."""

    @property
    def archive_sha256(self) -> str:
        """Digest of the archive."""
        return hashlib.sha256(self.archive.read_bytes()).hexdigest()


@dataclass(frozen=True)
class Bed:
    """The running server, and what a client needs to reach it."""

    directory: Path
    port: int

    @property
    def homes(self) -> Path:
        """Where the terminals' homes are, by address."""
        return self.directory / "homes"

    @property
    def user(self) -> str:
        """Whom to log in as."""
        return getpass.getuser()

    @property
    def fingerprint(self) -> str:
        """The host key of every terminal, as `ssh-keygen -l` prints it."""
        shown = subprocess.run(["ssh-keygen", "-lf", self.directory / "host_key.pub"], check=True, capture_output=True, text=True)
        return shown.stdout.split()[1]

    def empty(self, count: int) -> list[str]:
        """The addresses of `count` terminals, none of which has anything on it."""
        shutil.rmtree(self.homes, ignore_errors=True)
        hosts = [f"127.10.{number // 200 + 1}.{number % 200 + 1}" for number in range(count)]
        for host in hosts:
            (self.homes / host).mkdir(parents=True)
        return hosts

    def live(self, host: str) -> str:
        """The version that is live on a terminal, read from its disk; empty when none is."""
        try:
            return (self.homes / host / "client/current/share/version").read_text().strip()
        except OSError:
            return ""


def roomy_memory() -> str | None:
    """A directory in memory, where there is room for 200 terminals: each has a disk of its own, and this machine's one would be measured."""
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > ROOM_BYTES else None


@contextmanager
def bed(directory: Path) -> Iterator[Bed]:
    """Terminals, until the block ends."""
    made = Bed(directory, _free_port())
    made.homes.mkdir(parents=True)
    for name in ("host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / name], check=True)
    shutil.copy(directory / "user_key.pub", directory / "authorized_keys")
    (directory / "enter").write_text(ENTER.format(homes=made.homes))
    host_key = " ".join((directory / "host_key.pub").read_text().split()[:2])
    (directory / "known_hosts").write_text(f"127.10.* {host_key}\n[127.10.*]:* {host_key}\n")
    config = directory / "sshd_config"
    config.write_text(_sshd_config(made))
    sshd = shutil.which("sshd", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin")))
    if sshd is None:
        sys.exit("sshd is missing; `make system-packages` installs it")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with subprocess.Popen([sshd, "-D", "-e", "-f", config], stdin=subprocess.DEVNULL) as server:
        try:
            await_port(made.port)
            yield made
        finally:
            server.terminate()


@contextmanager
def relay(bed: Bed, delay_ms: float) -> Iterator["Relay"]:
    """The same terminals on another port, `delay_ms` away in each direction; bytes are counted."""
    port = _free_port()
    command = [sys.executable, str(Path(__file__).with_name("relay.py")), str(port), str(bed.port), str(delay_ms)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            await_port(port)
            yield Relay(port, process)
        finally:
            process.terminate()


@dataclass(frozen=True)
class Relay:
    """A running relay."""

    port: int
    process: "subprocess.Popen[str]"

    def sent_bytes(self) -> int:
        """Bytes that went to terminals since the last time this was asked."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


def build(directory: Path, version: str, size: int, *, parts: int = 10, changed: int = 0) -> Build:
    """A release of `size` bytes of noise in `parts` files and one program; the first `changed` of them differ between versions."""
    files = {"bin/version": f"#!/bin/sh\necho version={version}\n".encode(), "share/version": f"{version}\n".encode()}
    for part in range(parts):
        seed = f"{version}/{part}" if part < changed else f"{size}/{part}"
        files[f"share/part-{part}"] = random.Random(seed).randbytes(size // parts)
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {path}\n" for path, data in files.items())
    files["share/SHA256SUMS"] = sums.encode()
    archive = directory / f"client-{version}-{size}.tar"
    with tarfile.open(archive, "w") as tar:
        for path, data in files.items():
            info = tarfile.TarInfo(path)
            info.size, info.mode = len(data), 0o755 if path.startswith("bin/") else 0o644
            tar.addfile(info, io.BytesIO(data))
    contents = directory / "contents"
    contents.mkdir(exist_ok=True)
    for data in files.values():
        (contents / hashlib.sha256(data).hexdigest()).write_bytes(data)
    return Build(version, files, archive)


def await_port(port: int, seconds: float = 20.0) -> None:
    """Until something listens there."""
    until = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


def _sshd_config(bed: Bed) -> str:
    lines = (
        f"Port {bed.port}",
        "ListenAddress 0.0.0.0",
        f"HostKey {bed.directory}/host_key",
        f"AuthorizedKeysFile {bed.directory}/authorized_keys",
        f"PidFile {bed.directory}/sshd.pid",
        f"SetEnv HOME={bed.homes}",  # the account's own start-up files would run with every command
        f"ForceCommand . {bed.directory}/enter",
        "Subsystem sftp /usr/lib/openssh/sftp-server",
        "KexAlgorithms curve25519-sha256,curve25519-sha256@libssh.org",
        "PermitRootLogin yes",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "StrictModes no",
        "UsePAM no",
        "UseDNS no",
        "PrintMotd no",
        "MaxStartups 1000:30:2000",
        "MaxSessions 1000",
        "LogLevel QUIET",
    )
    return "".join(f"{line}\n" for line in lines)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
