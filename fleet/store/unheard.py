"""Terminals whose worker was lost over them: their program may have run, and nobody heard what became of it.

- What was pushed waits to be pushed again, by the same name, and until it answers nobody says that nothing was touched there.
- What was only being asked how its last attempt ended has ended unknown, as before, and is asked again.
"""

from collections.abc import Collection, Iterable

from fleet.model.attempt import Cause
from fleet.store.database import Snapshot, Tx
from fleet.store.progress import WORKER_LOST, put_back, rows_of_terminals
from fleet.store.windows import as_before

ASKED = Cause.LINK_LOST
"""A terminal that is running for this cause is only being asked; any other that is running has none."""
UNHEARD = Cause.ORCHESTRATOR_LOST


def put_back_unheard(tx: Tx, rollout: str, terminals: Iterable[str]) -> None:
    """Put these running terminals back, each to what it was before it was begun."""
    rows = rows_of_terminals(tx, rollout, terminals)
    asked = sorted(row.terminal for row in rows if row.cause == ASKED.value)
    if pushed := sorted(row.terminal for row in rows if row.cause != ASKED.value):
        put_back(tx, rollout, pushed, WORKER_LOST)
    if asked:
        as_before(tx, rollout, asked, "terminal.unheard", reason=WORKER_LOST)


def unheard_of(snapshot: Snapshot, rollout: str, terminals: Collection[str]) -> set[str]:
    """Of these terminals, those that wait because nobody heard how they ended; ask before they are marked as running."""
    return {row.terminal for row in rows_of_terminals(snapshot, rollout, terminals) if row.cause == UNHEARD.value}
