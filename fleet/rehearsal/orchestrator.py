"""The orchestrator on an agenda: what `fleet run` does with threads and a real clock, done one thing after the other.

The lock, the reconciler, the desk, the line of pushes and the store are the real ones. It has no loop of its own: whoever holds the agenda
calls `work` whenever something came in, and may let it die between any two things it does.
"""

from collections import deque
from collections.abc import Callable
from datetime import datetime
from functools import partial
from threading import Event

from fleet.engine.desk import MAX_RESULTS, Desk, Key, News
from fleet.engine.line import Line, Place
from fleet.engine.lock import WorkspaceLock
from fleet.engine.plans import Plans
from fleet.engine.pool import NotBegun
from fleet.engine.reconcile import Turn, reconcile
from fleet.model.attempt import AttemptResult
from fleet.model.rollout import Shard
from fleet.push import PushJob
from fleet.rehearsal.agenda import Agenda
from fleet.rehearsal.terminals import SimulatedTerminals
from fleet.store import Store

CONNECT_S = 1.0
"""From a push's turn until its program begins."""


def _nothing(_what: str) -> None:
    """Where nobody wants to be told."""


class SteppedOrchestrator:
    """One orchestrator of a workspace. It is alive from `start` until `leave` or `die`."""

    def __init__(
        self,
        store: Store,
        terminals: SimulatedTerminals,
        agenda: Agenda,
        *,
        at_gateway: int,
        plans: Plans | None = None,
        before: Callable[[str], None] = _nothing,
    ) -> None:
        """`before` is called with the name of each thing that is about to be done; where it raises, that was our end."""
        self._store, self._terminals, self._agenda, self._before = store, terminals, agenda, before
        self._plans = plans or Plans()
        self._lock = WorkspaceLock(store)
        self._desk = Desk(store, self._plans, agenda, begin=self._join, take_in=self._take_in)
        self._line: Line[tuple[Key, PushJob]] = Line(1, at_gateway)
        self._dispatched: list[Key] = []
        self._results: deque[tuple[Key, AttemptResult | NotBegun]] = deque()
        self._woken = False
        self.is_alive = False
        self._sleeps = False

    def start(self) -> None:
        """Take the workspace.

        Raises:
            ConflictError: Another one is alive.
        """
        self._lock.take(self._agenda.now)
        self.is_alive = True

    def leave(self) -> None:
        """Stop in good order."""
        self.is_alive = False
        self._lock.leave(self._agenda.now)

    def die(self) -> None:
        """End as kill -9 ends a process: nothing more is heard or stored, and its programs run on."""
        self.is_alive = False
        self._lock.forget()

    def sleep(self) -> None:
        """Stand still, as the machine that sleeps: it begins nothing any more and does not know that."""
        self._sleeps = True

    def beat(self) -> None:
        """Say that we are alive."""
        self._lock.beat(self._agenda.now)

    @property
    def has_news(self) -> bool:
        """Whether something came in that is not written yet."""
        return bool(self._dispatched or self._results or self._woken)

    def work(self) -> Turn:
        """Write what came in, then take a turn, until nothing more comes of it.

        Raises:
            ConflictError: Another one has taken the workspace.
        """
        while True:
            self.write()
            self._before("turn")
            turn = reconcile(self._store, self, self._plans, self._agenda.now, self._lock.hold)
            if not self.has_news:
                return turn

    def write(self) -> None:
        """Write what came in. Alone, it is what a writer does that has not heard yet that the workspace was taken."""
        while self.has_news:
            self._write()

    def _write(self) -> None:
        news = News(dispatched=self._dispatched, woken=self._woken)
        results = list(self._results)[:MAX_RESULTS]
        for key, result in results:
            news.results.setdefault(key, []).append(result)
        self._before("write")
        steps = self._desk.write(news, drains=False)
        self._dispatched, self._woken = [], False
        for _ in results:
            self._results.popleft()
        self._before("follow")
        self._desk.follow(steps)
        self._fill()

    # What the reconciler asks of a dispatcher

    def dispatch(self, shard: int, attempt: int) -> None:
        """Work on a shard."""
        self._before("dispatch")
        self._desk.hold((shard, attempt))
        self._dispatched.append((shard, attempt))

    def is_lost(self, shard: Shard, now: datetime) -> bool:  # noqa: ARG002 - in our own process nobody has to be waited for
        """Whether the shard is not in our hands."""
        return not self._desk.holds((shard.id, shard.attempt))

    def wake(self) -> None:
        """Look at grants and decisions with the next step."""
        self._woken = not self._desk.is_idle

    # Pushes

    def _join(self, key: Key, job: PushJob, stop: Event, parallel: int) -> None:  # noqa: ARG002 - a program that runs is let run to its end
        self._line.at_once = parallel
        self._line.join(Place(job.site.district, job.terminal.gateway), (key, job))

    def _fill(self) -> None:
        while (following := self._line.next()) is not None:
            place, (key, job) = following
            self._agenda.after(CONNECT_S, partial(self._connect, place, key, job))

    def _connect(self, place: Place, key: Key, job: PushJob) -> None:
        if not self.is_alive or self._sleeps:
            return
        self._line.passed(place)
        if job.begin_by is not None and self._agenda.now > job.begin_by:
            self._hear(place, key, NotBegun(job.terminal.id))
            return
        result, seconds = self._terminals.connect(job, self._agenda.now)
        self._agenda.after(seconds, partial(self._hear, place, key, result))
        self._fill()

    def _hear(self, place: Place, key: Key, result: AttemptResult | NotBegun) -> None:
        if not self.is_alive:
            return
        self._line.ended(place)
        self._take_in(key, result)
        self._fill()

    def _take_in(self, key: Key, result: AttemptResult | NotBegun) -> None:
        if self._desk.holds(key):
            self._results.append((key, result))
