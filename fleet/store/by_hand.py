"""Terminals that a rollout was to push, and a person has decided are done by hand: they wait for a technician from then on.

Only this rollout knows them so; the inventory is not changed. They stay in its counts.
"""

from collections import Counter
from collections.abc import Iterable

from sqlalchemy import select, update

from fleet.model.attempt import Cause, TerminalState
from fleet.model.inventory import Reach
from fleet.store import tables
from fleet.store.database import Tx
from fleet.store.progress import count_steps, move
from fleet.store.written import rows_written

_terminals = tables.terminal_progress
_sites = tables.site_progress
_CHUNK = 500


def make_by_hand(tx: Tx, rollout: str, terminals: Iterable[str]) -> None:
    """These terminals, all of the rollout and none of them running, wait for a technician; the decision names who and why."""
    ids = sorted(set(terminals))
    steps: Counter[tuple[str, int, str, str, str]] = Counter()
    for start in range(0, len(ids), _CHUNK):
        some = (_terminals.c.rollout == rollout, _terminals.c.terminal.in_(ids[start : start + _CHUNK]))
        query = (
            select(_terminals.c.wave, _terminals.c.district, _terminals.c.state, _terminals.c.reach, _sites.c.kind)
            .join(_sites, (_sites.c.rollout == _terminals.c.rollout) & (_sites.c.site == _terminals.c.site))
            .where(*some)
        )
        for row in tx.connection.execute(query):
            steps[row.reach, row.wave, row.district, row.kind, row.state] -= 1
            steps[Reach.BY_HAND.value, row.wave, row.district, row.kind, row.state] += 1
        tx.connection.execute(update(_terminals).where(*some).values(reach=Reach.BY_HAND.value))
    count_steps(tx, rollout, steps)
    fresh = {"step": "", "cause": Cause.NONE.value, "detail": "", "due_at": None, "unreachable_since": None}
    written = move(tx, rollout, dict.fromkeys(ids, TerminalState.NOT_STARTED), fresh)
    tx.event("terminal.made-by-hand", rollout, {"terminals": ids} | rows_written(tx, written))
