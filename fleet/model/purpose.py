"""What a rollout is for where it is not the whole plan, and how fast its pushes may send."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from fleet.model.base import Noun

LEAST_RATE = 1_000
"""Bytes a second; below it not even the conversation would move."""
MOST_RATE = 10**12
"""Beyond any line there is."""
Rate = Annotated[int, Field(ge=LEAST_RATE, le=MOST_RATE)]
"""Bytes a second."""


class Only(StrEnum):
    """The part of its plan that a rollout carries out."""

    STAGE = "stage"
    """Bring the release, days before it goes live. Nothing live is touched."""


class Errand(StrEnum):
    """What a push to one terminal is for, where it is not what the rollout is for."""

    ROLLBACK = "rollback"
    """A person wants the release back that was live there before."""
    REHEARSAL = "rehearsal"
    """The way back is tried and timed on a terminal of the canary, which is upgraded again at once."""


ROLLBACK = "rollback"
"""What a program is told where it is to take the release back, whoever wants that."""


class Limits(Noun):
    """How fast the pushes of a rollout may send, together; None is as fast as the line."""

    site_rate: Rate | None = None
    """Bytes a second to all terminals of one site."""
    total_rate: Rate | None = None
    """Bytes a second to all terminals."""

    def __bool__(self) -> bool:
        """Whether there is any limit."""
        return self.site_rate is not None or self.total_rate is not None

    def sending_s(self, size: int, *, at_once: int, at_site: int) -> float:
        """How long a push may have to send `size` bytes at most, where so many push at once, and so many of them at its site.

        Turns are given in order, so each push has at least its equal share of either rate.
        """
        by_site = size * max(1, min(at_site, at_once)) / self.site_rate if self.site_rate else 0.0
        in_all = size * max(1, at_once) / self.total_rate if self.total_rate else 0.0
        return by_site + in_all


NO_LIMITS = Limits()
