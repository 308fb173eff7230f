"""Looks at a database as it lies there: whole, of which version, written how. Nothing is migrated or changed."""

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError

from fleet.errors import FleetError, InputError
from fleet.settings import Settings
from fleet.store import tables
from fleet.store.database import Snapshot, Store, make_engine
from fleet.store.migrate import HEAD, alembic_config
from fleet.text import N_

__all__ = ["HEAD", "Health", "clocks_ahead", "last_event_at", "look"]
_MOST_PROBLEMS = 10
_ATTEMPTS = 2_000


@dataclass(frozen=True, slots=True)
class Health:
    """How a database lies there."""

    revision: str | None
    """Of its schema; None where it has none of ours."""
    is_newer: bool = False
    """A later version of this program wrote it."""
    problems: tuple[str, ...] = ()
    """What the database says about itself; empty when it is whole."""
    journal_mode: str | None = None
    """Of SQLite."""
    log_file: str = ""
    log_bytes: int = 0
    """Size of SQLite's write-ahead log."""


def look(settings: Settings) -> Health:
    """The health of the workspace's database.

    Raises:
        FleetError: It is not there, or does not open.
    """
    url = make_url(settings.url)
    is_sqlite = url.get_backend_name() == "sqlite"
    file = Path(url.database or "")
    if is_sqlite and not file.exists():
        what, hint = N_("the database is gone"), N_("restore a backup (docs/operations.md, Backups); for a new workspace, run `fleet init`")
        raise InputError(what, where=str(file), hint=hint)
    with closing(Store(make_engine(settings.url))) as store:
        try:
            return _look(store, file if is_sqlite else None)
        except DatabaseError as error:
            what = N_("the database does not open: {reason}", reason=str(error.orig).strip()[:200])
            raise FleetError(what, where=settings.url, hint=N_("restore a backup (docs/operations.md, Backups)")) from None


def _look(store: Store, file: Path | None) -> Health:
    with store.read() as snapshot:
        connection = snapshot.connection
        problems: tuple[str, ...] = ()
        mode, log = None, Path()
        if file is not None:
            found = connection.execute(text(f"PRAGMA integrity_check({_MOST_PROBLEMS})")).scalars()
            problems = tuple(line for line in found if line != "ok")
            mode, log = str(connection.execute(text("PRAGMA journal_mode")).scalar_one()), file.with_name(f"{file.name}-wal")
        revision = None if problems else MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()}
    return Health(
        revision=revision if not problems else HEAD,
        is_newer=revision is not None and revision not in known,
        problems=problems,
        journal_mode=mode,
        log_file=str(log) if file is not None else "",
        log_bytes=log.stat().st_size if file is not None and log.exists() else 0,
    )


def last_event_at(snapshot: Snapshot) -> datetime | None:
    """When the last event was written; None where there is none."""
    return snapshot.connection.execute(select(tables.event.c.at).order_by(tables.event.c.seq.desc()).limit(1)).scalar_one_or_none()


def clocks_ahead(snapshot: Snapshot) -> dict[str, float]:
    """Terminal -> seconds that its clock was ahead of ours at its last attempt; of the newest attempts that say so."""
    table = tables.attempt
    found: dict[str, float] = {}
    query = select(table.c.terminal, table.c.facts).order_by(table.c.finished_at.desc()).limit(_ATTEMPTS)
    for row in snapshot.connection.execute(query):
        said = str((row.facts or {}).get("clock_ahead_s", ""))
        if row.terminal not in found and said.lstrip("-").isdigit():
            found[row.terminal] = float(said)
    return found
