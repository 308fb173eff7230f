"""One workspace's database, and the transactions everything else is written in.

- `read()` is one consistent snapshot. `write()` is one transaction with one actor and one time; facts go in through `Tx.event`.
- SQLite runs in WAL mode; a writer takes the lock at the start (BEGIN IMMEDIATE), so a transaction never fails half-way for want of it.
- The same code runs on PostgreSQL; there a writer takes one advisory lock, so the event chain has one tail.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError, OperationalError

from fleet.errors import FleetError, InputError
from fleet.model.actor import Actor
from fleet.model.event import GENESIS, event_hash
from fleet.settings import Settings
from fleet.store import tables
from fleet.store.migrate import bring_up_to_date, take_writer_lock
from fleet.text import N_

_BUSY_TIMEOUT_MS = 30_000
_LEAST_BYTES = 64 * 1024
"""Room for the first `-shm`, and a page or two."""


@dataclass(slots=True)
class Snapshot:
    """A read-only view at one moment."""

    connection: Connection


@dataclass(slots=True)
class Tx(Snapshot):
    """A write transaction of one actor at one time."""

    actor: Actor
    at: datetime
    _seq: int | None = field(default=None)
    _tail: str = field(default=GENESIS)

    @property
    def next_seq(self) -> int:
        """The seq that the next event will have, for rows that are written before it."""
        return self._read_tail() + 1

    def event(self, kind: str, subject: str, body: dict[str, Any] | None = None) -> int:
        """Append a fact to the hash chain; returns its seq. `body` is JSON and holds codes, never names or secrets."""
        seq, prev = self._read_tail() + 1, self._tail
        at = self.at.astimezone(UTC)
        body = body or {}
        digest = event_hash(
            prev,
            seq,
            at.isoformat(timespec="microseconds"),
            kind=kind,
            subject=subject,
            actor=self.actor.code,
            on_behalf=self.actor.on_behalf,
            body=body,
        )
        self.connection.execute(
            tables.event.insert().values(
                seq=seq,
                at=at,
                kind=kind,
                subject=subject,
                actor=self.actor.code,
                on_behalf=self.actor.on_behalf,
                body=body,
                prev=prev,
                hash=digest,
            )
        )
        self._seq, self._tail = seq, digest
        return seq

    def _read_tail(self) -> int:
        """Seq of the last event; read once, as nobody else writes meanwhile."""
        if self._seq is None:
            query = select(tables.event.c.seq, tables.event.c.hash).order_by(tables.event.c.seq.desc()).limit(1)
            tail = self.connection.execute(query).first()
            self._seq, self._tail = (tail.seq, tail.hash) if tail else (0, GENESIS)
        return self._seq


class Store:
    """The database of one workspace. Safe to share between threads; close it when done."""

    def __init__(self, engine: Engine) -> None:
        """Take an engine whose schema is up to date; `open_store` makes one."""
        self.engine = engine

    @contextmanager
    def read(self) -> Iterator[Snapshot]:
        """One consistent view, whatever is written meanwhile; nothing that is written through it stays."""
        with self._explained(), self.engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            transaction = connection.begin()
            try:
                yield Snapshot(connection)
            finally:
                transaction.rollback()

    @contextmanager
    def write(self, actor: Actor, at: datetime) -> Iterator[Tx]:
        """One transaction: all of it is stored when the block ends, nothing when it raises."""
        with self._explained(), self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            take_writer_lock(connection)
            yield Tx(connection, actor, at)

    def version(self) -> int:
        """A number that changes whenever another connection wrote; cheap enough for four polls a second."""
        with self.read() as snapshot:
            return int(snapshot.connection.execute(select(func.coalesce(func.max(tables.event.c.seq), 0))).scalar_one())

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            raise _explain(error, self.engine) from error


def open_store(settings: Settings, *, create: bool = False) -> Store:
    """The workspace's store, its schema brought up to date.

    Args:
        settings: Names the database.
        create: Make the SQLite file and its schema when they are not there; `fleet init` does.

    Raises:
        InputError: There is no such workspace, or the database cannot be opened.
        FleetError: The SQLite file is empty or damaged, or the database is of a newer version of this program.
    """
    url = make_url(settings.url)
    if url.get_backend_name() == "sqlite" and not create and not os.path.exists(str(url.database)):  # noqa: PTH110 - url.database is text
        raise InputError(
            N_("there is no workspace here"),
            where=str(settings.workspace),
            hint=N_("run `fleet init`, or name another directory with --workspace"),
        )
    engine = make_engine(settings.url)
    try:
        # A server's database is made empty and named in fleet.toml after `fleet init`; our own file never is.
        bring_up_to_date(engine, create=create or engine.dialect.name != "sqlite")
    except DatabaseError as error:
        engine.dispose()
        raise _explain(error, engine) from error
    except FleetError:
        engine.dispose()
        raise
    return Store(engine)


def make_engine(url: str) -> Engine:
    """An engine set up the way the store needs it: WAL, foreign locks waited for, explicit transactions."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql" and parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "sqlite" and parsed.database and _is_read_only(file := Path(parsed.database)):
        engine = create_engine(parsed, creator=partial(_look_into, file))
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    engine = create_engine(parsed, pool_pre_ping=parsed.get_backend_name() == "postgresql")
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _is_read_only(file: Path) -> bool:
    """Whether an SQLite file is there that can only be looked into: WAL mode makes `-wal` and `-shm` beside it, and here it cannot."""
    shared = file.with_name(f"{file.name}-shm")
    return file.exists() and not os.access(file.parent, os.W_OK) and not (os.access(file, os.W_OK) and os.access(shared, os.W_OK))


