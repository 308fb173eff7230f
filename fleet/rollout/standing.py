"""How a rollout stands for whoever asks from outside: does it wait for a person, and how did it end."""

from collections.abc import Sequence
from enum import Enum

from fleet.model.rollout import Decision, DecisionKind, RolloutPhase, RolloutState, SiteCounts, WavePhase, WaveState
from fleet.rollout.decisions import ENDED, phase_after


class Standing(Enum):
    """What a script wants to know."""

    AT_WORK = "at-work"
    WAITING = "waiting"
    """Only a person can go on: by deciding, or by letting go of the sites that they have to themselves."""
    SUCCEEDED = "succeeded"
    """Over, and every site that a push could do is done."""
    INCOMPLETE = "incomplete"
    """Over, but not everything succeeded."""


def waiting_waves(state: RolloutState, pending: Sequence[Decision] = ()) -> tuple[WaveState, ...]:
    """The waves that wait for a person: at their gate, or held by a spent budget.

    `pending` are decisions that are not taken in yet; a wave that one of them approves waits for the orchestrator, not for a person.
    """
    if phase_after(state.phase, pending) not in {RolloutPhase.RUNNING, RolloutPhase.PAUSED}:
        return ()
    approved = {decision.wave for decision in pending if decision.kind is DecisionKind.APPROVE}
    return tuple(wave for wave in state.waves if wave.phase in {WavePhase.GATE, WavePhase.HELD} and wave.number not in approved)


def waits_past_return(state: RolloutState, pending: Sequence[Decision] = ()) -> bool:
    """Whether the point of no return holds it up, and nobody has decided to go past it."""
    return state.is_past_return and not any(decision.kind is DecisionKind.GO_PAST for decision in pending)


def standing_of(
    state: RolloutState, sites: SiteCounts, pending: Sequence[Decision] = (), *, is_left_to_people: bool = False, rehearsing: int = 0
) -> Standing:
    """Where a rollout stands, once `pending` decisions are taken in; `sites` are all of its sites.

    `is_left_to_people`: people have every site that something could begin at. `rehearsing`: of the sites going back, those that only wait
    to be rehearsed, which begins only where an upgrade might.
    """
    phase = phase_after(state.phase, pending)
    if phase in ENDED:
        bad = sites.spent_failures + sites.unreachable + sites.not_started + sites.running + sites.going_back + sites.taken_back
        return Standing.INCOMPLETE if bad else Standing.SUCCEEDED
    sites = sites.model_copy(update={"going_back": max(0, sites.going_back - rehearsing)})
    if phase is RolloutPhase.PAUSED:
        return Standing.AT_WORK if _is_going_back(state, sites) else Standing.WAITING
    if waits_past_return(state, pending):
        return Standing.AT_WORK if sites.running or sites.going_back else Standing.WAITING
    pushing = any(wave.phase is WavePhase.OPEN for wave in state.waves) or _is_going_back(state, sites)
    if is_left_to_people and not pending:
        return Standing.WAITING
    return Standing.WAITING if waiting_waves(state, pending) and not pushing else Standing.AT_WORK


def _is_going_back(state: RolloutState, sites: SiteCounts) -> bool:
    """Whether something is on its way back; a budget or a limit that holds a wave keeps that from beginning, too."""
    held = any(wave.phase is WavePhase.HELD and wave.held_by for wave in state.waves)
    return sites.going_back > 0 and not held
