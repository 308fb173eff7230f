"""One thing that a check found."""

from dataclasses import dataclass
from enum import StrEnum

from fleet.errors import FleetError
from fleet.text import Message


class Level(StrEnum):
    """How bad it is."""

    WRONG = "wrong"
    """Something will not work, or cannot be trusted, until it is mended."""
    NOTE = "note"
    """Worth knowing before the night; it may be meant so."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What, where, and how to mend it."""

    check: str
    """Code of the check; does not change."""
    what: Message
    where: Message | str
    mend: Message
    """What to do: a command, where one does it."""
    level: Level = Level.WRONG


def of_error(check: str, error: FleetError, where: str, otherwise: Message) -> Finding:
    """An error of ours as a finding; `otherwise` mends where the error does not say how."""
    return Finding(check, error.what, error.where or where, error.hint or otherwise)
