"""What a gate is asked of swipes, and what was measured: one terminal's swipe before and after, split into its phases. All in milliseconds."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from fleet.model.base import Noun

MEDIAN = 50.0
BEFORE = "before_"
"""Stands in front of the name of a fact that a probe with `when: before` told."""


class Phase(StrEnum):
    """What a swipe spends its time on."""

    TOTAL = "total"
    CARD = "card"
    ENCRYPTION = "encryption"
    NETWORK = "network"
    HOST = "host"

    @property
    def fact(self) -> str:
        """The fact a swipe probe tells it under: `swipe_ms`, `swipe_card_ms`."""
        return "swipe_ms" if self is Phase.TOTAL else f"swipe_{self.value}_ms"


class SwipeRule(Noun):
    """How fast a swipe must be. Only terminals that were measured before and after count."""

    target_s: Annotated[float, Field(gt=0, le=3600)]
    """Seconds a swipe may take on the new client."""
    percentile: Annotated[float, Field(gt=0, le=100)] = MEDIAN
    """Percent of the paired terminals that must be as fast; 50 is the median."""
    min_pairs: Annotated[int, Field(ge=1)] = 10
    """With fewer pairs there is no verdict."""

    @property
    def target_ms(self) -> float:
        """The target as it is measured."""
        return self.target_s * 1000
