"""User keys for tests, made as `fleet init` makes one."""

from pathlib import Path

from fleet.push import UserKey, load_user_key
from fleet.trust.user_key import write_user_key


def new_user_key(path: Path) -> UserKey:
    """A key pair at `path` and `path`.pub, ready to sign."""
    write_user_key(path, "test")
    return load_user_key(path)
