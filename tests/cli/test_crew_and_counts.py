"""`fleet assign`, `fleet checkin`, `fleet export`: what a person types and reads."""

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import text

from fleet.cli.common import os_user
from fleet.model.actor import FLEET
from fleet.model.crew import Assignment
from fleet.model.inventory import District, Fleet, Person, Reach, Role, Site, SiteKind, Terminal
from fleet.model.plan import Plan
from fleet.settings import Settings
from fleet.store import crew, fleets, open_store
from tests.conftest import Cli

NOW = datetime(2026, 3, 14, 14, 0, tzinfo=UTC)


def town(role: Role = Role.COORDINATOR) -> Fleet:
    """Two sites in reach of technician wang-lei, one of nobody; whoever runs the test is `me`."""
    return Fleet(
        districts={"qingwan": District(code="qingwan", name="青湾区"), "heshan": District(code="heshan", name="鹤山县")},
        sites={
            "p1": Site(code="p1", kind=SiteKind.PHARMACY, name="东门药店", district="qingwan", latitude=30.0, longitude=112.0),
            "p2": Site(code="p2", kind=SiteKind.PHARMACY, name="西门药店", district="qingwan", latitude=30.0, longitude=112.2),
            "p3": Site(code="p3", kind=SiteKind.PHARMACY, name="山上药店", district="heshan"),
        },
        terminals={
            "p1/t1": Terminal(site="p1", code="t1", host="127.0.0.1"),
            "p1/t2": Terminal(site="p1", code="t2", reach=Reach.BY_HAND),
            "p2/t1": Terminal(site="p2", code="t1", reach=Reach.BY_HAND),
        },
        people={
            "me": Person(code="me", name="我", role=role, os_user=os_user()),
            "wang-lei": Person(code="wang-lei", name="王磊", role=Role.TECHNICIAN, district="qingwan", latitude=30.0, longitude=112.1),
        },
    )


@pytest.fixture
def idle(workspace: Settings) -> Settings:
    """A workspace with the town and no rollout."""
    store = open_store(workspace, create=True)
    with store.write(FLEET, NOW) as tx:
        fleets.replace_fleet(tx, town(), {})
    store.close()
    return workspace


@pytest.fixture
def running(workspace: Settings, start_rollout: Callable[..., Plan], cli: Cli) -> Settings:
    """The same with a rollout of 4.2.0 over p1 and p2, and both assigned."""
    store = open_store(workspace, create=True)
    start_rollout(store, town())
    store.close()
    cli("assign", "--apply")
    return workspace


@pytest.mark.usefixtures("idle")
def test_assign_shows_who_would_go_where_and_changes_nothing(cli: Cli) -> None:
    ran = cli("assign")
    again = json.loads(cli("assign", "--json").out)

    assert ran.code == 0
    assert ran.out.splitlines()[1].split() == ["wang-lei", "王磊", "2", "3", "19.26", "9.63"]
    assert "p3: no technician is responsible for 鹤山县 or a district above it" in ran.out
    assert "`fleet assign --apply` stores this" in ran.err
    assert [each["is_stored"] for each in again["assignments"]] == [False, False]


@pytest.mark.usefixtures("idle")
def test_assign_apply_stores_and_says_with_1_that_a_site_is_left(cli: Cli) -> None:
    ran = cli("assign", "--apply")
    shown = json.loads(cli("assign", "--json").out)

    assert ran.code == 1
    assert "2 sites have their technician now." in ran.err
    assert [(each["site"], each["is_stored"]) for each in shown["assignments"]] == [("p1", True), ("p2", True)]
    assert list(shown["without"]) == ["p3"]


def test_a_technician_who_left_the_inventory_is_shown_as_removed(cli: Cli, idle: Settings) -> None:
    cli("assign", "--apply")
    before = cli("assign", "p1").out
    store = open_store(idle)
    with store.write(FLEET, NOW) as tx:
        fleets.replace_fleet(tx, town().model_copy(update={"people": {"me": town().people["me"]}}), {})
    store.close()

    assert "removed" not in before
    assert "wang-lei (removed from the inventory)" in cli("assign", "p1").out


