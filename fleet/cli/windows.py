"""What windows, the point of no return and the forecast say, in the words that `fleet plan`, `fleet status` and `fleet run` print."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from fleet.errors import InputError
from fleet.text import N_, _

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from fleet.cli.standing import Stand
    from fleet.control.window_preview import WindowPreview
    from fleet.cutover import Forecast

_NAMED = 5


def windows_lines(times: "WindowPreview | None", zone: "ZoneInfo") -> Iterator[str]:
    """What a plan's windows leave time for, line by line."""
    from fleet.cli.plan import duration
    from fleet.report.rows import in_brief

    if times is None:
        yield _("Windows: none are given, so sites are touched at any time. `--windows FILE` says when they may be.")
        return
    yield _("Windows: from {begin} until {end}", begin=minute(times.begins_at, zone), end=minute(times.ends_at, zone))
    if times.first_at is not None and times.last_at is not None:
        values = {"count": times.reachable, "begin": minute(times.first_at, zone), "end": minute(times.last_at, zone)}
        yield _("  sites that can be reached: {count}, the first from {begin}, the last until {end}", **values)
        if times.asked:
            yield _(
                "    counted in: a person is waited for {count} {count:time|times}, {time} each",
                count=times.asked,
                time=duration(times.answer_s),
            )
    for cause, sites in times.out_of_reach.items():
        named = ", ".join(sites[:_NAMED]) + (", ..." if len(sites) > _NAMED else "")
        yield _("  sites that will not be reached: {count}; {why} ({sites})", count=len(sites), why=in_brief(cause), sites=named)
    if times.unknown_hours:
        yield _("  sites whose opening hours nobody knows: {count}; they are tried while a suspension lasts", count=times.unknown_hours)
    needs = duration(times.needs_s)
    yield _("  a push begins only if {time} are left, for it and its rollback, until enough of both are measured", time=needs)
    for target in times.unused:
        yield _("  `{target}` names no site of this plan", target=target)
    if times.is_late:
        values = {"count": times.too_late, "sites": times.sites, "time": duration(times.kept_s)}
        yield _(
            "  WARNING: these windows are too short even if nothing fails: the turn of {count} of {sites} sites comes too late.", **values
        )
        yield _("  Of each window the last {time} are kept for a push and its rollback: nothing begins in them.", **values)
        yield _("  Raise `parallel` or the budgets, soak for less, plan less, or begin earlier.")


def refuse_out_of_time(times: "WindowPreview | None", zone: "ZoneInfo", file: str) -> None:
    """Refuse windows that leave no time for any site.

    Raises:
        InputError: They are over, or none of them lets a push begin anywhere.
    """
    from fleet.report.rows import in_brief

    if times is None or times.reachable:
        return
    if times.is_over:
        raise InputError(
            N_("none of these windows is left: the last ended {time}", time=minute(times.ends_at, zone)),
            where=file,
            hint=N_("write the dates of the night to come"),
        )
    most = max(times.out_of_reach, key=lambda cause: len(times.out_of_reach[cause]), default=None)
    if most is not None:
        raise InputError(
            N_(
                "these windows let a push begin at none of the {count} {count:site|sites}; most often: {why}",
                count=times.out_of_reach_count,
                why=in_brief(most),
            ),
            where=file,
            hint=N_("a wider suspension, or `left_on` where terminals stay on after closing time (docs/operations.md, Windows)"),
        )


def unreached_warning(times: "WindowPreview | None") -> Iterator[str]:
    """What to know before anything else: how many sites no window will let begin."""
    if times is not None and times.out_of_reach_count:
        values = {"count": times.out_of_reach_count, "sites": times.sites}
        yield _(
            "WARNING: {count} of {sites} {sites:site|sites} will not be reached in these windows; why stands below, under Windows.",
            **values,
        )
        yield ""


def windows_facts(times: "WindowPreview | None") -> dict[str, Any] | None:
    """The same as data."""
    from dataclasses import asdict

    return None if times is None else {**asdict(times), "is_late": times.is_late}


def outlook_lines(stand: "Stand", zone: "ZoneInfo") -> Iterator[str]:
    """The point of no return, the forecast, who waits for a window, and what was not reached by reason."""
    from fleet.cli.finish import finish_line
    from fleet.control.unreached import by_reason, reason_words
    from fleet.report.rows import before_the_semicolon

    ahead = stand.outlook
    if ahead.clock is not None:
        values = {"time": minute(ahead.clock.last_safe_at, zone), "end": minute(ahead.clock.ends_at, zone)}
        seconds, samples = f"{ahead.pace.rollback.seconds:.0f}", ahead.pace.rollback.samples
        if ahead.pace.rollback.is_measured:
            line = _(
                "Last safe rollback: {time}; the suspension ends {end}, one takes {seconds} s (measured: {samples})",
                seconds=seconds,
                samples=samples,
                **values,
            )
        else:
            line = _("Last safe rollback: {time}; the suspension ends {end}, one is taken to last {seconds} s", seconds=seconds, **values)
        yield line
    if (shown := _forecast(stand)) is not None:
        ends = {"p50": minute(shown.p50_at, zone), "p80": minute(shown.p80_at, zone)}
        yield _(
            "Finish: {p50} as likely as not, {p80} in four of five nights, if nobody has to be waited for (from {sites} {sites:site|sites})",
            sites=shown.observed,
            **ends,
        )
    elif (depends := finish_line(stand)) is not None:
        yield depends
    if ahead.opens_at is not None:
        yield _(
            "Sites that wait for their window: {count}; the next is looked at {time}",
            count=len(ahead.later),
            time=minute(ahead.opens_at, zone),
        )
    for reason, ones in by_reason(stand.unreached).items():
        named = ", ".join(one.site for one in ones[:_NAMED]) + (", ..." if len(ones) > _NAMED else "")
        count, why = len({one.site for one in ones}), before_the_semicolon(reason_words(reason))
        yield _("Sites not reached: {count}; {why} ({sites})", count=count, why=why, sites=named)


def outlook_facts(stand: "Stand") -> dict[str, Any]:
    """The same as data; nothing in it changes while nothing happens, but the forecast by the minute."""
    from dataclasses import asdict

    from fleet.cli.finish import finish_waits_for

    ahead, shown = stand.outlook, _forecast(stand)
    bounds = {"push": ahead.pace.push, "rollback": ahead.pace.rollback}
    return {
        "pace": {name: {"p95_s": bound.seconds, "samples": bound.samples, "measured": bound.is_measured} for name, bound in bounds.items()},
        "point_of_no_return": None
        if ahead.clock is None
        else {
            "last_safe_rollback_at": ahead.clock.last_safe_at,
            "suspension_ends_at": ahead.clock.ends_at,
            "past_since": stand.rollout.past_return_at,
            "gone_past_by": stand.rollout.past_return_by,
        },
        "forecast": None if shown is None else {"p50_at": shown.p50_at, "p80_at": shown.p80_at, "observed": shown.observed},
        "finish_waits_for": finish_waits_for(stand),
        "waiting_for_window": {"sites": len(ahead.later), "next_at": ahead.opens_at},
        "not_reached": [asdict(one) for one in stand.unreached],
    }


def _forecast(stand: "Stand") -> "Forecast | None":
    """The forecast while anything goes on: who waits for a person has nothing to foretell."""
    from fleet.rollout.standing import Standing

    return stand.outlook.forecast if stand.standing is Standing.AT_WORK else None


def minute(at: "datetime", zone: "ZoneInfo") -> str:
    """A time in the workspace's zone, to the minute."""
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M")
