"""What a person decided, taken into a rollout's position. A decision that came too late changes nothing."""

from collections.abc import Iterable
from datetime import datetime

from fleet.model.attempt import TerminalState
from fleet.model.rollout import Decision, DecisionKind, RolloutPhase, RolloutState, WavePhase, WaveState
from fleet.rollout.caps import accept
from fleet.rollout.facts import Action, Exclude, Facts, PutBack, Rules, TakeBack
from fleet.rollout.rehearsal import anew
from fleet.rollout.way_back import held_by

ENDED = frozenset((RolloutPhase.STOPPED, RolloutPhase.FINISHED))
"""Only a retry or a rollback leads out of these."""
_MOVES = {
    (DecisionKind.PAUSE, RolloutPhase.RUNNING): RolloutPhase.PAUSED,
    (DecisionKind.RESUME, RolloutPhase.PAUSED): RolloutPhase.RUNNING,
    (DecisionKind.STOP, RolloutPhase.RUNNING): RolloutPhase.STOPPED,
    (DecisionKind.STOP, RolloutPhase.PAUSED): RolloutPhase.STOPPED,
    (DecisionKind.RETRY, RolloutPhase.STOPPED): RolloutPhase.RUNNING,
    (DecisionKind.RETRY, RolloutPhase.FINISHED): RolloutPhase.RUNNING,
    (DecisionKind.ROLLBACK, RolloutPhase.STOPPED): RolloutPhase.PAUSED,
    (DecisionKind.ROLLBACK, RolloutPhase.FINISHED): RolloutPhase.RUNNING,
}


def phase_after(phase: RolloutPhase, decisions: Iterable[Decision]) -> RolloutPhase:
    """The phase of a rollout once these decisions are taken in."""
    for decision in decisions:
        phase = _MOVES.get((decision.kind, phase), phase)
    return phase


def take_in(state: RolloutState, rules: Rules, facts: Facts, decision: Decision, now: datetime) -> tuple[RolloutState, tuple[Action, ...]]:
    """The position after a decision, and the orders it gives by itself."""
    phase = phase_after(state.phase, [decision])
    ended_at = state.finished_at if phase is state.phase else now if phase in ENDED else None
    waves, actions = state.waves, tuple[Action, ...]()
    match decision.kind:
        case DecisionKind.APPROVE if phase not in ENDED and decision.plan_digest in {None, state.plan_digest}:
            waves = tuple(_approved(wave, rules, facts, decision, now) for wave in waves)
        case DecisionKind.RETRY:
            waves = tuple(anew(go_on(wave) if wave.phase is WavePhase.HELD and wave.taken_back_by is None else wave) for wave in waves)
            actions = (PutBack(decision.terminals),)
        case DecisionKind.ROLLBACK:
            waves = tuple(held_by(wave, rules, facts, decision) for wave in waves)
            actions = (TakeBack(decision.terminals),)
        case DecisionKind.EXCLUDE:
            actions = (Exclude(decision.terminals),)
        case DecisionKind.BY_HAND:
            actions = (Exclude(()),)  # it is so since it was decided; what it left without work is dropped
    past = {"past_return_by": decision.actor} if decision.kind is DecisionKind.GO_PAST else {}
    update = past | {"seen_decision": decision.id, "phase": phase, "finished_at": ended_at, "waves": waves}
    return state.model_copy(update=update), actions


def go_on(wave: WaveState) -> WaveState:
    """A held wave set going again, as what it was before."""
    goes = WavePhase.PASSED if wave.passed_at else WavePhase.OPEN
    return wave.model_copy(update={"phase": goes, "taken_back_by": None, "held_by": ()})


def _approved(wave: WaveState, rules: Rules, facts: Facts, decision: Decision, now: datetime) -> WaveState:
    if wave.number != decision.wave or wave.phase not in {WavePhase.GATE, WavePhase.HELD}:
        return wave
    named = {"approved_by": decision.actor, "approved_at": decision.at}
    if wave.phase is WavePhase.GATE:
        return wave.model_copy(update=named | {"phase": WavePhase.PASSED, "passed_at": now})
    rule, seen = rules.waves[wave.number - 1], facts.wave(wave.number)
    if wave.taken_back_by is not None and seen.count(TerminalState.GOING_BACK):
        return accept(rule, wave, seen)  # the rollback goes on; what has not begun waits for the next approval
    return accept(rule, go_on(wave), seen).model_copy(update=named)
