"""Releases and plans, as they were recorded. Neither ever changes."""

from functools import lru_cache

from pydantic import ValidationError
from sqlalchemy import insert, select

from fleet.errors import FleetError
from fleet.model.plan import Plan
from fleet.model.release import Release
from fleet.store import tables
from fleet.store.database import Snapshot, Tx
from fleet.store.rows import noun_of, row_of
from fleet.store.written import rows_written
from fleet.text import N_


def add_release(tx: Tx, release: Release) -> None:
    """Record a release whose files are in the workspace; the version must be new."""
    tx.connection.execute(insert(tables.release).values(row_of(tables.release, release)))
    body = {"digest": release.digest, "artifacts": len(release.artifacts)}
    tx.event("release.added", release.version, body | rows_written(tx, {tables.release: [(release.version,)]}))


def read_release(snapshot: Snapshot, version: str) -> Release | None:
    """The release of that version, or None."""
    row = snapshot.connection.execute(select(tables.release).where(tables.release.c.version == version)).first()
    return noun_of(Release, row) if row else None


def read_releases(snapshot: Snapshot) -> list[Release]:
    """Every release, oldest first."""
    return [noun_of(Release, row) for row in snapshot.connection.execute(select(tables.release).order_by(tables.release.c.added_at))]


def keep_plan(tx: Tx, plan: Plan) -> None:
    """Keep a plan that a rollout runs; keeping it again changes nothing."""
    known = tx.connection.execute(select(tables.plan.c.digest).where(tables.plan.c.digest == plan.digest)).first()
    if known is None:
        tx.connection.execute(insert(tables.plan).values(digest=plan.digest, text=plan.model_dump_json()))


def read_plan(snapshot: Snapshot, digest: str) -> Plan:
    """The plan of that digest, which a rollout names.

    Raises:
        FleetError: Somebody removed it from the database, or changed it there.
    """
    text = snapshot.connection.execute(select(tables.plan.c.text).where(tables.plan.c.digest == digest)).scalar_one_or_none()
    hint = N_("`fleet audit verify` says what else was changed; bring back a copy of the workspace")
    if text is None:
        raise FleetError(N_("the plan {digest} is missing from the database", digest=digest[:12]), hint=hint)
    plan = _parse_plan(text)
    if plan is None or plan.digest != digest:
        raise FleetError(N_("the plan {digest} was changed in the database", digest=digest[:12]), hint=hint)
    return plan


@lru_cache(maxsize=2)
def _parse_plan(text: str) -> Plan | None:
    """The plan a text holds; None when it holds none, or its digest is not its own."""
    try:
        plan = Plan.model_validate_json(text)
    except ValidationError:
        return None
    return plan if plan.compute_digest() == plan.digest else None
