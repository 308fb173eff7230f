"""What budgets and limits are spent on: the counters by cause and by limit that the writer keeps, and the sites behind them.

- A site that ended badly counts under one cause, the one its line shows; one that ended unknown under none, for its cause is not known.
- A limit counts sites that are down, in all waves; how its sites are found is written at the rollout's start (`site_progress.limits`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, not_, select

from fleet.model.caps import Cap, CapKind
from fleet.model.rollout import SiteCounts, SiteState
from fleet.store import tables
from fleet.store.again import SilentSites, is_silent, silent_sites
from fleet.store.database import Snapshot

COUNTED = (SiteState.FAILED.value, SiteState.ROLLED_BACK.value, SiteState.UNREACHABLE.value)
"""States of a site whose cause is counted."""
Step = tuple[str, int, str, str, str]
"""unit, wave, district, kind, state: the place of a tally."""
_sites = tables.site_progress
_tally = tables.tally


@dataclass(slots=True)
class Spent:
    """What is spent of a rollout's budgets and limits beyond the wave's own two."""

    by_cause: dict[int, dict[str, int]] = field(default_factory=dict)
    """Wave -> cause -> sites."""
    by_district: dict[int, dict[str, SiteCounts]] = field(default_factory=dict)
    """Wave -> district -> its sites."""
    down: dict[int, int] = field(default_factory=dict)
    """Limit -> sites it counts that are down."""
    silent: list[SilentSites] = field(default_factory=list)
    """Of the sites that the other counters call unreachable, those that spend nothing yet, because they are still tried again."""


def read_spent(snapshot: Snapshot, rollout: str) -> Spent:
    """The counters as they stand; only silent sites are counted for it."""
    found = Spent(silent=silent_sites(snapshot, rollout))
    districts: dict[int, dict[str, dict[str, int]]] = {}
    columns = (_tally.c.unit, _tally.c.wave, _tally.c.district, _tally.c.kind, _tally.c.state, _tally.c.n)
    query = select(*columns).where(_tally.c.rollout == rollout, _tally.c.n != 0, _tally.c.unit.in_(("site", "cause", "down")))
    for unit, wave, district, kind, state, n in snapshot.connection.execute(query).all():
        if unit == "down":
            found.down[int(kind)] = found.down.get(int(kind), 0) + n
        elif unit == "cause":
            of_wave = found.by_cause.setdefault(wave, {})
            of_wave[state] = of_wave.get(state, 0) + n
        elif state not in {"claimed", "done"}:
            counts = districts.setdefault(wave, {}).setdefault(district, {})
            name = state.replace("-", "_")
            counts[name] = counts.get(name, 0) + n
    found.by_district = {wave: {code: SiteCounts(**counts) for code, counts in of.items()} for wave, of in districts.items()}
    return found


def cap_steps(row: Any, state: SiteState, cause: str, *, down: bool) -> dict[Step, int]:
    """How the counters move when a site's row (as it was) comes to this state, cause and being down."""
    steps: dict[Step, int] = {}
    old = row.cause if row.state in COUNTED else None
    new = cause if state.value in COUNTED else None
    if old != new:
        place = ("cause", row.wave, row.district, row.kind)
        steps |= {(*place, named): n for named, n in ((old, -1), (new, 1)) if named is not None}
    if down != bool(row.down):
        steps |= dict.fromkeys(down_places(row.limits), 1 if down else -1)
    return steps


def down_places(limits: str | None) -> Iterator[Step]:
    """The tallies of the limits that count a site."""
    return (("down", 0, "", limit, "down") for limit in (limits or "").split())


def limits_text(limits: Iterable[int]) -> str | None:
    """Places of limits as a site's row keeps them, each between spaces; None where there are none."""
    return "".join(f" {limit}" for limit in limits) + " " if limits else None


def limits_of(snapshot: Snapshot, rollout: str, wave: int) -> dict[str, tuple[int, ...]]:
    """Site -> the limits that count it, for the sites of a wave that are under any."""
    query = select(_sites.c.site, _sites.c.limits).where(_sites.c.rollout == rollout, _sites.c.wave == wave, _sites.c.limits.is_not(None))
    return {row.site: tuple(map(int, row.limits.split())) for row in snapshot.connection.execute(query)}


def down_among(snapshot: Snapshot, rollout: str, sites: Iterable[str]) -> frozenset[str]:
    """Which of these sites are down."""
    wanted = list(sites)
    found: set[str] = set()
    for start in range(0, len(wanted), 500):
        part = _sites.c.site.in_(wanted[start : start + 500])
        found |= set(snapshot.connection.execute(select(_sites.c.site).where(_sites.c.rollout == rollout, part, _sites.c.down)).scalars())
    return frozenset(found)


def sites_behind(snapshot: Snapshot, rollout: str, wave: int, cap: Cap) -> list[str]:
    """The sites that spend a budget of a wave, or that are down under a limit; by code."""
    spends = () if cap.kind is CapKind.LIMIT else (not_(is_silent(rollout)),)
    query = select(_sites.c.site).where(_sites.c.rollout == rollout, *_spending(wave, cap), *spends).order_by(_sites.c.site)
    return list(snapshot.connection.execute(query).scalars())


def _spending(wave: int, cap: Cap) -> tuple[ColumnElement[bool], ...]:
    if cap.kind is CapKind.LIMIT:
        return _sites.c.down.is_(True), _sites.c.limits.contains(f" {cap.name} ")
    of_wave = _sites.c.wave == wave
    if cap.kind is CapKind.CAUSE:
        of_cause = _sites.c.state.in_(COUNTED) & (_sites.c.cause == cap.name)
        return of_wave, of_cause | (_sites.c.state == SiteState.UNKNOWN.value)
    fails = cap.kind in {CapKind.FAILURES, CapKind.DISTRICT_FAILURES}
    states = ("failed", "rolled-back", "unknown") if fails else ("unreachable",)
    in_district = (_sites.c.district == cap.name,) if cap.name else ()
    return of_wave, _sites.c.state.in_(states), *in_district


def down_before(snapshot: Snapshot, terminals: Mapping[str, object]) -> frozenset[str]:
    """Which of these terminals the last rollout that held them left down; one that only staged left none."""
    progress, rollout = tables.terminal_progress, tables.rollout
    ever = select(progress.c.terminal).where(progress.c.down)
    query = (
        select(progress.c.terminal, progress.c.down)
        .join(rollout, rollout.c.id == progress.c.rollout)
        .where(progress.c.terminal.in_(ever), rollout.c.only.is_(None))
        .order_by(rollout.c.number)
    )
    newest = {row.terminal: bool(row.down) for row in snapshot.connection.execute(query)}
    return frozenset(terminal for terminal, down in newest.items() if down and terminal in terminals)
