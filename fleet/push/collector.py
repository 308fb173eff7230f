"""Python's garbage collector, set for a process that pushes."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_YOUNG = 20_000
"""Objects made before it looks. Its usual 700 are a few milliseconds of a push, which keeps hardly anything."""


def settle_collector() -> None:
    """Leave alone what is there now, and look seldom: to look again and again costs a push a tenth of its time."""
    gc.freeze()
    gc.set_threshold(_YOUNG, 10, 10)


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """While much is made that stays: it is not looked through as it grows, nor ever after."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
