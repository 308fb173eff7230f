"""How far each terminal and site is. Every change goes through here, so that counters and views are right without counting.

- A terminal's new state, the attempt's row, the event, the site's state and the tallies are written in one transaction.
- A site's row is worked out again from its terminals' rows each time one of them moves.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table, insert, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from fleet.model.attempt import ENDINGS, LIVE_CAUSES, MAYBE_LIVE, NOT_REACHED, PROVEN, AttemptResult, Cause, TerminalState
from fleet.model.fingerprint import fingerprint_of
from fleet.model.inventory import Reach
from fleet.model.playbook import DoneWhen
from fleet.model.purpose import Errand
from fleet.model.rollout import SiteState, site_state
from fleet.store import tables
from fleet.store.caps import cap_steps
from fleet.store.database import Snapshot, Tx
from fleet.store.failures import count_moved, fingerprint_of_result
from fleet.store.rows import row_of
from fleet.store.written import Key, rows_written

_terminals = tables.terminal_progress
_sites = tables.site_progress
NOT_REACHED_UNIT = "not-reached"
WORKER_LOST = "worker-lost"
"""Why a terminal is put back that a push may have begun on."""
_NOT_REACHED = frozenset(cause.value for cause in NOT_REACHED)


def mark_running(tx: Tx, rollout: str, terminals: Iterable[str], cause: Cause = Cause.NONE) -> None:
    """These terminals are being pushed to now; `cause` is why, where they are only asked how their last attempt ended."""
    ids = list(terminals)
    fresh = {"step": "", "cause": cause.value, "detail": "", "due_at": None}
    written = move(tx, rollout, dict.fromkeys(ids, TerminalState.RUNNING), fresh | {"down": True})
    tx.event("push.began", rollout, {"terminals": ids} | rows_written(tx, written))


def put_back(tx: Tx, rollout: str, terminals: Iterable[str], reason: str, *, untouched: bool = False, afresh: bool = False) -> None:
    """These terminals are to be pushed (again), for what they were to be pushed for: a retry, or a worker that died over them.

    What is down stays so until then, unless it was `untouched`: its push never began, and nothing was down before. `afresh`: their tries
    are counted from the beginning, because a person wants it.
    """
    again: dict[str, Any] = {"due_at": None} | ({"tries": None} if afresh else {}) | ({"down": False} if untouched else {})
    ids = list(terminals)
    rows = {row.terminal: row for row in rows_of_terminals(tx, rollout, ids)}
    back = {name for name, row in rows.items() if row.errand is not None}
    missed = {name for name, row in rows.items() if is_missed(row.state, row.cause)} - back
    lost = {"cause": Cause.ORCHESTRATOR_LOST.value} if reason == WORKER_LOST else {}
    for kind, state, moved, values in (
        ("terminal.put-back", TerminalState.NOT_STARTED, rows.keys() - back - missed, lost),
        ("terminal.put-back", TerminalState.NOT_STARTED, missed, {"cause": Cause.NONE.value}),
        ("terminal.going-back", TerminalState.GOING_BACK, back, lost),
    ):
        if moved:
            written = move(tx, rollout, dict.fromkeys(sorted(moved), state), again | values)
            tx.event(kind, rollout, {"terminals": sorted(moved), "reason": reason} | rows_written(tx, written))


def exclude(tx: Tx, rollout: str, terminals: Iterable[str]) -> None:
    """These terminals are left out of the rollout; the decision names who and why."""
    ids = list(terminals)
    written = move(tx, rollout, dict.fromkeys(ids, TerminalState.EXCLUDED), {"down": False, "due_at": None})
    tx.event("terminal.excluded", rollout, {"terminals": ids} | rows_written(tx, written))


def record_result(tx: Tx, rollout: str, result: AttemptResult, kept: Mapping[str, Any] | None = None) -> None:
    """Store how an attempt ended; the attempt is history and is never overwritten. `kept`: what its terminal's row keeps of its tries."""
    fingerprint = fingerprint_of_result(tx, result)
    tx.connection.execute(insert(tables.attempt).values(row_of(tables.attempt, result, rollout=rollout, fingerprint=fingerprint)))
    said: dict[str, Any] = {"step": result.step, "cause": result.cause.value, "detail": result.detail, "fingerprint": fingerprint}
    more = said | {"attempts": result.number}
    more["down"] = result.leaves_down
    more |= kept or {}
    written = move(tx, rollout, {result.terminal: result.ending}, more)
    written[tables.attempt] = {(rollout, result.terminal, result.number)}
    body = {
        "rollout": rollout,
        "number": result.number,
        "ending": result.ending.value,
        "in_place": result.in_place,
        "step": result.step,
        "cause": result.cause.value,
        "bytes_sent": result.bytes_sent,
        "bytes_saved": result.bytes_saved,
    }
    tx.event("attempt.ended", result.terminal, body | rows_written(tx, written))


