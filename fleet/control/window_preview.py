"""What a plan's windows leave time for, before anything is touched: who can be reached, who cannot and why. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from fleet.control.turns import Assumed, take_turns
from fleet.cutover import Over, Pace, SiteTime, admit, site_time
from fleet.model.attempt import Cause
from fleet.model.hours import hours_of
from fleet.model.inventory import Fleet
from fleet.model.plan import Plan, PlannedSite


@dataclass(frozen=True, slots=True)
class WindowPreview:
    """The windows of a plan in numbers."""

    begins_at: datetime
    ends_at: datetime
    first_at: datetime | None
    """When the first site may be touched, from now on."""
    last_at: datetime | None
    """When the last site may not be touched any more."""
    reachable: int
    """Sites that a window lets begin, and whose turn comes in time when nothing fails."""
    too_late: int
    """Sites that a window would let begin, but whose turn comes too late although nothing fails."""
    out_of_reach: Mapping[Cause, tuple[str, ...]]
    """Sites that no window will ever let begin, by why."""
    needs_s: float
    """What a push and its rollback may take together, until enough of them are measured."""
    kept_s: float
    """What they are measured to take when the night ends: nothing begins so long before a window closes."""
    asked: int
    """How often a person is waited for in that night, each time for `answer_s`."""
    answer_s: float
    unknown_hours: int
    """Sites whose opening hours nobody knows: they are tried at any time of a suspension."""
    unused: tuple[str, ...]
    """Targets of entries that name no site of the plan."""
    is_over: bool = False
    """None of it is left."""

    @property
    def is_late(self) -> bool:
        """Even if nothing fails, the windows close before every site has had its turn."""
        return self.too_late > 0

    @property
    def sites(self) -> int:
        """That are pushed to."""
        return self.reachable + self.too_late + self.out_of_reach_count

    @property
    def out_of_reach_count(self) -> int:
        """Sites that no window will ever let begin."""
        return sum(map(len, self.out_of_reach.values()))


def preview_windows(plan: Plan, fleet: Fleet, now: datetime, assumed: Assumed) -> WindowPreview | None:
    """What the windows of a plan leave time for; None where it has none.

    Args:
        plan: The plan.
        fleet: Its inventory, for opening hours.
        now: This moment; what is over by now is over. A plan whose windows are still to come is taken to be started when they open.
        assumed: How long pushes take, and who is asked.
    """
    windows = plan.windows
    if windows is None:
        return None
    pace = Pace.of((), plan.playbook.push_deadline_s)
    spans, why_not, unknown = [], dict[str, Cause](), 0
    times = dict[str, SiteTime]()
    for planned in (site for wave in plan.waves for site in wave.sites if any(terminal.program for terminal in site.terminals)):
        site = fleet.sites[planned.code]
        hours = hours_of(site.opening_hours)
        unknown += hours is None and not site.open_24h
        when = times[site.code] = site_time(windows, site.code, hours, open_24h=site.open_24h)
        cause = _why_not(when, planned, plan, pace, now)
        if cause is None:
            spans += [span for span in when.spans if span.end > now]
        else:
            why_not[site.code] = cause
    first = min((max(span.begin, now) for span in spans), default=None)
    turns = take_turns(plan, fleet, times, first or now, assumed)
    out_of_reach: dict[Cause, list[str]] = {}
    for code, cause in why_not.items():
        if code not in turns.begun:
            out_of_reach.setdefault(cause, []).append(code)
    entries = (*windows.suspensions, *windows.windows, *windows.blackouts, *windows.left_on)
    return WindowPreview(
        begins_at=windows.begins_at,
        ends_at=windows.ends_at,
        first_at=first,
        last_at=max((span.end for span in spans), default=None),
        reachable=len(turns.begun),
        too_late=len(times) - len(turns.begun) - sum(map(len, out_of_reach.values())),
        out_of_reach={cause: tuple(sorted(sites)) for cause, sites in sorted(out_of_reach.items())},
        needs_s=pace.push.seconds + pace.rollback.seconds,
        kept_s=turns.kept_s,
        asked=turns.asked,
        answer_s=assumed.answer_s,
        unknown_hours=unknown,
        unused=tuple(dict.fromkeys(entry.target for entry in entries if entry.target and not entry.sites)),
        is_over=windows.ends_at <= now,
    )


def _why_not(times: SiteTime, planned: PlannedSite, plan: Plan, pace: Pace, now: datetime) -> Cause | None:
    """Why no window will ever let a push to a site begin; None where one will."""
    programs = [terminal.program for terminal in planned.terminals if terminal.program]
    needs = pace.needs(programs, plan.playbook.parallel)
    answer = admit(times, now, needs)
    if isinstance(answer, Over):
        return answer.why
    fits = any(span.end - max(span.begin, now) >= needs for span in times.spans)
    return None if fits else Cause.CANNOT_FINISH
