"""One turn of the reconciler: read how things stand, advance until nothing moves, write it, then tell the workers."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fleet.engine.facts import read_facts
from fleet.engine.orders import carry_out, note_changes
from fleet.engine.plans import Plans
from fleet.engine.ports import Dispatcher
from fleet.engine.sift import passed_over, sift
from fleet.errors import InternalError
from fleet.model.actor import FLEET
from fleet.model.rollout import RolloutState
from fleet.rollout import advance
from fleet.store import Store, Tx, rollouts
from fleet.text import N_

_MOST_STEPS = 1000
"""More than any rollout needs between two rests; reaching it means that `advance` goes round in a circle."""


@dataclass(frozen=True, slots=True)
class Turn:
    """How a turn of the reconciler ended."""

    state: RolloutState | None
    """Where the newest rollout stands; None when there is none."""
    is_at_rest: bool
    """Nobody works on it, and nothing will move until a person decides."""


def reconcile(store: Store, dispatcher: Dispatcher, plans: Plans, now: datetime, hold: Callable[[Tx], None]) -> Turn:
    """Bring the newest rollout as far as it goes now. Harmless to repeat; any crash in it is healed by the next turn.

    `hold` is called with the transaction and raises where the workspace is no longer ours: a turn in two hands would take
    each other's shards for lost.
    """
    with store.write(FLEET, now) as tx:
        hold(tx)
        state = rollouts.newest_rollout(tx)
        if state is None:
            return Turn(None, is_at_rest=True)
        state, dispatched, moved, is_at_rest = _advance_to_rest(tx, state, dispatcher, plans)
    for shard, attempt in dispatched:
        dispatcher.dispatch(shard, attempt)
    if moved:
        dispatcher.wake()
    return Turn(state, is_at_rest)


def _advance_to_rest(
    tx: Tx, state: RolloutState, dispatcher: Dispatcher, plans: Plans
) -> tuple[RolloutState, list[tuple[int, int]], bool, bool]:
    """The position at rest, what is to be dispatched, whether anything moved, and whether nobody is at work."""
    used = plans.of(tx, state)
    begun = state
    dispatched: list[tuple[int, int]] = []
    decisions, last_refused = sift(tx, rollouts.decisions_after(tx, state.id, state.seen_decision))
    for turn in range(_MOST_STEPS):
        facts = read_facts(tx, state, dispatcher, tx.at)
        facts = facts.without_lost(shard for shard, _attempt in dispatched)
        new, actions = advance(state, used.rules, facts, decisions, tx.at)
        if new == state and not actions:
            state = passed_over(state, last_refused)
            if state != begun:
                rollouts.save_rollout(tx, state)
            return state, dispatched, turn > 0, not any(wave.out for wave in facts.waves.values())
        note_changes(tx, state, new)
        state = new
        for action in actions:
            told = carry_out(tx, state, used.plan, action)
            if told is not None:
                dispatched.append(told)
    raise InternalError(N_("rollout {rollout} goes round in a circle", rollout=state.id))