def record_self_tests(tx: Tx, rollout: str, passed: Mapping[str, bool], notes: Mapping[str, str] | None = None) -> None:
    """Store what a technician's own tests of by-hand terminals came to: proven, or failed with the technician's note."""
    fresh = {"step": "", "cause": Cause.NONE.value, "detail": "", "down": False, "due_at": None, "unreachable_since": None}
    written = move(tx, rollout, {terminal: TerminalState.SELF_TESTED for terminal, ok in passed.items() if ok}, fresh)
    for terminal in (terminal for terminal, ok in passed.items() if not ok):
        group = fingerprint_of(TerminalState.FAILED, Cause.SELF_TEST, "", "")
        why = {"cause": Cause.SELF_TEST.value, "detail": (notes or {}).get(terminal, ""), "fingerprint": group}
        for table, keys in move(tx, rollout, {terminal: TerminalState.FAILED}, fresh | why).items():
            written[table] |= keys
    tx.event("terminal.self-tested", rollout, {"passed": dict(passed)} | rows_written(tx, written))


def record_mark(tx: Tx, rollout: str, site: str, *, marked: bool) -> None:
    """Store a technician's mark for a site, or take it back."""
    row = tx.connection.execute(select(_sites).where(_sites.c.rollout == rollout, _sites.c.site == site)).one()
    _refresh_site(tx, rollout, site, done_when=read_done_when(tx, rollout), claimed=marked, row=row)
    written = rows_written(tx, {_sites: [(rollout, site)]})
    tx.event("site.marked" if marked else "site.unmarked", site, {"rollout": rollout} | written)


def attempts_of(snapshot: Snapshot, rollout: str, terminals: Iterable[str]) -> dict[str, int]:
    """How many attempts each of these terminals has had in the rollout."""
    return {row.terminal: row.attempts for row in rows_of_terminals(snapshot, rollout, terminals)}


def states_of(snapshot: Snapshot, rollout: str, terminals: Iterable[str]) -> dict[str, TerminalState]:
    """The state of each of these terminals in the rollout."""
    return {row.terminal: TerminalState(row.state) for row in rows_of_terminals(snapshot, rollout, terminals)}


def reaches_of(snapshot: Snapshot, rollout: str, terminals: Iterable[str]) -> dict[str, Reach]:
    """How each of these terminals is reached in the rollout."""
    return {row.terminal: Reach(row.reach) for row in rows_of_terminals(snapshot, rollout, terminals)}


def states_of_sites(snapshot: Snapshot, rollout: str, sites: Iterable[str]) -> dict[str, dict[str, TerminalState]]:
    """Site -> terminal id -> state, of the terminals reached by SSH; without those that no window lets start any more."""
    found: dict[str, dict[str, TerminalState]] = {}
    wanted = list(sites)
    for start in range(0, len(wanted), 500):
        query = select(_terminals.c.site, _terminals.c.terminal, _terminals.c.state, _terminals.c.cause).where(
            _terminals.c.rollout == rollout, _terminals.c.site.in_(wanted[start : start + 500]), _terminals.c.reach == Reach.SSH.value
        )
        for row in (row for row in snapshot.connection.execute(query) if not is_missed(row.state, row.cause)):
            found.setdefault(row.site, {})[row.terminal] = TerminalState(row.state)
    return found


