"""Failures by cause: which fingerprint a result has, and how many terminals and sites stand at each now.

- A terminal has a fingerprint as long as it stands at the ending that gave it; a retry, an exclusion or a success takes it away.
- The tally is kept by the writer, so that a view reads groups and counts nothing.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite

from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.fingerprint import GROUPED, fingerprint_of, said_of
from fleet.store import tables
from fleet.store.database import Snapshot, Tx

_terminals = tables.terminal_progress
_tally = tables.failure_tally
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Terminals that stand badly for the same reason."""

    fingerprint: str
    ending: TerminalState
    cause: Cause
    step: str
    terminals: int
    sites: int
    districts: dict[str, int]
    """District -> sites, the most first."""
    example: str
    """One of the terminals."""
    detail: str
    """What that one said."""


def fingerprint_of_result(snapshot: Snapshot, result: AttemptResult) -> str | None:
    """The fingerprint of a result, without what the inventory calls its terminal and site; None where it ended well."""
    if result.ending not in GROUPED:
        return None
    names = _names_of(snapshot, result.terminal)
    return fingerprint_of(result.ending, result.cause, result.step, result.detail, log=result.log, names=names)


def count_moved(tx: Tx, rollout: str, before: Sequence[Any], fingerprint: str | None) -> None:
    """Bring the tally in line after terminals, whose rows were these, were given this fingerprint."""
    moved = [row for row in before if row.fingerprint != fingerprint]
    if not moved:
        return
    here = {row.site: row.district for row in moved}
    after = _standing(tx, rollout, list(here))
    change: Counter[tuple[str, str]] = Counter()
    for row in moved:
        if row.fingerprint is not None:
            change[row.site, row.fingerprint] -= 1
        if fingerprint is not None:
            change[row.site, fingerprint] += 1
    steps: dict[tuple[str, str], list[int]] = {}
    for (site, found), n in change.items():
        step = steps.setdefault((found, here[site]), [0, 0])
        step[0] += n
        step[1] += (after[site, found] > 0) - (after[site, found] - n > 0)
    rows = [
        {"rollout": rollout, "fingerprint": found, "district": district, "terminals": terminals, "sites": sites}
        for (found, district), (terminals, sites) in sorted(steps.items())
        if terminals or sites
    ]
    if rows:
        dialect = postgresql if tx.connection.dialect.name == "postgresql" else sqlite
        added = dialect.insert(_tally)
        sums = {name: _tally.c[name] + added.excluded[name] for name in ("terminals", "sites")}
        keys = [column.name for column in _tally.primary_key.columns]
        tx.connection.execute(added.on_conflict_do_update(index_elements=keys, set_=sums), rows)


def read_groups(snapshot: Snapshot, rollout: str, limit: int | None = None) -> list[FailureGroup]:
    """Groups that have a terminal now, the most sites first; all of them, or so many."""
    counts: dict[str, dict[str, tuple[int, int]]] = {}
    for row in snapshot.connection.execute(select(_tally).where(_tally.c.rollout == rollout, _tally.c.terminals > 0)):
        counts.setdefault(row.fingerprint, {})[row.district] = (row.terminals, row.sites)
    order = {
        fingerprint: (-sum(sites for _n, sites in districts.values()), -sum(n for n, _sites in districts.values()), fingerprint)
        for fingerprint, districts in counts.items()
    }
    groups = (_group(snapshot, rollout, fingerprint, counts[fingerprint]) for fingerprint in sorted(counts, key=order.__getitem__)[:limit])
    return [group for group in groups if group is not None]


def members_of_group(snapshot: Snapshot, rollout: str, fingerprint: str) -> list[str]:
    """Ids of exactly the terminals that stand at this fingerprint now."""
    query = select(_terminals.c.terminal).where(_terminals.c.rollout == rollout, _terminals.c.fingerprint == fingerprint)
    return list(snapshot.connection.execute(query.order_by(_terminals.c.terminal)).scalars())


def fingerprints_of(snapshot: Snapshot, rollout: str) -> dict[str, str]:
    """Terminal -> its fingerprint, of all that have one now."""
    query = select(_terminals.c.terminal, _terminals.c.fingerprint).where(
        _terminals.c.rollout == rollout, _terminals.c.fingerprint.is_not(None)
    )
    return {row.terminal: row.fingerprint for row in snapshot.connection.execute(query)}


