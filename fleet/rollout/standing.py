"""How a rollout stands for whoever asks from outside: does it wait for a person, and how did it end."""

from enum import Enum

from fleet.model.rollout import RolloutPhase, RolloutState, SiteCounts, WavePhase, WaveState


class Standing(Enum):
    """What a script wants to know."""

    AT_WORK = "at-work"
    WAITING = "waiting"
    """Only a person can go on."""
    SUCCEEDED = "succeeded"
    """Over, and every site that a push could do is done."""
    INCOMPLETE = "incomplete"
    """Over, but not everything succeeded."""


def waiting_waves(state: RolloutState) -> tuple[WaveState, ...]:
    """The waves that wait for a person: at their gate, or held by a spent budget."""
    if state.phase not in {RolloutPhase.RUNNING, RolloutPhase.PAUSED}:
        return ()
    return tuple(wave for wave in state.waves if wave.phase in {WavePhase.GATE, WavePhase.HELD})


def standing_of(state: RolloutState, sites: SiteCounts) -> Standing:
    """Where a rollout stands; `sites` are all of its sites."""
    if state.phase in {RolloutPhase.FINISHED, RolloutPhase.STOPPED}:
        bad = sites.spent_failures + sites.unreachable + sites.not_started + sites.running
        return Standing.INCOMPLETE if bad else Standing.SUCCEEDED
    if state.phase is RolloutPhase.PAUSED:
        return Standing.WAITING
    pushing = any(wave.phase is WavePhase.OPEN for wave in state.waves)
    return Standing.WAITING if waiting_waves(state) and not pushing else Standing.AT_WORK
