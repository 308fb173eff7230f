"""The schema: fresh equals migrated, a newer one is refused, and two who come at once do not collide."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import sha256
from json import dumps
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

from fleet.errors import FleetError, InputError
from fleet.model.actor import FLEET
from fleet.settings import Settings
from fleet.store import columns, open_store, tables
from fleet.store.migrate import HEAD, alembic_config, bring_up_to_date
from fleet.store.written import rows_written
from tests.store.conftest import NOW


def migrate_step_by_step(engine: Engine) -> None:
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        command.upgrade(alembic_config(connection), "head")


def differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), tables.metadata))


def triggers(engine: Engine) -> set[str]:
    queries = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
    }
    with engine.connect() as connection:
        return set(connection.execute(text(queries[engine.dialect.name])).scalars())


def shape(engine: Engine) -> dict[str, object]:
    """Every table with its columns, key, uniques and indexes, as the database itself reports them."""
    found = inspect(engine)

    def sorted_by_name(things: Iterable[object]) -> list[str]:
        return sorted(map(repr, things))

    return {
        table: (
            [(column["name"], str(column["type"]), column["nullable"]) for column in found.get_columns(table)],
            found.get_pk_constraint(table),
            sorted_by_name(found.get_unique_constraints(table)),
            sorted_by_name(found.get_indexes(table)),
        )
        for table in sorted(found.get_table_names())
    }


def test_a_fresh_schema_is_what_the_tables_say(engine: Engine) -> None:
    bring_up_to_date(engine)

    assert differences(engine) == []


def test_a_migrated_schema_is_what_the_tables_say(engine: Engine) -> None:
    migrate_step_by_step(engine)

    assert differences(engine) == []


def test_migrated_and_fresh_are_the_same_to_the_last_index_and_trigger(engine: Engine) -> None:
    migrate_step_by_step(engine)
    migrated = shape(engine), triggers(engine)
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        tables.metadata.drop_all(connection)
        connection.execute(text("DROP TABLE alembic_version"))
        if engine.dialect.name == "postgresql":
            connection.execute(text("DROP FUNCTION refuse_event_change"))
    bring_up_to_date(engine)

    assert (shape(engine), triggers(engine)) == migrated
    assert len(triggers(engine)) >= 1


def test_a_workspace_made_by_a_program_that_read_nothing_else_has_every_table(engine: Engine, tmp_path: Path) -> None:
    made = tmp_path / "made.db"
    words = f"from sqlalchemy import create_engine; from fleet.store.migrate import *; bring_up_to_date(create_engine('sqlite:///{made}'))"
    subprocess.run([sys.executable, "-c", words], check=True)
    migrate_step_by_step(engine)

    with closing(sqlite3.connect(made)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert names - {"sqlite_sequence"} == set(inspect(engine).get_table_names())


def test_the_newest_script_is_the_head_we_know(engine: Engine) -> None:
    bring_up_to_date(engine)
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()

    assert ScriptDirectory.from_config(alembic_config()).get_current_head() == HEAD
    assert current == HEAD


def test_bringing_up_to_date_twice_changes_nothing(engine: Engine) -> None:
    bring_up_to_date(engine)
    bring_up_to_date(engine)

    assert differences(engine) == []


def test_two_who_make_the_schema_at_once_both_find_it_made(engine: Engine) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(bring_up_to_date, engine) for _ in range(4)]

    assert [future.exception() for future in done] == [None] * 4
    assert differences(engine) == []


def test_a_schema_of_a_newer_version_is_refused_and_left_alone(settings: Settings) -> None:
    store = open_store(settings, create=True)
    with store.engine.connect().execution_options(writes=True) as connection, connection.begin():
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    store.close()

    with pytest.raises(FleetError) as refusal:
        open_store(settings)
    assert str(refusal.value) == (
        "this workspace was written by a newer version of fleet (schema 9999)\nhint: use that version; nothing was changed"
    )
    assert refusal.value.exit_code == 1


def test_without_a_workspace_the_message_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refusal:
        open_store(Settings(workspace=tmp_path / "none"))

    assert "there is no workspace here" in str(refusal.value)
    assert "fleet init" in str(refusal.value)
    assert not (tmp_path / "none").exists()


def test_a_file_that_was_emptied_is_refused_and_stays_empty(workspace: Settings) -> None:
    file = workspace.workspace / "fleet.db"
    file.touch()

    with pytest.raises(FleetError, match=r"empty or damaged[\s\S]*restore a backup"):
        open_store(workspace)
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == []


@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
def test_an_empty_database_of_a_server_is_made_at_first_use(settings: Settings) -> None:
    with closing(open_store(settings)) as store:
        assert store.version() == 0


def test_a_file_that_is_no_database_is_refused(workspace: Settings) -> None:
    (workspace.workspace / "fleet.db").write_bytes(b"not a database, but long enough to be taken for one" * 20)

    with pytest.raises(FleetError, match="file is not a database"):
        open_store(workspace)


def test_a_server_that_does_not_answer_is_named_without_its_password(workspace: Settings) -> None:
    url = "postgresql://fleet:s3cret@127.0.0.1:1/fleet"
    with pytest.raises(FleetError) as refusal:
        open_store(workspace.model_copy(update={"database_url": url}))

    assert "s3cret" not in str(refusal.value)
    assert "127.0.0.1:1" in str(refusal.value)


def test_a_record_from_before_the_columns_that_were_added_holds_after_the_migration(settings: Settings) -> None:
    with closing(open_store(settings, create=True)) as store, store.write(FLEET, NOW) as tx:
        values = {"id": "r1", "plan_digest": "0" * 64, "phase": "finished", "waves": [], "seen_decision": 0}
        more = {"started_at": NOW, "finished_at": None, "done_when": ["machine"], "number": 1}
        tx.connection.execute(tables.rollout.insert().values(values | more))
        stored = list(tx.connection.execute(text("SELECT * FROM rollout")).one())
        digest = rows_written(tx, {tables.rollout: [("r1",)]})["rows"]["rollout"]["r1"]

    added = sum(column.info == columns.ADDED for column in tables.rollout.columns)
    before = dumps(stored[:-added], sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    assert stored[-added:] == [None] * added
    assert digest == sha256(before.encode()).hexdigest()


def test_what_an_added_column_holds_is_vouched_for_under_its_name(settings: Settings) -> None:
    with closing(open_store(settings, create=True)) as store, store.write(FLEET, NOW) as tx:
        values = {"plan_digest": "0" * 64, "phase": "finished", "waves": [], "seen_decision": 0, "started_at": NOW, "done_when": []}
        rows = ({"id": "a"}, {"id": "a", "site_rate": 5000}, {"id": "a", "total_rate": 5000}, {"id": "a", "only": "stage"})
        digests = set()
        for row in rows:
            tx.connection.execute(tables.rollout.delete())
            tx.connection.execute(tables.rollout.insert().values(values | row | {"number": 1}))
            digests.add(rows_written(tx, {tables.rollout: [("a",)]})["rows"]["rollout"]["a"])

    assert len(digests) == len(rows)
