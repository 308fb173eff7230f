"""What this workspace has seen pushes take; for those who say beforehand how long something will."""

from sqlalchemy import select

from fleet.model.attempt import TerminalState
from fleet.store import tables
from fleet.store.database import Snapshot

_ENOUGH = 2_000


def push_seconds(snapshot: Snapshot) -> list[float]:
    """Seconds of the newest pushes that upgraded a terminal, shortest first; what was in place already took no push."""
    table = tables.attempt
    query = (
        select(table.c.started_at, table.c.finished_at)
        .where(table.c.ending == TerminalState.UPGRADED.value, table.c.in_place.is_(False), table.c.finished_at > table.c.started_at)
        .order_by(table.c.finished_at.desc())
        .limit(_ENOUGH)
    )
    return sorted((row.finished_at - row.started_at).total_seconds() for row in snapshot.connection.execute(query))
