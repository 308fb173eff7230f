"""A rollback that a person wants: what the decision does to a wave, and what may be pushed while nothing is upgraded. Pure.

- It goes on while the rollout is paused and while its wave is held: that is when it is wanted.
- It has budgets and grants like any push. A wave it is wanted for has its budgets anew, for they may be what is spent.
- A wave that had not begun everywhere is held by it: nothing more of it is upgraded until a person approves.
"""

from dataclasses import replace
from datetime import datetime

from fleet.model.attempt import TerminalState
from fleet.model.rollout import Decision, RolloutPhase, RolloutState, Shard, Verdict, WavePhase, WaveState
from fleet.rollout.caps import accept
from fleet.rollout.facts import Facts, Rules, WaveFacts
from fleet.rollout.gate import Judgement

_TOO_LITTLE = frozenset(("too-few", "few-pairs"))
_NOBODY = {"approved_by": None, "approved_at": None}
MAY_UPGRADE = frozenset((WavePhase.OPEN, WavePhase.PASSED))
"""A passed wave pushes again what a person retries; its gate is not asked twice."""


def may_upgrade(state: RolloutState, wave: WaveState) -> bool:
    """Whether anything of the wave may be upgraded now; where not, it is only taken back what a person wants taken back."""
    return state.phase is RolloutPhase.RUNNING and wave.phase in MAY_UPGRADE and not state.is_past_return


def due_by_itself(state: RolloutState, facts: Facts) -> datetime | None:
    """When something moves by itself: a terminal is due again, or a site is free again that somebody works at; None where nothing is."""
    times = [facts.wave(wave.number).due_at for wave in state.waves if may_upgrade(state, wave)]
    times += [facts.held_until] if state.phase is RolloutPhase.RUNNING else []
    return min((at for at in times if at is not None), default=None)


def held_by(wave: WaveState, rules: Rules, facts: Facts, decision: Decision) -> WaveState:
    """A wave after a person wanted it, or some of its terminals, rolled back."""
    seen = facts.wave(wave.number)
    if wave.phase is WavePhase.CLOSED or (decision.wave not in {None, wave.number}):
        return wave
    if decision.wave is None and wave.phase is WavePhase.OPEN:
        return wave  # it goes on, with what is left of its budgets
    if decision.wave is not None and wave.phase in MAY_UPGRADE | {WavePhase.HELD} and seen.not_started:
        wave = wave.model_copy(update={"phase": WavePhase.HELD, "taken_back_by": decision.actor, "held_by": (), **_NOBODY})
    return accept(rules.waves[wave.number - 1], wave, seen)


def only_back(seen: WaveFacts) -> tuple[WaveFacts, tuple[Shard, ...]]:
    """The wave's facts with no shard but those that have something to take back; and the others that are out: their grants hold its budgets."""
    shards = tuple(shard for shard in seen.shards if shard.id in seen.going_back)
    return replace(seen, shards=shards), tuple(shard for shard in seen.out if shard.id not in seen.going_back)


def with_taken_back(judgement: Judgement, facts: WaveFacts) -> Judgement:
    """A wave that people took something back of never lets the next one through by itself; too little left to judge has that reason then."""
    count = facts.count(TerminalState.TAKEN_BACK)
    if not count or not (judgement.verdict is Verdict.PASS or judgement.code in _TOO_LITTLE):
        return judgement
    return Judgement(Verdict.INCONCLUSIVE, "taken-back", judgement.values | {"taken_back": count})
