"""A rollout from start to finish, with real threads and a real database."""

from collections.abc import Callable

from fleet.engine import Orchestrator
from fleet.model.inventory import Fleet
from fleet.model.plan import Plan
from fleet.model.rollout import RolloutPhase, RolloutState
from fleet.store import Store, reads
from tests.engine.city import Terminals, make_fleet, make_plan

Start = Callable[[Fleet, Plan], RolloutState]


def test_every_wave_is_pushed_and_the_rollout_finishes(
    store: Store, rollout: Start, orchestrator: Orchestrator, terminals: Terminals
) -> None:
    fleet = make_fleet(12, terminals=2)
    rollout(fleet, make_plan(fleet, 2, 4, 6))

    orchestrator.start()
    turn = orchestrator.wait_at_rest(30)

    assert turn is not None
    assert turn.state is not None
    assert turn.state.phase is RolloutPhase.FINISHED
    with store.read() as snapshot:
        assert reads.read_tallies(snapshot, "r1").total.sites.upgraded == 12
    assert set(terminals.connections.values()) == {1}
