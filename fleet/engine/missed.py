"""What no window lets begin any more has ended: when its worker looks at it or, where a full limit keeps it from workers, here.

- A shard that waits under a full limit is handed to nobody, so nobody would notice that its windows are over. It is looked at when the
  first of its sites has seen its last window, and again whenever something came into it.
- A site that is down and whose retry came too late stays what it was, and keeps its limit full: the rest is judged without it.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from fleet.engine.admission import ask
from fleet.engine.plans import Plans
from fleet.engine.record import record_lost
from fleet.engine.rehearsal import call_off
from fleet.engine.shard_parts import Terminals, give_back, together, what_is_open
from fleet.model.attempt import Cause, TerminalState
from fleet.model.purpose import Errand
from fleet.model.rollout import RolloutPhase, RolloutState, Shard, is_held_by_limits
from fleet.store import Snapshot, Tx, fleets, progress, shards, unheard, ways_back, windows


def end_missed(tx: Tx, rollout: str, waiting: Terminals, over: Mapping[str, Cause]) -> Terminals:
    """End terminals that wait and that no window lets begin any more; returns what of them still waits: what is to be taken back.

    Where nothing ever began, that is not reached; nor is what went back in rehearsal and had no time to come again. A retry that came too
    late leaves things as they were; and where a worker was lost over a push, nobody knows.

    Args:
        tx: The transaction.
        rollout: Of which rollout.
        waiting: Site -> its terminals that wait.
        over: Site -> why no window lets it begin any more.
    """
    states = progress.states_of(tx, rollout, [name for site in over for name in waiting.get(site, ())])
    missed = {name: over[name.partition("/")[0]] for name, at in states.items() if at is TerminalState.NOT_STARTED}
    lost = unheard.unheard_of(tx, rollout, missed)
    endings = progress.last_endings(tx, rollout, missed)
    lost -= {name for name, ending in endings.items() if ending is TerminalState.UNKNOWN}
    if before := endings.keys() - lost - _rehearsed(tx, rollout, endings):
        windows.as_before(tx, rollout, sorted(before))
    if lost:
        record_lost(tx, rollout, sorted(lost))
    if fresh := {name: why for name, why in missed.items() if name not in before | lost}:
        windows.not_reached(tx, rollout, fresh)
    left = {site: names - missed.keys() for site, names in waiting.items()}
    return {site: names for site, names in left.items() if names}


def _rehearsed(tx: Tx, rollout: str, endings: Mapping[str, TerminalState]) -> set[str]:
    """Of these terminals, those that went back last in rehearsal: nobody wanted them on the old release."""
    back = [name for name, ending in endings.items() if ending is TerminalState.TAKEN_BACK]
    return {name for name, errand in ways_back.last_errands(tx, rollout, back).items() if errand is Errand.REHEARSAL}


def end_missed_under_limits(tx: Tx, state: RolloutState, plans: Plans) -> None:
    """End what is over in the shards that a full limit keeps from workers. Harmless to repeat."""
    for shard in list(_kept_from_workers(tx, state, plans)):
        holds, moment = plans.over.get(shard.id, (None, None))
        if holds == _holds(shard, state) and (moment is None or moment > tx.at):
            continue
        row = shards.read_shard(tx, shard.id)
        assert row is not None
        if not _ended(tx, row, state, plans):  # what is not stored yet is not remembered, either
            plans.over[shard.id] = (_holds(row, state), _next_over(tx, row, state, plans, tx.at))


def next_over(snapshot: Snapshot, state: RolloutState, plans: Plans) -> datetime | None:
    """When a site that a full limit keeps from workers has seen its last window; None is never, or something else comes before that."""
    moments = [plans.over[shard.id][1] for shard in _kept_from_workers(snapshot, state, plans) if shard.id in plans.over]
    return min((moment for moment in moments if moment is not None), default=None)


def _kept_from_workers(snapshot: Snapshot, state: RolloutState, plans: Plans) -> Iterator[Shard]:
    held = {wave.number for wave in state.waves if is_held_by_limits(wave)} if state.phase is RolloutPhase.RUNNING else set()
    if not held or plans.of(snapshot, state).windows is None:
        return
    for shard in shards.open_shards_without_sites(snapshot, state.id):
        if shard.wave in held and shard.limits and not shard.is_out:
            yield shard


def _holds(shard: Shard, state: RolloutState) -> object:
    """Another one where something may have come into the shard since."""
    return shard.open, shard.down, state.seen_decision


def _ended(tx: Tx, shard: Shard, state: RolloutState, plans: Plans) -> bool:
    """Do as a worker that was handed the shard, and could begin nothing of it; whether that changed anything."""
    waiting, unknown = what_is_open(tx, state.id, shard.sites)
    terminals = together(waiting, unknown)
    admitted = ask(tx, state, plans, terminals, tx.at)
    still = call_off(tx, state.id, waiting, [site for site in terminals if not admitted.may(site)])
    if not (over := admitted.over(terminals)) and still == waiting:
        return False
    still = end_missed(tx, state.id, still, over)
    left = still.keys() | (unknown.keys() - over.keys())
    if still == waiting and len(left) == shard.open:
        return False
    if left:
        give_back(tx, shard.id, state.id, left, awake=[site for site in left if admitted.may(site)], opens_at=admitted.opens_at(left))
    else:
        shards.drop(tx, shard.id)
    return True


def _next_over(snapshot: Snapshot, shard: Shard, state: RolloutState, plans: Plans, now: datetime) -> datetime | None:
    windows_of = plans.of(snapshot, state).windows
    assert windows_of is not None
    openings = fleets.read_openings(snapshot, shard.sites)
    spans = [plans.times(windows_of, code, openings.get(code)).spans for code in shard.sites]
    return min((of_site[-1].end for of_site in spans if of_site and of_site[-1].end > now), default=None)