@pytest.mark.usefixtures("idle")
def test_assign_changes_one_site_with_a_reason(cli: Cli) -> None:
    ran = cli("assign", "p3", "--to", "wang-lei", "--reason", "nobody else")
    shown = json.loads(cli("assign", "p3", "--json").out)

    assert ran.code == 0
    assert (shown["technician"], shown["by"], shown["reason"]) == ("wang-lei", "me", "nobody else")


@pytest.mark.usefixtures("idle")
def test_assign_anew_says_nothing_of_a_change_where_there_is_none(cli: Cli) -> None:
    cli("assign", "--apply")
    ran = cli("assign", "--anew")
    shown = json.loads(cli("assign", "--anew", "--json").out)

    assert (ran.code, ran.err) == (0, "")
    assert [each["is_stored"] for each in shown["assignments"]] == [True, True]


@pytest.mark.usefixtures("idle")
def test_a_site_without_a_place_is_not_said_to_be_the_nearest(cli: Cli, idle: Settings) -> None:
    fleet = town()
    store = open_store(idle)
    with store.write(FLEET, NOW) as tx:
        sites = {**fleet.sites, "p4": Site(code="p4", kind=SiteKind.PHARMACY, name="新药店", district="qingwan")}
        fleets.replace_fleet(tx, fleet.model_copy(update={"sites": sites}), {})
    store.close()
    cli("assign", "--apply")

    assert cli("assign", "p1").out.splitlines()[1].endswith("  nearest, least loaded")
    assert cli("assign", "p4").out.splitlines()[1].endswith("the program  least loaded")


@pytest.mark.usefixtures("running")
def test_a_technicians_sites_are_listed_with_all_it_takes_to_go_there(cli: Cli) -> None:
    cli("checkin", "p1", "--by", "wang-lei")
    table = [line.split() for line in cli("assign", "--of", "wang-lei").out.splitlines()]
    shown = json.loads(cli("assign", "--of", "王磊", "--json").out)

    assert table[0][:6] == ["site", "name", "state", "marked", "terminals", "by"]
    assert table[1] == ["p2", "西门药店", "waiting", "for", "a", "technician", "1", "t1", "9.63"]
    assert table[2] == ["p1", "东门药店", "not", "started", "marked", "2", "t2", "9.63"]
    assert (shown[1]["code"], shown[1]["by_hand"], shown[1]["state"], shown[1]["marked"], shown[1]["done"]) == (
        "p1",
        ["t2"],
        "not-started",
        True,
        False,
    )
    assert {"name", "address", "contact", "phone", "opening_hours", "terminals", "rollout"} <= set(shown[0])


def test_a_technician_who_asks_sees_their_own_sites_first(cli: Cli, workspace: Settings, start_rollout: Callable[..., Plan]) -> None:
    fleet = town()
    people = {"me": fleet.people["me"].model_copy(update={"role": Role.TECHNICIAN, "district": "heshan"})}
    terminals = {**fleet.terminals, "p3/t1": Terminal(site="p3", code="t1", host="127.0.0.9")}
    store = open_store(workspace, create=True)
    start_rollout(store, fleet.model_copy(update={"people": people, "terminals": terminals}))
    with store.write(FLEET, NOW) as tx:
        crew.save_assignments(tx, [Assignment(site="p3", technician="me")])
    store.close()
    lines = [line.split() for line in cli("assign").out.splitlines()]

    assert lines[1][:4] == ["p3", "山上药店", "not", "started"]
    assert lines[3][0] == "technician"


@pytest.mark.usefixtures("idle")
def test_a_technician_without_sites_is_said_so(cli: Cli) -> None:
    ran = cli("assign", "--of", "wang-lei")

    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "王磊 is sent to no site yet; `fleet assign --apply` works it out.\n"


