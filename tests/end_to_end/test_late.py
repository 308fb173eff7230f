"""A site that enters the inventory while a rollout runs: served by a late rollout over real SSH, beside the first one's numbers."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from fleet.cli.common import os_user
from fleet.control import inventory as inventory_control
from fleet.control import releases as release_control
from fleet.control import rollouts as control
from fleet.control.workspace import make_workspace, release_key
from fleet.data import data_dir
from fleet.demo.night import COORDINATOR
from fleet.demo.sample import sample_city
from fleet.engine import Orchestrator
from fleet.engine.orchestrator import utc_now
from fleet.model.inventory import Fleet, Reach, Role
from fleet.model.playbook import Approval, GateRule
from fleet.model.rollout import RolloutPhase
from fleet.plan import make_plan, read_playbook
from fleet.settings import Settings
from fleet.sim.inventory import reaching
from fleet.sim.simulation import start_simulation
from fleet.store import Store, open_store
from fleet.trust.release import add_release
from tests.conftest import Cli

SITES = 6
ENOUGH_S = 120


@pytest.fixture
def open_simulation() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make_workspace(tmp_path / "workspace")


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    store = open_store(settings)
    yield store
    store.close()


@pytest.fixture
def whole(settings: Settings, open_simulation: ExitStack, tmp_path: Path) -> Fleet:
    """A town that answers, whose coordinator is whoever runs the tests."""
    city = sample_city(SITES)
    key = settings.user_key.with_name(settings.user_key.name + ".pub").read_text().strip()
    simulation = open_simulation.enter_context(start_simulation(list(city.terminals.values()), {}, tmp_path / "terminals", key, seed=1))
    fleet = reaching(city, simulation)
    coordinator = fleet.people[COORDINATOR.code].model_copy(update={"os_user": os_user()})
    return fleet.model_copy(update={"people": {**fleet.people, coordinator.code: coordinator}})


def without(fleet: Fleet, code: str) -> Fleet:
    """The fleet before that site was in it."""
    sites = {name: site for name, site in fleet.sites.items() if name != code}
    terminals = {name: terminal for name, terminal in fleet.terminals.items() if terminal.site != code}
    return fleet.model_copy(update={"sites": sites, "terminals": terminals})


def bring_in(store: Store, fleet: Fleet) -> None:
    kept = {"sites": len(fleet.sites), "terminals": len(fleet.terminals)}
    inventory_control.import_fleet(store, COORDINATOR, utc_now(), fleet, kept)


def test_a_site_that_comes_while_the_first_rollout_runs_is_done_by_a_late_one_and_the_first_one_s_numbers_stay(
    cli: Cli, settings: Settings, store: Store, whole: Fleet, tmp_path: Path
) -> None:
    newcomer = next(site for site in reversed(list(whole.sites)) if all(each.reach is Reach.SSH for each in whole.terminals_of[site]))
    first = without(whole, newcomer)
    bring_in(store, first)
    playbooks = data_dir("playbooks")
    release = add_release(playbooks / "release" / "release.yaml", settings.workspace / "releases")
    release = release_control.add_release(
        store, COORDINATOR, utc_now(), release, release_control.Signing(release_key(settings), settings.zone)
    )
    playbook = read_playbook(playbooks / "upgrade-client.yaml")
    gate = GateRule(approval=Approval.NEVER, success=0)
    plan = make_plan(first, playbook.model_copy(update={"gate": gate, "rollback_rehearsal": False}), release)
    control.start_rollout(store, COORDINATOR, utc_now(), plan)
    with Orchestrator(settings, store) as orchestrator:
        bring_in(store, whole)
        turn = orchestrator.wait_at_rest(ENOUGH_S)
    assert turn is not None
    assert turn.state is not None
    while turn.state.phase is not RolloutPhase.FINISHED:
        waiting = next(wave for wave in turn.state.waves if wave.phase.value in {"gate", "held"})
        control.approve(store, COORDINATOR, utc_now(), "r1", waiting.number)
        with Orchestrator(settings, store) as orchestrator:
            turn = orchestrator.wait_at_rest(ENOUGH_S)
        assert turn is not None
        assert turn.state is not None
    before = json.loads(cli("status", "--json").out)

    made = cli("plan", "--late", "r1", "--out", tmp_path / "late.json")
    started = cli("rollout", "start", tmp_path / "late.json", "--count", 1)
    ran = cli("run", "--once")
    assert (made.code, started.code, ran.code) == (0, 0, 0), made.err + started.err + ran.err
    technician = next(code for code, each in whole.people.items() if each.role is Role.TECHNICIAN)
    assert cli("assign", newcomer, "--to", technician, "--reason", "near").code == 0
    marked = cli("checkin", newcomer, "--by", technician)
    assert marked.code == 0, marked.err

    after, late = (json.loads(cli("status", "--json", "--rollout", rollout).out) for rollout in ("r1", "r2"))
    assert before["late"]["sites"] == {"total": 1, "done": 0, "open": 0, "unplanned": 1}
    assert after["late"]["sites"] == late["late"]["sites"] == {"total": 1, "done": 1, "open": 0, "unplanned": 0}
    assert (late["phase"], late["standing"], late["total"]["done"]) == ("finished", "succeeded", 1)
    assert after["total"] == before["total"]
    assert after["total"]["sites"]["total"] == SITES - 1
    assert cli("audit", "verify").code == 0
