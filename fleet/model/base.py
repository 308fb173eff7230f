"""What every noun shares, and the strict patterns of everything that can reach a shell, a path or an address.

- Codes, users, hosts and paths match a strict pattern. Free text may hold any printable character and never reaches a shell.
- Nouns are frozen and refuse unknown fields.
"""

import unicodedata
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from fleet.text import N_

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_REFUSED_CATEGORIES = frozenset(("Cc", "Cs", "Zl", "Zp"))


def unless(default: Any) -> Callable[[Any], bool]:
    """`exclude_if` of a field that a later version added to what digests cover: left at its default it is not written.

    So a plan from before keeps its digest, and a playbook that does not use it stays readable for who does not know it.
    """
    return lambda value: value == default


class Noun(BaseModel):
    """A frozen value that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with some fields changed; what was worked out from the old fields is not carried along."""
        copied = super().model_copy(update=update, deep=deep)
        for name in copied.__dict__.keys() - type(self).model_fields.keys():
            del copied.__dict__[name]
        return copied


def unprintable(text: str) -> str | None:
    """The first character that no free text may hold (control, NUL, bidi override, lone surrogate), or None."""
    if text.isascii() and text.isprintable():
        return None
    return next((c for c in text if c in _BIDI or unicodedata.category(c) in _REFUSED_CATEGORIES), None)


def _printable(text: str) -> str:
    bad = unprintable(text)
    if bad is not None:
        raise ValueError(N_("character {character} is not allowed", character=f"U+{ord(bad):04X}"))
    return text


def _not_root(user: str) -> str:
    if user == "root":
        raise ValueError(N_("a push never uses root"), N_("give an account of its own; what needs root goes through its `sudo_command`"))
    return user


Printable = AfterValidator(_printable)
"""For a text that people read: refuses what `unprintable` finds."""

CODE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$"
TERMINAL_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}/[A-Za-z0-9][A-Za-z0-9._-]{0,31}$"
USER_PATTERN = r"^[a-z_][a-z0-9_-]{0,31}$"
HOST_PATTERN = r"^(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)$"
PATH_PATTERN = r"^/?[A-Za-z0-9_+@][A-Za-z0-9._+@-]*(?:/[A-Za-z0-9_+@][A-Za-z0-9._+@-]*)*$"
VERSION_PATTERN = r"^[0-9A-Za-z][0-9A-Za-z._+-]{0,31}$"
SHA256_PATTERN = r"^[0-9a-f]{64}$"

Code = Annotated[str, StringConstraints(pattern=CODE_PATTERN)]
TerminalId = Annotated[str, StringConstraints(pattern=TERMINAL_ID_PATTERN)]
"""`SITE/TERMINAL`, for example `pharmacy-12/t03`."""
UserName = Annotated[str, StringConstraints(pattern=USER_PATTERN)]
AccountName = Annotated[UserName, AfterValidator(_not_root)]
"""The account pushes use on a terminal: never root."""
Host = Annotated[str, StringConstraints(pattern=HOST_PATTERN, max_length=253)]
"""A host name, an IPv4 or an IPv6 address; never begins with `-`."""
SafePath = Annotated[str, StringConstraints(pattern=PATH_PATTERN, max_length=255)]
"""A path whose parts are letters, digits and `._+@-`; no `..`, no hidden part, no leading `-`. Relative to the account's home or the release."""
Version = Annotated[str, StringConstraints(pattern=VERSION_PATTERN)]
Sha256 = Annotated[str, StringConstraints(pattern=SHA256_PATTERN)]
FreeText = Annotated[str, StringConstraints(max_length=400), Printable]
Name = Annotated[str, StringConstraints(min_length=1, max_length=120), Printable]
