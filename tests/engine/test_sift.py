"""A decision counts when the orchestrator takes it in: whoever has lost the right by then decides nothing."""

from fleet.control import rollouts as control
from fleet.engine import Orchestrator
from fleet.model.actor import Actor
from fleet.model.attempt import TerminalState
from fleet.model.inventory import Fleet, Role
from fleet.model.playbook import Approval
from fleet.model.rollout import RolloutPhase, WavePhase
from fleet.store import Store, fleets, rollouts
from fleet.store.audit import check_record, read_events
from tests.engine.city import AT, COORDINATOR, PEOPLE, Terminals, begin, make_fleet, make_plan, set_up
from tests.engine.waiting import rest

MANAGER = Actor(code="m01")


def demoted(fleet: Fleet) -> Fleet:
    """The coordinator is a technician from now on."""
    person = PEOPLE["c01"].model_copy(update={"role": Role.TECHNICIAN})
    return fleet.model_copy(update={"people": PEOPLE | {"c01": person}})


def at_its_gate(store: Store, fleet: Fleet, orchestrator: Orchestrator) -> None:
    set_up(store, fleet)
    begin(store, fleet, make_plan(fleet, 2, 2, approval=Approval.ALWAYS))
    with orchestrator:
        assert orchestrator.wait_at_rest(20)


def test_a_revoked_persons_pending_approval_is_refused_and_told(store: Store, orchestrator: Orchestrator, terminals: Terminals) -> None:
    fleet = make_fleet(4)
    at_its_gate(store, fleet, orchestrator)
    control.approve(store, COORDINATOR, AT, "r1", 1)
    with store.write(MANAGER, AT) as tx:
        fleets.replace_fleet(tx, demoted(fleet), {})

    with Orchestrator(orchestrator._settings, store, push=terminals) as second:
        state = rest(second, 20)

    assert [wave.phase for wave in state.waves] == [WavePhase.GATE, WavePhase.CLOSED]
    assert set(terminals.connections) == {"s000/t1", "s001/t1"}
    with store.read() as snapshot:
        told = [event for event in read_events(snapshot) if event.kind == "decision.refused"]
        refused = rollouts.refused_decisions(snapshot, "r1")
        assert check_record(snapshot)[2] == []
    assert [(event.subject, event.body["kind"], event.body["by"]) for event in told] == [("r1", "approve", "c01")]
    assert [decision.refused for decision in refused] == ["李娜 is a technician, and may not decide about a rollout"]


def test_a_decision_that_was_refused_stays_refused_when_the_right_comes_back(
    store: Store, orchestrator: Orchestrator, terminals: Terminals
) -> None:
    fleet = make_fleet(4)
    at_its_gate(store, fleet, orchestrator)
    control.approve(store, COORDINATOR, AT, "r1", 1)
    for people in (demoted(fleet), fleet):
        with store.write(MANAGER, AT) as tx:
            fleets.replace_fleet(tx, people, {})
        with Orchestrator(orchestrator._settings, store, push=terminals) as again:
            state = rest(again, 20)

    assert state.waves[0].phase is WavePhase.GATE
    control.approve(store, COORDINATOR, AT, "r1", 1)
    with Orchestrator(orchestrator._settings, store, push=terminals) as last:
        assert last.wait_at_rest(20)
    assert len(terminals.connections) == 4


def test_what_others_decided_in_between_counts(store: Store, orchestrator: Orchestrator, terminals: Terminals) -> None:
    fleet = make_fleet(4)
    terminals.endings["s000/t1"] = [TerminalState.FAILED]
    at_its_gate(store, fleet, orchestrator)
    control.retry(store, MANAGER, AT, "r1", ["s000/t1"])
    control.stop(store, COORDINATOR, AT, "r1", "no reason")
    with store.write(MANAGER, AT) as tx:
        fleets.replace_fleet(tx, demoted(fleet), {})

    with Orchestrator(orchestrator._settings, store, push=terminals) as second:
        state = rest(second, 20)

    assert state.phase is RolloutPhase.RUNNING
    assert terminals.connections["s000/t1"] == 2
