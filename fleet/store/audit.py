"""Does the record hold together? The chain link by link, the rows against their digests, the tables against what the events say.

What somebody wrote into the database may make no sense at all, so whatever cannot be read is a finding, too.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, func, literal, select, true

from fleet.errors import FleetError
from fleet.model.attempt import NOT_REACHED, TerminalState
from fleet.model.event import GENESIS, Event, event_hash
from fleet.store import tables
from fleet.store.caps import COUNTED, down_places
from fleet.store.database import Snapshot
from fleet.store.failures import count_groups_anew, kept_groups
from fleet.store.progress import NOT_REACHED_UNIT, Standing, is_done, read_done_when, read_standings
from fleet.store.releases import read_plan
from fleet.store.rollouts import rollout_ids
from fleet.store.rows import noun_of
from fleet.store.written import BY_ROW, NO_ROWS, WHOLE, all_rows, table_digest
from fleet.text import N_, Message

_terminals = tables.terminal_progress
_sites = tables.site_progress
_UNREADABLE = (ValueError, TypeError, LookupError)
"""What reading raises over a value that this program did not write."""


def read_events(snapshot: Snapshot, after: int = 0, limit: int | None = None) -> Iterator[Event]:
    """Events in order, from the one after seq `after`."""
    query = select(tables.event).where(tables.event.c.seq > after).order_by(tables.event.c.seq).limit(limit)
    with snapshot.connection.execute(query.execution_options(yield_per=1000)) as rows:
        for row in rows:
            yield noun_of(Event, row)


def read_head(snapshot: Snapshot) -> tuple[int, str]:
    """Seq and hash of the last event; whoever holds them can tell whether anything before was changed since."""
    query = select(tables.event.c.seq, tables.event.c.hash).order_by(tables.event.c.seq.desc()).limit(1)
    row = snapshot.connection.execute(query).first()
    return (row.seq, row.hash) if row else (0, GENESIS)


def who(snapshot: Snapshot, kind: str, subject: str) -> set[str]:
    """Who did this to that, by the events: person codes, those on whose behalf it was done too."""
    query = select(tables.event.c.actor, tables.event.c.on_behalf).where(tables.event.c.subject == subject, tables.event.c.kind == kind)
    return {code for row in snapshot.connection.execute(query) for code in row if code}


def check_chain(snapshot: Snapshot) -> tuple[int, str, list[Message]]:
    """Walk the chain: how many events, the head's hash, and what is wrong (empty when it holds)."""
    count, prev, problems = 0, GENESIS, list[Message]()
    events = read_events(snapshot)
    while True:
        try:
            event = next(events, None)
        except _UNREADABLE:
            problems.append(N_("an event after event {seq} cannot be read", seq=count))
            return count, prev, problems
        if event is None:
            return count, prev, problems
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


def check_record(snapshot: Snapshot) -> tuple[int, str, list[Message]]:
    """Everything: the chain, and where it holds every row and every rollout; like `check_chain`."""
    count, head, problems = check_chain(snapshot)
    if not problems:
        problems += check_rows(snapshot)
        for rollout in rollout_ids(snapshot):
            problems += check_tables(snapshot, rollout)
    return count, head, problems


def check_rows(snapshot: Snapshot) -> list[Message]:
    """Hold every row against the newest event that names it; what was changed, removed or put there by hand."""
    told = _Written()
    for event in read_events(snapshot):
        for table, rows in event.body.get("rows", {}).items():
            told.rows.setdefault(table, {}).update({key: (digest, event.seq) for key, digest in rows.items()})
        told.tables |= {table: (digest, event.seq) for table, digest in event.body.get("tables", {}).items()}
    return [*_check_rows(snapshot, told), *_check_whole(snapshot, told)]


@dataclass(slots=True)
class _Written:
    """Digests of what the events wrote, the newest of each, with the event's seq."""

    rows: dict[str, dict[str, tuple[str, int]]] = field(default_factory=dict)
    tables: dict[str, tuple[str, int]] = field(default_factory=dict)


