"""Terminals in memory: what an attempt comes to is fated, what a terminal remembers is as PROTOCOL.md says.

- A program runs detached: it comes to its end also when nobody listens any more.
- An attempt has a name. Asked for again it is reported, never made again; while it runs, whoever asks for it waits.
- Another attempt finds a terminal that is being worked on busy, and one where the release is live already in place.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from fleet.model.attempt import AttemptResult, Cause, KeyEvidence, StepResult, TerminalState
from fleet.model.playbook import KeySource
from fleet.push import PushJob

_SHORT_S = 1.0
"""What it takes to hear what a terminal knows already."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What one attempt on one terminal comes to, once it is connected."""

    ending: TerminalState = TerminalState.UPGRADED
    """UPGRADED, FAILED or ROLLED_BACK is what its program comes to; UNREACHABLE: nothing ever begins."""
    cause: Cause = Cause.NONE
    step: str = ""
    seconds: float = 20.0
    """From the program's beginning to its end; of an unreachable one, until that is known."""
    heard: bool = True
    """False: the link is lost half-way, and its end is only heard by who asks again."""
    has_no_return: bool = False
    """Going back fails there, whatever the upgrade came to: the release before is not kept."""
    then_silent: bool = False
    """With `heard` False: nobody ever answers there again."""


_SILENCE = Fate(TerminalState.UNREACHABLE, Cause.NO_ANSWER)
_BUSY = Fate(TerminalState.FAILED, Cause.BUSY)
_LINK_LOST = Fate(TerminalState.UNKNOWN, Cause.LINK_LOST)
Fates = Callable[[str, int], Fate]
"""(terminal, number of the attempt) -> its fate; the same each time it is asked."""
Facts = Callable[[str], Mapping[str, str]]
"""Terminal -> what its probes tell once it is upgraded."""


def _no_facts(_terminal: str) -> Mapping[str, str]:
    """Where no probe asks."""
    return {}


@dataclass(slots=True)
class _Memory:
    """What one terminal remembers."""

    ended: dict[str, tuple[Fate, datetime]] = field(default_factory=dict)
    """Attempt -> what it came, or will come, to, and when."""
    is_new: bool = False
    """The release is live, or will be when what runs has ended."""
    busy_until: datetime | None = None
    silent: bool = False


class SimulatedTerminals:
    """Every terminal of a night. Not safe to share between threads."""

    def __init__(self, fates: Fates, key_source: KeySource | None = None, facts: Facts = _no_facts) -> None:
        """`key_source` is where the plan's keys come from; None where it binds none. `facts` are what an upgraded terminal tells."""
        self._fates, self._key_source, self._facts = fates, key_source, facts
        self._memories: dict[str, _Memory] = {}
        self.made: Counter[str] = Counter()
        """Attempt -> how often its program was really run; more than once would be once too often."""
        self.flips: Counter[str] = Counter()
        """Terminal -> how often a program put the release live there and kept it."""

    def connect(self, job: PushJob, now: datetime) -> tuple[AttemptResult, float]:
        """Begin a push; returns what whoever made it will hear, and in how many seconds."""
        memory = self._memories.setdefault(job.terminal.id, _Memory())
        if memory.silent:
            return self._answer(job, _SILENCE, now, _SHORT_S)
        if job.attempt in memory.ended:
            known, at = memory.ended[job.attempt]
            return self._answer(job, known, now, max(_SHORT_S, (at - now).total_seconds()))
        fate = self._fates(job.terminal.id, job.number)
        if fate.ending is TerminalState.UNREACHABLE:
            return self._answer(job, fate, now, fate.seconds)
        if memory.busy_until is not None and memory.busy_until > now:
            return self._answer(job, _BUSY, now, _SHORT_S)
        return self._begin(job, fate, memory, now)

    def _begin(self, job: PushJob, fate: Fate, memory: _Memory, now: datetime) -> tuple[AttemptResult, float]:
        """An attempt that the terminal has not heard of."""
        if job.errand is not None:
            return self._take_back(job, fate, memory, now)
        if memory.is_new:
            result, seconds = self._answer(job, Fate(), now, _SHORT_S)
            return result.model_copy(update={"in_place": True, "facts": {}}), seconds
        return self._run(job, fate, memory, now)

    def _run(self, job: PushJob, fate: Fate, memory: _Memory, now: datetime) -> tuple[AttemptResult, float]:
        self.made[job.attempt] += 1
        memory.busy_until = now + timedelta(seconds=fate.seconds)
        memory.ended[job.attempt] = (fate, memory.busy_until)
        if fate.ending is TerminalState.UPGRADED:
            memory.is_new = True
            self.flips[job.terminal.id] += 1
        if fate.heard:
            return self._answer(job, fate, now, fate.seconds)
        memory.silent = fate.then_silent
        return self._answer(job, _LINK_LOST, now, fate.seconds / 2)

    def _take_back(self, job: PushJob, fate: Fate, memory: _Memory, now: datetime) -> tuple[AttemptResult, float]:
        """The old release is put back, where it is kept; what troubles the new one troubles it no more."""
        if fate.has_no_return:
            stays = Fate(TerminalState.FAILED, Cause.NO_WAY_BACK, seconds=_SHORT_S)
            memory.ended[job.attempt] = (stays, now + timedelta(seconds=_SHORT_S))
            return self._answer(job, stays, now, _SHORT_S)
        gone = Fate(TerminalState.TAKEN_BACK, seconds=fate.seconds)
        self.made[job.attempt] += 1
        memory.is_new, memory.busy_until = False, now + timedelta(seconds=fate.seconds)
        memory.ended[job.attempt] = (gone, memory.busy_until)
        self.flips[job.terminal.id] = 0
        return self._answer(job, gone, now, fate.seconds)

    def _answer(self, job: PushJob, fate: Fate, now: datetime, seconds: float) -> tuple[AttemptResult, float]:
        result = _result(job, fate, now, seconds)
        if fate.ending is not TerminalState.UPGRADED:
            return result, seconds
        result = result.model_copy(update={"facts": dict(self._facts(job.terminal.id))})
        if self._key_source is None:
            return result, seconds
        number = sha256(job.terminal.id.encode()).hexdigest()
        return result.model_copy(update={"key": KeyEvidence(source=self._key_source, number=number, check_value="rehearsal")}), seconds


def _result(job: PushJob, fate: Fate, now: datetime, seconds: float) -> AttemptResult:
    """A result as a real push makes it."""
    step, ran = fate.step, fate.ending in {TerminalState.UPGRADED, TerminalState.FAILED, TerminalState.ROLLED_BACK}
    names = job.program.steps[: job.program.steps.index(step) + 1] if step in job.program.steps else job.program.steps
    return AttemptResult(
        terminal=job.terminal.id,
        number=job.number,
        errand=job.errand,
        ending=fate.ending,
        cause=fate.cause,
        step=step,
        steps=tuple(StepResult(name=name, ok=name != step, duration_ms=int(seconds * 1000 / len(names))) for name in names) if ran else (),
        host_fingerprint=(job.pinned or "") if fate.ending is not TerminalState.UNREACHABLE else "",
        started_at=now,
        finished_at=now + timedelta(seconds=seconds),
    )
