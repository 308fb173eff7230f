"""An exclusion that somebody asked for, where the plan wants a second person to confirm it."""

from enum import StrEnum

from pydantic import AwareDatetime

from fleet.model.base import Code, FreeText, Noun, TerminalId


class Answer(StrEnum):
    """What became of it."""

    CONFIRMED = "confirmed"
    DECLINED = "declined"


class ExclusionRequest(Noun):
    """Terminals that are to be left out, once somebody else than `actor` has said so; until then they stay as they are."""

    id: int = 0
    """Given by the store; rises."""
    rollout: Code
    terminals: tuple[TerminalId, ...]
    reason: FreeText
    actor: Code
    """Who asked."""
    on_behalf: Code | None = None
    at: AwareDatetime
    answer: Answer | None = None
    """None while it is open."""
    answered_by: Code | None = None
    answered_at: AwareDatetime | None = None

    @property
    def asked_by(self) -> frozenset[str]:
        """The first pair of eyes."""
        return frozenset(code for code in (self.actor, self.on_behalf) if code)