def _check_rows(snapshot: Snapshot, told: _Written) -> Iterator[Message]:
    for table in BY_ROW:
        expected = told.rows.get(table.name, {})
        found = dict(all_rows(snapshot, table))
        for key in sorted(expected.keys() | found.keys()):
            digest, seq = expected.get(key, ("", 0))
            if key not in expected:
                yield N_("{table}: no event wrote the row `{key}`", table=table.name, key=key)
            elif key not in found:
                yield N_("{table}: the row `{key}` of event {seq} is missing", table=table.name, key=key, seq=seq)
            elif found[key] != digest:
                yield N_("{table}: the row `{key}` was changed after event {seq}", table=table.name, key=key, seq=seq)


def _check_whole(snapshot: Snapshot, told: _Written) -> Iterator[Message]:
    for table in WHOLE:
        digest, seq = told.tables.get(table.name, (NO_ROWS, 0))
        if table_digest(snapshot, table) != digest:
            yield N_("{table}: the rows were changed after event {seq}", table=table.name, seq=seq)


def check_tables(snapshot: Snapshot, rollout: str) -> list[Message]:
    """Derive a rollout's tables again, terminals and marks from the events, sites and counters from those; what differs.

    The plan that the rollout names has to be there, whole.
    """
    told = _listen(snapshot, rollout)
    parts = (_check_plan(snapshot, rollout), _check_terminals(snapshot, rollout, told), _check_sites(snapshot, rollout, told))
    return list(_as_far_as_readable(chain(*parts, _check_tallies(snapshot, rollout), _check_failures(snapshot, rollout)), rollout))


def _as_far_as_readable(problems: Iterable[Message], rollout: str) -> Iterator[Message]:
    try:
        yield from problems
    except _UNREADABLE:
        yield N_("rollout {rollout}: some of its rows cannot be read", rollout=rollout)


def _check_plan(snapshot: Snapshot, rollout: str) -> Iterator[Message]:
    table = tables.rollout.c
    digest = snapshot.connection.execute(select(table.plan_digest).where(table.id == rollout)).scalar_one()
    try:
        read_plan(snapshot, digest)
    except FleetError as error:
        yield error.what


@dataclass(slots=True)
class _Told:
    """What the events of one rollout say."""

    states: dict[str, TerminalState] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    marks: dict[str, bool] = field(default_factory=dict)


_MOVES = {
    "push.began": TerminalState.RUNNING,
    "terminal.put-back": TerminalState.NOT_STARTED,
    "terminal.going-back": TerminalState.GOING_BACK,
    "terminal.unheard": TerminalState.UNKNOWN,
    "terminal.excluded": TerminalState.EXCLUDED,
    "terminal.made-by-hand": TerminalState.NOT_STARTED,
}


def _listen(snapshot: Snapshot, rollout: str) -> _Told:
    told = _Told()
    for event in read_events(snapshot):
        body = event.body
        if event.subject == rollout and event.kind in _MOVES:
            told.states |= dict.fromkeys(body["terminals"], _MOVES[event.kind])
        elif event.subject == rollout and event.kind == "terminal.as-before":
            told.states |= {terminal: TerminalState(ending) for terminal, ending in body["terminals"].items()}
        elif event.subject == rollout and event.kind == "terminal.self-tested":
            told.states |= {
                terminal: TerminalState.SELF_TESTED if passed else TerminalState.FAILED for terminal, passed in body["passed"].items()
            }
        elif event.kind == "attempt.ended" and body["rollout"] == rollout:
            told.states[event.subject] = TerminalState(body["ending"])
            told.attempts[event.subject] = body["number"]
        elif event.kind in {"site.marked", "site.unmarked"} and body["rollout"] == rollout:
            told.marks[event.subject] = event.kind == "site.marked"
    return told


def _check_terminals(snapshot: Snapshot, rollout: str, told: _Told) -> Iterator[Message]:
    query = select(_terminals).where(_terminals.c.rollout == rollout).order_by(_terminals.c.terminal)
    for row in snapshot.connection.execute(query):
        attempts, state = told.attempts.get(row.terminal, 0), told.states.get(row.terminal, TerminalState.NOT_STARTED)
        if row.attempts != attempts:
            yield N_(
                "terminal {terminal} counts {shown} {shown:attempt|attempts}, the events {recorded}",
                terminal=row.terminal,
                shown=row.attempts,
                recorded=attempts,
            )
        if row.state != state.value:
            yield N_(
                "terminal {terminal} stands at {shown}, the events say {recorded}",
                terminal=row.terminal,
                shown=row.state,
                recorded=state.value,
            )


