"""Waiting for a real orchestrator, and reading where its rollout `r1` stands."""

from collections.abc import Callable
from threading import Event
from time import monotonic

from fleet.engine import Orchestrator
from fleet.model.rollout import RolloutState, SiteCounts
from fleet.store import Store, reads, rollouts


def until(holds: Callable[[], bool], instead: Callable[[], object] = lambda: "it never came", within_s: float = 20) -> None:
    """Wait until it holds; where it never does, `instead` says what is so."""
    patience = monotonic() + within_s
    while not holds():
        assert monotonic() < patience, instead()
        Event().wait(0.01)


def rest(orchestrator: Orchestrator, within_s: float = 30) -> RolloutState:
    """Wait until nobody is at work; where the rollout stands then."""
    turn = orchestrator.wait_at_rest(within_s)
    assert turn is not None
    assert turn.state is not None
    return turn.state


def state_of(store: Store) -> RolloutState:
    """Where the rollout stands as it is stored."""
    with store.read() as snapshot:
        state = rollouts.read_rollout(snapshot, "r1")
    assert state is not None
    return state


def sites_of(store: Store) -> SiteCounts:
    """How its sites ended so far."""
    with store.read() as snapshot:
        return reads.read_tallies(snapshot, "r1").total.sites
