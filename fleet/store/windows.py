"""What windows ask of the tables: how long attempts took, what was touched, what was not reached and why."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Table, and_, false, func, or_, select

from fleet.model.attempt import MAYBE_LIVE, NOT_REACHED, Cause, TerminalState
from fleet.model.inventory import Reach
from fleet.model.purpose import Errand
from fleet.store import tables
from fleet.store.database import Snapshot, Tx
from fleet.store.progress import NOT_REACHED_UNIT, move
from fleet.store.written import Key, rows_written

_terminals = tables.terminal_progress
_attempts = tables.attempt
AS_BEFORE = "terminal.as-before"
NEWEST = 500
"""Attempts that are looked at; the newest say best how it goes now."""


@dataclass(frozen=True, slots=True)
class Took:
    """How long an attempt took."""

    terminal: str
    ending: TerminalState
    in_place: bool
    errand: Errand | None
    started_at: datetime
    finished_at: datetime

    @property
    def seconds(self) -> float:
        """From its beginning to its result."""
        return max(0.0, (self.finished_at - self.started_at).total_seconds())


def as_before(tx: Tx, rollout: str, terminals: Iterable[str], kind: str = AS_BEFORE, **told: str) -> None:
    """These terminals were to be pushed or asked again, and that came to nothing: they stand where their last attempt left them.

    `kind` is the event that tells it, `told` what it says besides.
    """
    last: dict[str, Any] = {}
    wanted = list(terminals)
    for start in range(0, len(wanted), 500):
        table = _attempts
        query = select(table.c.terminal, table.c.ending, table.c.step, table.c.cause, table.c.detail, table.c.fingerprint)
        where = (table.c.rollout == rollout, table.c.terminal.in_(wanted[start : start + 500]))
        last |= {row.terminal: row for row in tx.connection.execute(query.where(*where).order_by(table.c.number))}
    written: dict[Table, set[Key]] = {}
    for name, row in last.items():
        more = {"step": row.step, "cause": row.cause, "detail": row.detail, "fingerprint": row.fingerprint}
        for table, keys in move(tx, rollout, {name: TerminalState(row.ending)}, more).items():
            written.setdefault(table, set()).update(keys)
    body = {"terminals": {name: row.ending for name, row in sorted(last.items())}}
    tx.event(kind, rollout, body | told | rows_written(tx, written))


def called_off(snapshot: Snapshot, rollout: str, reason: str, since: datetime) -> set[str]:
    """Terminals that stood as before again for that reason, since then."""
    event = tables.event
    query = select(event.c.body).where(event.c.subject == rollout, event.c.kind == AS_BEFORE, event.c.at >= since)
    bodies = snapshot.connection.execute(query).scalars()
    return {name for body in bodies if body.get("reason") == reason for name in body["terminals"]}


def not_reached(tx: Tx, rollout: str, terminals: Mapping[str, Cause]) -> None:
    """These terminals have not started, and will not in their windows: why. A retry has them tried again."""
    written: dict[Table, set[Key]] = {}
    for cause in sorted(set(terminals.values())):
        names = [terminal for terminal, why in terminals.items() if why is cause]
        fresh = {"step": "", "cause": cause.value, "detail": ""}
        for table, keys in move(tx, rollout, dict.fromkeys(names, TerminalState.NOT_STARTED), fresh).items():
            written.setdefault(table, set()).update(keys)
    body = {"terminals": {terminal: cause.value for terminal, cause in sorted(terminals.items())}}
    tx.event("terminal.not-reached", rollout, body | rows_written(tx, written))


def newest_attempts(snapshot: Snapshot, rollout: str, limit: int = NEWEST) -> list[Took]:
    """The attempts of a rollout that ended last, newest first."""
    columns = (_attempts.c.terminal, _attempts.c.ending, _attempts.c.in_place, _attempts.c.errand)
    query = (
        select(*columns, _attempts.c.started_at, _attempts.c.finished_at)
        .where(_attempts.c.rollout == rollout)
        .order_by(_attempts.c.finished_at.desc())
        .limit(limit)
    )
    return [
        Took(
            terminal=row.terminal,
            ending=TerminalState(row.ending),
            in_place=row.in_place,
            errand=Errand(row.errand) if row.errand else None,
            started_at=row.started_at,
            finished_at=row.finished_at,
        )
        for row in snapshot.connection.execute(query)
    ]


def touched(snapshot: Snapshot, rollout: str) -> int:
    """Terminals that would have to go back: those that may be on the new release, or are being pushed to. From the counters."""
    tally = tables.tally.c
    states = [state.value for state in MAYBE_LIVE | {TerminalState.RUNNING}]
    query = select(func.coalesce(func.sum(tally.n), 0)).where(
        tally.rollout == rollout, tally.unit == Reach.SSH.value, tally.state.in_(states)
    )
    return int(snapshot.connection.execute(query).scalar_one())


def terminals_not_reached(snapshot: Snapshot, rollout: str) -> dict[str, Cause]:
    """Terminals that have not started, and that no window lets start any more -> why."""
    query = (
        select(_terminals.c.terminal, _terminals.c.cause)
        .where(
            _terminals.c.rollout == rollout,
            _terminals.c.state == TerminalState.NOT_STARTED.value,
            _terminals.c.cause.in_([cause.value for cause in NOT_REACHED]),
        )
        .order_by(_terminals.c.terminal)
    )
    return {row.terminal: Cause(row.cause) for row in snapshot.connection.execute(query)}


@dataclass(frozen=True, slots=True)
class Left:
    """A site with terminals that were not reached, all in the same state for the same cause."""

    site: str
    name: str
    district: str
    wave: int
    state: TerminalState
    """Not started, or unreachable."""
    cause: Cause
    terminals: int


def sites_left(snapshot: Snapshot, rollout: str, *, is_over: bool) -> list[Left]:
    """Sites with a terminal that was unreachable or that no window lets start any more, and of a rollout that is over all that did not start.

    By wave, district and code; only terminals reached by SSH.
    """
    missed = _terminals.c.state == TerminalState.NOT_STARTED.value
    if not is_over:
        # The counters know whether there is any; of a province that has only begun, a hundred thousand rows are not looked through.
        found = _any_missed(snapshot, rollout)
        missed = and_(missed, _terminals.c.cause.in_([cause.value for cause in NOT_REACHED])) if found else false()
    columns = (_terminals.c.site, _terminals.c.wave, _terminals.c.district, _terminals.c.state, _terminals.c.cause)
    query = (
        select(*columns, func.count().label("terminals"), func.max(tables.site.c.name).label("name"))
        .outerjoin(tables.site, tables.site.c.code == _terminals.c.site)
        .where(_terminals.c.rollout == rollout, _terminals.c.reach == Reach.SSH.value)
        .where(or_(_terminals.c.state == TerminalState.UNREACHABLE.value, missed))
        .group_by(*columns)
        .order_by(_terminals.c.wave, _terminals.c.district, *columns[:1], *columns[3:])
    )
    return [
        Left(row.site, row.name or row.site, row.district, row.wave, TerminalState(row.state), Cause(row.cause), row.terminals)
        for row in snapshot.connection.execute(query)
    ]


def _any_missed(snapshot: Snapshot, rollout: str) -> bool:
    tally = tables.tally.c
    query = select(tally.n).where(tally.rollout == rollout, tally.unit == NOT_REACHED_UNIT, tally.n > 0).limit(1)
    return snapshot.connection.execute(query).first() is not None


def next_opening(snapshot: Snapshot, rollout: str) -> dict[str, datetime]:
    """Site -> when its shard may begin, for those whose shard waits for a window."""
    shard = tables.shard.c
    query = select(shard.sites, shard.opens_at).where(shard.rollout == rollout, shard.state == "planned", shard.opens_at.is_not(None))
    return {site: row.opens_at for row in snapshot.connection.execute(query) for site in row.sites}


def running_since(snapshot: Snapshot, rollout: str, wave: int) -> list[datetime]:
    """When each site of a wave began that runs."""
    sites = tables.site_progress.c
    query = select(sites.updated_at).where(sites.rollout == rollout, sites.wave == wave, sites.state == "running")
    return [row.updated_at for row in snapshot.connection.execute(query) if row.updated_at is not None]
