"""Does the record hold together? The chain link by link, and the tables against what the events say."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC

from sqlalchemy import func, literal, select

from fleet.model.event import GENESIS, Event, event_hash
from fleet.store import tables
from fleet.store.database import Snapshot
from fleet.store.rows import noun_of
from fleet.text import N_, Message


def read_events(snapshot: Snapshot, after: int = 0, limit: int | None = None) -> Iterator[Event]:
    """Events in order, from the one after seq `after`."""
    query = select(tables.event).where(tables.event.c.seq > after).order_by(tables.event.c.seq).limit(limit)
    for row in snapshot.connection.execute(query.execution_options(yield_per=1000)):
        yield noun_of(Event, row)


def read_head(snapshot: Snapshot) -> tuple[int, str]:
    """Seq and hash of the last event; whoever holds them can tell whether anything before was changed since."""
    query = select(tables.event.c.seq, tables.event.c.hash).order_by(tables.event.c.seq.desc()).limit(1)
    row = snapshot.connection.execute(query).first()
    return (row.seq, row.hash) if row else (0, GENESIS)


def check_chain(snapshot: Snapshot) -> tuple[int, str, list[Message]]:
    """Walk the chain: how many events, the head's hash, and what is wrong (empty when it holds)."""
    count, prev, problems = 0, GENESIS, list[Message]()
    for event in read_events(snapshot):
        count += 1
        at = event.at.astimezone(UTC).isoformat(timespec="microseconds")
        right = event_hash(
            prev, count, at, kind=event.kind, subject=event.subject, actor=event.actor, on_behalf=event.on_behalf, body=event.body
        )
        if event.seq != count:
            problems.append(N_("event {seq} is missing", seq=count))
            return count, prev, problems
        if event.prev != prev or event.hash != right:
            problems.append(N_("event {seq} ({kind}) was changed", seq=event.seq, kind=event.kind))
            return count, prev, problems
        prev = event.hash
    return count, prev, problems


def check_tables(snapshot: Snapshot, rollout: str) -> list[Message]:
    """Hold the tables that views read against the rows and events they come from; what differs."""
    return [*_check_endings(snapshot, rollout), *_check_tallies(snapshot, rollout)]


def _check_endings(snapshot: Snapshot, rollout: str) -> Iterator[Message]:
    """The last attempt that the events record for a terminal is the one its row counts."""
    last: dict[str, int] = {}
    for event in read_events(snapshot):
        if event.kind == "attempt.ended" and event.body.get("rollout") == rollout:
            last[event.subject] = event.body["number"]
    for row in snapshot.connection.execute(select(tables.terminal_progress).where(tables.terminal_progress.c.rollout == rollout)):
        if row.attempts != last.get(row.terminal, 0):
            yield N_(
                "terminal {terminal} counts {shown} attempts, the events {recorded}",
                terminal=row.terminal,
                shown=row.attempts,
                recorded=last.get(row.terminal, 0),
            )


def _check_tallies(snapshot: Snapshot, rollout: str) -> Iterator[Message]:
    """The counters kept by the writer are what counting gives."""
    kept: Counter[tuple[str, str]] = Counter()
    for row in snapshot.connection.execute(select(tables.tally).where(tables.tally.c.rollout == rollout)):
        kept[row.unit, row.state] += row.n
    counted: Counter[tuple[str, str]] = Counter()
    sites, terminals = tables.site_progress, tables.terminal_progress
    query_sites = select(literal("site").label("unit"), sites.c.state, func.count().label("n")).where(sites.c.rollout == rollout)
    query_terminals = select(terminals.c.reach.label("unit"), terminals.c.state, func.count().label("n")).where(
        terminals.c.rollout == rollout
    )
    for query in (query_sites.group_by(sites.c.state), query_terminals.group_by(terminals.c.reach, terminals.c.state)):
        counted |= Counter({(row.unit, row.state): row.n for row in snapshot.connection.execute(query)})
    for name in ("claimed", "done"):
        column = tables.site_progress.c[name]
        query_marked = select(func.count()).where(tables.site_progress.c.rollout == rollout, column.is_(True))
        counted["site", name] = snapshot.connection.execute(query_marked).scalar_one()
    for (unit, state), n in sorted((kept - counted | counted - kept).items()):
        del n
        yield N_(
            "the counter {unit} / {state} says {kept}, counting gives {counted}",
            unit=unit,
            state=state,
            kept=kept[unit, state],
            counted=counted[unit, state],
        )
