"""The workspace's own user key: what terminals know this program by."""

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat


def write_user_key(file: Path, comment: str) -> str:
    """Make an ed25519 key pair in `file` (mode 0600) and `file`.pub; returns the public line.

    Raises:
        FileExistsError: One of the two files is there already; nothing was changed.
    """
    key = Ed25519PrivateKey.generate()
    public = f"{key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode('ascii')} {comment}\n"
    write_new(file, key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()), 0o600)
    write_new(file.with_name(file.name + ".pub"), public.encode("utf-8"), 0o644)
    return public.rstrip("\n")


def write_new(file: Path, content: bytes, mode: int) -> None:
    """Write a file that must not be there yet, with exactly this mode or a narrower one."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
