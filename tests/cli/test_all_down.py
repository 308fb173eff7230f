"""`fleet plan` where a limit keeps none of its sites up: it says which and what helps, and plans all the same."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fleet.data import data_dir
from tests.conftest import Cli

PLAYBOOK = data_dir("playbooks") / "upgrade-client.yaml"
RELEASE = data_dir("playbooks") / "release" / "release.yaml"
Planning = Callable[..., tuple[object, ...]]


@pytest.fixture
def planning(fleet: Cli, tmp_path: Path) -> Planning:
    """The words that plan the sample town, two emergency hospitals in each district, under these limits."""
    fleet("release", "add", RELEASE)

    def words(*limits: str) -> tuple[object, ...]:
        file = tmp_path / "limited.yaml"
        file.write_text(PLAYBOOK.read_text("utf-8") + "\nlimits:\n" + "".join(f"  - {{{limit}}}\n" for limit in limits), "utf-8")
        return ("plan", "--playbook", file, "--release", "4.2.0")

    return words


def test_half_of_one_emergency_hospital_is_that_hospital_and_the_plan_says_so(fleet: Cli, planning: Planning, tmp_path: Path) -> None:
    words = planning('select: "site:hospital-001,hospital-003", at_most: 50%')

    ran = fleet(*words, "--out", tmp_path / "plan.json")
    limits = json.loads(fleet(*words, "--json").out)["limits"]

    assert ran.code == 0
    warned = [line for line in ran.out.splitlines() if line.startswith("WARNING")]
    assert len(warned) == 1
    assert "keeps nothing up where it counts one site only: hospital-001, hospital-003. Such a site is down while it is pushed" in warned[0]
    assert "plan it by itself (--select, --windows), or accept that" in warned[0]
    assert [(limit["district"], limit["all_down"]) for limit in limits] == [("dongting", ["hospital-001"]), ("xitang", ["hospital-003"])]
    assert fleet("rollout", "start", tmp_path / "plan.json", "--count", 20).code == 0


def test_a_limit_as_large_as_what_it_counts_names_a_few_of_its_sites_and_how_many_more(fleet: Cli, planning: Planning) -> None:
    ran = fleet(*planning("select: kind:pharmacy, per: fleet, at_most: 20"))

    assert ran.code == 0
    named = "pharmacy-001, pharmacy-002, pharmacy-003, pharmacy-004, pharmacy-005 and"
    assert (
        f"WARNING: limit `kind:pharmacy` lets all sites that it counts together be down at once: {named} 11 more. Write a smaller"
        in ran.out
    )


def test_a_limit_that_keeps_a_site_up_everywhere_warns_of_nothing(fleet: Cli, planning: Planning) -> None:
    words = planning('select: "kind:hospital emergency:yes", at_most: 1', "select: kind:pharmacy, at_most: 20%")

    assert "WARNING" not in fleet(*words).out
    assert [limit["all_down"] for limit in json.loads(fleet(*words, "--json").out)["limits"]] == [[], [], [], []]
