"""What was not reached, by reason: a terminal no window let start, one that did not answer, one whose turn did not come."""

from collections.abc import Sequence
from dataclasses import dataclass

from fleet.model.attempt import NOT_REACHED, Cause, TerminalState, cause_words
from fleet.model.rollout import RolloutPhase, RolloutState, WavePhase
from fleet.rollout import ENDED
from fleet.store import Snapshot, windows
from fleet.text import N_, Message

_OTHER = {
    "unreachable": N_("unreachable"),
    "not-opened": N_("its wave was not opened"),
    "stopped": N_("the rollout was stopped before its turn came"),
    "not-begun": N_("its turn did not come"),
}


@dataclass(frozen=True, slots=True)
class Unreached:
    """A site with terminals that were not reached for one reason. The field names are keys of the JSON exports and do not change."""

    site: str
    name: str
    district: str
    wave: int
    reason: str
    """A code: `window-closed`, `cannot-finish`, `closed-site`, `no-window`, `unreachable`, `not-opened`, `stopped`, `not-begun`."""
    cause: Cause
    """Of an unreachable one: why."""
    terminals: int


def read_unreached(snapshot: Snapshot, rollout: RolloutState) -> tuple[Unreached, ...]:
    """Every site of a rollout that was not reached, by reason; while it runs only what no window lets start any more, or did not answer."""
    waves = {wave.number: wave.phase for wave in rollout.waves}
    found = []
    for left in windows.sites_left(snapshot, rollout.id, is_over=rollout.phase in ENDED):
        reason = _reason(left, rollout.phase, waves.get(left.wave, WavePhase.CLOSED))
        found.append(Unreached(left.site, left.name, left.district, left.wave, reason, left.cause, left.terminals))
    return tuple(sorted(found, key=lambda one: (one.reason, one.wave, one.district, one.site)))


def by_reason(unreached: Sequence[Unreached]) -> dict[str, tuple[Unreached, ...]]:
    """The same, grouped."""
    found: dict[str, list[Unreached]] = {}
    for one in unreached:
        found.setdefault(one.reason, []).append(one)
    return {reason: tuple(ones) for reason, ones in found.items()}


def reason_words(reason: str) -> Message:
    """A reason in words, with what to do about it where that can be said."""
    return _OTHER.get(reason) or cause_words(Cause(reason))


def _reason(left: windows.Left, phase: RolloutPhase, wave: WavePhase) -> str:
    if left.state is TerminalState.UNREACHABLE:
        return "unreachable"
    if left.cause in NOT_REACHED:
        return left.cause.value
    if wave is WavePhase.CLOSED:
        return "not-opened"
    return "stopped" if phase is RolloutPhase.STOPPED else "not-begun"