@pytest.mark.usefixtures("idle")
def test_a_site_nobody_is_sent_to_is_said_so(cli: Cli) -> None:
    ran = cli("assign", "p1")

    assert (ran.code, ran.out) == (0, "")
    assert "Nobody is sent to p1 yet" in ran.err
    assert json.loads(cli("assign", "p1", "--json").out) is None


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--to", "wang-lei"], "a change needs the site and the technician"),
        (["p1", "--reason", "x"], "a change needs the site and the technician"),
        (["p1", "--apply"], "--apply and --anew are for all sites, not for one"),
        (["--of", "wang-lei", "--apply"], "--of only lists a technician's sites"),
        (["--of", "me"], "我 (`me`) is a coordinator, not a technician"),
        (["p9"], "there is no site `p9`"),
        (["--site", "p1"], "hint: SITE is written without an option: `fleet assign SITE`"),
        (["p1", "--to", "wang-le", "--reason", "x"], "hint: did you mean `wang-lei`?"),
        (["p1", "--to", "wang-lei"], "a change of who goes where needs a reason"),
    ],
)
def test_a_wrong_assign_is_refused_with_2(cli: Cli, words: list[str], complaint: str) -> None:
    ran = cli("assign", *words)

    assert (ran.code, ran.out) == (2, "")
    assert complaint in ran.err


@pytest.mark.usefixtures("running")
def test_checkin_by_a_coordinator_claims_the_site_and_names_what_is_missing(cli: Cli) -> None:
    ran = cli("checkin", "p1", "--by", "wang-lei", "--note", "clean")

    assert ran.code == 0
    assert ran.out == "p1 东门药店 is claimed, not done: 0 of 2 terminals are proven, the site is not started\n"
    assert ran.err == "Still without a self-test that passed: p1/t2\n"


@pytest.mark.usefixtures("running")
def test_a_site_whose_terminals_are_all_self_tested_is_done(cli: Cli) -> None:
    ran = cli("checkin", "p2", "--by", "wang-lei", "--self-test", "t1=4.2.0")
    again = cli("checkin", "p2", "--by", "wang-lei")

    assert ran.out == "p2/t1: self-test passed\np2 西门药店 is done\n"
    assert again.out == "p2 is marked already; nothing was changed\np2 西门药店 is done\n"


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("words", [("--self-test", "t1=9.9"), ("--self-test-failed", "t1=no paper"), ("--self-test", "t1=9.9", "--json")])
def test_a_self_test_that_did_not_pass_is_recorded_and_ends_with_1(cli: Cli, words: tuple[str, ...]) -> None:
    ran = cli("checkin", "p2", "--by", "wang-lei", *words)

    assert (ran.code, ran.err.splitlines()[:1]) == (1, ["Still without a self-test that passed: p2/t1"] if "--json" not in words else [])
    assert "p2/t1" in ran.out


@pytest.mark.usefixtures("running")
def test_checkin_as_json_says_who_and_for_whom(cli: Cli) -> None:
    taken = json.loads(cli("checkin", "p2", "--by", "wang-lei", "--self-test-failed", "t1=no paper", "--json").out)

    assert (taken["check_in"]["actor"], taken["check_in"]["technician"]) == ("me", "wang-lei")
    assert (taken["check_in"]["kind"], taken["site"]["claimed"]) == ("problem", False)


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["p2", "--by", "wang-lei", "--self-test", "t1"], "`t1` is not what --self-test takes"),
        (["p2", "--by", "wang-lei", "--self-test", "t1=1", "--self-test", "t1=2"], "--self-test names t1 twice"),
        (["p2", "--by", "wang-lei", "--problem", ""], "the problem is empty"),
        (["p2", "--by", "wang-lei", "--problem", " ", "--note", "hello"], "the problem is empty"),
        (["p2", "--by", "wang-lei", "--self-test", "t1=1", "--self-test", "p2/t1=2"], "is given twice, and the two differ"),
        (["p2", "--by", "我"], "我 (`me`) is a coordinator, not a technician"),
        (["p3", "--by", "wang-lei"], "nobody is sent to site `p3` yet"),
        (["p22", "--by", "wang-lei"], "hint: did you mean `p2`?"),
        (["p2"], "--by"),
    ],
)
def test_a_wrong_checkin_is_refused_with_2(cli: Cli, words: list[str], complaint: str) -> None:
    ran = cli("checkin", *words)

    assert (ran.code, ran.out) == (2, "")
    assert complaint in ran.err


