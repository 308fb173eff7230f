"""The words every view shows for a state, a kind and a role: one set, so that screen, command and spreadsheet say the same."""

from enum import StrEnum

from fleet.model.attempt import TerminalState
from fleet.model.inventory import Reach, SiteKind
from fleet.model.rollout import Decision, DecisionKind, RolloutPhase, SiteState, WavePhase
from fleet.text import N_, Message


class CheckInKind(StrEnum):
    """What a technician reported of a site: that it is complete, or what is wrong."""

    MARK = "mark"
    PROBLEM = "problem"


CLAIMED = N_("claimed")
"""A technician's mark is there, the machine's evidence is not."""
DONE = N_("done")
"""Everything the plan's `done_when` names is there."""
MARKED = N_("marked")
"""A technician marked the site complete."""
PROBLEM = N_("problem reported")
"""The last check-in says that the site is not complete, and why."""

_STATES = {
    "not-started": N_("not started"),
    "running": N_("running"),
    "upgraded": N_("upgraded"),
    "staged": N_("staged"),
    "self-tested": N_("self-tested"),
    "failed": N_("failed"),
    "rolled-back": N_("rolled back"),
    "unreachable": N_("unreachable"),
    "unknown": N_("unknown"),
    "waiting-by-hand": N_("waiting for a technician"),
    "excluded": N_("excluded"),
    "going-back": N_("waits to be rolled back"),
    "taken-back": N_("rolled back on purpose"),
}
_WAVES = {
    WavePhase.CLOSED: N_("closed"),
    WavePhase.OPEN: N_("open"),
    WavePhase.GATE: N_("at the gate"),
    WavePhase.HELD: N_("held"),
    WavePhase.PASSED: N_("passed"),
}
_ROLLOUTS = {
    RolloutPhase.RUNNING: N_("running"),
    RolloutPhase.PAUSED: N_("paused"),
    RolloutPhase.STOPPED: N_("stopped"),
    RolloutPhase.FINISHED: N_("finished"),
}
_DECISIONS = {
    DecisionKind.APPROVE: N_("approve"),
    DecisionKind.PAUSE: N_("pause"),
    DecisionKind.RESUME: N_("resume"),
    DecisionKind.STOP: N_("stop"),
    DecisionKind.RETRY: N_("retry"),
    DecisionKind.EXCLUDE: N_("exclude"),
    DecisionKind.ROLLBACK: N_("roll back"),
    DecisionKind.GO_PAST: N_("go past the point of no return"),
    DecisionKind.BY_HAND: N_("have it done by hand"),
}
_CANARY = N_("canary")
_KINDS = {SiteKind.HOSPITAL: N_("hospital"), SiteKind.PHARMACY: N_("pharmacy")}
_CHECK_INS = {CheckInKind.MARK: MARKED, CheckInKind.PROBLEM: PROBLEM}
_REACHES = {Reach.SSH: N_("over SSH"), Reach.BY_HAND: N_("by hand")}


def terminal_state_words(state: TerminalState) -> Message:
    """Where a terminal stands, in a word or two."""
    return _STATES[state.value]


def site_state_words(state: SiteState) -> Message:
    """Where a site stands, in a word or two."""
    return _STATES[state.value]


def wave_phase_words(phase: WavePhase) -> Message:
    """Where a wave stands."""
    return _WAVES[phase]


def rollout_phase_words(phase: RolloutPhase) -> Message:
    """Where a rollout stands as a whole."""
    return _ROLLOUTS[phase]


def wave_name_words(name: str) -> Message | str:
    """A wave's name in a table. Where a person types it, it is shown as it is."""
    return _CANARY if name == _CANARY.text else name


def decision_words(decision: Decision) -> Message:
    """What a person decided."""
    if decision.kind is DecisionKind.APPROVE and decision.wave is not None:
        return N_("approve wave {wave}", wave=decision.wave)
    if decision.kind is DecisionKind.ROLLBACK and decision.wave is not None:
        return N_("roll wave {wave} back", wave=decision.wave)
    return _DECISIONS[decision.kind]


def kind_words(kind: SiteKind) -> Message:
    """What kind of institution a site is."""
    return _KINDS[kind]


def check_in_words(kind: CheckInKind) -> Message:
    """What a check-in says about its site."""
    return _CHECK_INS[kind]


def reach_words(reach: Reach) -> Message:
    """How a terminal is upgraded."""
    return _REACHES[reach]


def files_words(sent_bytes: int, saved_bytes: int) -> Message:
    """How much of a release's files was sent, and how much the terminals had already; small amounts in KB."""
    if max(sent_bytes, saved_bytes) < 1_000_000:
        return N_("Files: {sent:.4g} KB sent, {saved:.4g} KB were on the terminals already", sent=sent_bytes / 1e3, saved=saved_bytes / 1e3)
    return N_("Files: {sent:.1f} MB sent, {saved:.1f} MB were on the terminals already", sent=sent_bytes / 1e6, saved=saved_bytes / 1e6)
