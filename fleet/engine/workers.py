"""Workers in the orchestrator's own process: the embedded dispatcher.

    dispatch ─┐                       ┌─> pushes, in a pool of threads
    wake ─────┼─> one writer thread ──┤
    results ──┘   one transaction     └─> on_free, when a shard or a grant came free

- One thread writes for all shards: whatever came in while it wrote goes into its next transaction, at most 20 results at a time.
- Every shard has a step at least every two seconds; that is its beat, and brings it new grants and decisions.
- What could not be written is kept and written later; a push is never begun before its beginning is stored.
"""

from collections import deque
from collections.abc import Callable
from datetime import datetime
from functools import partial
from threading import Condition, Event, Thread
from time import monotonic
from typing import Any

from fleet.engine.desk import MAX_RESULTS, Desk, Key, News
from fleet.engine.plans import Plans
from fleet.engine.pool import NotBegun, Outcome, Pool
from fleet.engine.ports import Clock, Push
from fleet.errors import FleetError
from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.rollout import Shard
from fleet.push import PushJob
from fleet.store import Store

BEAT_S = 2.0
"""A shard's steps are never further apart."""
_BACKOFF_S = (0.5, 1.0, 2.0, 5.0, 10.0)


class LocalWorkers:
    """Works on the shards that are dispatched to it, until drained."""

    def __init__(
        self, store: Store, push: Push, plans: Plans, *, clock: Clock, log: Any, on_free: Callable[[], None], at_gateway: int
    ) -> None:
        """Take what the workers need; `on_free` must return at once. `at_gateway` is for the `Pool`."""
        self._clock, self._log, self._on_free = clock, log, on_free
        self._pool = Pool(push, at_gateway=at_gateway, clock=clock)
        self._desk = Desk(store, plans, clock, begin=self._begin, take_in=self._take_in)
        self._changed = Condition()
        self._dispatched: deque[Key] = deque()
        self._results: deque[tuple[Key, AttemptResult | NotBegun]] = deque()
        self._woken = False
        self._drains = False
        self._ends = False
        self._writer = Thread(target=self._write_until_drained, name="writer", daemon=True)
        self._writer.start()

    def dispatch(self, shard: int, attempt: int) -> None:
        """Work on a shard."""
        with self._changed:
            self._desk.hold((shard, attempt))
            self._dispatched.append((shard, attempt))
            self._changed.notify_all()

    def is_lost(self, shard: Shard, now: datetime) -> bool:  # noqa: ARG002 - in our own process nobody has to be waited for
        """Whether the shard is not in our hands; then it is in nobody's."""
        return not self._desk.holds((shard.id, shard.attempt))

    def wake(self) -> None:
        """Look at grants and decisions at once."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def drain(self) -> None:
        """Begin nothing more; shards are given back as their last pushes end."""
        self._drains = True
        self.wake()

    def hurry(self) -> None:
        """Have every push that runs end as soon as it can."""
        self._desk.hurry()

    def abandon(self) -> None:
        """Store nothing more, and have every push that runs end: somebody else has the workspace now."""
        with self._changed:
            self._ends = True
            self._changed.notify_all()
        self.hurry()

    @property
    def is_idle(self) -> bool:
        """Whether no shard is in our hands."""
        return self._desk.is_idle

    def close(self) -> None:
        """End the threads; call it when drained, or when nothing they do may be stored any more."""
        with self._changed:
            self._ends = True
            self._changed.notify_all()
        self._writer.join()
        self._pool.close()

    def _write_until_drained(self) -> None:
        trouble = 0
        news = News()
        beat_at = monotonic() + BEAT_S
        while not self._ends:
            self._collect(news, beat_at)
            if self._ends:
                break  # what came in since is of pushes that were told to end
            if monotonic() >= beat_at:
                news.woken, beat_at = True, monotonic() + BEAT_S
            try:
                steps = self._desk.write(news, drains=self._drains)
            except Exception:  # noqa: BLE001 - whatever it is, results must not be lost over it
                self._log.exception("results could not be stored; trying again", results=news.count)
                with self._changed:
                    self._changed.wait_for(lambda: self._ends, _BACKOFF_S[min(trouble, len(_BACKOFF_S) - 1)])
                trouble += 1
                continue
            trouble, news = 0, News()
            if self._desk.follow(steps):
                self._on_free()

    def _collect(self, news: News, beat_at: float) -> None:
        """Wait until something came in or a beat is due, and take it."""
        with self._changed:
            pending = bool(news.dispatched or news.results or news.woken)
            if not pending:
                timeout = max(0.0, beat_at - monotonic()) if not self._desk.is_idle else None
                self._changed.wait_for(lambda: self._dispatched or self._results or self._woken or self._ends, timeout)
            news.woken, self._woken = news.woken or self._woken, False
            news.dispatched += self._dispatched
            self._dispatched.clear()
            room = MAX_RESULTS - news.count
            while self._results and room > 0:
                key, result = self._results.popleft()
                news.results.setdefault(key, []).append(result)
                room -= 1

    def _begin(self, key: Key, job: PushJob, stop: Event, parallel: int) -> None:
        self._pool.begin(job, stop, partial(self._settle, key), parallel)

    def _settle(self, key: Key, job: PushJob, outcome: Outcome) -> None:
        self._take_in(key, self._broken(job, outcome) if isinstance(outcome, Exception) else outcome)

    def _broken(self, job: PushJob, error: Exception) -> AttemptResult:
        """The result of a push that broke down here: nobody knows what became of it."""
        self._log.error("a push broke down", terminal=job.terminal.id, exc_info=error)
        now = self._clock()
        return AttemptResult(
            terminal=job.terminal.id,
            number=job.number,
            errand=job.errand,
            ending=TerminalState.UNKNOWN,
            cause=Cause.OUR_FAULT,
            detail=str(error.what) if isinstance(error, FleetError) else type(error).__name__,
            started_at=now,
            finished_at=now,
        )

    def _take_in(self, key: Key, result: AttemptResult | NotBegun) -> None:
        with self._changed:
            self._results.append((key, result))
            self._changed.notify_all()
