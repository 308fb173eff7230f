"""`fleet hosts confirm`: whose keys are confirmed, and whose were never seen."""

from datetime import UTC, datetime
from pathlib import Path

from fleet.cli.common import os_user
from fleet.control.hosts import record_scan
from fleet.model.actor import Actor
from fleet.settings import Settings
from fleet.store import open_store
from tests.conftest import Cli

TABLES = {
    "districts": "code,name\nqingwan,青湾区\n",
    "sites": "code,kind,name,district\np1,pharmacy,东门药店,qingwan\n",
    "terminals": "site,code,host,reach\np1,t1,127.0.0.1,\np1,t2,127.0.0.2,\np1,t3,,by-hand\n",
    "people": f"code,name,role,os_user\nli-na,李娜,coordinator,{os_user()}\n",
}


def test_confirming_all_names_the_terminals_whose_key_was_never_seen(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "city").mkdir()
    for table, text in TABLES.items():
        (tmp_path / "city" / f"{table}.csv").write_text(text, "utf-8")
    cli("init")
    cli("inventory", "import", tmp_path / "city", "--apply")
    store = open_store(Settings(workspace=tmp_path / "workspace"))
    record_scan(store, Actor(code="li-na"), datetime(2026, 1, 1, tzinfo=UTC), {"p1/t1": "SHA256:" + "a" * 43})
    store.close()

    first, second = cli("hosts", "confirm", "--all"), cli("hosts", "confirm", "--all")

    assert (first.code, first.out) == (0, "Host keys confirmed by li-na: 1\n")
    assert first.err == "No host key was ever seen of 1 terminals; run `fleet hosts scan`: p1/t2\n"
    assert (second.out, second.err) == ("Host keys confirmed by li-na: 0\n", first.err)
