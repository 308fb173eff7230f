"""When pushes to a site may begin and end.

The one sentence it carries out:

Opening hours say when a terminal can be reached; the suspension says when it may be touched; outside a suspension only closed sites
are touched.

- Reached: a terminal is switched on while its site is open, and through a break of at most `BREAK` in the middle of the day. Outside that
  somebody has to have it left on (`left_on`). Where nobody knows the hours, it is tried at any time.
- Touched: while a suspension holds for the site; or while the site is closed, which a site that is open around the clock, and one whose
  hours nobody knows, never is.
- Never outside the site's windows, nor in a blackout, nor outside of what the windows file spans.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from fleet.cutover.spans import Span, Spans, common, union, without
from fleet.model.attempt import Cause
from fleet.model.hours import DAY, Hours
from fleet.model.windows import Entry, Windows

BREAK = timedelta(hours=3)
"""A site that closes for no longer than this leaves its terminals on."""


@dataclass(frozen=True, slots=True)
class SiteTime:
    """When a site may be touched."""

    spans: Spans
    """In order; pushes begin and end in one of them."""
    why_none: Cause = Cause.NONE
    """Where there are none: what stands in the way."""


def site_time(windows: Windows, site: str, hours: Hours | None, *, open_24h: bool) -> SiteTime:
    """When pushes to a site may begin and end.

    Args:
        windows: What the plan says.
        site: Its code.
        hours: Its opening hours; None where nobody knows them.
        open_24h: Whether it is open around the clock, whatever `hours` say.
    """
    return _site_time(
        whole=Span(windows.begins_at.astimezone(UTC), windows.ends_at.astimezone(UTC)),
        suspended=_spans(windows.suspended(site)),
        windows=_spans(windows.windows_of(site)),
        blackouts=_spans(windows.blackouts_of(site)),
        left_on=_spans(windows.left_on_at(site)),
        hours=hours,
        open_24h=open_24h,
        zone=windows.zone,
    )


@lru_cache(maxsize=8192)
def _site_time(
    *, whole: Span, suspended: Spans, windows: Spans, blackouts: Spans, left_on: Spans, hours: Hours | None, open_24h: bool, zone: str
) -> SiteTime:
    # A province has some hundred different opening hours and windows, and asks for each of its sites with every step.
    everything: Spans = (whole,)
    allowed = without(common(everything, windows or everything), blackouts)
    if open_24h or hours is None:
        is_open, is_on = everything, everything
    else:
        is_open = _expanded(hours, whole, ZoneInfo(zone))
        is_on = union([*_bridged(is_open), *left_on])
    never_closed = open_24h or hours is None
    touchable = common(allowed, suspended if never_closed else union([*suspended, *without(everything, is_open)]))
    found = common(touchable, is_on)
    if found:
        return SiteTime(found)
    return SiteTime((), Cause.CLOSED_SITE if touchable else Cause.NO_WINDOW)


def _spans(entries: tuple[Entry, ...]) -> Spans:
    return union(Span(entry.begins_at.astimezone(UTC), entry.ends_at.astimezone(UTC)) for entry in entries)


def _expanded(hours: Hours, whole: Span, zone: ZoneInfo) -> Spans:
    """The hours as moments, from a day before `whole` to a day behind it.

    A time that the clocks show twice, or never, is the earlier of the two moments it may mean where a span begins, and the later where it
    ends: rather open too long than touched too early.
    """
    first = whole.begin.astimezone(zone).date() - timedelta(days=2)
    days = (whole.end.astimezone(zone).date() - first).days + 2
    found: list[Span] = []
    for number in range(days):
        day = first + timedelta(days=number)
        for begin, end in hours.open:
            if begin // DAY == day.weekday():
                found.append(Span(min(_moments(day, begin % DAY, zone)), max(_moments(day, begin % DAY + end - begin, zone))))
    return union(found)


def _moments(day: date, minutes: int, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The two moments that a local time may mean; nearly always the same."""
    local = (datetime.combine(day, time()) + timedelta(minutes=minutes)).replace(tzinfo=zone)
    return local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)


def _bridged(spans: Spans) -> Spans:
    """The spans with the short breaks between them filled."""
    joined: list[Span] = []
    for span in spans:
        if joined and span.begin - joined[-1].end <= BREAK:
            joined[-1] = Span(joined[-1].begin, span.end)
        else:
            joined.append(span)
    return tuple(joined)
