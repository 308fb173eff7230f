"""Terminals that are to be taken back: what a push to one is for, where it is not what the rollout is for.

A terminal's errand stands from the decision until the old release is live again, so that a retry, a lost worker and a restart go on with
the same thing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, select, update

from fleet.model.attempt import AttemptResult, TerminalState
from fleet.model.inventory import Reach
from fleet.model.purpose import Errand
from fleet.store import tables
from fleet.store.database import Snapshot, Tx
from fleet.store.progress import move, states_of
from fleet.store.rows import noun_of
from fleet.store.written import rows_written

_terminals = tables.terminal_progress
_CHUNK = 500


def send_back(tx: Tx, rollout: str, terminals: Iterable[str], errand: Errand) -> None:
    """These terminals wait to be taken back; one that is being pushed to now does so once that has ended."""
    states = states_of(tx, rollout, terminals)
    _set_errand(tx, rollout, states, errand)
    waiting = [name for name, state in states.items() if state is not TerminalState.RUNNING]
    written = move(tx, rollout, dict.fromkeys(waiting, TerminalState.GOING_BACK), {})
    written[_terminals] = {(rollout, name) for name in states}
    body = {"terminals": sorted(waiting), "later": sorted(states.keys() - set(waiting)), "errand": errand.value}
    tx.event("terminal.going-back", rollout, body | rows_written(tx, written))


def settle(tx: Tx, rollout: str, terminal: str) -> None:
    """Nothing special is wanted of the terminal any more."""
    _set_errand(tx, rollout, [terminal], None)
    tx.event("terminal.settled", rollout, {"terminals": [terminal]} | rows_written(tx, {_terminals: [(rollout, terminal)]}))


def errands_of(snapshot: Snapshot, rollout: str, terminals: Iterable[str]) -> dict[str, Errand]:
    """What a push to these terminals is for; those of which nothing special is wanted are not there."""
    found: dict[str, Errand] = {}
    wanted = list(terminals)
    for start in range(0, len(wanted), _CHUNK):
        query = select(_terminals.c.terminal, _terminals.c.errand).where(
            _terminals.c.rollout == rollout,
            _terminals.c.terminal.in_(wanted[start : start + _CHUNK]),
            _terminals.c.errand.is_not(None),
        )
        found |= {row.terminal: Errand(row.errand) for row in snapshot.connection.execute(query)}
    return found


def wanted_back(snapshot: Snapshot, rollout: str, terminals: Iterable[str]) -> set[str]:
    """Of these terminals, those that a person wants taken back: that waits for no window, and goes on where nothing is upgraded."""
    return {name for name, errand in errands_of(snapshot, rollout, terminals).items() if errand is Errand.ROLLBACK}


def in_rehearsal(snapshot: Snapshot, rollout: str, terminals: Iterable[str]) -> set[str]:
    """Of these terminals, those on which the way back is to be rehearsed."""
    return {name for name, errand in errands_of(snapshot, rollout, terminals).items() if errand is Errand.REHEARSAL}


def last_errands(snapshot: Snapshot, rollout: str, terminals: Iterable[str]) -> dict[str, Errand]:
    """What the last attempt on each of these terminals was for, where that was something special."""
    table = tables.attempt
    found: dict[str, Errand | None] = {}
    wanted = list(terminals)
    for start in range(0, len(wanted), _CHUNK):
        query = (
            select(table.c.terminal, table.c.errand)
            .where(table.c.rollout == rollout, table.c.terminal.in_(wanted[start : start + _CHUNK]))
            .order_by(table.c.number)
        )
        found |= {row.terminal: Errand(row.errand) if row.errand else None for row in snapshot.connection.execute(query)}
    return {name: errand for name, errand in found.items() if errand is not None}


def sites_going_back(snapshot: Snapshot, rollout: str) -> set[str]:
    """Sites with a terminal that waits to be taken back because a person wants it."""
    query = select(_terminals.c.site).where(
        _terminals.c.rollout == rollout,
        _terminals.c.state == TerminalState.GOING_BACK.value,
        _terminals.c.errand == Errand.ROLLBACK.value,
    )
    return set(snapshot.connection.execute(query.distinct()).scalars())


def candidates(snapshot: Snapshot, rollout: str, wave: int, by: datetime | None = None) -> list[str]:
    """Upgraded terminals of a wave, those first that were really pushed: a way back is rehearsed where there was a way there.

    With `by` only those that had been upgraded by then.
    """
    attempt = tables.attempt
    pushed = exists().where(
        attempt.c.rollout == rollout,
        attempt.c.terminal == _terminals.c.terminal,
        attempt.c.ending == TerminalState.UPGRADED.value,
        attempt.c.in_place.is_(False),
    )
    upgraded = exists().where(
        attempt.c.rollout == rollout,
        attempt.c.terminal == _terminals.c.terminal,
        attempt.c.ending == TerminalState.UPGRADED.value,
        *((attempt.c.finished_at <= by,) if by is not None else ()),
    )
    query = (
        select(_terminals.c.terminal)
        .where(
            _terminals.c.rollout == rollout,
            upgraded,
            _terminals.c.wave == wave,
            _terminals.c.state == TerminalState.UPGRADED.value,
            _terminals.c.reach == Reach.SSH.value,
        )
        .order_by(pushed.desc(), _terminals.c.terminal)
    )
    return list(snapshot.connection.execute(query).scalars())


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One terminal's rehearsal."""

    back: AttemptResult
    again: AttemptResult | None
    """The upgrade behind it, or the last try of one; None where there was none."""

    @property
    def is_through(self) -> bool:
        """It went back and came again. What becomes of the terminal later, a rollback that a person wants too, changes nothing about that."""
        return self.again is not None and self.again.ending is TerminalState.UPGRADED


def rehearsals(snapshot: Snapshot, rollout: str, since: datetime) -> list[Rehearsed]:
    """What was rehearsed since then, the last time of each terminal."""
    table = tables.attempt
    tried = select(table.c.terminal).where(
        table.c.rollout == rollout, table.c.errand == Errand.REHEARSAL.value, table.c.finished_at >= since
    )
    query = select(table).where(table.c.rollout == rollout, table.c.terminal.in_(tried)).order_by(table.c.terminal, table.c.number)
    found: dict[str, Rehearsed] = {}
    for row in snapshot.connection.execute(query):
        result = noun_of(AttemptResult, row)
        before = found.get(result.terminal)
        if result.errand is Errand.REHEARSAL:
            found[result.terminal] = Rehearsed(result, None)
        elif before is not None and result.errand is None and not before.is_through:
            found[result.terminal] = Rehearsed(before.back, result)
    return list(found.values())


def rollback_durations(snapshot: Snapshot, rollout: str) -> list[timedelta]:
    """How long each rollback of this rollout took that really went back, rehearsed ones too; from connecting to its result."""
    table = tables.attempt
    query = select(table.c.started_at, table.c.finished_at).where(
        table.c.rollout == rollout,
        table.c.errand.is_not(None),
        table.c.ending == TerminalState.TAKEN_BACK.value,
        table.c.in_place.is_(False),
    )
    return [row.finished_at - row.started_at for row in snapshot.connection.execute(query)]


def _set_errand(tx: Tx, rollout: str, terminals: Iterable[str], errand: Errand | None) -> None:
    ids = list(terminals)
    for start in range(0, len(ids), _CHUNK):
        where = (_terminals.c.rollout == rollout, _terminals.c.terminal.in_(ids[start : start + _CHUNK]))
        tx.connection.execute(update(_terminals).where(*where).values(errand=errand.value if errand else None))
