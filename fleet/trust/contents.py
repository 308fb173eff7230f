"""The contents of release files, kept by their sha256: `<workspace>/releases/<sha256>`.

- A content is on the disk completely before its name appears; a name never changes its content.
- Taking in a content that is there already mends it, should the disk have damaged it.
"""

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

CHUNK_BYTES = 1 << 20


class TooLargeError(Exception):
    """A stream holds more bytes than were allowed; what was read is thrown away by the caller."""


@dataclass(frozen=True, slots=True)
class Content:
    """What was read: its name and how much it is."""

    sha256: str
    size: int
    head: bytes
    """The first two bytes: `#!` marks a program."""


@dataclass(frozen=True, slots=True)
class Contents:
    """A directory of contents; also where a push takes the files it sends from."""

    directory: Path

    def open(self, digest: str) -> BinaryIO:
        """The content for reading.

        Raises:
            FileNotFoundError: It was never added, or somebody deleted it.
        """
        return (self.directory / digest).open("rb")

    def has(self, digest: str) -> bool:
        """Whether the content's file is there; says nothing about its bytes."""
        return (self.directory / digest).is_file()

    def digest_of(self, digest: str) -> str:
        """The sha256 its bytes have now: `digest` itself, unless the disk or somebody changed them."""
        with self.open(digest) as stream:
            return copy(stream, None, None).sha256

    def take_in(self, incoming: Path) -> None:
        """Give every file of `incoming` (a directory on the same disk, files named by their sha256) its place here."""
        for file in sorted(incoming.iterdir()):
            file.chmod(0o444)
            file.replace(self.directory / file.name)
        descriptor = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def receive(stream: BinaryIO, incoming: Path, limit_bytes: int) -> Content:
    """Copy a stream into `incoming` under its sha256, on the disk when this returns.

    Raises:
        TooLargeError: It goes on after `limit_bytes`.
    """
    part = incoming / "part"
    with part.open("wb") as target:
        content = copy(stream, target, limit_bytes)
        target.flush()
        os.fsync(target.fileno())
    part.replace(incoming / content.sha256)
    return content


def copy(source: BinaryIO, target: BinaryIO | None, limit_bytes: int | None) -> Content:
    """Hash a stream, and write it to `target` where there is one.

    Raises:
        TooLargeError: It goes on after `limit_bytes`.
    """
    hashed, size, head = sha256(), 0, b""
    while chunk := source.read(CHUNK_BYTES):
        size += len(chunk)
        if limit_bytes is not None and size > limit_bytes:
            raise TooLargeError
        head = head or chunk[:2]
        hashed.update(chunk)
        if target is not None:
            target.write(chunk)
    return Content(hashed.hexdigest(), size, head)
