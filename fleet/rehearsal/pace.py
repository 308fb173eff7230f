"""How long a push lasts where none is made: as some push of the workspace did, else as is assumed. Pure; the seed decides."""

from collections.abc import Callable, Sequence
from functools import cache
from random import Random
from statistics import fmean

from fleet.plan.preview import PUSH_S

_SPREAD = (0.5, 2.0)
"""Of an assumed duration: from half of it to twice as long."""


def push_lasts(seen: Sequence[float], seed: int, assumed_s: float = PUSH_S) -> Callable[[str], float]:
    """Terminal -> whole seconds of a push to it, the same each time it is asked.

    Args:
        seen: Seconds as pushes were seen to take; empty where none was seen.
        seed: Decides which terminal takes how long.
        assumed_s: What counts where none was seen: from half of it to twice as long.
    """

    @cache
    def lasts(terminal: str) -> float:
        dice = Random(f"{seed} pace {terminal}")  # noqa: S311 - reproducible on purpose, no secret
        return _whole(dice.choice(seen) if seen else assumed_s * dice.uniform(*_SPREAD))

    return lasts


def push_takes(seen: Sequence[float]) -> float:
    """Seconds of one push, for who reckons with one number."""
    return round(fmean(map(_whole, seen)), 1) if seen else PUSH_S


def _whole(seconds: float) -> float:
    return float(max(1, round(seconds)))
