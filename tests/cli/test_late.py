"""`fleet plan --late`, and `+n` in `fleet status` and the export, as people type them."""

import json
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from fleet.cli.common import os_user
from fleet.data import data_dir
from fleet.plan import write_plan
from fleet.plan.plan_file import read_plan
from tests.conftest import Cli

PLAYBOOK = str(data_dir("playbooks") / "upgrade-client.yaml")
RELEASE = str(data_dir("playbooks") / "release" / "release.yaml")


@pytest.fixture
def town(tmp_path: Path) -> Path:
    """The sample town, whose coordinator is whoever runs the tests."""
    directory = copytree(data_dir("inventory") / "town", tmp_path / "town")
    people = directory / "people.csv"
    people.write_text(people.read_text("utf-8-sig").replace(",demo-coordinator,", f",{os_user()},"), "utf-8")
    return directory


@pytest.fixture
def fleet(cli: Cli, town: Path, tmp_path: Path) -> Cli:
    """The command line; rollout r1 was started and stopped, and then a pharmacy with one terminal entered the inventory."""
    assert cli("init").code == 0
    assert cli("inventory", "import", town, "--apply").code == 0
    assert cli("release", "add", RELEASE).code == 0
    assert cli("plan", "--playbook", PLAYBOOK, "--release", "4.2.0", "--select", "kind:pharmacy", "--out", tmp_path / "plan.json").code == 0
    assert cli("rollout", "start", tmp_path / "plan.json").code == 0
    join(town)
    assert cli("inventory", "import", town, "--apply").code == 0
    return cli


def join(town: Path) -> None:
    """Write the last site and its last terminal once more, under another code and at another address."""
    for name, values in (("sites.csv", {0: "late-01"}), ("terminals.csv", {0: "late-01", 1: "t01", 2: "127.99.0.9", 6: "", 7: ""})):
        file = town / name
        lines = file.read_text("utf-8-sig").rstrip("\n").split("\n")
        last = lines[-1].split(",")
        for column, value in values.items():
            last[column] = value
        file.write_text("\n".join([*lines, ",".join(last)]) + "\n", "utf-8")


def test_status_shows_the_late_beside_the_plan(fleet: Cli) -> None:
    facts = json.loads(fleet("status", "--json").out)
    text = fleet("status").out

    assert facts["late"]["sites"] == {"total": 1, "done": 0, "open": 0, "unplanned": 1}
    assert facts["late"]["planned"]["sites"] == facts["total"]["sites"]["total"]
    assert f"Late joiners: sites {facts['total']['sites']['total']} +1," in text
    assert "Plan them: fleet plan --late r1 --out late.json" in text


def test_a_late_plan_serves_exactly_who_came_late_and_the_first_rollout_says_so(fleet: Cli, tmp_path: Path) -> None:
    before = json.loads(fleet("status", "--json").out)["total"]["sites"]["total"]
    made = fleet("plan", "--late", "r1", "--out", tmp_path / "late.json")
    assert made.code == 0, made.err
    assert "For the late joiners of plan" in made.out
    assert "Sites: 1; terminals: 1," in made.out
    fleet("rollout", "stop")
    fleet("run", "--once")

    assert fleet("rollout", "start", tmp_path / "late.json").code == 0

    first, second = (json.loads(fleet("status", "--json", "--rollout", rollout).out) for rollout in ("r1", "r2"))
    assert first["total"]["sites"]["total"] == before
    assert first["late"]["sites"] == {"total": 1, "done": 0, "open": 1, "unplanned": 0}
    assert [each["rollout"] for each in first["late"]["rollouts"]] == ["r2"]
    assert second["late"]["is_late_rollout"]
    assert second["total"]["sites"]["total"] == 1
    again = fleet("plan", "--late", "r1")
    assert again.code == 2
    assert "nobody came late to rollout r1" in again.err