def site_states(snapshot: Snapshot, rollout: str, sites: Iterable[str]) -> dict[str, SiteState]:
    """The state of each of these sites in the rollout."""
    found: dict[str, SiteState] = {}
    wanted = list(sites)
    for start in range(0, len(wanted), 500):
        query = select(_sites.c.site, _sites.c.state).where(_sites.c.rollout == rollout, _sites.c.site.in_(wanted[start : start + 500]))
        found |= {row.site: SiteState(row.state) for row in snapshot.connection.execute(query)}
    return found


def districts_of(snapshot: Snapshot, rollout: str, wave: int) -> dict[str, str]:
    """Site -> district, for the sites of a wave, as they were when the rollout started."""
    query = select(_sites.c.site, _sites.c.district).where(_sites.c.rollout == rollout, _sites.c.wave == wave)
    return {row.site: row.district for row in snapshot.connection.execute(query)}


def districts_of_rollout(snapshot: Snapshot, rollout: str) -> set[str]:
    """The districts a rollout has a site in, as they were when it started."""
    return set(snapshot.connection.execute(select(tables.tally.c.district).where(tables.tally.c.rollout == rollout).distinct()).scalars())


def collectable(snapshot: Snapshot, rollout: str, terminals: Iterable[str]) -> set[str]:
    """Of these unknown terminals, the ones whose program may tell how their last attempt ended, once it is asked."""
    last = tuple_(tables.attempt.c.terminal, tables.attempt.c.number)
    pairs = list(attempts_of(snapshot, rollout, terminals).items())
    found: set[str] = set()
    for start in range(0, len(pairs), 200):
        query = select(tables.attempt.c.terminal).where(
            tables.attempt.c.rollout == rollout, tables.attempt.c.may_still_tell, last.in_(pairs[start : start + 200])
        )
        found |= set(snapshot.connection.execute(query).scalars())
    return found


def last_endings(snapshot: Snapshot, rollout: str, terminals: Iterable[str]) -> dict[str, TerminalState]:
    """How the last attempt of each of these terminals ended, for those that had one."""
    table = tables.attempt
    found: dict[str, TerminalState] = {}
    wanted = list(terminals)
    for start in range(0, len(wanted), 500):
        query = (
            select(table.c.terminal, table.c.ending)
            .where(table.c.rollout == rollout, table.c.terminal.in_(wanted[start : start + 500]))
            .order_by(table.c.number)
        )
        found |= {row.terminal: TerminalState(row.ending) for row in snapshot.connection.execute(query)}
    return found


def may_be_live(snapshot: Snapshot, rollout: str, terminals: Iterable[str]) -> list[str]:
    """Of these terminals, the ones that may be on the new release, or are being pushed to; not those done by hand."""
    return [row.terminal for row in rows_of_terminals(snapshot, rollout, terminals) if row.reach == Reach.SSH.value and is_maybe_live(row)]


def is_maybe_live(row: Any) -> bool:
    """Whether the new release may be live on a terminal, by its row; where only a rehearsal is to take it back, it is."""
    state, cause = TerminalState(row.state), Cause(row.cause)
    rehearses = state is TerminalState.GOING_BACK and row.errand == Errand.REHEARSAL.value
    return rehearses or state in MAYBE_LIVE or (state is TerminalState.FAILED and cause in LIVE_CAUSES)


def places_of(snapshot: Snapshot, rollout: str, sites: Iterable[str]) -> list[tuple[int, str, str]]:
    """(wave, district, site) of each of these sites, as they were when the rollout started."""
    wanted = list(sites)
    found: list[tuple[int, str, str]] = []
    for start in range(0, len(wanted), 500):
        query = select(_sites.c.wave, _sites.c.district, _sites.c.site).where(
            _sites.c.rollout == rollout, _sites.c.site.in_(wanted[start : start + 500])
        )
        found.extend((row.wave, row.district, row.site) for row in snapshot.connection.execute(query))
    return found


def terminals_of_wave(snapshot: Snapshot, rollout: str, wave: int) -> list[str]:
    """Ids of every terminal of a wave, those done by hand too."""
    query = select(_terminals.c.terminal).where(_terminals.c.rollout == rollout, _terminals.c.wave == wave)
    return [row.terminal for row in snapshot.connection.execute(query.order_by(_terminals.c.terminal))]