def test_an_os_user_who_is_nobody_checks_nothing_in(cli: Cli, workspace: Settings, start_rollout: Callable[..., Plan]) -> None:
    fleet = town()
    people = {"wang-lei": fleet.people["wang-lei"]}
    store = open_store(workspace, create=True)
    start_rollout(store, Fleet(districts=fleet.districts, sites=fleet.sites, terminals=fleet.terminals, people=people))
    store.close()
    ran = cli("checkin", "p1", "--by", "wang-lei")

    assert ran.code == 2
    assert "is nobody in the inventory" in ran.err


@pytest.mark.usefixtures("running")
def test_export_writes_the_workbook_here_and_says_where(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = cli("export")

    assert (ran.code, ran.out) == (0, "completion.xlsx\n")
    assert ran.err == "sites: 2, done: 0; terminals: 3, proven: 0\n"
    assert "Details" in openpyxl.load_workbook(tmp_path / "completion.xlsx").sheetnames


@pytest.mark.usefixtures("running")
def test_export_takes_the_format_from_the_files_name(cli: Cli, tmp_path: Path) -> None:
    ran = cli("export", "--out", tmp_path / "counts.json")

    assert ran.code == 0
    assert json.loads((tmp_path / "counts.json").read_text("utf-8"))["total"]["terminals"]["total"] == 3


@pytest.mark.usefixtures("running")
def test_export_to_standard_output_is_the_file_and_nothing_else(cli: Cli) -> None:
    ran = cli("export", "--format", "csv", "--out", "-")
    rows = list(csv.DictReader(StringIO(ran.out.removeprefix("\ufeff"), newline="")))

    assert (ran.code, ran.err) == (0, "")
    assert [row["terminal"] for row in rows] == ["p1/t1", "p1/t2", "p2/t1"]


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--format", "xls"], "there is no format `xls`\nhint: did you mean `xlsx`?"),
        (["--out", "-"], "a workbook does not go to standard output"),
        (["--rollout", "r9"], "there is no rollout `r9`"),
        (["--rollout", ""], "there is no rollout ``"),
        (["--out", "/dev/null/x.csv"], "the file cannot be written"),
    ],
)
def test_a_wrong_export_is_refused_with_2(cli: Cli, words: list[str], complaint: str) -> None:
    ran = cli("export", *words)

    assert (ran.code, ran.out) == (2, "")
    assert complaint in ran.err


@pytest.mark.usefixtures("idle")
def test_export_before_any_rollout_says_so(cli: Cli) -> None:
    ran = cli("export")

    assert ran.code == 2
    assert "no rollout has been started yet" in ran.err


def test_numbers_changed_by_hand_are_refused_with_1_and_no_file(
    cli: Cli, running: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store(running)
    with store.write(FLEET, NOW) as tx:
        tx.connection.execute(text("UPDATE tally SET n = 7 WHERE unit = 'site' AND state = 'not-started'"))
    store.close()
    ran = cli("export")

    assert ran.code == 1
    assert "in qingwan, pharmacy, the counter site not-started says 7, counting gives 1" in ran.err
    assert "fleet audit verify" in ran.err
    assert not (tmp_path / "completion.xlsx").exists()
