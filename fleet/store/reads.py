"""What views show: named reads, each cheap enough to be asked four times a second.

- Counts come from the tallies that the writer keeps; nothing here counts rows of terminals.
- `sites_since` gives only the sites that moved after a seq, so a view asks for everything once and for the difference from then on.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Select, func, select

from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.inventory import Reach, SiteKind
from fleet.model.rollout import SiteCounts, SiteState
from fleet.store import tables
from fleet.store.database import Snapshot
from fleet.store.progress import NOT_REACHED_UNIT
from fleet.store.rows import noun_of

_SHOWN = tables.tally.c.unit.not_in(("cause", "down"))
"""Units of the tally that are no counts of sites and terminals by where they stand."""
K = TypeVar("K", int, str, tuple[str, str])
_sites = tables.site_progress
_terminals = tables.terminal_progress


@dataclass(frozen=True, slots=True)
class SiteRow:
    """One line of the site table."""

    code: str
    name: str
    kind: SiteKind
    district: str
    wave: int
    terminals: int
    proven: int
    """Terminals with evidence that they are on the new release."""
    state: SiteState
    claimed: bool
    """A technician marked it complete."""
    done: bool
    cause: Cause
    technician: str | None
    """Person code."""
    seq: int
    updated_at: datetime | None
    done_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TerminalRow:
    """One terminal of a site, as it stands in the rollout."""

    id: str
    reach: Reach
    host: str | None
    port: int
    key_card: str | None
    state: TerminalState
    step: str
    cause: Cause
    detail: str
    attempts: int
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class FailureRow:
    """A terminal that did not end well, newest first."""

    terminal: str
    site: str
    site_name: str
    district: str
    ending: TerminalState
    step: str
    cause: Cause
    detail: str
    at: datetime | None
    seq: int


@dataclass(slots=True)
class Tally:
    """Counts of one group (a wave, a district, a kind, or everything)."""

    sites: SiteCounts = field(default_factory=SiteCounts)
    claimed: int = 0
    """Sites with a technician's mark."""
    done: int = 0
    terminals: dict[TerminalState, int] = field(default_factory=dict)
    by_hand: dict[TerminalState, int] = field(default_factory=dict)
    """Of these, the ones that are done by hand."""
    not_reached: dict[Cause, int] = field(default_factory=dict)
    """Terminals that have not started, and that no window lets start any more, by why."""

    @property
    def by_ssh(self) -> dict[TerminalState, int]:
        """Of these, the ones reached by SSH."""
        return {state: n - self.by_hand.get(state, 0) for state, n in self.terminals.items()}

    @property
    def terminal_count(self) -> int:
        """All terminals of the group."""
        return sum(self.terminals.values())

    @property
    def staged(self) -> int:
        """Terminals where the release waits; they are on the old one."""
        return self.terminals.get(TerminalState.STAGED, 0)

    @property
    def proven(self) -> int:
        """Terminals with evidence that they are on the new release."""
        return self.terminals.get(TerminalState.UPGRADED, 0) + self.terminals.get(TerminalState.SELF_TESTED, 0)


@dataclass(frozen=True, slots=True)
class Tallies:
    """A rollout's counts, grouped every way a view needs."""

    total: Tally
    by_wave: dict[int, Tally]
    by_district: dict[str, Tally]
    by_kind: dict[str, Tally]
    by_district_and_kind: dict[tuple[str, str], Tally]


def read_tallies(snapshot: Snapshot, rollout: str) -> Tallies:
    """Every count of a rollout in one read."""
    rows = snapshot.connection.execute(select(tables.tally).where(tables.tally.c.rollout == rollout, _SHOWN)).all()
    return Tallies(
        _tallied(("", row) for row in rows).get("", Tally()),
        _tallied((row.wave, row) for row in rows),
        _tallied((row.district, row) for row in rows),
        _tallied((row.kind, row) for row in rows),
        _tallied(((row.district, row.kind), row) for row in rows),
    )


def tallies_by_wave(snapshot: Snapshot, rollout: str) -> dict[int, Tally]:
    """`Tallies.by_wave` alone, added up by the database: a province has thousands of counts, and this is asked after each result."""
    table = tables.tally
    columns = (table.c.wave, table.c.unit, table.c.state)
    query = select(*columns, func.sum(table.c.n).label("n")).where(table.c.rollout == rollout, _SHOWN).group_by(*columns)
    return _tallied((row.wave, row) for row in snapshot.connection.execute(query))


def _tallied(rows: Iterable[tuple[K, Any]]) -> dict[K, Tally]:
    """Rows of counts added up by the group each is given with."""
    found: dict[K, Tally] = {}
    sites: dict[K, dict[str, int]] = {}
    for key, row in rows:
        tally = found.setdefault(key, Tally())
        if row.unit == NOT_REACHED_UNIT:
            cause = Cause(row.state)
            tally.not_reached[cause] = tally.not_reached.get(cause, 0) + row.n
        elif row.unit != "site":
            state = TerminalState(row.state)
            tally.terminals[state] = tally.terminals.get(state, 0) + row.n
            if row.unit == Reach.BY_HAND.value:
                tally.by_hand[state] = tally.by_hand.get(state, 0) + row.n
        elif row.state in {"claimed", "done"}:
            setattr(tally, row.state, getattr(tally, row.state) + row.n)
        else:
            counts = sites.setdefault(key, {})
            name = row.state.replace("-", "_")
            counts[name] = counts.get(name, 0) + row.n
    for key, counts in sites.items():
        found[key].sites = SiteCounts(**counts)
    return found


