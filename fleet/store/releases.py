"""Releases and plans, as they were recorded. Neither ever changes; a release's signature is renewed, and its permit."""

from collections.abc import Sequence
from functools import lru_cache
from json import loads
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Row, Table, delete, func, insert, select

from fleet.errors import FleetError
from fleet.model.plan import Plan, digest_of
from fleet.model.release import Release
from fleet.model.signature import DowngradePermit, ReleaseSignature
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
    return next(iter(_read(snapshot, version)), None)


def read_releases(snapshot: Snapshot) -> list[Release]:
    """Every release, oldest first."""
    return _read(snapshot, None)


def _read(snapshot: Snapshot, version: str | None) -> list[Release]:
    """One release or all, each with its signature, and its artifacts with their seals."""

    def rows_of(table: Table) -> Sequence[Row[Any]]:
        query = select(table) if version is None else select(table).where(table.c.version == version)
        return snapshot.connection.execute(query).all()

    signatures = {row.version: noun_of(ReleaseSignature, row) for row in rows_of(tables.release_signature)}
    permits = {row.version: noun_of(DowngradePermit, row) for row in rows_of(tables.downgrade_permit)}
    found = (noun_of(Release, row) for row in sorted(rows_of(tables.release), key=_added))
    return [release.sealed(signatures.get(release.version), permits.get(release.version)) for release in found]


def _added(row: Row[Any]) -> tuple[bool, Any, str]:
    return row.added_at is not None, row.added_at, row.version


def highest_number(snapshot: Snapshot) -> int:
    """The highest number a release of this workspace was signed with; 0 where none was."""
    return snapshot.connection.execute(select(func.max(tables.release_signature.c.number))).scalar() or 0


def save_signature(tx: Tx, signature: ReleaseSignature, fingerprint: str) -> None:
    """Store a release's signature in place of the one it had."""
    body = {"number": signature.number, "key": fingerprint, "expires": signature.expires_at.isoformat()}
    _replace(tx, tables.release_signature, signature, "release.signed", body)


def save_permit(tx: Tx, permit: DowngradePermit, fingerprint: str) -> None:
    """Store the permit of a downgrade to a release in place of the one it had."""
    body = {"from": permit.from_version, "key": fingerprint, "expires": permit.expires_at.isoformat()}
    _replace(tx, tables.downgrade_permit, permit, "release.downgrade-permitted", body)


def _replace(tx: Tx, table: Table, noun: ReleaseSignature | DowngradePermit, kind: str, body: dict[str, Any]) -> None:
    tx.connection.execute(delete(table).where(table.c.version == noun.version))
    tx.connection.execute(insert(table).values(row_of(table, noun)))
    tx.event(kind, noun.version, body | rows_written(tx, {table: [(noun.version,)]}))


def keep_plan(tx: Tx, plan: Plan) -> None:
    """Keep a plan that a rollout runs; keeping it again changes nothing."""
    known = tx.connection.execute(select(tables.plan.c.digest).where(tables.plan.c.digest == plan.digest)).first()
    if known is None:
        tx.connection.execute(insert(tables.plan).values(digest=plan.digest, text=_written(plan)))


def _written(plan: Plan) -> str:
    """The plan as its digest has it: without what it does not say, where an earlier version of this program wrote it."""
    text = plan.model_dump_json()
    return text if digest_of(loads(text)) == plan.digest else plan.model_dump_json(exclude_unset=True)


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
    return plan if digest_of(loads(text)) == plan.digest else None
