"""Laws over random windows, hours, zones and durations. What is open when is worked out again here, by the clock on the wall."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.cutover import Begin, Over, Wait, admit, site_time
from fleet.model.hours import DAY, WEEK, Hours
from fleet.model.windows import Entry, Scope, Windows

ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC")
FIRST = datetime(2026, 10, 24, 12, 0, tzinfo=UTC)
"""Berlin sets its clocks back in the night to 25 October, New York on 1 November."""
LENGTH = 10 * DAY

_moments = st.integers(0, LENGTH).map(lambda minute: FIRST + timedelta(minutes=minute))
_rank = st.sampled_from([(Scope.PLAN, 0), (Scope.DISTRICT, 0), (Scope.DISTRICT, 1), (Scope.SELECT, 0), (Scope.SITE, 0)])


@st.composite
def entries(draw: st.DrawFn, least: int = 0) -> tuple[Entry, ...]:
    made = []
    for _ in range(draw(st.integers(least, 4))):
        begin, length = draw(_moments), draw(st.integers(1, 3 * DAY))
        scope, depth = draw(_rank)
        sites = () if scope is Scope.PLAN else tuple(draw(st.lists(st.sampled_from(["s1", "s2"]), max_size=2, unique=True)))
        made.append(Entry(scope=scope, depth=depth, sites=sites, begins_at=begin, ends_at=begin + timedelta(minutes=length)))
    return tuple(made)


@st.composite
def nights(draw: st.DrawFn) -> Windows:
    return Windows(
        zone=draw(st.sampled_from(ZONES)),
        suspensions=draw(entries(least=1)),
        windows=draw(entries()),
        blackouts=draw(entries()),
        left_on=draw(entries()),
    )


@st.composite
def opening_hours(draw: st.DrawFn) -> Hours | None:
    if draw(st.integers(0, 5)) == 0:
        return None
    cuts = sorted(draw(st.lists(st.integers(0, WEEK // 15 - 1), min_size=2, max_size=16, unique=True)))
    spans = [(begin * 15, end * 15) for begin, end in zip(cuts[::2], cuts[1::2], strict=False) if (end - begin) * 15 <= DAY]
    return Hours(tuple(spans)) if spans else None


def is_in(entry: Entry, now: datetime) -> bool:
    return entry.begins_at <= now < entry.ends_at


def named(found: tuple[Entry, ...], site: str) -> list[Entry]:
    return [entry for entry in found if entry.scope is Scope.PLAN or site in entry.sites]


def narrowest(found: tuple[Entry, ...], site: str) -> list[Entry]:
    mine = named(found, site)
    rank = max(((entry.scope, entry.depth) for entry in mine), default=None)
    return [entry for entry in mine if (entry.scope, entry.depth) == rank]


def wall_clock_says_open(hours: Hours, now: datetime, zone: ZoneInfo) -> bool:
    local = now.astimezone(zone)
    minute = local.weekday() * DAY + local.hour * 60 + local.minute
    return any(begin <= minute < end or begin <= minute + WEEK < end for begin, end in hours.open)


def clocks_are_set_near(now: datetime, zone: ZoneInfo) -> bool:
    around = [(now + timedelta(hours=hours)).astimezone(zone).utcoffset() for hours in (-30, 30)]
    return around[0] != around[1]


@settings(max_examples=400)
@given(nights(), opening_hours(), st.booleans(), _moments, st.integers(0, 12 * 60))
def test_nothing_begins_outside_a_window_or_at_an_open_site_without_a_suspension(
    windows: Windows, hours: Hours | None, open_24h: bool, now: datetime, minutes: int
) -> None:
    needs = timedelta(minutes=minutes)
    answer = admit(site_time(windows, "s1", hours, open_24h=open_24h), now, needs)

    if not isinstance(answer, Begin):
        return
    zone = ZoneInfo(windows.zone)
    for moment in (now, now + needs / 2, now + needs - timedelta(microseconds=1)) if needs else (now,):
        own = narrowest(windows.windows, "s1")
        assert any(is_in(entry, moment) for entry in own) if own else windows.begins_at <= moment < windows.ends_at
        assert not any(is_in(entry, moment) for entry in named(windows.blackouts, "s1"))
        is_suspended = any(is_in(entry, moment) for entry in narrowest(windows.suspensions, "s1"))
        if open_24h or hours is None:
            assert is_suspended
            continue
        is_open = wall_clock_says_open(hours, moment, zone)
        assert is_suspended or not is_open
        is_left_on = any(is_in(entry, moment) for entry in named(windows.left_on, "s1"))
        soon = (moment + timedelta(minutes=step) for step in range(-180, 181, 15))
        in_a_break = any(wall_clock_says_open(hours, near, zone) for near in soon)
        assert is_open or is_left_on or in_a_break or clocks_are_set_near(moment, zone)


@given(nights(), opening_hours(), st.booleans(), _moments, st.integers(0, 12 * 60))
def test_whoever_asks_again_when_told_to_comes_to_an_end(
    windows: Windows, hours: Hours | None, open_24h: bool, now: datetime, minutes: int
) -> None:
    times = site_time(windows, "s1", hours, open_24h=open_24h)
    answer = admit(times, now, timedelta(minutes=minutes))
    latest = max([now, *(span.end for span in times.spans)])

    for _ in range(LENGTH * 3):
        if not isinstance(answer, Wait):
            break
        assert now < answer.until <= latest
        now = answer.until
        answer = admit(times, now, timedelta(minutes=minutes))
    assert isinstance(answer, Begin | Over)


@given(nights(), opening_hours(), st.booleans(), _moments, st.tuples(st.integers(1, 6 * 60), st.integers(0, 6 * 60)))
def test_who_may_begin_with_much_to_do_may_begin_with_less(
    windows: Windows, hours: Hours | None, open_24h: bool, now: datetime, lengths: tuple[int, int]
) -> None:
    times = site_time(windows, "s1", hours, open_24h=open_24h)

    if isinstance(admit(times, now, timedelta(minutes=max(lengths))), Begin):
        assert isinstance(admit(times, now, timedelta(minutes=min(lengths))), Begin)


def test_the_clocks_are_set_in_the_time_that_the_laws_look_at() -> None:
    assert clocks_are_set_near(datetime(2026, 10, 25, 1, 0, tzinfo=UTC), ZoneInfo("Europe/Berlin"))
    assert date(2026, 11, 1) < (FIRST + timedelta(minutes=LENGTH)).date()
