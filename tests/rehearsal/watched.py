"""What a night happens on: a clock that can be set, and terminals that tell of every connection and know who is really worked on."""

from collections.abc import Callable
from datetime import datetime, timedelta
from heapq import heapify

from fleet.model.attempt import AttemptResult
from fleet.model.playbook import KeySource
from fleet.push import PushJob
from fleet.rehearsal.agenda import Agenda
from fleet.rehearsal.terminals import Fates, SimulatedTerminals


class Wall(Agenda):
    """An agenda whose clock can be set: what is planned comes as long after as before, at another time."""

    def __init__(self, begins_at: datetime) -> None:
        """Nobody has set it yet."""
        super().__init__(begins_at)
        self.latest = begins_at
        """The latest time that it showed before it was set."""

    def set_by(self, seconds: float) -> None:
        """Set the clock."""
        self.latest = max(self.latest, self.now)
        by = timedelta(seconds=seconds)
        self.now += by
        self._due = [(at + by, number, deed) for at, number, deed in self._due]
        heapify(self._due)

    def go_on_until(self, moment: datetime | None) -> None:
        """Go on, but no further than this moment."""
        if moment is not None and (self.is_empty or moment < self._due[0][0]):
            self.now = max(moment, self.now)
        else:
            self.go_on()


class WatchedTerminals(SimulatedTerminals):
    """Terminals of which somebody is told what is done to them."""

    def __init__(self, fates: Fates, key_source: KeySource | None, on_connect: Callable[[PushJob], None]) -> None:
        """`on_connect` is called with each connection that is made, once what comes of it is settled."""
        super().__init__(fates, key_source)
        self._on_connect = on_connect
        self.connections = 0

    def connect(self, job: PushJob, now: datetime) -> tuple[AttemptResult, float]:
        """Begin a push, and tell of it."""
        answer = super().connect(job, now)
        self.connections += 1
        self._on_connect(job)
        return answer

    def busy(self, now: datetime) -> set[str]:
        """Terminals on which a program runs, whether or not anybody listens."""
        return {name for name, memory in self._memories.items() if memory.busy_until is not None and memory.busy_until > now}

    def set_by(self, seconds: float) -> None:
        """Our clock was set; on the terminals nothing happens sooner or later for that."""
        by = timedelta(seconds=seconds)
        for memory in self._memories.values():
            memory.busy_until = memory.busy_until and memory.busy_until + by
            memory.ended = {attempt: (fate, at + by) for attempt, (fate, at) in memory.ended.items()}
