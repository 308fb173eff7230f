"""Who is sent where, and what technicians reported."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import delete, insert, select

from fleet.model.crew import Assignment, CheckIn
from fleet.store import tables
from fleet.store.database import Snapshot, Tx
from fleet.store.rows import noun_of, row_of
from fleet.store.written import rows_written


def read_assignments(snapshot: Snapshot) -> dict[str, Assignment]:
    """Every site's assignment, by site."""
    return {row.site: noun_of(Assignment, row) for row in snapshot.connection.execute(select(tables.assignment))}


def read_assignment(snapshot: Snapshot, site: str) -> Assignment | None:
    """The assignment of one site, or None."""
    row = snapshot.connection.execute(select(tables.assignment).where(tables.assignment.c.site == site)).first()
    return noun_of(Assignment, row) if row else None


def save_assignments(tx: Tx, assignments: Iterable[Assignment]) -> None:
    """Store assignments in place of those their sites had; one event for all of them."""
    rows = [row_of(tables.assignment, assignment) for assignment in assignments]
    if not rows:
        return
    sites = [row["site"] for row in rows]
    for start in range(0, len(sites), 500):
        tx.connection.execute(delete(tables.assignment).where(tables.assignment.c.site.in_(sites[start : start + 500])))
    tx.connection.execute(insert(tables.assignment), rows)
    subject = sites[0] if len(sites) == 1 else "sites"
    body: dict[str, Any] = {"technicians": {row["site"]: row["technician"] for row in rows}}
    covering = {row["site"]: row["covering"] for row in rows if row["covering"]}
    body |= {"covering": covering} if covering else {}
    tx.event("site.assigned", subject, body | rows_written(tx, {tables.assignment: [(site,) for site in sites]}))


def add_check_in(tx: Tx, rollout: str, check_in: CheckIn) -> None:
    """Record what a technician reported; earlier reports stay."""
    identity = tx.connection.execute(
        insert(tables.check_in).values(row_of(tables.check_in, check_in, rollout=rollout))
    ).inserted_primary_key
    assert identity is not None
    body = {"rollout": rollout, "technician": check_in.technician, "kind": check_in.kind}
    tx.event("site.checked-in", check_in.site, body | rows_written(tx, {tables.check_in: [tuple(identity)]}))


def read_check_ins(snapshot: Snapshot, rollout: str, site: str | None = None) -> list[CheckIn]:
    """Reports of a rollout, oldest first: all, or those of one site."""
    query = select(tables.check_in).where(tables.check_in.c.rollout == rollout).order_by(tables.check_in.c.id)
    if site is not None:
        query = query.where(tables.check_in.c.site == site)
    return [noun_of(CheckIn, row) for row in snapshot.connection.execute(query)]
