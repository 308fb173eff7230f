"""The playbook that ships, rehearsed over a sample town: with nothing planted, nobody is asked for more than the plan wants."""

import json
from pathlib import Path
from shutil import copytree

import pytest

from fleet.cli.common import os_user
from fleet.data import data_dir
from fleet.model.playbook import ProbeStep
from fleet.plan import read_plan
from fleet.rehearsal.swipes import are_assumed, swipe_facts
from tests.conftest import Cli

PLAYBOOK = data_dir("playbooks") / "upgrade-client.yaml"
RELEASE = data_dir("playbooks") / "release" / "release.yaml"


@pytest.fixture
def plan(cli: Cli, tmp_path: Path) -> Path:
    """A plan of the playbook that ships over the sample town. Its last waves are too small for five pairs, so three are enough."""
    people = copytree(data_dir("inventory") / "town", tmp_path / "town") / "people.csv"
    people.write_text(people.read_text("utf-8-sig").replace(",demo-coordinator,", f",{os_user()},"), "utf-8")
    text = PLAYBOOK.read_text("utf-8").replace("min_pairs: 5", "min_pairs: 3").replace("min_samples: 5", "min_samples: 3")
    (tmp_path / "playbook.yaml").write_text(text.replace("shares: [10, 30, 60]", "shares: [50, 50]"), "utf-8")
    assert cli("init").code == 0
    assert cli("inventory", "import", tmp_path / "town", "--apply").code == 0
    assert cli("release", "add", RELEASE).code == 0
    ran = cli("plan", "--playbook", tmp_path / "playbook.yaml", "--release", "4.2.0", "--out", tmp_path / "plan.json")
    assert ran.code == 0, ran.err
    return tmp_path / "plan.json"


def test_with_nothing_planted_only_the_approval_of_the_canary_is_asked_for_and_all_end_upgraded(cli: Cli, plan: Path) -> None:
    ran = cli("rehearse", plan, "--json")
    told = json.loads(ran.out)

    assert ran.code == 0
    assert [(asked["wave"], asked["why"]) for asked in told["asked"]] == [(1, "approval")]
    assert [ending["state"] for ending in told["outcome"]["endings"]] == ["upgraded"]
    assert "measured both times" in told["asked"][0]["words"]
    assert told["swipes_assumed"]
    assert "Swipes are assumed, too" in cli("rehearse", plan).out


def test_a_way_back_that_fails_is_found_by_the_gate_after_upgrades_that_ended_well(cli: Cli, plan: Path) -> None:
    told = json.loads(cli("rehearse", plan, "--faults", "way-back=100", "--json").out)
    quiet = json.loads(cli("rehearse", plan, "--json").out)

    (gate,) = [asked for asked in told["asked"] if (asked["wave"], asked["why"]) == (1, "gate")]
    assert gate["verdict"] == "fail"
    assert "the way back failed in rehearsal" in gate["words"]
    assert "no-way-back" not in told["outcome"]["causes_not_seen"]
    assert "rehearsal-failed" not in told["outcome"]["gate_outcomes_not_seen"]
    assert {"rehearsal-failed", "slow"} <= set(quiet["outcome"]["gate_outcomes_not_seen"])
    assert "a way back that fails" in cli("rehearse", plan).out


def test_swipes_that_are_slow_after_the_upgrade_fail_the_gate(cli: Cli, plan: Path) -> None:
    told = json.loads(cli("rehearse", plan, "--faults", "slow-swipe=100", "--json").out)

    assert (told["asked"][0]["wave"], told["asked"][0]["verdict"]) == (1, "fail")
    assert "swipes are too slow" in told["asked"][0]["words"]
    assert "slow" not in told["outcome"]["gate_outcomes_not_seen"]
    assert [ending["state"] for ending in told["outcome"]["endings"]] == ["upgraded"]


def test_a_plan_that_swipes_no_card_has_no_swipes_to_assume(plan: Path) -> None:
    made = read_plan(plan)
    steps = tuple(step for step in made.playbook.steps if not isinstance(step, ProbeStep))

    assert are_assumed(made)
    assert not are_assumed(made.model_copy(update={"playbook": made.playbook.model_copy(update={"steps": steps})}))


def test_a_program_that_measures_nothing_before_is_told_nothing_before(plan: Path) -> None:
    made = read_plan(plan)
    program = next(iter(made.programs.values()))
    unmeasured = program.model_copy(update={"steps": tuple(step for step in program.steps if step != "swipe-test-before")})

    assert set(swipe_facts(made, program, "a/t1", 1)) == {"before_swipe_ms", "swipe_ms"}
    assert set(swipe_facts(made, unmeasured, "a/t1", 1)) == {"swipe_ms"}
