"""Exclusions that wait for a second person. Every change is an event, and the row is vouched for by it."""

from sqlalchemy import insert, select, update

from fleet.model.exclusion import Answer, ExclusionRequest
from fleet.store.database import Snapshot, Tx
from fleet.store.exclusion_table import exclusion_request as _requests
from fleet.store.rows import noun_of, row_of
from fleet.store.written import rows_written


def ask(tx: Tx, request: ExclusionRequest) -> ExclusionRequest:
    """Keep a request; returned with its number."""
    values = row_of(_requests, request)
    del values["id"]
    identity = tx.connection.execute(insert(_requests).values(values)).inserted_primary_key
    assert identity is not None
    written = rows_written(tx, {_requests: [tuple(identity)]})
    tx.event("exclusion.asked", request.rollout, {"request": int(identity[0]), "terminals": list(request.terminals)} | written)
    return request.model_copy(update={"id": int(identity[0])})


def answer(tx: Tx, request: ExclusionRequest, given: Answer) -> None:
    """Close a request, in the name of who acts in this transaction."""
    values = {"answer": given.value, "answered_by": tx.actor.code, "answered_at": tx.at}
    tx.connection.execute(update(_requests).where(_requests.c.id == request.id).values(values))
    written = rows_written(tx, {_requests: [(request.id,)]})
    tx.event(f"exclusion.{given.value}", request.rollout, {"request": request.id} | written)


def read_request(snapshot: Snapshot, number: int) -> ExclusionRequest | None:
    """One request, answered or not."""
    row = snapshot.connection.execute(select(_requests).where(_requests.c.id == number)).first()
    return noun_of(ExclusionRequest, row) if row else None


def open_requests(snapshot: Snapshot, rollout: str) -> list[ExclusionRequest]:
    """Those of a rollout that nobody has answered yet, oldest first."""
    query = select(_requests).where(_requests.c.rollout == rollout, _requests.c.answer.is_(None)).order_by(_requests.c.id)
    return [noun_of(ExclusionRequest, row) for row in snapshot.connection.execute(query)]
