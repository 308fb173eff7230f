"""A town whose terminals all fail, over real SSH: every budget holds, and the wave says which one stopped it."""

from pathlib import Path

import pytest

from fleet.control import rollouts as control
from fleet.demo.night import COORDINATOR
from fleet.engine.orchestrator import utc_now
from fleet.model.caps import Limit, Per
from fleet.model.playbook import Budget
from fleet.model.rollout import WavePhase
from fleet.sim.faults import Fault, expected_cause
from fleet.store.audit import check_record
from tests.end_to_end.town import simulated_town

SITES = 20
ALLOWED = 2


@pytest.mark.parametrize("fault", [Fault.FAILING_HEALTH, Fault.DISK_FULL, Fault.REFUSES])
def test_a_town_that_fails_everywhere_costs_no_more_sites_than_the_budget_of_the_cause(tmp_path: Path, fault: Fault) -> None:
    cause = expected_cause(fault).value
    rules = {
        "budget": Budget(failures=100, unreachable=100, causes={cause: str(ALLOWED)}),
        "limits": (Limit(select="", per=Per.FLEET, at_most="3"),),
        "retry": (),  # a retry would wait for minutes
    }
    with simulated_town(tmp_path, SITES, fault, **rules) as town:
        started = control.start_rollout(town.store, COORDINATOR, utc_now(), town.plan)
        first = town.carry_out(started.id).waves[0]

        sites = town.tally(started.id).sites
        with town.store.read() as snapshot:
            problems = check_record(snapshot)[2]
    assert (first.phase, first.held_by) == (WavePhase.HELD, (f"cause:{cause}",))
    assert sites.spent_failures + sites.unreachable == ALLOWED
    assert sites.upgraded == 0
    assert problems == []
