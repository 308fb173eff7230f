"""The shards in one process's hands: what came in is written in one transaction, then done is what the steps led to. Has no thread of its own.

    news (dispatched, results, a beat) -> write: one step of each shard, one transaction -> follow: pushes begun, shards let go

- `LocalWorkers` puts threads around it, a rehearsal a clock of its own: what decides and what is stored is the same in both.
- What could not be written has changed nothing, and is written again; a push is never begun before its beginning is stored.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Protocol

from fleet.engine.plans import Plans
from fleet.engine.pool import NotBegun
from fleet.engine.ports import Clock
from fleet.engine.shard_run import ShardRun, Step, claim, take_step
from fleet.model.actor import FLEET
from fleet.model.attempt import AttemptResult
from fleet.push import PushJob
from fleet.store import Store, Tx

MAX_RESULTS = 20
"""Results that one transaction takes in."""
Key = tuple[int, int]
"""(shard, attempt)."""


class Begin(Protocol):
    """Has a push made when its turn comes."""

    def __call__(self, key: Key, job: PushJob, stop: Event, parallel: int) -> None:
        """Returns at once; `parallel` pushes run at the same time at most."""
        ...


@dataclass(slots=True)
class News:
    """What came in while the writer was writing."""

    dispatched: list[Key] = field(default_factory=list)
    results: dict[Key, list[AttemptResult | NotBegun]] = field(default_factory=dict)
    woken: bool = False

    @property
    def count(self) -> int:
        """Results in it."""
        return sum(map(len, self.results.values()))


class Desk:
    """Shards that were dispatched here. One thread writes and follows; anybody may ask what is held."""

    def __init__(self, store: Store, plans: Plans, clock: Clock, *, begin: Begin, take_in: Callable[[Key, AttemptResult], None]) -> None:
        """`begin` is given every push to be made, `take_in` the results of those that need no connection."""
        self._store, self._plans, self._clock, self._begin, self._take_in = store, plans, clock, begin, take_in
        self._held: dict[Key, ShardRun | None] = {}
        """None until claimed."""
        self._stops: dict[Key, Event] = {}

    def hold(self, key: Key) -> None:
        """A shard was dispatched here; from now on it is not lost."""
        self._held[key] = None

    def holds(self, key: Key) -> bool:
        """Whether a shard is in these hands."""
        return key in self._held

    @property
    def is_idle(self) -> bool:
        """Whether no shard is in these hands."""
        return not self._held

    def hurry(self) -> None:
        """Have every push that runs end as soon as it can."""
        for stop in list(self._stops.values()):
            stop.set()

    def write(self, news: News, *, drains: bool) -> dict[Key, Step]:
        """Take one step with every shard that has news, all in one transaction."""
        due = [key for key, run in list(self._held.items()) if run is not None and (news.woken or key in news.results)]
        if not due and not news.dispatched:
            return {}
        with self._store.write(FLEET, self._clock()) as tx:
            steps = {key: self._step(tx, key, news, drains=drains) for key in due}
            for key in news.dispatched:
                run = claim(tx, *key, owner=f"local-{key[0]}.{key[1]}")
                steps[key] = Step(None) if run is None else take_step(tx, run, (), self._plans, drains=drains)
        return steps

    def _step(self, tx: Tx, key: Key, news: News, *, drains: bool) -> Step:
        run = self._held[key]
        assert run is not None
        return take_step(tx, run, news.results.get(key, ()), self._plans, drains=drains)

    def follow(self, steps: Mapping[Key, Step]) -> bool:
        """Do what the steps led to, now that they are stored; answers whether a shard or a grant came free."""
        for key, step in steps.items():
            stop = self._stops.setdefault(key, Event())
            if step.stops:
                stop.set()
            if step.run is None:
                del self._held[key], self._stops[key]
            else:
                self._held[key] = step.run
            for task in step.tasks:
                if isinstance(task, PushJob):
                    self._begin(key, task, stop, step.parallel)
                else:
                    self._take_in(key, task)
        return any(step.frees for step in steps.values())