def texts_of_groups(snapshot: Snapshot, rollout: str) -> dict[str, str]:
    """Fingerprint -> what its terminals said, normalised, as the newest attempt of one of them has it; of the groups that have one now."""
    return {group.fingerprint: _text_of(snapshot, rollout, group) for group in read_groups(snapshot, rollout)}


def _text_of(snapshot: Snapshot, rollout: str, group: FailureGroup) -> str:
    names, tries = list(_names_of(snapshot, group.example)), tables.attempt.c
    query = select(tries.detail, tries.log).where(
        tries.rollout == rollout, tries.terminal == group.example, tries.fingerprint == group.fingerprint
    )
    row = snapshot.connection.execute(query.order_by(tries.number.desc()).limit(1)).first()
    if row is None:  # it ended without a report
        return said_of(group.cause, group.detail, names=names)
    return said_of(group.cause, row.detail, log=row.log, names=names)


def count_groups_anew(snapshot: Snapshot, rollout: str) -> dict[tuple[str, str], tuple[int, int]]:
    """What the tally must be: (fingerprint, district) -> terminals and sites, counted."""
    query = (
        select(
            _terminals.c.fingerprint,
            _terminals.c.district,
            func.count().label("terminals"),
            func.count(_terminals.c.site.distinct()).label("sites"),
        )
        .where(_terminals.c.rollout == rollout, _terminals.c.fingerprint.is_not(None))
        .group_by(_terminals.c.fingerprint, _terminals.c.district)
    )
    return {(row.fingerprint, row.district): (row.terminals, row.sites) for row in snapshot.connection.execute(query)}


def kept_groups(snapshot: Snapshot, rollout: str) -> dict[tuple[str, str], tuple[int, int]]:
    """What the tally is; what counts nothing any more is left out."""
    query = select(_tally).where(_tally.c.rollout == rollout)
    rows = snapshot.connection.execute(query)
    return {(row.fingerprint, row.district): (row.terminals, row.sites) for row in rows if row.terminals or row.sites}


def _group(snapshot: Snapshot, rollout: str, fingerprint: str, districts: dict[str, tuple[int, int]]) -> FailureGroup | None:
    where = (_terminals.c.rollout == rollout, _terminals.c.fingerprint == fingerprint)
    row = snapshot.connection.execute(select(_terminals).where(*where).limit(1)).first()
    if row is None:
        return None
    return FailureGroup(
        fingerprint=fingerprint,
        ending=TerminalState(row.state),
        cause=Cause(row.cause),
        step=row.step,
        terminals=sum(terminals for terminals, _sites in districts.values()),
        sites=sum(sites for _terminals, sites in districts.values()),
        districts={code: sites for code, (_n, sites) in sorted(districts.items(), key=lambda item: (-item[1][1], item[0]))},
        example=row.terminal,
        detail=row.detail,
    )


def _standing(snapshot: Snapshot, rollout: str, sites: list[str]) -> Counter[tuple[str, str]]:
    """(site, fingerprint) -> terminals there now."""
    found: Counter[tuple[str, str]] = Counter()
    for start in range(0, len(sites), _CHUNK):
        query = (
            select(_terminals.c.site, _terminals.c.fingerprint, func.count().label("n"))
            .where(_terminals.c.rollout == rollout, _terminals.c.site.in_(sites[start : start + _CHUNK]))
            .where(_terminals.c.fingerprint.is_not(None))
            .group_by(_terminals.c.site, _terminals.c.fingerprint)
        )
        found.update({(row.site, row.fingerprint): row.n for row in snapshot.connection.execute(query)})
    return found


def _names_of(snapshot: Snapshot, terminal: str) -> Iterable[str]:
    """What a terminal, its site and its district are called."""
    machine, site, district = tables.terminal, tables.site, tables.district
    query = (
        select(machine.c.host, machine.c.gateway, site.c.name, district.c.name.label("district_name"), district.c.name_en)
        .outerjoin(site, site.c.code == machine.c.site)
        .outerjoin(district, district.c.code == site.c.district)
        .where(machine.c.id == terminal)
    )
    row = snapshot.connection.execute(query).first()
    code, _slash, own = terminal.partition("/")
    return [terminal, code, own, *(name for name in row or () if name)]
