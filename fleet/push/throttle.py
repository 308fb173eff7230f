"""How fast the pushes of one rollout may send: one bucket for each site, one for all of them. Pure but for a lock; the clock is given.

    turn = throttle.turn(site)
    while (wait := turn.ask(n)) > 0: wait that long, or until the push is stopped
    send n bytes                                              turn.leave() when the push is over

- In any stretch of time no more is granted than the rate times its length, and one burst. What is granted is to be sent at once.
- Turns are given in the order in which they were asked for, first among the pushes of a site, then among all: nobody starves, and a site
  that waits for its own line holds up no other.
- Both buckets are asked at the same moment, so nothing granted by one is kept while the other is waited for.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from fleet.model.purpose import NO_LIMITS, Limits

_LEAST_BURST_BYTES = 2 * 1024
_MOST_BURST_BYTES = 64 * 1024
_BURST_S = 0.25
_SHORTEST_WAIT_S = 0.01
_LONGEST_WAIT_S = 0.25
"""Who is not first asks again within these: how soon those before are through is theirs to decide."""


@dataclass(slots=True)
class _Bucket:
    """Fills at `rate` bytes a second up to `burst`; `queue` are those who wait for it, the first in front."""

    rate: int
    burst: int
    level: float
    filled_at: float
    queue: "deque[Turn]" = field(default_factory=deque)

    @classmethod
    def full(cls, rate: int, now: float) -> "_Bucket":
        burst = max(_LEAST_BURST_BYTES, min(_MOST_BURST_BYTES, int(rate * _BURST_S)))
        return cls(rate, burst, burst, now)

    def lacks(self, count: int, now: float) -> float:
        """Seconds until it holds so many."""
        self.level = min(float(self.burst), self.level + self.rate * (now - self.filled_at))
        self.filled_at = now
        return max(0.0, (count - self.level) / self.rate)


class Throttle:
    """The limits of one rollout; shared by all the threads that push for it."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = monotonic) -> None:
        """Full buckets; `clock` gives seconds that never go back."""
        self._limits, self._clock = limits, clock
        self._lock = threading.Lock()
        self._sites: dict[str, _Bucket] = {}
        self._total = _Bucket.full(limits.total_rate, clock()) if limits.total_rate else None

    def turn(self, site: str) -> "Turn":
        """One push's place in the order."""
        with self._lock:
            bucket = self._sites.get(site)
            if bucket is None and self._limits.site_rate:
                bucket = self._sites[site] = _Bucket.full(self._limits.site_rate, self._clock())
            return Turn(self, [one for one in (bucket, self._total) if one is not None])

    def _ask(self, turn: "Turn", count: int) -> float:
        with self._lock:
            now = self._clock()
            for bucket in turn.buckets:
                if turn not in bucket.queue:
                    bucket.queue.append(turn)
                if place := bucket.queue.index(turn):
                    slowest = min(one.rate for one in turn.buckets)
                    return max(_SHORTEST_WAIT_S, min(_LONGEST_WAIT_S, (place + 1) * count / slowest))
                if wait := bucket.lacks(count, now):
                    return wait
            for bucket in turn.buckets:
                bucket.level -= count
                bucket.queue.popleft()
            return 0.0

    def _leave(self, turn: "Turn") -> None:
        with self._lock:
            for bucket in turn.buckets:
                if turn in bucket.queue:
                    bucket.queue.remove(turn)


class Turn:
    """One push's place in the order; used by its thread alone."""

    def __init__(self, throttle: Throttle, buckets: list[_Bucket]) -> None:
        """The buckets in the order in which they are waited for."""
        self._throttle = throttle
        self.buckets = buckets
        self.most = min((bucket.burst for bucket in buckets), default=0)
        """The most that can be asked for at a time; 0 is no limit at all."""

    def ask(self, count: int) -> float:
        """0.0: send so many bytes now. Otherwise ask for the same again after so many seconds; the place in the order is kept."""
        return self._throttle._ask(self, count) if self.buckets else 0.0  # noqa: SLF001 - the other half of one thing

    def leave(self) -> None:
        """Give the place up."""
        self._throttle._leave(self)  # noqa: SLF001


UNLIMITED = Throttle(NO_LIMITS)
"""Grants everything at once."""


class Throttles:
    """The throttle of the rollout whose pushes are made now; safe to share between threads."""

    def __init__(self) -> None:
        """None yet."""
        self._lock = threading.Lock()
        self._held: tuple[str, Throttle] = ("", UNLIMITED)

    def of(self, rollout: str, limits: Limits) -> Throttle:
        """The one throttle of a rollout; its limits never change."""
        if not limits:
            return UNLIMITED
        with self._lock:
            if self._held[0] != rollout:
                self._held = rollout, Throttle(limits)
            return self._held[1]