def test_a_watch_of_the_late_rollout_tells_the_first_ones_numbers_and_the_first_one_can_be_named(fleet: Cli, tmp_path: Path) -> None:
    fleet("plan", "--late", "r1", "--out", tmp_path / "late.json")
    for start in ((), ("start", tmp_path / "late.json")):
        if start:
            assert fleet("rollout", *start).code == 0
        fleet("rollout", "stop")
        fleet("run", "--once")

    late, first = fleet("status", "--watch", "--plain"), fleet("status", "--watch", "--plain", "--rollout", "r1")

    assert "Watching rollout r2" in late.out
    assert "This serves late joiners of rollout r1, whose numbers stay" in late.out
    assert "Watching rollout r1" in first.out
    assert "  in rollout r2" in first.out
    assert (late.code, first.code) == (1, 1)
    assert fleet("status", "--watch", "--rollout", "r9").code == 2


@pytest.mark.parametrize("word", ["--playbook", "--release", "--select"])
def test_a_late_plan_takes_nothing_but_windows_beside_it(fleet: Cli, word: str) -> None:
    ran = fleet("plan", "--late", "r1", word, "x")

    assert ran.code == 2
    assert f"{word} and --late exclude each other" in ran.err


def test_a_late_plan_of_an_unknown_rollout_is_refused(fleet: Cli) -> None:
    ran = fleet("plan", "--late", "r9")

    assert ran.code == 2
    assert "there is no rollout r9" in ran.err


@pytest.mark.parametrize("rollout", ["r1", "r2"])
def test_the_export_has_the_late_in_a_sheet_of_their_own_and_its_rows_add_up(fleet: Cli, tmp_path: Path, rollout: str) -> None:
    if rollout == "r2":
        fleet("plan", "--late", "r1", "--out", tmp_path / "late.json")
        fleet("rollout", "stop")
        fleet("run", "--once")
        assert fleet("rollout", "start", tmp_path / "late.json").code == 0
    ran = fleet("export", "--out", tmp_path / "c.xlsx", "--rollout", rollout)
    assert ran.code == 0, ran.err

    book = load_workbook(tmp_path / "c.xlsx")
    rows = numbers(book["Late joiners"])
    assert rows[-1][0] == "the plan and its late joiners"
    assert [sum(row[column] for row in rows[:-1]) for column in (1, 2)] == [rows[-1][1], rows[-1][2]]
    inventory = {name: (sites, terminals) for name, sites, terminals in numbers(book["Summary"])}
    gone, whole = inventory.pop("in this rollout, removed from the inventory since"), inventory.pop("in the inventory now")
    parts = [row for name, row in inventory.items() if name.startswith("in ")]
    assert tuple(sum(part[n] for part in parts) - gone[n] for n in (0, 1)) == whole


def numbers(sheet: Worksheet) -> list[tuple[Any, ...]]:
    """Rows of a name and two numbers."""
    rows: list[tuple[Any, ...]] = [(str(row[0]), *row[1:3]) for row in sheet.iter_rows(values_only=True)]
    return [row for row in rows if isinstance(row[1], int) and isinstance(row[2], int)]


def test_a_late_plan_is_rehearsed_like_any_other_and_shown_under_its_own_digest(fleet: Cli, tmp_path: Path) -> None:
    made = fleet("plan", "--late", "r1", "--out", tmp_path / "late.json")

    ran = fleet("rehearse", tmp_path / "late.json")

    assert ran.code in {0, 3}, ran.err
    assert f"Plan {read_plan(tmp_path / 'late.json').digest[:12]}: 1 terminal over SSH" in ran.out
    assert "1  opens" in ran.out
    assert made.code == 0


def test_a_late_plan_whose_rollout_is_not_here_is_not_rehearsed(fleet: Cli, tmp_path: Path) -> None:
    fleet("plan", "--late", "r1", "--out", tmp_path / "late.json")
    plan = read_plan(tmp_path / "late.json").model_copy(update={"late_of": "0" * 64})
    write_plan(plan.model_copy(update={"digest": plan.compute_digest()}), tmp_path / "other.json")

    ran = fleet("rehearse", tmp_path / "other.json")

    assert ran.code == 2
    assert "which no rollout of this workspace carries out" in ran.err


def test_a_late_plan_says_whose_host_keys_nobody_has_confirmed(fleet: Cli) -> None:
    ran = fleet("plan", "--late", "r1")

    assert "Host keys not confirmed: 1. `fleet hosts scan`, then `fleet hosts confirm`." in ran.out
    assert json.loads(fleet("plan", "--late", "r1", "--json").out)["host_keys_unconfirmed"] == 1
