"""One turn of the reconciler: read how things stand, advance until nothing moves, write it, then tell the workers."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from fleet.engine.admission import next_moment, with_windows
from fleet.engine.facts import read_facts, with_evidence
from fleet.engine.held import with_held
from fleet.engine.missed import end_missed_under_limits, next_over
from fleet.engine.opened import count_down_again
from fleet.engine.orders import carry_out, note_changes
from fleet.engine.plans import Plans
from fleet.engine.ports import Dispatcher
from fleet.engine.sift import passed_over, sift
from fleet.engine.ways_back import cut_apart
from fleet.errors import InternalError
from fleet.model.actor import FLEET
from fleet.model.rollout import RolloutState
from fleet.rollout import ENDED, Facts, advance, due_at, due_by_itself, may_upgrade
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
    is_left_to_people: bool = False
    """Likewise, but for sites that people have to themselves: it goes on when they let go of them, or their time is over."""
    next_at: datetime | None = None
    """When a turn is due although nobody writes: a window opens or closes, a wave has soaked, a terminal is tried again, a site is free again."""


def reconcile(store: Store, dispatcher: Dispatcher, plans: Plans, now: datetime, hold: Callable[[Tx], None]) -> Turn:
    """Bring the newest rollout as far as it goes now. Harmless to repeat; any crash in it is healed by the next turn.

    `hold` is called with the transaction and raises where the workspace is no longer ours: a turn in two hands would take
    each other's shards for lost.
    """
    with plans.that_last_if_stored(), store.write(FLEET, now) as tx:
        hold(tx)
        state = rollouts.newest_rollout(tx)
        if state is None:
            return Turn(None, is_at_rest=True)
        state, dispatched, moved, facts = _advance_to_rest(tx, state, dispatcher, plans)
        next_at = _next_moment(facts, tx, state, plans)
    for shard, attempt in dispatched:
        dispatcher.dispatch(shard, attempt)
    if moved:
        dispatcher.wake()
    alone_at = [moment for moment in (due_at(state, now), due_by_itself(state, facts)) if moment is not None]
    busy = any(wave.out for wave in facts.waves.values()) or _waits_for_windows(state, facts)
    moves_alone = (
        busy
        or facts.opens_while_held
        or due_at(state, now) is not None
        or due_by_itself(state, replace(facts, held_until=None)) is not None
    )
    first = min((moment for moment in (next_at, *alone_at) if moment is not None), default=None)
    return Turn(state, not busy and not alone_at, is_left_to_people=bool(alone_at) and not moves_alone, next_at=first)


def _next_moment(facts: Facts, tx: Tx, state: RolloutState, plans: Plans) -> datetime | None:
    """When windows, or the end of the last of them, change something by themselves."""
    if state.phase in ENDED:
        return None
    moments = (next_moment(facts, tx, state, plans, tx.at), next_over(tx, state, plans))
    return min((moment for moment in moments if moment is not None), default=None)


def _waits_for_windows(state: RolloutState, facts: Facts) -> bool:
    """Whether something begins by itself, once its window opens."""
    return any(may_upgrade(state, wave) and facts.wave(wave.number).later for wave in state.waves)


def _advance_to_rest(
    tx: Tx, state: RolloutState, dispatcher: Dispatcher, plans: Plans
) -> tuple[RolloutState, list[tuple[int, int]], bool, Facts]:
    """The position at rest, what is to be dispatched, whether anything moved, and the facts it rests on."""
    used = plans.of(tx, state)
    begun = state
    dispatched: list[tuple[int, int]] = []
    decisions, last_refused = sift(tx, rollouts.decisions_after(tx, state.id, state.seen_decision))
    count_down_again(tx, state, plans)
    for turn in range(_MOST_STEPS):
        end_missed_under_limits(tx, state, plans)
        cut_apart(tx, state, used.plan)
        facts = read_facts(tx, state, dispatcher, tx.at)
        facts = with_windows(facts.without_lost(shard for shard, _attempt in dispatched), tx, state, plans, tx.at)
        facts = with_held(facts, tx, state, plans, tx.at)
        facts = with_evidence(tx, state, used, facts)
        new, actions = advance(state, used.rules, facts, decisions, tx.at)
        if new == state and not actions:
            state = passed_over(state, last_refused)
            if state != begun:
                rollouts.save_rollout(tx, state)
            return state, dispatched, turn > 0, facts
        note_changes(tx, state, new)
        state = new
        for action in actions:
            told = carry_out(tx, state, plans, action)
            if told is not None:
                dispatched.append(told)
    raise InternalError(N_("rollout {rollout} goes round in a circle", rollout=state.id))
