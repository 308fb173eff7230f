"""`fleet doctor` finds what was broken, says how to mend it, and changes nothing; whatever it meets, it never breaks down."""

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fleet.cli.common import os_user
from fleet.doctor.machine import within
from fleet.model.actor import FLEET
from fleet.model.lease import Lease, Purpose
from fleet.plan import write_plan
from fleet.settings import Settings
from fleet.store import Store, fleets, leases, open_store, orchestrator, shards
from tests.conftest import Cli
from tests.engine.city import AT, COORDINATOR, make_fleet, make_plan, put_contents, set_up


@pytest.fixture
def workspace(cli: Cli, tmp_path: Path) -> Path:
    """A workspace in which nothing is wrong: two sites whose host keys are vouched for, a release, people of this machine."""
    assert cli("init").code == 0
    fleet = make_fleet(2)
    people = {code: person.model_copy(update={"os_user": os_user()}) for code, person in fleet.people.items() if code == "c01"}
    with closing(open_store(Settings(workspace=tmp_path / "workspace"))) as store:
        set_up(store, fleet.model_copy(update={"people": people}))
    put_contents(tmp_path / "workspace")
    return tmp_path / "workspace"


@pytest.fixture
def store(workspace: Path) -> Iterator[Store]:
    store = open_store(Settings(workspace=workspace))
    yield store
    store.close()


def report(cli: Cli) -> dict[str, Any]:
    ran = cli("doctor", "--json")
    found: dict[str, Any] = json.loads(ran.out)
    assert ran.code == (0 if found["well"] else 1)
    return found


def wrong(cli: Cli) -> dict[str, str]:
    """Check -> what is wrong."""
    return {finding["check"]: finding["what"] for finding in report(cli)["findings"] if finding["level"] == "wrong"}


@pytest.mark.usefixtures("workspace")
def test_a_workspace_in_order_is_well(cli: Cli) -> None:
    ran = cli("doctor")

    assert ran.code == 0, ran.out
    assert wrong(cli) == {}
    assert "The record holds" in ran.out
    assert report(cli)["head"]["seq"] > 0


def test_no_workspace_is_said_with_what_makes_one(cli: Cli) -> None:
    ran = cli("doctor")

    assert ran.code == 1
    assert "there is no workspace here" in ran.out
    assert "fleet init" in ran.out


def test_looking_changes_nothing(cli: Cli, workspace: Path) -> None:
    def contents() -> dict[str, bytes]:
        with closing(sqlite3.connect(workspace / "fleet.db")) as connection:
            return {"dump": "\n".join(connection.iterdump()).encode()}

    before = contents()
    cli("doctor")

    assert contents() == before


def test_everything_that_is_broken_is_found_at_once(cli: Cli, workspace: Path, store: Store, tmp_path: Path) -> None:
    write_plan(make_plan(make_fleet(2), 2), tmp_path / "plan.json")
    assert cli("rollout", "start", tmp_path / "plan.json", "--count", 2).code == 0
    next((workspace / "releases").iterdir()).write_bytes(b"other")
    (workspace / "id_ed25519").chmod(0o644)
    (workspace / "release_key").chmod(0o640)
    workspace.chmod(0o707)
    fleet = make_fleet(2)
    bare = {name: terminal.model_copy(update={"host_key": None}) for name, terminal in fleet.terminals.items()}
    with store.write(COORDINATOR, AT) as tx:
        fleets.replace_fleet(tx, fleet.model_copy(update={"terminals": bare}), {})

    found = wrong(cli)

    assert found["releases"].startswith("release 4.2.0: ")
    assert found["user-key"] == "others may read the user key"
    assert found["release-key"] == "others may read the release key"
    assert "everybody on this machine can enter the workspace" in found["workspace"]
    assert found["host-keys"] == "the host keys of 2 terminals were never seen, s000/t1 first"
    assert found["people"] == "no coordinator or manager has an OS user of this machine; nobody can decide here"
    assert found["orchestrator"] == "rollout r1 is unfinished, and no orchestrator has run here yet"
    assert "signatures" in found, "the release of the running rollout is not signed"
    assert all(finding["mend"] for finding in report(cli)["findings"])


def test_a_silent_worker_is_found(cli: Cli, store: Store, tmp_path: Path) -> None:
    write_plan(make_plan(make_fleet(2), 2), tmp_path / "plan.json")
    cli("rollout", "start", tmp_path / "plan.json", "--count", 2)
    with store.write(FLEET, datetime.now(UTC) - timedelta(hours=1)) as tx:
        shards.add_shards(tx, "r1", 1, [shards.Part("west", ["s000"])])
        shard = shards.open_shards(tx, "r1")[0].id
        shards.claim(tx, shard, shards.dispatch(tx, shard), "worker-7")

    assert wrong(cli)["leases"] == "1 shard is held by a worker that has gone silent, worker-7 first"


def lease(site: str, owner: str, purpose: Purpose, *, until: datetime) -> Lease:
    return Lease(site=site, owner=owner, purpose=purpose, token=f"{site}-{owner}", taken_at=until - timedelta(hours=1), until=until)


def of_leases(cli: Cli) -> list[tuple[str, str, str]]:
    """Level, what and how to mend it of what is found about leases of sites."""
    return [(each["level"], each["what"], each["mend"]) for each in report(cli)["findings"] if each["check"] == "site-leases"]


def test_a_hold_that_ran_out_is_found_and_what_doctor_says_mends_it(cli: Cli, store: Store) -> None:
    past = datetime.now(UTC) - timedelta(hours=2)
    with store.write(FLEET, past - timedelta(hours=1)) as tx:
        leases.take(tx, [lease("s000", "c01", Purpose.BY_HAND, until=past)])

    ((level, what, mend),) = of_leases(cli)

    assert level == "note"
    assert what.startswith("李娜 had site `s000` until ")
    assert mend == "ask whether the work there has ended, then `fleet lease s000 --free`"
    assert cli("lease", "s000", "--free").code == 0
    assert of_leases(cli) == []


