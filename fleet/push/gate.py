"""Where logins wait for their turn, and how long after one was turned away the next is tried. Puts threads and the clock to `pacing`.

    with gate.turn(keys, deadline, stop) as turn:
        ...
        turn.passed(key)        each server that let us in, as soon as it did

One gate for one process, shared by all its threads.
"""

import random
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

from fleet.model.attempt import Cause
from fleet.push.link import Deadline, LinkError
from fleet.push.pacing import Key, Scope, Turns
from fleet.settings import LOGINS_AT_ONCE, LOGINS_PER_DISTRICT, LOGINS_PER_GATEWAY, Settings

DEFAULT_CEILINGS: Mapping[Scope, int] = {
    Scope.GATEWAY: LOGINS_PER_GATEWAY,
    Scope.DISTRICT: LOGINS_PER_DISTRICT,
    Scope.ALL: LOGINS_AT_ONCE,
}
_LOOK_S = 0.25
_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 8.0


class Gate:
    """Lets logins through, as many at a time as the limits say."""

    def __init__(
        self,
        ceilings: Mapping[Scope, int] = DEFAULT_CEILINGS,
        *,
        clock: Callable[[], float] = monotonic,
        dice: Callable[[], float] = random.random,
    ) -> None:
        """`dice` gives numbers in [0, 1)."""
        self._turns = Turns(ceilings)
        self._clock, self._dice = clock, dice
        self._lock = threading.Lock()
        self._admitted: dict[int, threading.Event] = {}

    @contextmanager
    def turn(self, keys: Iterable[Key], deadline: Deadline, stop: threading.Event | None = None) -> Iterator["Turn"]:
        """A turn in all of these limits; waits for it.

        Raises:
            LinkError: The deadline passed or a stop came first.
        """
        admitted = threading.Event()
        with self._lock:
            number = self._turns.join(keys)
            self._admitted[number] = admitted
            self._admit()
        try:
            while not admitted.wait(deadline.within(_LOOK_S)):
                if stop is not None and stop.is_set():
                    raise LinkError(Cause.STOPPED)
                if deadline.passed:
                    raise LinkError(Cause.DEADLINE, "no turn to log in came within the deadline")
                with self._lock:  # somebody's places may have lapsed
                    self._admit()
            yield Turn(self, number)
        finally:
            with self._lock:
                del self._admitted[number]
                self._turns.leave(number)
                self._admit()

    def passed(self, number: int, key: Key) -> None:
        """See `Turn.passed`."""
        with self._lock:
            self._turns.passed(number, key, self._clock())
            self._admit()

    def dropped(self, number: int, key: Key) -> None:
        """See `Turn.dropped`."""
        with self._lock:
            self._turns.dropped(number, key)
            self._admit()

    def pause_s(self, drops: int) -> float:
        """How long to wait after a connection was turned away for the so-manieth time in a row; never twice the same, so nobody meets."""
        longest = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(drops, 10))
        return longest * (0.5 + 0.5 * self._dice())

    def _admit(self) -> None:
        for number in self._turns.admit(self._clock()):
            self._admitted[number].set()


def gate_of(settings: Settings) -> Gate:
    """A gate with the workspace's ceilings."""
    ceilings = {
        Scope.GATEWAY: settings.logins_per_gateway,
        Scope.DISTRICT: settings.logins_per_district,
        Scope.ALL: settings.logins_at_once,
    }
    return Gate(ceilings)


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn that came."""

    gate: Gate
    number: int

    def passed(self, key: Key) -> None:
        """The login passed here: somebody else may have this place."""
        self.gate.passed(self.number, key)

    def dropped(self, key: Key) -> None:
        """The server here turned the connection away."""
        self.gate.dropped(self.number, key)
