"""Threads that make pushes: as many as the playbook allows at the same time, begun in the order of the `line`."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import Event, Lock

from fleet.engine.line import Line, Place
from fleet.engine.ports import Clock, Push
from fleet.model.attempt import AttemptResult
from fleet.model.playbook import MOST_PARALLEL
from fleet.push import PushJob


@dataclass(frozen=True, slots=True)
class NotBegun:
    """A push whose turn came too late for its window: nothing was touched, and it waits as before."""

    terminal: str


Outcome = AttemptResult | NotBegun | Exception
Take = Callable[[PushJob, Outcome], None]
"""Is given what came of a job, on its thread."""


class Pool:
    """Makes pushes, each on a thread of its own while it runs. Safe to use from many threads."""

    def __init__(self, push: Push, *, at_gateway: int, clock: Clock) -> None:
        """`at_gateway`: pushes of one gateway that hold a thread before they have passed it, at most."""
        self._push, self._clock = push, clock
        self._threads = ThreadPoolExecutor(MOST_PARALLEL, thread_name_prefix="push")
        self._line: Line[_Task] = Line(1, at_gateway)
        self._lock = Lock()
        self._closed = False

    def begin(self, job: PushJob, stop: Event, take: Take, parallel: int) -> None:
        """Have a push made when its turn comes; from now on, at most `parallel` run at the same time."""
        with self._lock:
            self._line.at_once = parallel
            self._line.join(Place(job.site.district, job.terminal.gateway), _Task(job, stop, take))
        self._fill()

    def close(self) -> None:
        """Begin nothing more; what runs is not waited for."""
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _fill(self) -> None:
        """Begin what may begin."""
        while not self._closed:
            with self._lock:
                following = self._line.next()
            if following is None:
                return
            place, task = following
            try:
                self._threads.submit(self._make, place, task)
            except RuntimeError as error:  # no thread can be had
                if task.claim():
                    self._end(place, task, error)
                    self._passed(place)

    def _make(self, place: Place, task: "_Task") -> None:
        if not task.claim():
            return
        waits = [place]

        def on_connected() -> None:
            if waits:
                self._passed(waits.pop())
                self._fill()

        outcome: Outcome
        by = task.job.begin_by
        try:
            if by is not None and self._clock() > by:
                outcome = NotBegun(task.job.terminal.id)
            else:
                outcome = self._push(replace(task.job, on_connected=on_connected), task.stop)
        except Exception as error:  # noqa: BLE001 - our own mistake over one terminal must not cost the others
            outcome = error
        self._end(place, task, outcome)
        on_connected()
        self._fill()

    def _end(self, place: Place, task: "_Task", outcome: Outcome) -> None:
        task.take(task.job, outcome)
        with self._lock:
            self._line.ended(place)

    def _passed(self, place: Place) -> None:
        with self._lock:
            self._line.passed(place)


@dataclass(frozen=True, slots=True)
class _Task:
    job: PushJob
    stop: Event
    take: Take
    _claimed: Lock = field(default_factory=Lock)

    def claim(self) -> bool:
        """Whether this is ours to do; nobody else gets a yes. A pool that finds no thread has kept the task all the same."""
        return self._claimed.acquire(blocking=False)
