"""What `fleet plan` says of the earliest finish, as people read it."""

import json
from pathlib import Path

import pytest

from fleet.data import data_dir
from tests.conftest import Cli

PLAYBOOKS = data_dir("playbooks")


@pytest.fixture
def wide(fleet: Cli, tmp_path: Path) -> Path:
    """The sample playbook with budgets that hold nothing up, in a workspace with the sample release."""
    assert fleet("release", "add", PLAYBOOKS / "release" / "release.yaml").code == 0
    text = (PLAYBOOKS / "upgrade-client.yaml").read_text("utf-8")
    file = tmp_path / "playbook.yaml"
    file.write_text(text.replace("failures: 5\n", "failures: 100\n").replace("unreachable: 10\n", "unreachable: 100\n"), "utf-8")
    return file


def test_the_soaks_between_waves_are_in_the_earliest_finish_and_said_apart(fleet: Cli, wide: Path) -> None:
    before = fleet("plan", "--playbook", wide, "--release", "4.2.0")
    wide.write_text(wide.read_text("utf-8").replace("soak_s: 0\n", "soak_s: 1800\n"), "utf-8")

    ran = fleet("plan", "--playbook", wide, "--release", "4.2.0")
    facts = json.loads(fleet("plan", "--playbook", wide, "--release", "4.2.0", "--json").out)

    assert "soaking" not in before.out
    assert "h 30 min of it soaking between waves, when a push takes 20 s and nothing fails" in ran.out
    assert facts["soaks_s"] == 5400
    assert facts["earliest_s"] == 5400 + sum(wave["earliest_s"] for wave in facts["waves"])


def test_a_limit_that_makes_a_wave_so_long_is_named_with_how_many_sites_it_counts(fleet: Cli, wide: Path) -> None:
    with wide.open("a", encoding="utf-8") as file:
        file.write("limits:\n  - {select: kind:pharmacy, per: fleet, at_most: 1}\n")

    ran = fleet("plan", "--playbook", wide, "--release", "4.2.0")
    facts = json.loads(fleet("plan", "--playbook", wide, "--release", "4.2.0", "--json").out)
    last, counted = facts["waves"][-1], facts["limits"][0]["planned"][-1]
    queue = last["queue"]

    assert queue == {"select": "kind:pharmacy", "district": None, "sites": counted, "allowed": 1}
    assert last["earliest_s"] == queue["sites"] * 20
    assert "because of the limit `kind:pharmacy` for the whole fleet: it counts" in ran.out
    assert f"it counts {queue['sites']} sites of the wave, and 1 may be down at once." in ran.out
