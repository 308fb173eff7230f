"""`fleet hosts confirm`: whose keys are confirmed, and whose were never seen."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fleet.cli.common import os_user
from fleet.control.hosts import record_scan
from fleet.model.actor import Actor
from fleet.settings import Settings
from fleet.store import open_store
from tests.cli.conftest import write_tables
from tests.conftest import Cli

TABLES = {
    "districts": "code,name\nqingwan,青湾区\n",
    "sites": "code,kind,name,district\np1,pharmacy,东门药店,qingwan\n",
    "terminals": "site,code,host,reach\np1,t1,127.0.0.1,\np1,t2,127.0.0.2,\np1,t3,,by-hand\n",
    "people": f"code,name,role,os_user\nli-na,李娜,coordinator,{os_user()}\n",
}


@pytest.fixture
def scanned(cli: Cli, tmp_path: Path) -> Callable[..., None]:
    """A small inventory; takes down what a scan saw, by the first letter of a key: `scanned(t1="a")`."""
    cli("init")
    cli("inventory", "import", write_tables(tmp_path / "city", TABLES), "--apply")

    def scan(**seen: str) -> None:
        store = open_store(Settings(workspace=tmp_path / "workspace"))
        keys = {f"p1/{code}": "SHA256:" + letter * 43 for code, letter in seen.items()}
        record_scan(store, Actor(code="li-na"), datetime(2026, 1, 1, tzinfo=UTC), keys)
        store.close()

    return scan


def test_confirming_all_names_the_terminals_whose_key_was_never_seen(cli: Cli, scanned: Callable[..., None]) -> None:
    scanned(t1="a")

    first, second = cli("hosts", "confirm", "--all"), cli("hosts", "confirm", "--all")

    assert (first.code, first.out) == (0, "Host keys confirmed by li-na: 1\n")
    assert first.err == "No host key was ever seen of 1 terminal; run `fleet hosts scan`: p1/t2\n"
    assert (second.out, second.err) == ("Host keys confirmed by li-na: 0\n", first.err)


@pytest.mark.parametrize("words", [("--all",), ("--select", "kind:pharmacy")])
def test_a_changed_key_is_confirmed_only_by_naming_its_terminal(cli: Cli, scanned: Callable[..., None], words: tuple[str, ...]) -> None:
    scanned(t1="a")
    cli("hosts", "confirm", "--all")
    scanned(t1="b", t2="c")

    together = cli("hosts", "confirm", *words)
    keys = {key["terminal"]: key["state"] for key in json.loads(cli("hosts", "show", "--json").out)}
    named = cli("hosts", "confirm", "p1/t1")

    assert (together.code, together.out) == (0, "Host keys confirmed by li-na: 1\n")
    assert together.err.splitlines() == [
        "Not confirmed, because they differ from the keys confirmed before: 1 (p1/t1)",
        "hint: find out why each changed, compare (`fleet hosts show --waiting`), then name it: `fleet hosts confirm p1/t1`",
    ]
    assert keys == {"p1/t1": "changed", "p1/t2": "confirmed"}
    assert (named.out, named.err) == ("Host keys confirmed by li-na: 1\n", "")


@pytest.mark.usefixtures("scanned")
def test_a_scan_in_which_some_did_not_answer_ends_with_1_and_says_last_how_many(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "city" / "terminals.csv").write_text("site,code,host\np1,t1,t1.invalid\np1,t2,t2.invalid\n", "utf-8")
    cli("inventory", "import", tmp_path / "city", "--apply")

    ran = cli("hosts", "scan")

    assert ran.code == 1
    assert "Terminals asked: 2" in ran.out
    assert ran.err.splitlines()[-1] == "NOT answered: 2 of 2 terminals. Ask again: fleet hosts scan"
