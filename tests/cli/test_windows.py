"""`fleet plan --windows`, `fleet status` and `fleet rollout go-past`, as people type them."""

import json
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from fleet.cli.follow import Follower
from fleet.data import data_dir
from fleet.engine import Orchestrator
from fleet.model.attempt import AttemptResult
from fleet.plan import read_plan
from fleet.push import PushJob
from fleet.settings import load_settings
from fleet.store import open_store
from tests.conftest import Cli

PLAYBOOK = str(data_dir("playbooks") / "upgrade-client.yaml")
RELEASE = str(data_dir("playbooks") / "release" / "release.yaml")
PLAN = ("plan", "--playbook", PLAYBOOK, "--release", "4.2.0")


@pytest.fixture
def fleet(fleet: Cli) -> Cli:
    """The same, and the sample release."""
    assert fleet("release", "add", RELEASE).code == 0
    return fleet


@pytest.fixture
def night(tmp_path: Path) -> Path:
    """A suspension from now on, for eight hours; everybody leaves the terminals on."""
    begin = datetime.now(UTC).replace(second=0, microsecond=0)
    text = f"suspensions:\n  - {{from: {begin:%Y-%m-%dT%H:%M}+00:00, until: {begin + timedelta(hours=8):%Y-%m-%dT%H:%M}+00:00}}\nleft_on:\n  - {{}}\n"
    file = tmp_path / "windows.yaml"
    file.write_text(text, "utf-8")
    return file


def test_a_plan_without_windows_says_that_sites_are_touched_at_any_time(fleet: Cli) -> None:
    assert "Windows: none are given, so sites are touched at any time." in fleet(*PLAN).out


def test_a_plan_says_who_can_be_reached_and_freezes_its_windows(fleet: Cli, night: Path, tmp_path: Path) -> None:
    ran = fleet(*PLAN, "--windows", night, "--out", tmp_path / "plan.json")
    facts = json.loads(fleet(*PLAN, "--windows", night, "--json").out)["windows"]

    assert ran.code == 0
    assert f"Start it: fleet rollout start {tmp_path}/plan.json --count 20" in ran.err
    assert "WARNING" not in ran.out
    assert "sites that can be reached: " in ran.out
    assert "a push begins only if 20 min are left, for it and its rollback" in ran.out
    assert facts["out_of_reach"] == {}
    assert read_plan(tmp_path / "plan.json").windows is not None


@pytest.mark.parametrize(
    ("windows", "told"),
    [
        (
            "suspensions: [{from: 2020-12-04T18:00, until: 2020-12-05T06:00}]",
            "none of these windows is left: the last ended 2020-12-05 06:00",
        ),
        (
            "suspensions: [{from: 2030-12-04T02:00, until: 2030-12-04T02:01}]\nleft_on: [{}]",
            "these windows let a push begin at none of the ",
        ),
    ],
)
def test_windows_that_leave_no_time_anywhere_are_refused_and_nothing_is_written(
    fleet: Cli, tmp_path: Path, windows: str, told: str
) -> None:
    file = tmp_path / "windows.yaml"
    file.write_text(windows + "\n", "utf-8")

    ran = fleet(*PLAN, "--windows", file, "--out", tmp_path / "plan.json")

    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert "hint: " in ran.err
    assert not (tmp_path / "plan.json").exists()


def test_who_will_not_be_reached_is_counted_with_why(fleet: Cli, tmp_path: Path) -> None:
    file = tmp_path / "windows.yaml"
    file.write_text("suspensions:\n  - {from: 2030-12-04T02:00, until: 2030-12-04T04:00}\n", "utf-8")

    ran = fleet(*PLAN, "--windows", file)

    assert ran.code == 0
    assert "the site was closed, and its terminals switched off, whenever it might have been touched" in ran.out
    assert ran.out.startswith("WARNING: ")
    assert "sites will not be reached in these windows" in ran.out.splitlines()[0]


def test_a_windows_file_that_makes_no_sense_is_refused_and_nothing_is_written(fleet: Cli, tmp_path: Path) -> None:
    file = tmp_path / "windows.yaml"
    file.write_text("suspensions:\n  - {from: tonight, until: tomorrow}\n", "utf-8")

    ran = fleet(*PLAN, "--windows", file, "--out", tmp_path / "plan.json")

    assert ran.code == 2
    assert "windows.yaml:2: `tonight` is no date with a time" in ran.err
    assert not (tmp_path / "plan.json").exists()


