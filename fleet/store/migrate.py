"""Bring a database's schema up to date: a fresh one is made whole, an older one is migrated step by step (Alembic)."""

from importlib.resources import files
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, func, inspect, select

from fleet.errors import FleetError
from fleet.store.exclusion_table import exclusion_request
from fleet.store.protections import protections
from fleet.text import N_

HEAD = "0014"
"""Revision of the newest migration; a test holds it against the scripts."""

_METADATA = exclusion_request.metadata
"""Every table: those of `tables`, and the one that has a module of its own, which has to be read for it to be among them."""

_WRITER_LOCK = 7_461_001
"""Key of PostgreSQL's advisory lock for writers."""


def bring_up_to_date(engine: Engine, *, create: bool = True) -> None:
    """Make or migrate the schema. Idempotent.

    Args:
        engine: The database.
        create: Make the schema where there is none; only who makes a workspace may, for to everybody else it means that the data is gone.

    Raises:
        FleetError: The database is empty and not to be made, or was written by a newer version of this program; nothing was changed.
    """
    with engine.connect() as connection, connection.begin():
        current = MigrationContext.configure(connection).get_current_revision()
    if current == HEAD:
        return
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        take_writer_lock(connection)
        current = MigrationContext.configure(connection).get_current_revision()
        if current is None and not inspect(connection).has_table("event"):
            if not create:
                raise FleetError(
                    N_("the workspace's database is empty or damaged: it holds none of our tables"),
                    where=engine.url.render_as_string(hide_password=True),
                    hint=N_("restore a backup; for a new workspace, run `fleet init` in another directory"),
                )
            _make_fresh(connection)
        elif current != HEAD:
            _migrate(connection, current)


def take_writer_lock(connection: Connection) -> None:
    """Let one transaction write at a time; on SQLite BEGIN IMMEDIATE has done it."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_WRITER_LOCK)))


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's settings for our scripts, working on `connection`."""
    config = Config()
    config.set_main_option("script_location", str(files("fleet.store") / "migrations"))
    config.attributes["connection"] = connection
    return config


def _make_fresh(connection: Connection) -> None:
    _METADATA.create_all(connection)
    for statement in protections(connection.dialect.name):
        connection.execute(statement)
    command.stamp(alembic_config(connection), "head")


def _migrate(connection: Connection, current: Any) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()}
    if current is not None and current not in known:
        raise FleetError(
            N_("this workspace was written by a newer version of fleet (schema {revision})", revision=current),
            hint=N_("use that version; nothing was changed"),
        )
    command.upgrade(alembic_config(connection), "head")
