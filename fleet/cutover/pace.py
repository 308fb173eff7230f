"""How long pushes and rollbacks take: measured where there are enough of them, else the most the playbook allows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from math import ceil

ENOUGH = 5
"""Fewer samples than these prove nothing; the playbook's `push_deadline_s` counts. Below 20 the slowest of them is their p95."""


@dataclass(frozen=True, slots=True)
class Sample:
    """How long one attempt took that changed something."""

    program: str
    """Digest of the program."""
    seconds: float
    is_rollback: bool = False
    """It brought the release before back; else the new one went live."""


@dataclass(frozen=True, slots=True)
class Bound:
    """How long 95 of 100 take at most."""

    seconds: float
    samples: int = 0

    @property
    def is_measured(self) -> bool:
        """Whether it was observed, not assumed."""
        return self.samples >= ENOUGH


@dataclass(frozen=True, slots=True)
class Pace:
    """What to expect of pushes and rollbacks."""

    push: Bound
    """Of any program."""
    rollback: Bound
    by_program: Mapping[str, Bound] = field(default_factory=dict)
    """Of those with enough samples of their own."""

    @classmethod
    def of(cls, samples: Iterable[Sample], assumed_s: float) -> "Pace":
        """What these samples show; `assumed_s` is what counts without them."""
        pushes: dict[str, list[float]] = {}
        rollbacks: list[float] = []
        for sample in samples:
            (rollbacks if sample.is_rollback else pushes.setdefault(sample.program, [])).append(sample.seconds)
        by_program = {program: bound for program, seconds in pushes.items() if (bound := _bound(seconds, assumed_s)).is_measured}
        everything = [second for seconds in pushes.values() for second in seconds]
        return cls(_bound(everything, assumed_s), _bound(rollbacks, assumed_s), by_program)

    def needs(self, programs: Sequence[str], parallel: int, *, back: int = 0) -> timedelta:
        """How long a site may take to be pushed, and to go back after that.

        Args:
            programs: Of each of its terminals that are pushed.
            parallel: Pushes at the same time, at most; more terminals than these take turns.
            back: So many of them go back first, in rehearsal.
        """
        push_s = max((self.by_program.get(program, self.push).seconds for program in programs), default=0.0)
        turns, first = ceil(len(programs) / max(1, parallel)), ceil(back / max(1, parallel))
        return timedelta(seconds=turns * (push_s + self.rollback.seconds) + first * self.rollback.seconds)


def p95(seconds: Iterable[float]) -> float:
    """The 95th percentile by nearest rank: a value that was observed, the largest of fewer than 20."""
    ordered = sorted(seconds)
    return ordered[ceil(0.95 * len(ordered)) - 1]


def _bound(seconds: Sequence[float], assumed_s: float) -> Bound:
    if len(seconds) < ENOUGH:
        return Bound(assumed_s, len(seconds))
    return Bound(p95(seconds), len(seconds))
