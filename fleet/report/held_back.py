"""What holds a rollout back and until when: the lines that `fleet status` and the screens share.

A wave that is held says so itself. An open wave may be held in one district or by one limit only, and goes on elsewhere.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from fleet.model.caps import Cap, CapKind
from fleet.model.plan import Plan
from fleet.model.rollout import RolloutPhase, RolloutState, WavePhase, WaveState, is_held_by_limits
from fleet.report.holds import Hold, spent_caps, why_held
from fleet.rollout import cap_words, rules_of
from fleet.store.again import Waiting
from fleet.store.caps import Spent
from fleet.store.reads import Tallies
from fleet.text import N_, Message


@dataclass(frozen=True, slots=True)
class HeldPart:
    """One budget or limit that holds a part of an open wave."""

    wave: int
    cap: Cap
    why: Message
    """The cap with its numbers."""

    @property
    def line(self) -> Message:
        """Which wave, why, and what lifts that."""
        values = {"number": self.wave, "why": self.why}
        if self.cap.kind is CapKind.LIMIT:
            return N_("Wave {number} is held in part: {why}; until these sites are up again, or excluded", **values)
        return N_("Wave {number} is held in part: {why}; until they are retried, or a person approves once the rest is through", **values)


def held_wave(wave: WaveState, holds: Mapping[int, tuple[Hold, ...]], *, approve: str, retry: Message | str) -> Message:
    """Why a wave is held, what lifts that, and how; `approve` and `retry` are how at this door: a command, or keys."""
    values = {"number": wave.number, "why": why_held(wave, holds.get(wave.number, ()))}
    if is_held_by_limits(wave):
        return N_("Wave {number} is held: {why}; until these sites are up again, or excluded. Go on: {how}", how=retry, **values)
    return N_("Wave {number} is held: {why}; until a person approves. Go on: {how}", how=approve, **values)


def held_in_part(
    rollout: RolloutState,
    plan: Plan,
    tallies: Tallies,
    spent: Spent,
    names: Mapping[str, str],
) -> Iterator[HeldPart]:
    """Of open waves: budgets of districts that are spent and limits that are reached, while the rest goes on."""
    rules = rules_of(plan, rollout.only)
    for wave in rollout.waves:
        if wave.phase is not WavePhase.OPEN:
            continue
        for cap in spent_caps(rollout, wave, rules, tallies, spent):
            if cap.left or cap.kind is CapKind.CAUSE:
                continue
            yield HeldPart(wave.number, cap, cap_words(cap, plan, names))


def tried_again(rollout: RolloutState, waiting: Mapping[int, Waiting], clock: Callable[[datetime], str]) -> Iterator[Message]:
    """Of open waves: how many terminals are tried again by themselves, and when the next is."""
    for wave in rollout.waves:
        one = waiting.get(wave.number)
        if one is not None and wave.phase in {WavePhase.OPEN, WavePhase.HELD} and rollout.phase is RolloutPhase.RUNNING:
            yield N_(
                "Wave {number}: terminals that are tried again by themselves: {count}; the next at {time}",
                number=wave.number,
                count=one.terminals,
                time=clock(one.due_at),
            )
