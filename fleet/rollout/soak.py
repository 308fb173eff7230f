"""A wave that has ended soaks before its gate judges it. Pure; the deadline is kept in the wave's position.

    the last push ends -> `soaks_until` is set, once -> that moment passes -> the gate judges, once

- While it soaks there is no verdict, so there is none to change; nobody is asked.
- What is pushed again ends the soak; the next ending begins a new one.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from fleet.model.playbook import GateRule
from fleet.model.rollout import RolloutState, WavePhase, WaveState
from fleet.rollout.decisions import ENDED
from fleet.rollout.facts import Facts, WaveFacts


def soaked(wave: WaveState, rule: GateRule, facts: WaveFacts) -> WaveState:
    """An open wave that is at rest, with its deadline: so long after its last push ended. Where none was made there is nothing to wait for."""
    if not rule.soak_s or wave.soaks_until is not None or facts.last_ended_at is None:
        return wave
    return wave.model_copy(update={"soaks_until": facts.last_ended_at + timedelta(seconds=rule.soak_s)})


def soaks(wave: WaveState, now: datetime) -> bool:
    """Whether a wave that is at rest is still to be left alone."""
    return wave.soaks_until is not None and now < wave.soaks_until


def to_judge(state: RolloutState, facts: Facts, now: datetime) -> Iterator[int]:
    """The waves whose evidence this step may look at; of all others it need not be read."""
    for wave in state.waves:
        if wave.phase in {WavePhase.OPEN, WavePhase.HELD} and not facts.wave(wave.number).has_work and not soaks(wave, now):
            yield wave.number


def due_at(state: RolloutState, now: datetime) -> datetime | None:
    """When the rollout moves by itself although nothing happens: the first soak's end; None where nothing soaks."""
    if state.phase in ENDED:
        return None
    deadlines = (wave.soaks_until for wave in state.waves if wave.phase is WavePhase.OPEN and wave.soaks_until is not None)
    return min((deadline for deadline in deadlines if deadline > now), default=None)
