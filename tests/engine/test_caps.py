"""Budgets by cause and district, and limits, kept by a real orchestrator on real SQLite, up to terminals that all end badly."""

from collections import Counter
from collections.abc import Mapping

import pytest

from fleet.control import rollouts as control
from fleet.control.exclusions import exclude
from fleet.engine import Orchestrator
from fleet.errors import InputError
from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.caps import DistrictAllowance, PlannedLimit
from fleet.model.inventory import Fleet
from fleet.model.plan import Plan
from fleet.model.rollout import RolloutPhase, WavePhase, WaveState
from fleet.store import Store, caps, reads, rollouts
from tests.engine.city import AT, COORDINATOR, Terminals, begin, make_fleet, make_plan, set_up
from tests.engine.waiting import rest


def guarded(
    plan: Plan,
    *,
    causes: Mapping[str, int] | None = None,
    districts: Mapping[str, DistrictAllowance] | None = None,
    limit: int | None = None,
) -> Plan:
    """The plan with these budgets in every wave, and one limit over all of its sites."""
    waves = []
    for wave in plan.waves:
        sites = tuple(site.model_copy(update={"limits": (0,)}) for site in wave.sites) if limit else wave.sites
        waves.append(wave.model_copy(update={"sites": sites, "causes_allowed": causes or {}, "districts_allowed": districts or {}}))
    limits = (PlannedLimit(select="", sites=len(plan.wave_of), allowed=limit),) if limit else ()
    made = plan.model_copy(update={"waves": tuple(waves), "limits": limits})
    return made.model_copy(update={"digest": made.compute_digest()})


def first_wave(orchestrator: Orchestrator) -> WaveState:
    return rest(orchestrator, 60).waves[0]


def sites(store: Store) -> Counter[str]:
    with store.read() as snapshot:
        return Counter(row.state.value for row in reads.sites_since(snapshot, "r1"))


def down(store: Store) -> int:
    with store.read() as snapshot:
        return caps.read_spent(snapshot, "r1").down.get(0, 0)


@pytest.fixture
def fleet(store: Store) -> Fleet:
    made = make_fleet(12)
    set_up(store, made)
    return made


def failing(fleet: Fleet, terminals: Terminals, ending: TerminalState, times: int = 2) -> None:
    terminals.endings = {name: [ending] * times for name in fleet.terminals}


def test_a_cause_that_every_terminal_ends_with_stops_at_its_budget_and_is_named(
    store: Store, fleet: Fleet, terminals: Terminals, orchestrator: Orchestrator
) -> None:
    failing(fleet, terminals, TerminalState.UNREACHABLE)
    begin(store, fleet, guarded(make_plan(fleet, 12, failures=9, unreachable=9), causes={"no-answer": 2}))
    orchestrator.start()

    wave = first_wave(orchestrator)

    assert (wave.phase, wave.held_by) == (WavePhase.HELD, ("cause:no-answer",))
    assert sites(store)["unreachable"] == 2
    assert terminals.most_at_once <= 2

    control.approve(store, COORDINATOR, AT, "r1", 1)
    wave = first_wave(orchestrator)

    assert (wave.phase, sites(store)["unreachable"]) == (WavePhase.HELD, 4)


def test_a_district_that_spent_its_part_gets_nothing_more_and_the_others_go_on(
    store: Store, fleet: Fleet, terminals: Terminals, orchestrator: Orchestrator
) -> None:
    terminals.endings = {name: [TerminalState.FAILED] for name in fleet.terminals if fleet.sites[name.partition("/")[0]].district == "east"}
    begin(
        store,
        fleet,
        guarded(make_plan(fleet, 12, failures=9, unreachable=9), districts={"east": DistrictAllowance(failures=2, unreachable=2)}),
    )
    orchestrator.start()

    wave = first_wave(orchestrator)

    assert (wave.phase, wave.held_by) == (WavePhase.HELD, ("district-failures:east",))
    assert sites(store) == {"failed": 2, "upgraded": 6, "not-started": 4}


@pytest.mark.parametrize("at_most", [1, 2])
def test_terminals_that_all_end_unknown_are_never_down_in_greater_number_than_the_limit_and_a_person_can_go_on(
    store: Store, fleet: Fleet, terminals: Terminals, orchestrator: Orchestrator, at_most: int
) -> None:
    failing(fleet, terminals, TerminalState.UNKNOWN)
    begin(store, fleet, guarded(make_plan(fleet, 6, 6, failures=50, unreachable=50), limit=at_most))
    orchestrator.start()

    wave = first_wave(orchestrator)

    assert (wave.phase, wave.held_by) == (WavePhase.HELD, ("limit:0",))
    assert down(store) == at_most
    assert terminals.most_at_once <= at_most
    with pytest.raises(InputError, match="no approval lifts it"):
        control.approve(store, COORDINATOR, AT, "r1", 1)

    for _ in range(30):
        with store.read() as snapshot:
            state = rollouts.newest_rollout(snapshot)
        assert state is not None
        if state.phase is RolloutPhase.FINISHED and sites(store)["upgraded"] == 12:
            break
        if any(wave.phase is WavePhase.GATE for wave in state.waves):
            control.approve(store, COORDINATOR, AT, "r1", next(wave.number for wave in state.waves if wave.phase is WavePhase.GATE))
        else:
            control.retry(store, COORDINATOR, AT, "r1")
        first_wave(orchestrator)
        assert down(store) <= at_most

    assert sites(store) == {"upgraded": 12}
    assert down(store) == 0
    assert terminals.most_at_once <= at_most


def test_a_site_that_failed_before_its_client_was_stopped_is_not_down(
    store: Store, fleet: Fleet, terminals: Terminals, orchestrator: Orchestrator
) -> None:
    failing(fleet, terminals, TerminalState.FAILED, 1)
    begin(store, fleet, guarded(make_plan(fleet, 12, failures=50, unreachable=50), limit=1))
    orchestrator.start()

    first_wave(orchestrator)

    assert sites(store) == {"failed": 12}
    assert down(store) == 0


def test_a_site_that_failed_half_way_is_down_until_a_person_leaves_it_out(
    store: Store, fleet: Fleet, terminals: Terminals, orchestrator: Orchestrator
) -> None:
    terminals.endings = {"s000/t1": [half_way("s000/t1")]}
    begin(store, fleet, guarded(make_plan(fleet, 12, failures=50, unreachable=50), limit=1))
    orchestrator.start()

    wave = first_wave(orchestrator)
    assert (wave.phase, wave.held_by, down(store)) == (WavePhase.HELD, ("limit:0",), 1)

    exclude(store, COORDINATOR, AT, "r1", ["s000/t1"], reason="somebody is there")
    first_wave(orchestrator)

    assert sites(store) == {"excluded": 1, "upgraded": 11}


def half_way(name: str) -> AttemptResult:
    return AttemptResult(
        terminal=name,
        number=1,
        ending=TerminalState.FAILED,
        cause=Cause.PROBE_FAILED,
        interrupted=True,
        started_at=AT,
        finished_at=AT,
    )
