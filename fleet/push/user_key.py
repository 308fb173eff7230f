"""The one ed25519 key that terminals accept: made once (`fleet.trust.user_key`), parsed once per process."""

import stat
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from paramiko import Ed25519Key, PKey, SSHException

from fleet.errors import InputError, NotAllowedError, system_words
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
        NotAllowedError: It is another user's.
        InputError: There is none, others may read it, it is encrypted, or it is no ed25519 key in OpenSSH's format.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        hint = N_("`fleet init` makes one, or name another in `key_file`")
        raise InputError(N_("no user key: {reason}", reason=system_words(error)), where=str(path), hint=hint) from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise InputError(N_("others may read the user key"), where=str(path), hint=N_("chmod 600 it"))
    try:
        private = Ed25519Key.from_private_key_file(str(path))
    except PermissionError:
        hint = N_("only its owner can push and scan through gateways; have them run this: {owner}", owner=_owner(path))
        raise NotAllowedError(N_("you may not read the user key of this workspace"), where=str(path), hint=hint) from None
    except (SSHException, ValueError, OSError) as error:
        hint = N_("it must be an ed25519 key without a passphrase, in OpenSSH's format")
        raise InputError(N_("this user key cannot be used: {reason}", reason=str(error)), where=str(path), hint=hint) from None
    # Written out once, not three times in every login.
    vars(private).update(asbytes=cache(private.asbytes), get_fingerprint=cache(private.get_fingerprint))
    return UserKey(private, f"{private.get_name()} {private.get_base64()}")


def _owner(path: Path) -> str:
    try:
        return path.owner()
    except (KeyError, OSError):
        return "?"
