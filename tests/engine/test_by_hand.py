"""What is made by hand while a rollout runs is not pushed, and the rollout ends all the same."""

from fleet.control.by_hand import make_by_hand
from fleet.engine import Orchestrator
from fleet.model.attempt import TerminalState
from fleet.model.rollout import RolloutPhase
from fleet.store import Store, reads
from tests.engine.city import AT, COORDINATOR, Terminals, begin, make_fleet, make_plan, set_up


def test_a_terminal_made_by_hand_gets_no_connection_and_the_rollout_ends(
    store: Store, orchestrator: Orchestrator, terminals: Terminals
) -> None:
    fleet = make_fleet(4)
    set_up(store, fleet)
    begin(store, fleet, make_plan(fleet, 4))
    make_by_hand(store, COORDINATOR, AT, "r1", ["s001/t1"], reason="no network")

    with orchestrator:
        turn = orchestrator.wait_at_rest(20)

    assert turn is not None
    assert turn.state is not None
    assert turn.state.phase is RolloutPhase.FINISHED
    assert set(terminals.connections) == {"s000/t1", "s002/t1", "s003/t1"}


def test_one_that_waits_in_a_shard_at_work_is_left_out_of_it(store: Store, orchestrator: Orchestrator, terminals: Terminals) -> None:
    fleet = make_fleet(6)
    set_up(store, fleet)
    begin(store, fleet, make_plan(fleet, 6, parallel=1))
    terminals.opened.clear()
    with orchestrator:
        terminals.wait_for_pushes(1)
        waiting = next(name for name in sorted(fleet.terminals, reverse=True) if name not in terminals.connections)
        make_by_hand(store, COORDINATOR, AT, "r1", [waiting], reason="no network")
        terminals.opened.set()
        assert orchestrator.wait_at_rest(20)

    assert waiting not in terminals.connections
    with store.read() as snapshot:
        total = reads.read_tallies(snapshot, "r1").total
    assert total.by_ssh == {TerminalState.UPGRADED: 5} | {state: 0 for state in total.by_ssh if state is not TerminalState.UPGRADED}
    assert total.sites.waiting_by_hand == 1