def terminals_in(snapshot: Snapshot, rollout: str, states: Iterable[TerminalState], wave: int | None = None) -> list[str]:
    """Ids of the rollout's terminals reached by SSH that are in one of these states, all waves or one."""
    query = select(_terminals.c.terminal).where(
        _terminals.c.rollout == rollout, _terminals.c.state.in_([state.value for state in states]), _terminals.c.reach == Reach.SSH.value
    )
    if wave is not None:
        query = query.where(_terminals.c.wave == wave)
    return [row.terminal for row in snapshot.connection.execute(query)]


@dataclass(slots=True)
class Standing:
    """A site as its terminals make it."""

    states: dict[TerminalState, int] = field(default_factory=dict)
    by_hand_open: int = 0
    down: bool = False
    """One of its terminals is down."""
    causes: dict[TerminalState, str] = field(default_factory=dict)
    """State -> why its first terminal (by id) is there."""

    @property
    def state(self) -> SiteState:
        """Where the site stands."""
        return site_state(self.states, self.by_hand_open)

    @property
    def terminals(self) -> int:
        """How many terminals the site has in the rollout."""
        return sum(self.states.values())

    @property
    def proven(self) -> int:
        """How many of them have evidence that they are on the new release."""
        return sum(n for state, n in self.states.items() if state in PROVEN)

    @property
    def cause(self) -> str:
        """Why the site did not end well: the cause of the terminal that speaks for it."""
        worst = self.state
        told = ((state, cause) for state, cause in self.causes.items() if state.value == worst.value)
        return next((cause for state, cause in told if state in ENDINGS or is_missed(state.value, cause)), Cause.NONE.value)


def read_standings(snapshot: Snapshot, rollout: str, site: str | None = None) -> dict[str, Standing]:
    """Every site of a rollout, or one, worked out from its terminals' rows."""
    columns = (_terminals.c.terminal, _terminals.c.site, _terminals.c.state, _terminals.c.reach, _terminals.c.cause, _terminals.c.down)
    query = select(*columns).where(_terminals.c.rollout == rollout)
    if site is not None:
        query = query.where(_terminals.c.site == site)
    found: dict[str, Standing] = {}
    # Sorted here: asked for one site in this order, SQLite walks through every terminal of the rollout to have it.
    for row in sorted(snapshot.connection.execute(query), key=lambda row: row.terminal):
        standing = found.setdefault(row.site, Standing())
        state = TerminalState(row.state)
        standing.states[state] = standing.states.get(state, 0) + 1
        standing.by_hand_open += state is TerminalState.NOT_STARTED and row.reach == Reach.BY_HAND.value
        standing.down = standing.down or bool(row.down)
        if standing.causes.get(state, Cause.NONE.value) == Cause.NONE.value:
            standing.causes[state] = row.cause
    return found


def is_done(state: SiteState, claimed: bool, done_when: Iterable[DoneWhen]) -> bool:
    """Whether everything the plan asks for is there."""
    evidence = {DoneWhen.MACHINE: state is SiteState.UPGRADED, DoneWhen.MARK: claimed}
    return all(evidence[part] for part in done_when)


def read_done_when(snapshot: Snapshot, rollout: str) -> tuple[DoneWhen, ...]:
    """The evidence a site of this rollout needs before it is done."""
    parts = snapshot.connection.execute(select(tables.rollout.c.done_when).where(tables.rollout.c.id == rollout)).scalar_one()
    return tuple(DoneWhen(part) for part in parts)


def rows_of_terminals(snapshot: Snapshot, rollout: str, terminals: Iterable[str]) -> list[Any]:
    """The rows of these terminals, for the modules beside this one."""
    ids = list(terminals)
    rows: list[Any] = []
    for start in range(0, len(ids), 500):
        query = select(_terminals).where(_terminals.c.rollout == rollout, _terminals.c.terminal.in_(ids[start : start + 500]))
        rows.extend(snapshot.connection.execute(query))
    return rows


