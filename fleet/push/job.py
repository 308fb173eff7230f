"""What a push is given and what a host-key scan brings back: the values between the engine and the transport."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from math import ceil
from typing import BinaryIO, Protocol

from fleet.model.attempt import Cause
from fleet.model.inventory import Site, Terminal
from fleet.model.plan import Program
from fleet.model.playbook import Account
from fleet.model.purpose import NO_LIMITS, ROLLBACK, Errand, Limits, Only
from fleet.model.release import Artifact


class FileSource(Protocol):
    """Where the contents of release files are."""

    def open(self, sha256: str, /) -> BinaryIO:
        """The contents with that digest, at their beginning; the caller closes it. Raises OSError where they are missing."""
        ...


def _nobody_waits() -> None:
    """What is called where nobody asked to be."""


@dataclass(frozen=True, slots=True)
class PushJob:
    """One attempt on one terminal."""

    terminal: Terminal
    site: Site
    number: int
    """Counts the terminal's attempts in this rollout, from 1."""
    program: Program
    artifact: Artifact | None
    version: str
    account: Account
    pinned: str | None
    """Fingerprint of the confirmed host key, `SHA256:...`; None is not confirmed, and then nothing connects."""
    deadline_s: float
    """From now to the result, at most."""
    rollout: str = ""
    """Code of the rollout. With terminal, number, program and version it names the attempt: made again, it is the same attempt."""
    on_connected: Callable[[], None] = field(default=_nobody_waits, compare=False)
    """Called, on the push's own thread, when the terminal has let us in; must return at once."""

    only: Only | None = None
    """What of the program is to be done, where that is not all of it."""
    errand: Errand | None = None
    """What it is for, where it is not the plan: then the program is told to take its release back."""
    limits: Limits = NO_LIMITS
    """How fast the rollout's pushes may send, together."""
    begin_by: datetime | None = None
    """Begun later, it could not be finished, and go back, before its window closes; then it is not begun. None is at any time."""
    patience_s: float = 0.0
    """How much longer sending may take because of them; part of `deadline_s`."""

    @property
    def attempt(self) -> str:
        """The attempt's name on the terminal, hex. An attempt that has ended there is reported again, never made again."""
        errand = (self.errand.value,) if self.errand else ()
        parts = (self.rollout, self.terminal.id, str(self.number), self.program.digest, self.version, *errand)
        return sha256("\n".join(parts).encode()).hexdigest()[:16]

    @property
    def values(self) -> Mapping[str, str]:
        """What the program is told about this terminal."""
        only = ROLLBACK if self.errand else self.only
        told = {"only": str(only)} if only else {}
        if self.patience_s:
            told["patience"] = str(ceil(self.patience_s))
        return {
            "terminal": self.terminal.id,
            "site": self.site.code,
            "kind": self.site.kind.value,
            "district": self.site.district,
            "key_card": self.terminal.key_card or "",
            **told,
        }


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What a terminal shows before anybody has logged in."""

    fingerprint: str | None
    """`SHA256:...` of its host key, or None, and then `cause` says why."""
    cause: Cause = Cause.NONE
    detail: str = ""
