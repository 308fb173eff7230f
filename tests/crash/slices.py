"""How much of a matrix every run of the tests goes through."""

import random
import time
from collections.abc import Iterator

ENOUGH_S = 10
MOST_POINTS = 24


def while_there_is_time(dice: random.Random) -> Iterator[random.Random]:
    """The dice, for as many points as a slice may take; at least one."""
    begun = time.monotonic()
    for _ in range(MOST_POINTS):
        yield dice
        if time.monotonic() - begun > ENOUGH_S:
            return