def move(tx: Tx, rollout: str, states: Mapping[str, TerminalState], values: dict[str, Any]) -> dict[Table, set[Key]]:
    """Give terminals their new states, then bring their sites and the tallies in line; returns which rows the next event is to name."""
    rows = rows_of_terminals(tx, rollout, states)
    values = {"fingerprint": None} | values
    kinds = _kinds(tx, rollout, {row.site for row in rows})
    for state in set(states.values()):
        ids = [terminal for terminal, new in states.items() if new is state]
        for start in range(0, len(ids), 500):
            where = (_terminals.c.rollout == rollout, _terminals.c.terminal.in_(ids[start : start + 500]))
            tx.connection.execute(update(_terminals).where(*where).values(state=state.value, seq=tx.next_seq, updated_at=tx.at, **values))
    steps: dict[tuple[str, int, str, str, str], int] = {}
    for row in rows:
        new, place = states[row.terminal].value, (row.wave, row.district, kinds[row.site].kind)
        if new != row.state:
            steps[(row.reach, *place, row.state)] = steps.get((row.reach, *place, row.state), 0) - 1
            steps[(row.reach, *place, new)] = steps.get((row.reach, *place, new), 0) + 1
        for (at, cause), step in (((row.state, row.cause), -1), ((new, values.get("cause", row.cause)), 1)):
            if is_missed(at, cause):
                key = (NOT_REACHED_UNIT, *place, cause)
                steps[key] = steps.get(key, 0) + step
    count_steps(tx, rollout, steps)
    count_moved(tx, rollout, rows, values["fingerprint"])
    done_when = read_done_when(tx, rollout)
    for site, row in kinds.items():
        _refresh_site(tx, rollout, site, done_when=done_when, claimed=row.claimed, row=row)
    return {_terminals: {(rollout, row.terminal) for row in rows}, _sites: {(rollout, site) for site in kinds}}


def is_missed(state: str, cause: str) -> bool:
    """Whether a terminal has not started, and no window will let it."""
    return state == TerminalState.NOT_STARTED.value and cause in _NOT_REACHED


def _kinds(tx: Tx, rollout: str, sites: set[str]) -> dict[str, Any]:
    wanted = sorted(sites)
    found: dict[str, Any] = {}
    for start in range(0, len(wanted), 500):
        query = select(_sites).where(_sites.c.rollout == rollout, _sites.c.site.in_(wanted[start : start + 500]))
        found |= {row.site: row for row in tx.connection.execute(query)}
    return found


def _refresh_site(tx: Tx, rollout: str, site: str, *, done_when: tuple[DoneWhen, ...], claimed: bool, row: Any) -> None:
    """Work a site's row out again from its terminals; tallies move with it."""
    standing = read_standings(tx, rollout, site)[site]
    new = standing.state
    done = is_done(new, claimed, done_when)
    tx.connection.execute(
        update(_sites)
        .where(_sites.c.rollout == rollout, _sites.c.site == site)
        .values(
            state=new.value,
            proven=standing.proven,
            claimed=claimed,
            done=done,
            done_at=(row.done_at or tx.at) if done else None,
            cause=standing.cause,
            down=standing.down,
            seq=tx.next_seq,
            updated_at=tx.at,
        )
    )
    place = ("site", row.wave, row.district, row.kind)
    steps: dict[tuple[str, int, str, str, str], int] = {}
    if new.value != row.state:
        steps[(*place, row.state)] = -1
        steps[(*place, new.value)] = 1
    if claimed != row.claimed:
        steps[(*place, "claimed")] = 1 if claimed else -1
    if done != row.done:
        steps[(*place, "done")] = 1 if done else -1
    steps |= cap_steps(row, new, standing.cause, down=standing.down)
    count_steps(tx, rollout, steps)


def count_steps(tx: Tx, rollout: str, steps: Mapping[tuple[str, int, str, str, str], int]) -> None:
    """Add to the tallies; a tally that is not there yet begins at 0."""
    rows = [
        {"rollout": rollout, "unit": unit, "wave": wave, "district": district, "kind": kind, "state": state, "n": n}
        for (unit, wave, district, kind, state), n in steps.items()
        if n
    ]
    if not rows:
        return
    dialect = postgresql if tx.connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(tables.tally)
    keys = [column.name for column in tables.tally.primary_key.columns]
    tx.connection.execute(statement.on_conflict_do_update(index_elements=keys, set_={"n": tables.tally.c.n + statement.excluded.n}), rows)
