"""Windows, hours and moments for tests: by the clock of Shanghai unless said otherwise."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from fleet.cutover import SiteTime, site_time
from fleet.model.hours import parse_hours
from fleet.model.windows import Entry, Scope, Windows

SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    """`04T18:00`: that day of December 2026, by the clock of a zone."""
    return datetime.fromisoformat(f"2026-12-{text}").replace(tzinfo=zone).astimezone(UTC)


def entry(begin: str, end: str, *sites: str, scope: Scope | None = None, depth: int = 0) -> Entry:
    """An entry for these sites, or for the whole plan."""
    wanted = scope or (Scope.SITE if sites else Scope.PLAN)
    return Entry(scope=wanted, depth=depth, target=",".join(sites), sites=sites, begins_at=at(begin), ends_at=at(end))


NIGHT = Windows(zone="Asia/Shanghai", suspensions=(entry("04T18:00", "05T06:00"),))
"""Friday evening to Saturday morning."""


def times(windows: Windows = NIGHT, hours: str = "", *, open_24h: bool = False, site: str = "s1") -> SiteTime:
    return site_time(windows, site, parse_hours(hours), open_24h=open_24h)


def shown(found: SiteTime, zone: ZoneInfo = SHANGHAI) -> list[str]:
    """Spans as `04 18:00-22:00`."""
    return [f"{span.begin.astimezone(zone):%d %H:%M}-{span.end.astimezone(zone):%d %H:%M}" for span in found.spans]
