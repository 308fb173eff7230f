"""The seams of the engine: what pushes to a terminal, and what carries shards to workers."""

from datetime import datetime
from threading import Event
from typing import Protocol

from fleet.model.attempt import AttemptResult
from fleet.model.rollout import Shard
from fleet.push import PushJob


class Clock(Protocol):
    """Gives the time, aware and in UTC."""

    def __call__(self) -> datetime:
        """Now."""
        ...


class Push(Protocol):
    """Makes one attempt on one terminal. Never raises for what a terminal does; safe to call from many threads."""

    def __call__(self, job: PushJob, stop: Event) -> AttemptResult:
        """The attempt's result. Once `stop` is set it ends as soon as it can without leaving the terminal half-way."""
        ...


class Dispatcher(Protocol):
    """Carries shards to workers. It may lose or repeat one: the claim on (shard, attempt) is the fence, and lost ones are planned again."""

    def dispatch(self, shard: int, attempt: int) -> None:
        """Have some worker claim the shard; called after the attempt is stored."""
        ...

    def is_lost(self, shard: Shard, now: datetime) -> bool:
        """Whether nobody works on a shard that is out."""
        ...

    def wake(self) -> None:
        """Grants or decisions changed: workers near enough look at once, others with their next beat."""
        ...
