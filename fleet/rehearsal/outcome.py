"""What a rehearsed night came to, read from the record that it left: when what happened, how everything ended, and what never failed."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from fleet.model.attempt import PROVEN, Cause, TerminalState
from fleet.model.inventory import Reach
from fleet.model.plan import Plan
from fleet.model.rollout import RolloutState, SiteCounts, Verdict
from fleet.rehearsal.faults import CAUSES
from fleet.rollout.formula import conditions
from fleet.store import Snapshot, reads
from fleet.store.audit import read_events

WAVE_EVENTS = ("wave.opened", "wave.held", "wave.judged", "wave.passed")


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened to a wave."""

    at_s: float
    """Since the start."""
    what: str
    """One of `WAVE_EVENTS`."""
    wave: int
    verdict: str | None


@dataclass(frozen=True, slots=True)
class Ending:
    """So many terminals reached by SSH that ended the same way."""

    state: TerminalState
    cause: Cause
    terminals: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """The night in numbers."""

    timeline: tuple[Moment, ...]
    finish_s: float
    """From the start to the end."""
    sites: SiteCounts
    endings: tuple[Ending, ...]
    by_hand: int
    """Terminals that no push reaches; nobody does them in a rehearsal."""
    pushes: int
    causes_not_seen: tuple[Cause, ...]
    """Of those a push can end for."""
    steps_never_failed: tuple[str, ...]
    strata_never_failed: tuple[str, ...]
    gate_outcomes_not_seen: tuple[str, ...]
    """Codes of what keeps a gate of this plan from passing, of those that no wave came to."""


def outcome_of(snapshot: Snapshot, state: RolloutState, plan: Plan, begins_at: datetime, gates: Collection[str]) -> Outcome:
    """The outcome of a rollout that has ended; `gates` are the codes of the verdicts that its gates came to."""
    timeline: list[Moment] = []
    causes: set[str] = set()
    steps: set[str] = set()
    failed: set[str] = set()
    pushes = 0
    for event in read_events(snapshot):
        if event.kind in WAVE_EVENTS:
            at_s = (event.at - begins_at).total_seconds()
            timeline.append(Moment(at_s, event.kind, event.body["wave"], event.body.get("verdict")))
        elif event.kind == "attempt.ended":
            pushes += 1
            if TerminalState(event.body["ending"]) not in PROVEN:
                causes.add(event.body["cause"])
                steps.add(event.body["step"])
                failed.add(event.subject)
    strata = {str(stratum): False for wave in plan.waves for site in wave.sites for stratum in site.strata}
    for wave in plan.waves:
        for site in wave.sites:
            if any(terminal.id in failed for terminal in site.terminals):
                strata |= {str(stratum): True for stratum in site.strata}
    used = {step for program in plan.programs.values() for step in program.steps}
    endings = Counter((row.state, row.cause) for row in reads.all_terminals(snapshot, state.id) if row.reach is Reach.SSH)
    return Outcome(
        timeline=tuple(timeline),
        finish_s=((state.finished_at or begins_at) - begins_at).total_seconds(),
        sites=reads.read_tallies(snapshot, state.id).total.sites,
        endings=tuple(Ending(ending, cause, n) for (ending, cause), n in sorted(endings.items(), key=lambda item: (-item[1], item[0]))),
        by_hand=sum(terminal.reach is Reach.BY_HAND for wave in plan.waves for terminal in wave.terminals),
        pushes=pushes,
        causes_not_seen=tuple(cause for cause in CAUSES if cause.value not in causes),
        steps_never_failed=tuple(step.name for step in plan.playbook.steps if step.name in used - steps),
        strata_never_failed=tuple(stratum for stratum, has_failed in strata.items() if not has_failed),
        gate_outcomes_not_seen=tuple(each.code for each in conditions(plan) if each.verdict is not Verdict.PASS and each.code not in gates),
    )