def test_the_status_shows_the_clock_of_the_point_of_no_return(fleet: Cli, night: Path, tmp_path: Path) -> None:
    fleet(*PLAN, "--windows", night, "--out", tmp_path / "plan.json")
    assert fleet("rollout", "start", tmp_path / "plan.json", "--count", 20).code == 0

    shown, facts = fleet("status"), json.loads(fleet("status", "--json").out)

    assert "Last safe rollback: " in shown.out
    assert "one is taken to last 600 s" in shown.out
    assert facts["point_of_no_return"]["last_safe_rollback_at"] == facts["point_of_no_return"]["suspension_ends_at"]
    assert facts["pace"]["push"] == {"p95_s": 600.0, "samples": 0, "measured": False}
    assert facts["forecast"] is None
    assert facts["not_reached"] == []


def test_going_past_the_point_of_no_return_needs_a_reason_and_is_recorded_once(fleet: Cli, night: Path, tmp_path: Path) -> None:
    fleet(*PLAN, "--windows", night, "--out", tmp_path / "plan.json")
    fleet("rollout", "start", tmp_path / "plan.json", "--count", 20)

    empty = fleet("rollout", "go-past", "--reason", " ")
    first = fleet("rollout", "go-past", "--reason", "extended until noon")
    again = fleet("rollout", "go-past", "--reason", "extended until noon")

    assert empty.code == 2
    assert (first.code, first.out) == (0, "It goes on past the point of no return. Your name and the reason are recorded.\n")
    assert again.out == "Somebody decided so already.\n"
    assert "go past the point of no return" in fleet("status").out


def test_a_rollout_without_windows_has_no_point_of_no_return(fleet: Cli, tmp_path: Path) -> None:
    fleet(*PLAN, "--out", tmp_path / "plan.json")
    fleet("rollout", "start", tmp_path / "plan.json", "--count", 20)

    ran = fleet("rollout", "go-past", "--reason", "because")

    assert ran.code == 2
    assert "has no windows, and so no point of no return" in ran.err
    assert "Last safe rollback" not in fleet("status").out


def test_what_a_stopped_rollout_did_not_reach_is_listed_by_reason(fleet: Cli, night: Path, tmp_path: Path) -> None:
    fleet(*PLAN, "--windows", night, "--out", tmp_path / "plan.json")
    fleet("rollout", "start", tmp_path / "plan.json", "--count", 20)
    fleet("rollout", "stop")
    fleet("run", "--once")

    shown, facts = fleet("status"), json.loads(fleet("status", "--json").out)

    assert "Sites not reached: " in shown.out
    assert {one["reason"] for one in facts["not_reached"]} <= {"not-opened", "stopped"}


def test_who_follows_a_rollout_is_told_once_for_what_its_sites_wait(fleet: Cli, tmp_path: Path) -> None:
    file = tmp_path / "windows.yaml"
    begin = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(hours=2)
    text = f"windows:\n  - {{from: {begin:%Y-%m-%dT%H:%M}+00:00, until: {begin + timedelta(hours=8):%Y-%m-%dT%H:%M}+00:00}}\n"
    file.write_text(
        text
        + f"suspensions:\n  - {{from: {begin:%Y-%m-%dT%H:%M}+00:00, until: {begin + timedelta(hours=8):%Y-%m-%dT%H:%M}+00:00}}\nleft_on: [{{}}]\n",
        "utf-8",
    )
    fleet(*PLAN, "--windows", file, "--out", tmp_path / "plan.json")
    fleet("rollout", "start", tmp_path / "plan.json", "--count", 20)
    settings = load_settings(tmp_path / "workspace")
    with closing(open_store(settings)) as store, Orchestrator(settings, store, push=never):
        follower, said = Follower(store, settings.zone), list[str]()
        until = time.monotonic() + 20
        while not any("wait for their window" in line for line in said):
            assert time.monotonic() < until
            said += follower.news()

    assert sum("wait for their window" in line for line in said) == 1
    assert f"the next is looked at {begin.astimezone(settings.zone):%Y-%m-%d %H:%M}" in "\n".join(said)


def never(job: PushJob, stop: Event) -> AttemptResult:  # noqa: ARG001 - a push's signature
    raise AssertionError
