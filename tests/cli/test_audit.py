"""`fleet audit verify` after somebody changed the database with another tool."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from fleet.model.inventory import District, Fleet, Person, Role, Site, SiteKind, Terminal
from fleet.model.plan import Plan
from fleet.settings import Settings
from fleet.store import open_store
from tests.conftest import Cli


def test_the_groups_help_is_in_the_readers_language(program: Callable[..., CompletedProcess[str]]) -> None:
    page = program("audit", "--help", LC_ALL="zh_CN.UTF-8").stdout

    assert "证明事件记录完整无缺。" in page
    assert "Commands" not in page


@pytest.fixture
def database(workspace: Settings, start_rollout: Callable[..., Plan]) -> Path:
    """The database of a workspace with a rollout of one site."""
    fleet = Fleet(
        districts={"city": District(code="city", name="云川市")},
        sites={"p1": Site(code="p1", kind=SiteKind.PHARMACY, name="东门药店", district="city")},
        terminals={"p1/t1": Terminal(site="p1", code="t1", host="p1.invalid")},
        people={"li-na": Person(code="li-na", name="李娜", role=Role.COORDINATOR)},
    )
    store = open_store(workspace, create=True)
    start_rollout(store, fleet)
    store.close()
    return workspace.workspace / "fleet.db"


def change(database: Path, statement: str) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(statement)


def test_one_thing_that_is_wrong_is_named_and_counted_as_one(cli: Cli, database: Path) -> None:
    change(database, "UPDATE site_progress SET updated_at = '2026-03-14T14:00:00.000000+00:00'")
    ran = cli("audit", "verify")

    assert ran.code == 1
    assert "site_progress: the row `r1 p1` was changed after event 2" in ran.out + ran.err
    assert "1 thing is wrong" in ran.out + ran.err


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE terminal_progress SET state = 'nonsense'",
        "UPDATE terminal_progress SET updated_at = 'nonsense'",
        "UPDATE rollout SET waves = '['",
    ],
)
def test_what_cannot_be_read_is_a_finding_and_no_fault_of_ours(cli: Cli, database: Path, statement: str) -> None:
    change(database, statement)
    ran = cli("audit", "verify")

    assert ran.code == 1
    assert "was changed after event 2" in ran.out + ran.err


@pytest.mark.parametrize("statement", ["DELETE FROM plan", "UPDATE plan SET text = replace(text, 'upgrade-client', 'upgrade-server')"])
def test_export_without_the_plan_it_ran_points_at_the_audit(cli: Cli, database: Path, statement: str) -> None:
    change(database, statement)
    exported, verified = cli("export", "--out", "-", "--format", "json"), cli("audit", "verify")

    assert (exported.code, exported.out) == (1, "")
    assert "fleet audit verify" in exported.err
    assert verified.code == 1