def _look_into(file: Path) -> sqlite3.Connection:
    """A connection that only reads, and makes no file.

    What stands in `-wal` is seen as long as `-shm` is there too. Where there is no `-wal` nobody has the database open, so that it may be
    taken for unchangeable (`immutable`), which needs neither file.
    """
    log = file.with_name(f"{file.name}-wal")
    is_whole = not log.exists() or log.stat().st_size == 0
    uri = f"{file.absolute().as_uri()}?mode=ro{'&immutable=1' if is_whole else ''}"
    connection = sqlite3.connect(uri, uri=True, check_same_thread=False, isolation_level=None)
    connection.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
    return connection


def _configure_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", f"busy_timeout={_BUSY_TIMEOUT_MS}", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.execute(text("BEGIN IMMEDIATE" if writes else "BEGIN"))


def _explain(error: DatabaseError, engine: Engine) -> FleetError:
    reason = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error.orig).__name__
    where = engine.url.render_as_string(hide_password=True)
    if "locked" in reason:
        return FleetError(
            N_("another process holds the database for too long"), where=where, hint=N_("see who runs `fleet run` there, and try again")
        )
    place = Path(engine.url.database or "").parent if engine.dialect.name == "sqlite" else Path()
    cannot_make_files = "unable to open" in reason or "I/O error" in reason
    if "full" in reason or (cannot_make_files and _is_full(place)):
        return FleetError(N_("the disk of the workspace is full; nothing was changed"), where=where, hint=N_("make room and try again"))
    is_closed = cannot_make_files and place.is_dir() and not os.access(place, os.W_OK)
    if "readonly" in reason or "read-only" in reason or is_closed:
        hint = N_(
            "its disk is mounted read-only, or its permissions let you only look; have that changed, or copy it to where you may write"
        )
        return FleetError(N_("the database can only be read"), where=where, hint=hint)
    hint = N_("look whether its disk is well and may be written; docs/operations.md, Backups, says how to go on from a copy")
    return FleetError(N_("the database does not answer as it should: {reason}", reason=reason), where=where, hint=hint)


def _is_full(place: Path) -> bool:
    """Whether the disk has no room for what SQLite needs beside its file; then it speaks of an I/O error."""
    try:
        disk = os.statvfs(place)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _LEAST_BYTES and not disk.f_flag & os.ST_RDONLY
