"""Who a server is: a terminal by its pinned fingerprint, a gateway by the known_hosts file of the ssh_config."""

from base64 import b64encode
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from paramiko import HostKeys, MissingHostKeyPolicy, PKey, SSHClient, SSHException


class HostKeyError(SSHException):
    """The server is not who it should be, or nobody asked it to be anyone yet. Nothing is sent to it."""


def fingerprint(key: PKey) -> str:
    """`SHA256:...` as `ssh-keygen -lf` prints it."""
    return f"SHA256:{b64encode(sha256(key.asbytes()).digest()).decode().rstrip('=')}"


class Pinned(MissingHostKeyPolicy):
    """Lets a terminal through that shows the pinned key; with nothing pinned, none."""

    def __init__(self, pinned: str | None) -> None:
        """`pinned` is a fingerprint."""
        self._pinned = pinned
        self.seen = ""
        """Fingerprint of the key that was shown."""

    def missing_host_key(self, client: SSHClient, hostname: str, key: PKey) -> None:  # noqa: ARG002 - the library's signature
        """Compare before anything is sent."""
        self.seen = fingerprint(key)
        if self.seen != self._pinned:
            raise HostKeyError(self.seen)


class Known(MissingHostKeyPolicy):
    """Lets a gateway through that stands in a known_hosts file with the key it shows."""

    def __init__(self, files: tuple[Path, ...]) -> None:
        """`files` as ssh's UserKnownHostsFile names them; one that does not exist holds nobody."""
        self._files = files

    def missing_host_key(self, client: SSHClient, hostname: str, key: PKey) -> None:  # noqa: ARG002 - the library's signature
        """Look the key up; the files are parsed once for each change."""
        for file in self._files:
            if file.exists() and _read_known_hosts(file, file.stat().st_mtime_ns).check(hostname, key):
                return
        names = ", ".join(map(str, self._files))
        message = f"{hostname} with {fingerprint(key)} does not stand in {names}"
        raise HostKeyError(message)


@lru_cache(maxsize=16)
def _read_known_hosts(file: Path, _mtime_ns: int) -> HostKeys:
    return HostKeys(str(file))
