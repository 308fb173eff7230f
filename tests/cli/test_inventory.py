"""`fleet inventory`: check, import, show."""

import json
from pathlib import Path
from typing import Any

import pytest

from fleet.cli.common import os_user
from fleet.data import data_dir
from tests.cli.conftest import write_tables
from tests.conftest import Cli

TABLES = {
    "districts": "code,name,name_en,parent\ncity,海岚市,,\nqingwan,青湾区,Qingwan,city\n",
    "sites": "code,kind,name,district\nh1,hospital,中心医院,qingwan\np1,pharmacy,潮生药房,qingwan\n",
    "terminals": "site,code,host,reach\nh1,t01,127.0.0.2,\nh1,t02,127.0.0.3,\np1,t01,,by-hand\n",
    "people": f"code,name,role,os_user\nme,我,coordinator,{os_user()}\n",
}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A directory with a small inventory in which whoever runs the test is a coordinator."""
    return write_tables(tmp_path / "files", TABLES)


@pytest.fixture
def imported(cli: Cli, files: Path) -> Path:
    """The same, imported into a workspace."""
    cli("init")
    assert cli("inventory", "import", files, "--apply").code == 0
    return files


def change(files: Path, table: str, old: str, new: str) -> None:
    text = (files / f"{table}.csv").read_text("utf-8")
    assert old in text
    (files / f"{table}.csv").write_text(text.replace(old, new), "utf-8")


def stored(cli: Cli) -> dict[str, list[dict[str, Any]]]:
    tables: dict[str, list[dict[str, Any]]] = json.loads(cli("inventory", "show", "--json").out)
    return tables


def test_check_needs_no_workspace_and_counts(cli: Cli, tmp_path: Path) -> None:
    ran = cli("inventory", "check", data_dir("inventory") / "city", "--json")

    assert (ran.code, json.loads(ran.out)) == (0, {"districts": 14, "sites": 739, "terminals": 1500, "people": 34})
    assert not (tmp_path / "workspace").exists()


def test_check_tells_every_mistake_and_exits_with_2(cli: Cli, files: Path) -> None:
    change(files, "sites", "hospital", "hospitl")
    change(files, "terminals", "127.0.0.3", "127.0.0.2")

    ran = cli("inventory", "check", files)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines() == [
        f"{files}/sites.csv:2: `kind` cannot be `hospitl`",
        "hint: did you mean `hospital`?",
        f"{files}/terminals.csv:3: the same gateway, host and port as at {files}/terminals.csv:2: 127.0.0.2 22",
        "hint: each may be used once; correct one of the two rows",
        "2 mistakes; nothing was changed",
    ]


@pytest.mark.parametrize("command", ["check", "import"])
def test_an_empty_name_is_not_the_current_directory(cli: Cli, files: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.chdir(files)

    ran = cli("inventory", command, "")

    assert (ran.code, ran.out) == (2, "")
    assert "the name of a file or directory is empty" in ran.err


def test_an_import_without_apply_changes_nothing(cli: Cli, files: Path) -> None:
    cli("init")

    ran = cli("inventory", "import", files)

    assert ran.code == 0
    assert ran.out.splitlines()[3].split() == ["terminals", "3", "0", "0"]
    assert "Nothing was changed" in ran.err
    assert stored(cli) == {"districts": [], "sites": [], "terminals": [], "people": []}


def test_an_import_with_apply_stores_the_fleet(cli: Cli, imported: Path) -> None:
    tables = stored(cli)

    assert [terminal["host"] for terminal in tables["terminals"]] == ["127.0.0.2", "127.0.0.3", None]
    assert cli("inventory", "import", imported, "--apply").err == "The inventory is the same already; nothing was changed.\n"


def test_a_change_is_shown_with_old_and_new_value(cli: Cli, imported: Path) -> None:
    change(imported, "terminals", "127.0.0.3", "127.0.0.30")
    change(imported, "districts", "Qingwan", "")

    ran = cli("inventory", "import", imported)

    assert "  h1/t02: host 127.0.0.3 -> 127.0.0.30" in ran.out.splitlines()
    assert "  qingwan: name_en Qingwan -> (nothing)" in ran.out.splitlines()


@pytest.mark.parametrize("allowed", [[], ["--allow-removals", "2"]])
def test_removals_that_were_not_allowed_by_number_change_nothing(cli: Cli, imported: Path, allowed: list[str]) -> None:
    change(imported, "terminals", "h1,t02,127.0.0.3,\n", "")

    ran = cli("inventory", "import", imported, "--apply", *allowed)

    assert ran.code == 2
    assert "1 would be removed" in ran.err
    assert "--allow-removals 1" in ran.err
    assert len(stored(cli)["terminals"]) == 3


def test_a_change_names_the_column_as_the_readers_files_head_it(cli: Cli, imported: Path) -> None:
    change(imported, "terminals", "127.0.0.3", "127.0.0.9")

    assert "h1/t02: host 127.0.0.3 -> 127.0.0.9" in cli("inventory", "import", imported).out
    assert "主机 127.0.0.3 -> 127.0.0.9" in cli("inventory", "import", imported, "--lang", "zh_CN").out


def test_removals_that_were_allowed_by_number_are_made(cli: Cli, imported: Path) -> None:
    change(imported, "terminals", "h1,t02,127.0.0.3,\n", "")

    ran = cli("inventory", "import", imported, "--apply", "--allow-removals", "1", "--json")

    assert ran.code == 0
    assert json.loads(ran.out)["changes"]["terminals"]["removed"] == ["h1/t02"]
    assert len(stored(cli)["terminals"]) == 2


def test_who_is_nobody_in_the_files_is_warned_before_importing(cli: Cli, files: Path) -> None:
    cli("init")
    change(files, "people", f",{os_user()}", ",somebody")

    assert f"`{os_user()}` is the `os_user` of nobody in these files" in cli("inventory", "import", files).err


@pytest.mark.parametrize("people", ["me,我,coordinator,somebody", "me,我,coordinator,", f"me,我,technician,{os_user()}"])
def test_an_import_after_which_nobody_who_can_open_the_workspace_could_act_is_refused(cli: Cli, files: Path, people: str) -> None:
    cli("init")
    change(files, "people", f"me,我,coordinator,{os_user()}", people)

    refused = cli("inventory", "import", files, "--apply")
    change(files, "people", people, f"me,我,coordinator,{os_user()}")

    assert refused.code == 2
    assert "nobody could act in it" in refused.err
    assert not stored(cli)["people"]
    assert cli("inventory", "import", files, "--apply").code == 0


@pytest.mark.usefixtures("imported")
def test_show_counts_by_district_in_the_readers_language(cli: Cli) -> None:
    english, chinese = cli("inventory", "show"), cli("inventory", "show", "--lang", "zh_CN")

    assert english.out.splitlines()[1].split() == ["qingwan", "Qingwan", "1", "1", "3", "1"]
    assert chinese.out.splitlines()[1].split() == ["qingwan", "青湾区", "1", "1", "3", "1"]
