"""The pushes that wait for a thread, and which of them is next. Pure.

- At most so many run at once, and at most so many of one gateway's have not passed it yet: what waits there keeps no thread from others.
- The next one is of the district that has the fewest at work; within a district, of those that may begin, the one that came first.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a push goes to."""

    district: str
    gateway: str | None


@dataclass(slots=True)
class Line(Generic[T]):
    """What waits and what runs. Not safe to share between threads."""

    at_once: int
    """Pushes that run at the same time, at most."""
    at_gateway: int
    """Pushes that run and have not passed their gateway, at most, for each."""
    _waiting: dict[Place, deque[tuple[int, T]]] = field(default_factory=dict)
    """Each with its number; a place where nobody waits is not there."""
    _at_work: Counter[str] = field(default_factory=Counter)
    """By district."""
    _at_gate: Counter[str | None] = field(default_factory=Counter)
    """By gateway."""
    _running: int = 0
    _joined: int = 0

    def join(self, place: Place, task: T) -> None:
        """One more waits."""
        self._joined += 1
        self._waiting.setdefault(place, deque()).append((self._joined, task))

    def next(self) -> tuple[Place, T] | None:
        """The next one that may run, which counts as running from now on; None when none may."""
        if self._running >= self.at_once:
            return None
        free = [place for place in self._waiting if place.gateway is None or self._at_gate[place.gateway] < self.at_gateway]
        if not free:
            return None
        place = min(free, key=lambda place: (self._at_work[place.district], self._waiting[place][0][0]))
        _number, task = self._waiting[place].popleft()
        if not self._waiting[place]:
            del self._waiting[place]
        self._running += 1
        self._at_work[place.district] += 1
        self._at_gate[place.gateway] += 1
        return place, task

    def passed(self, place: Place) -> None:
        """One that runs has passed its gateway. For each, exactly once, at its end where it never passed."""
        self._at_gate[place.gateway] -= 1

    def ended(self, place: Place) -> None:
        """One that ran, ended."""
        self._running -= 1
        self._at_work[place.district] -= 1
