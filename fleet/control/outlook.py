"""How a rollout looks ahead: its pace, the point of no return, when it will be finished, and which sites wait for their window.

Reads the store and asks `cutover`; every view shows what this says, and the engine decides by the same numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from fleet.cutover import Forecast, Pace, Return, Sample, Span, Work, forecast, last_safe_rollback
from fleet.cutover.spans import union
from fleet.model.attempt import TerminalState
from fleet.model.plan import Plan
from fleet.model.playbook import GateRule
from fleet.model.rollout import RolloutState, WavePhase, WaveState
from fleet.rollout import ENDED, rules_of
from fleet.store import Snapshot, audit, windows
from fleet.store.reads import Tallies, Tally
from fleet.store.windows import Took

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What lies ahead of a rollout."""

    pace: Pace
    clock: Return | None
    """The point of no return; None where the plan has no windows, or the last is over."""
    forecast: Forecast | None
    """None while too little was observed, or nothing is left."""
    later: Mapping[str, datetime]
    """Sites that wait for their window -> when they are looked at again."""

    @property
    def opens_at(self) -> datetime | None:
        """The next moment at which a site that waits may begin."""
        return min(self.later.values(), default=None)


def read_outlook(snapshot: Snapshot, rollout: RolloutState, plan: Plan, tallies: Tallies, *, now: datetime) -> Outlook:
    """What lies ahead of a rollout at this moment.

    Whoever asks is told the same: the forecast is made of whole minutes, and its dice of the record, so while nothing happens it stays.
    """
    minute = now.replace(second=0, microsecond=0)
    dice = Random(f"{rollout.id} {audit.read_head(snapshot)[0]}")  # noqa: S311 - reproducible on purpose, no secret
    took = windows.newest_attempts(snapshot, rollout.id)
    pace = _pace(took, plan)
    is_over = rollout.phase in ENDED
    later = {} if is_over else windows.next_opening(snapshot, rollout.id)
    works = (
        [] if is_over else [_work(snapshot, rollout, wave, plan=plan, tallies=tallies, later=later, now=minute) for wave in rollout.waves]
    )
    clock = None if is_over else return_of(snapshot, rollout, plan, pace, now)
    foretold = forecast(_site_seconds(took), works, minute, dice.random)
    return Outlook(pace, clock, None if foretold is None else _still_to_come(foretold, minute), later)


def _still_to_come(foretold: Forecast, minute: datetime) -> Forecast:
    """The forecast in whole minutes, rounded up; never one that is over before the minute is that was asked in."""

    def rounded(at: datetime) -> datetime:
        return minute + max(1, -((minute - at) // _MINUTE)) * _MINUTE

    return replace(foretold, p50_at=rounded(foretold.p50_at), p80_at=rounded(foretold.p80_at))


def pace_of(snapshot: Snapshot, plan: Plan, rollout: str) -> Pace:
    """How long pushes and rollbacks of a rollout take, by its newest attempts."""
    return _pace(windows.newest_attempts(snapshot, rollout), plan)


def return_of(snapshot: Snapshot, rollout: RolloutState, plan: Plan, pace: Pace, now: datetime) -> Return | None:
    """The point of no return of a rollout; None where nothing is to be back by a certain time."""
    if plan.windows is None or rollout.only is not None:
        return None
    return last_safe_rollback(plan.windows, now, windows.touched(snapshot, rollout.id), side_by_side(plan), pace.rollback)


def side_by_side(plan: Plan) -> int:
    """Terminals that can go back at the same time: the playbook's parallelism, as far as the budgets of the largest wave back it."""
    return min(plan.playbook.parallel, max(wave.parallel for wave in plan.waves))


def _pace(took: list[Took], plan: Plan) -> Pace:
    samples = []
    for one in took:
        program = plan.program_of.get(one.terminal)
        if program is None or one.in_place:
            continue
        if one.errand is None and one.ending is TerminalState.UPGRADED:
            samples.append(Sample(program.digest, one.seconds))
        elif one.ending is TerminalState.TAKEN_BACK:
            samples.append(Sample(program.digest, one.seconds, is_rollback=True))
    return Pace.of(samples, plan.playbook.push_deadline_s)


def _site_seconds(took: list[Took]) -> list[float]:
    """How long each site was at work: the time in which any attempt of it ran."""
    spans: dict[str, list[Span]] = {}
    for one in took:
        if one.errand is None:
            spans.setdefault(one.terminal.partition("/")[0], []).append(Span(one.started_at, one.finished_at))
    return [sum((span.end - span.begin).total_seconds() for span in union(of_site)) for of_site in spans.values()]


def _work(
    snapshot: Snapshot,
    rollout: RolloutState,
    wave: WaveState,
    *,
    plan: Plan,
    tallies: Tallies,
    later: Mapping[str, datetime],
    now: datetime,
) -> Work:
    planned, tally = plan.waves[wave.number - 1], tallies.by_wave.get(wave.number, Tally())
    left = max(0, tally.sites.not_started - _sites_not_reached(tally))
    running = windows.running_since(snapshot, rollout.id, wave.number) if tally.sites.running else []
    opens = [later[site.code] for site in planned.sites if site.code in later] if wave.phase is not WavePhase.CLOSED else []
    waits = bool(opens) and len(opens) >= left
    return Work(
        sites=left,
        parallel=max(1, min(planned.parallel, plan.playbook.parallel)),
        running=tuple(max(0.0, (now - since).total_seconds()) for since in running),
        opens_in=max(0.0, (min(opens) - now).total_seconds()) if waits else 0.0,
        soak_s=_soak_s(wave, rules_of(plan, rollout.only).gate, now, has_work=bool(left or running)),
    )


def _soak_s(wave: WaveState, gate: GateRule, now: datetime, *, has_work: bool) -> float:
    """Seconds that a wave has still to soak once its last push has ended; of one that has none left, from now on."""
    if wave.phase is WavePhase.PASSED:
        return 0.0
    if has_work or wave.phase is WavePhase.HELD:
        return gate.soak_s
    if wave.phase is not WavePhase.OPEN:
        return 0.0
    return gate.soak_s if wave.soaks_until is None else max(0.0, (wave.soaks_until - now).total_seconds())


def _sites_not_reached(tally: Tally) -> int:
    """Of a wave; terminals stand in for sites, of which they are never fewer."""
    return min(tally.sites.not_started, sum(tally.not_reached.values()))
