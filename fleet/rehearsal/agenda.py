"""Time that passes only when nothing is left to do at a moment: what is due, in order, and a clock that jumps from one to the next."""

from collections.abc import Callable
from datetime import datetime, timedelta
from heapq import heappop, heappush

Deed = Callable[[], None]


class Agenda:
    """What will be done, and when. Of two things at the same moment, the one that was planned first comes first."""

    def __init__(self, begins_at: datetime) -> None:
        """It is `begins_at`, and nothing is planned."""
        self.now = begins_at
        self._due: list[tuple[datetime, int, Deed]] = []
        self._planned = 0

    def __call__(self) -> datetime:
        """The time; an agenda is a clock."""
        return self.now

    def after(self, seconds: float, deed: Deed) -> None:
        """Plan something so many seconds from now."""
        self._planned += 1
        heappush(self._due, (self.now + timedelta(seconds=seconds), self._planned, deed))

    @property
    def is_empty(self) -> bool:
        """Whether nothing is planned."""
        return not self._due

    def go_on(self) -> None:
        """Jump to the next moment for which something is planned, and do all of that; there must be one."""
        self.now = self._due[0][0]
        while self._due and self._due[0][0] == self.now:
            heappop(self._due)[2]()

    def let_pass(self, seconds: float) -> None:
        """Let time pass in which nothing is planned."""
        self.now += timedelta(seconds=seconds)
