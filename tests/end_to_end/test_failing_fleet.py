"""A town whose terminals all fail, over real SSH: every budget holds, and the wave says which one stopped it."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from fleet.control import inventory as inventory_control
from fleet.control import releases as release_control
from fleet.control import rollouts as control
from fleet.control.workspace import make_workspace, release_key
from fleet.data import data_dir
from fleet.demo.night import COORDINATOR
from fleet.demo.sample import sample_city
from fleet.engine import Orchestrator
from fleet.engine.orchestrator import utc_now
from fleet.model.caps import Limit, Per
from fleet.model.inventory import Reach
from fleet.model.playbook import Budget
from fleet.model.rollout import WavePhase
from fleet.plan import make_plan, read_playbook
from fleet.sim.faults import Fault, expected_cause
from fleet.sim.inventory import reaching
from fleet.sim.simulation import start_simulation
from fleet.store import open_store, reads
from fleet.store.audit import check_record
from fleet.trust.release import add_release

SITES = 20
ENOUGH_S = 120
ALLOWED = 2


@pytest.mark.parametrize("fault", [Fault.FAILING_HEALTH, Fault.DISK_FULL, Fault.REFUSES])
def test_a_town_that_fails_everywhere_costs_no_more_sites_than_the_budget_of_the_cause(tmp_path: Path, fault: Fault) -> None:
    city, playbooks = sample_city(SITES), data_dir("playbooks")
    settings = make_workspace(tmp_path / "workspace")
    key = settings.user_key.with_name(settings.user_key.name + ".pub").read_text().strip()
    faults = {name: fault for name, terminal in city.terminals.items() if terminal.reach is Reach.SSH}
    cause = expected_cause(fault).value
    with ExitStack() as stack:
        simulation = stack.enter_context(start_simulation(list(city.terminals.values()), faults, tmp_path / "terminals", key, seed=1))
        store = open_store(settings)
        stack.callback(store.close)
        fleet = reaching(city, simulation)
        inventory_control.import_fleet(store, COORDINATOR, utc_now(), fleet, {"sites": len(fleet.sites), "terminals": len(fleet.terminals)})
        release = add_release(playbooks / "release" / "release.yaml", settings.workspace / "releases")
        signing = release_control.Signing(release_key(settings), settings.zone)
        release = release_control.add_release(store, COORDINATOR, utc_now(), release, signing)
        playbook = read_playbook(playbooks / "upgrade-client.yaml").model_copy(
            update={
                "budget": Budget(failures=100, unreachable=100, causes={cause: str(ALLOWED)}),
                "limits": (Limit(select="", per=Per.FLEET, at_most="3"),),
                "retry": (),  # a retry would wait for minutes
            }
        )
        started = control.start_rollout(store, COORDINATOR, utc_now(), make_plan(fleet, playbook, release))
        with Orchestrator(settings, store) as orchestrator:
            turn = orchestrator.wait_at_rest(ENOUGH_S)

        assert turn is not None
        assert turn.state is not None
        first = turn.state.waves[0]
        with store.read() as snapshot:
            sites = reads.read_tallies(snapshot, started.id).total.sites
            problems = check_record(snapshot)[2]
    assert (first.phase, first.held_by) == (WavePhase.HELD, (f"cause:{cause}",))
    assert sites.spent_failures + sites.unreachable == ALLOWED
    assert sites.upgraded == 0
    assert problems == []
