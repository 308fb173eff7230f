"""The one ed25519 key that terminals accept: made once by `fleet init`, parsed once per process."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from paramiko import Ed25519Key, PKey, SSHException

from fleet.errors import ConflictError, InputError
from fleet.text import N_


@dataclass(frozen=True, slots=True)
class UserKey:
    """A private user key, ready to sign; may be shared by threads."""

    private: PKey
    public_line: str
    """`ssh-ed25519 AAAA...`, as it goes into a terminal's authorized_keys."""


def load_user_key(path: Path) -> UserKey:
    """The key in the file at `path`.

    Raises:
        InputError: There is none, others may read it, it is encrypted, or it is no ed25519 key in OpenSSH's format.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        hint = N_("`fleet init` makes one, or name another in `key_file`")
        raise InputError(N_("no user key: {reason}", reason=error.strerror), where=str(path), hint=hint) from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise InputError(N_("others may read the user key"), where=str(path), hint=N_("chmod 600 it"))
    try:
        private = Ed25519Key.from_private_key_file(str(path))
    except (SSHException, ValueError, OSError) as error:
        hint = N_("it must be an ed25519 key without a passphrase, in OpenSSH's format")
        raise InputError(N_("this user key cannot be used: {reason}", reason=str(error)), where=str(path), hint=hint) from None
    return UserKey(private, f"{private.get_name()} {private.get_base64()}")


def create_user_key(path: Path) -> UserKey:
    """Make a key pair: `path`, readable by nobody else, and `path`.pub beside it.

    Raises:
        ConflictError: There is a file at `path` already; it is left as it is.
    """
    pair = Ed25519PrivateKey.generate()
    secret = pair.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    public = pair.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConflictError(N_("there is a user key already"), where=str(path)) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret)
    path.with_name(f"{path.name}.pub").write_text(f"{public} fleet\n", "utf-8")
    return load_user_key(path)
