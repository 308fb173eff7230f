"""What `fleet plan --windows` says of windows that are too short for the plan, beside what `fleet rehearse` then does in them."""

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fleet.data import data_dir
from fleet.model.actor import FLEET
from fleet.model.attempt import AttemptResult, TerminalState
from fleet.plan import read_plan
from fleet.settings import load_settings
from fleet.store import open_store, progress
from tests.conftest import Cli, Ran

SAMPLES = data_dir("playbooks")
BEGINS = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=1)


@pytest.fixture
def plan(fleet: Cli, tmp_path: Path) -> Cli:
    """Plan the sample city, pushes of one minute, for a window of so many minutes."""
    assert fleet("release", "add", SAMPLES / "release" / "release.yaml").code == 0

    def planned(minutes: int, *options: object) -> Ran:
        file, end = tmp_path / "windows.yaml", BEGINS + timedelta(minutes=minutes)
        file.write_text(
            f"suspensions: [{{from: {BEGINS:%Y-%m-%dT%H:%M}+00:00, until: {end:%Y-%m-%dT%H:%M}+00:00}}]\nleft_on: [{{}}]\n", "utf-8"
        )
        words = ("plan", "--playbook", SAMPLES / "upgrade-client.yaml", "--release", "4.2.0", "--windows", file)
        return fleet(*words, "--out", tmp_path / "plan.json", *options)

    return planned


def reached(night: dict[str, Any]) -> int:
    """Sites where every terminal by SSH was upgraded; some have others that are done by hand."""
    sites = night["outcome"]["sites"]
    return int(sites["upgraded"] + sites["waiting_by_hand"])


@pytest.mark.parametrize(("minutes", "kept"), [(25, "11 min"), (35, "2 min")])  # too short to rehearse the way back; and not
def test_a_window_that_is_too_short_warns_with_what_is_kept_and_reaches_what_the_rehearsal_reaches(
    plan: Cli, fleet: Cli, tmp_path: Path, minutes: int, kept: str
) -> None:
    ran = plan(minutes)
    facts = json.loads(plan(minutes, "--json").out)["windows"]
    night = json.loads(fleet("rehearse", tmp_path / "plan.json", "--at", BEGINS.isoformat(), "--json").out)

    assert facts["is_late"]
    assert facts["reachable"] + facts["too_late"] == 20
    assert abs(facts["reachable"] - reached(night)) <= 1
    assert f"  sites that can be reached: {facts['reachable']}, the first from" in ran.out
    assert (
        f"WARNING: these windows are too short even if nothing fails: the turn of {facts['too_late']} of 20 sites comes too late."
        in ran.out
    )
    assert f"Of each window the last {kept} are kept for a push and its rollback: nothing begins in them." in ran.out
    assert "counted in: a person is waited for" in ran.out


@pytest.mark.parametrize("minutes", [45, 300])
def test_a_window_that_is_long_enough_warns_of_nothing_and_its_rehearsal_reaches_all(
    plan: Cli, fleet: Cli, tmp_path: Path, minutes: int
) -> None:
    ran = plan(minutes)
    night = json.loads(fleet("rehearse", tmp_path / "plan.json", "--at", BEGINS.isoformat(), "--json").out)

    assert "WARNING" not in ran.out
    assert "sites that can be reached: 20," in ran.out
    assert reached(night) == 20


def test_a_push_is_taken_to_last_as_pushes_of_the_workspace_did_unless_it_is_said(plan: Cli, fleet: Cli, tmp_path: Path) -> None:
    unseen = plan(300)
    assert fleet("rollout", "start", tmp_path / "plan.json", "--count", 20).code == 0
    terminals = [name for name, program in read_plan(tmp_path / "plan.json").program_of.items() if program]
    with closing(open_store(load_settings(tmp_path / "workspace"))) as store, store.write(FLEET, BEGINS) as tx:
        for name, seconds in zip(terminals, (40, 50), strict=False):
            ended = BEGINS + timedelta(seconds=seconds)
            result = AttemptResult(terminal=name, number=1, ending=TerminalState.UPGRADED, started_at=BEGINS, finished_at=ended)
            progress.record_result(tx, "r1", result)

    assert "when one takes 20 s" in unseen.out
    assert "when one takes 45 s" in plan(300).out
    assert "when one takes 7 s" in plan(300, "--push-seconds", 7).out