def test_a_site_in_use_by_nobody_of_the_inventory_is_wrong_and_can_be_freed(cli: Cli, store: Store) -> None:
    now = datetime.now(UTC)
    with store.write(FLEET, now) as tx:
        leases.take(tx, [lease("s001", "gone", Purpose.BY_HAND, until=now + timedelta(hours=1))])

    assert of_leases(cli) == [
        (
            "wrong",
            "site `s001` is in use by `gone`, who is nobody of this inventory",
            "have a coordinator let go of it: `fleet lease s001 --free`",
        )
    ]
    assert cli("lease", "s001", "--free").code == 0
    assert of_leases(cli) == []


def test_sites_that_a_dead_orchestrator_kept_are_one_finding(cli: Cli, store: Store) -> None:
    past = datetime.now(UTC) - timedelta(minutes=5)
    with store.write(FLEET, past - timedelta(minutes=1)) as tx:
        leases.take(tx, [lease(site, "fleet", Purpose.PUSH, until=past) for site in ("s000", "s001")])

    ((level, what, mend),) = of_leases(cli)

    assert (level, what) == ("note", "2 sites are kept for pushes that nobody makes any more, s000 first")
    assert mend.startswith("`fleet run` takes them up again")


def test_a_hold_in_force_of_somebody_who_is_known_is_no_finding(cli: Cli, store: Store) -> None:
    assert cli("lease", "s000").code == 0

    with store.read() as snapshot:
        assert set(leases.in_force(snapshot, datetime.now(UTC))) == {"s000"}
    assert of_leases(cli) == []


def test_clocks_that_disagree_are_found(cli: Cli, store: Store, tmp_path: Path) -> None:
    write_plan(make_plan(make_fleet(2), 2), tmp_path / "plan.json")
    cli("rollout", "start", tmp_path / "plan.json", "--count", 2)
    with store.write(FLEET, datetime.now(UTC) + timedelta(hours=1)) as tx:
        orchestrator.become_orchestrator(tx, pid=1, host="elsewhere", user="x", token="t", last_is_dead=True)

    found = wrong(cli)

    assert found["clocks"].startswith("the last event is 3")
    assert found["orchestrator"].startswith("the orchestrator's beat is 3")


def test_a_changed_event_is_found(cli: Cli, workspace: Path) -> None:
    with closing(sqlite3.connect(workspace / "fleet.db")) as connection:
        connection.executescript("DROP TRIGGER event_is_never_changed; UPDATE event SET actor = 'mallory' WHERE seq = 1")

    assert "event 1" in wrong(cli)["events"]
    assert report(cli)["head"] is None


@pytest.mark.parametrize("breakage", ["gone", "empty", "garbage", "cut", "newer", "no-tables", "directory"])
def test_a_broken_database_is_a_finding_and_never_a_traceback(cli: Cli, workspace: Path, breakage: str) -> None:
    file = workspace / "fleet.db"
    for beside in workspace.glob("fleet.db-*"):
        beside.unlink()
    if breakage == "newer":
        with closing(sqlite3.connect(file)) as connection:
            connection.executescript("UPDATE alembic_version SET version_num = '9999'")
    elif breakage == "no-tables":
        file.unlink()
        with closing(sqlite3.connect(file)) as connection:
            connection.executescript("CREATE TABLE other (x)")
    else:
        whole = file.read_bytes()
        file.unlink()
        if breakage == "directory":
            file.mkdir()
        elif breakage != "gone":
            file.write_bytes({"empty": b"", "garbage": os.urandom(8192), "cut": whole[: len(whole) // 2]}[breakage])

    ran = cli("doctor")

    assert ran.code == 1, ran.out
    assert "Traceback" not in ran.out + ran.err
    assert ran.err == ""
    assert "database" in wrong(cli)


@pytest.mark.parametrize("text", ['time_zone = "Mars/Olympus"', "not toml at all [", 'lang = "zz"', "unknown = 1"])
def test_broken_settings_are_a_finding(cli: Cli, workspace: Path, text: str) -> None:
    (workspace / "fleet.toml").write_text(text, "utf-8")

    ran = cli("doctor")

    assert ran.code in (1, 2)
    assert "Traceback" not in ran.out + ran.err


@pytest.mark.parametrize("gone", ["id_ed25519", "releases", "release_key"])
def test_what_is_gone_never_breaks_the_look(cli: Cli, workspace: Path, gone: str) -> None:
    path = workspace / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()

    ran = cli("doctor")

    assert ran.code in (0, 1)
    assert ran.err == ""
    if gone == "id_ed25519":
        assert wrong(cli)["user-key"].startswith("no user key")


@pytest.mark.usefixtures("workspace")
def test_it_speaks_chinese(cli: Cli) -> None:
    assert "检查" in cli("doctor", "--lang", "zh_CN").out


@pytest.mark.parametrize(
    ("installed", "bounds", "is_within"),
    [
        ("5.1.2", ">=5.1,<5.2", True),
        ("5.2.0", ">=5.1,<5.2", False),
        ("5.2", "<5.2,>=5.1", False),
        ("5.0.9", ">=5.1,<5.2", False),
        ("10.0", ">=9.9", True),
        ("2.14.0b1", ">=2.14", True),
        ("3.0", "", True),
    ],
)
def test_versions_are_compared_as_numbers(installed: str, bounds: str, is_within: bool) -> None:
    assert within(installed, bounds) is is_within
