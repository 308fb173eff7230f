"""One operation per site: who has it, for what, since when, and until when at the latest."""

from datetime import datetime
from enum import StrEnum

from pydantic import AwareDatetime

from fleet.model.base import Code, FreeText, Noun
from fleet.text import N_, Message


class Purpose(StrEnum):
    """What a site is in use for."""

    PUSH = "push"
    """A push to some of its terminals, a rollback included."""
    BY_HAND = "by-hand"
    """Somebody works there."""


_WORDS = {Purpose.PUSH: N_("a push"), Purpose.BY_HAND: N_("work by hand")}


def purpose_words(purpose: Purpose) -> Message:
    """What a site is in use for."""
    return _WORDS[purpose]


class Lease(Noun):
    """A site in somebody's hands. Past `until` anybody may take it over."""

    site: Code
    owner: Code
    """Person code; `fleet` is the orchestrator."""
    purpose: Purpose
    reason: FreeText = ""
    token: Code
    """The fence: only who holds it renews and releases."""
    taken_at: AwareDatetime
    until: AwareDatetime

    def words(self, now: datetime, name: str) -> Message:
        """Why nobody else may have the site now."""
        return N_(
            "site `{site}` is in use: {purpose} by {name}, for {minutes} min now; at the latest it is free again in {left} min",
            site=self.site,
            purpose=_WORDS[self.purpose],
            name=name,
            minutes=int((now - self.taken_at).total_seconds() // 60),
            left=max(1, -int((now - self.until).total_seconds() // 60)),
        )