def sites_since(snapshot: Snapshot, rollout: str, seq: int = -1) -> list[SiteRow]:
    """Sites of a rollout that moved after `seq` (all of them by default), oldest change first."""
    query = _site_query().where(_sites.c.rollout == rollout, _sites.c.seq > seq).order_by(_sites.c.seq, _sites.c.site)
    return [_site_row(row) for row in snapshot.connection.execute(query)]


def read_site_row(snapshot: Snapshot, rollout: str, site: str) -> SiteRow | None:
    """One site's line, or None when the rollout does not hold it."""
    row = snapshot.connection.execute(_site_query().where(_sites.c.rollout == rollout, _sites.c.site == site)).first()
    return _site_row(row) if row else None


def terminals_of_site(snapshot: Snapshot, rollout: str, site: str) -> list[TerminalRow]:
    """A site's terminals as they stand, by id."""
    query = _terminal_query().where(_terminals.c.rollout == rollout, _terminals.c.site == site)
    # Sorted here: asked for them in this order, SQLite walks through every terminal of the rollout.
    return sorted((_terminal_row(row) for row in snapshot.connection.execute(query)), key=lambda row: row.id)


def all_terminals(snapshot: Snapshot, rollout: str) -> Iterable[TerminalRow]:
    """Every terminal of a rollout as it stands, by id; streamed."""
    query = _terminal_query().where(_terminals.c.rollout == rollout).order_by(_terminals.c.terminal)
    with snapshot.connection.execute(query.execution_options(yield_per=1000)) as rows:
        for row in rows:
            yield _terminal_row(row)


def last_causes(snapshot: Snapshot, rollout: str, terminals: Iterable[str]) -> dict[str, Cause]:
    """What the last attempt on each of these terminals ended for; those without one are not there."""
    table, wanted = tables.attempt, list(terminals)
    found: dict[str, Cause] = {}
    for start in range(0, len(wanted), 500):
        of_these = (table.c.rollout == rollout, table.c.terminal.in_(wanted[start : start + 500]))
        query = select(table.c.terminal, table.c.cause).where(*of_these).order_by(table.c.number)
        found |= {row.terminal: Cause(row.cause) for row in snapshot.connection.execute(query)}
    return found


def attempts_of_terminal(snapshot: Snapshot, rollout: str, terminal: str) -> list[AttemptResult]:
    """A terminal's attempts, newest first, with their steps and log."""
    table = tables.attempt
    query = select(table).where(table.c.rollout == rollout, table.c.terminal == terminal).order_by(table.c.number.desc())
    return [noun_of(AttemptResult, row) for row in snapshot.connection.execute(query)]


def bytes_of_rollout(snapshot: Snapshot, rollout: str) -> tuple[int, int]:
    """Payload bytes sent, and bytes saved because terminals had the files."""
    table = tables.attempt
    query = select(func.coalesce(func.sum(table.c.bytes_sent), 0), func.coalesce(func.sum(table.c.bytes_saved), 0)).where(
        table.c.rollout == rollout
    )
    sent, saved = snapshot.connection.execute(query).one()
    return int(sent), int(saved)


def failures(snapshot: Snapshot, rollout: str, limit: int | None = 200) -> list[FailureRow]:
    """Terminals that ended failed, rolled back, unreachable or unknown, the newest first."""
    bad = [TerminalState.FAILED, TerminalState.ROLLED_BACK, TerminalState.UNREACHABLE, TerminalState.UNKNOWN]
    query = (
        select(_terminals, tables.site.c.name.label("site_name"))
        .outerjoin(tables.site, tables.site.c.code == _terminals.c.site)
        .where(_terminals.c.rollout == rollout, _terminals.c.state.in_([state.value for state in bad]))
        .order_by(_terminals.c.seq.desc(), _terminals.c.terminal)
        .limit(limit)
    )
    return [
        FailureRow(
            terminal=row.terminal,
            site=row.site,
            site_name=row.site_name or row.site,
            district=row.district,
            ending=TerminalState(row.state),
            step=row.step,
            cause=Cause(row.cause),
            detail=row.detail,
            at=row.updated_at,
            seq=row.seq,
        )
        for row in snapshot.connection.execute(query)
    ]


def _site_query() -> Select[Any]:
    return (
        select(_sites, tables.site.c.name, tables.assignment.c.technician)
        .outerjoin(tables.site, tables.site.c.code == _sites.c.site)
        .outerjoin(tables.assignment, tables.assignment.c.site == _sites.c.site)
    )


def _site_row(row: Any) -> SiteRow:
    return SiteRow(
        code=row.site,
        name=row.name or row.site,
        kind=SiteKind(row.kind),
        district=row.district,
        wave=row.wave,
        terminals=row.terminals,
        proven=row.proven,
        state=SiteState(row.state),
        claimed=row.claimed,
        done=row.done,
        cause=Cause(row.cause),
        technician=row.technician,
        seq=row.seq,
        updated_at=row.updated_at,
        done_at=row.done_at,
    )


def _terminal_query() -> Select[Any]:
    terminal = tables.terminal
    return select(_terminals, terminal.c.host, terminal.c.port, terminal.c.key_card).outerjoin(
        terminal, terminal.c.id == _terminals.c.terminal
    )


def _terminal_row(row: Any) -> TerminalRow:
    return TerminalRow(
        id=row.terminal,
        reach=Reach(row.reach),
        host=row.host,
        port=row.port or 22,
        key_card=row.key_card,
        state=TerminalState(row.state),
        step=row.step,
        cause=Cause(row.cause),
        detail=row.detail,
        attempts=row.attempts,
        updated_at=row.updated_at,
    )