def _check_sites(snapshot: Snapshot, rollout: str, told: _Told) -> Iterator[Message]:
    done_when = read_done_when(snapshot, rollout)
    standings = read_standings(snapshot, rollout)
    query = select(_sites).where(_sites.c.rollout == rollout).order_by(_sites.c.site)
    for row in snapshot.connection.execute(query):
        standing = standings.get(row.site, Standing())
        claimed = told.marks.get(row.site, False)
        right = (standing.state.value, standing.terminals, standing.proven, claimed, is_done(standing.state, claimed, done_when))
        if (row.state, row.terminals, row.proven, row.claimed, row.done) != right or bool(row.down) != standing.down:
            yield N_("site {site} is not what its terminals and marks make it", site=row.site)


def _check_tallies(snapshot: Snapshot, rollout: str) -> Iterator[Message]:
    """The counters kept by the writer are what counting gives, for every wave, district and kind."""
    kept = {tuple(row)[:-1]: row.n for row in snapshot.connection.execute(_kept_counters(rollout)) if row.n}
    counted = {tuple(row)[:-1]: row.n for query in _counting(rollout) for row in snapshot.connection.execute(query)}
    counted |= _down_counted(snapshot, rollout)
    for place in sorted(place for place in kept.keys() | counted.keys() if kept.get(place, 0) != counted.get(place, 0)):
        wave, district, kind, unit, state = place
        yield N_(
            "the counter {unit} / {state} of wave {wave}, {district}, {kind} says {kept}, counting gives {counted}",
            unit=unit,
            state=state,
            wave=wave,
            district=district,
            kind=kind,
            kept=kept.get(place, 0),
            counted=counted.get(place, 0),
        )


def _is_missed() -> ColumnElement[bool]:
    causes = [cause.value for cause in NOT_REACHED]
    return and_(_terminals.c.state == TerminalState.NOT_STARTED.value, _terminals.c.cause.in_(causes))


def _down_counted(snapshot: Snapshot, rollout: str) -> dict[tuple[Any, ...], int]:
    query = select(_sites.c.limits).where(_sites.c.rollout == rollout, _sites.c.down)
    places = (place for limits in snapshot.connection.execute(query).scalars() for place in down_places(limits))
    return dict(Counter((wave, district, kind, unit, state) for unit, wave, district, kind, state in places))


def _check_failures(snapshot: Snapshot, rollout: str) -> Iterator[Message]:
    """The failures by cause that the writer keeps are what counting gives."""
    kept, counted = kept_groups(snapshot, rollout), count_groups_anew(snapshot, rollout)
    for fingerprint, district in sorted(key for key in kept.keys() | counted.keys() if kept.get(key) != counted.get(key)):
        yield N_("the failures {fingerprint} in {district} are not what counting gives", fingerprint=fingerprint, district=district)


def _kept_counters(rollout: str) -> Select[Any]:
    tally = tables.tally.c
    return select(tally.wave, tally.district, tally.kind, tally.unit, tally.state, tally.n).where(tally.rollout == rollout)


def _counting(rollout: str) -> Iterator[Select[Any]]:
    place = (_sites.c.wave, _sites.c.district, _sites.c.kind)
    both = _sites.join(_terminals, and_(_terminals.c.rollout == _sites.c.rollout, _terminals.c.site == _sites.c.site))
    counted: tuple[tuple[Any, Any, FromClause, ColumnElement[bool]], ...] = (
        (literal("site"), _sites.c.state, _sites, true()),
        (literal("site"), literal("claimed"), _sites, _sites.c.claimed.is_(True)),
        (literal("site"), literal("done"), _sites, _sites.c.done.is_(True)),
        (_terminals.c.reach, _terminals.c.state, both, true()),
        (literal(NOT_REACHED_UNIT), _terminals.c.cause, both, _is_missed()),
        (literal("cause"), _sites.c.cause, _sites, _sites.c.state.in_(COUNTED)),
    )
    for unit, state, source, condition in counted:
        named = (unit.label("unit"), state.label("state"))
        query = select(*place, *named, func.count().label("n")).select_from(source).where(_sites.c.rollout == rollout, condition)
        yield query.group_by(*place, *named)
