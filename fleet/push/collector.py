"""Python's garbage collector, set for a process that pushes."""

import gc

_YOUNG = 20_000
"""Objects made before it looks. Its usual 700 are a few milliseconds of a push, which keeps hardly anything."""


def settle_collector() -> None:
    """Leave alone what is there now, and look seldom: to look again and again costs a push a tenth of its time."""
    gc.freeze()
    gc.set_threshold(_YOUNG, 10, 10)
