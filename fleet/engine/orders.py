"""Carrying out what `rollout.advance` ordered, in the transaction its facts were read in."""

from collections.abc import Mapping

from fleet.engine import again, ways_back
from fleet.engine.cutting import cut_sites
from fleet.engine.leased import token_of
from fleet.engine.plans import Plans
from fleet.engine.record import record_lost
from fleet.engine.rehearsal import rehearse
from fleet.engine.shard_parts import give_back, what_is_open
from fleet.model.attempt import SUCCEEDED, TerminalState
from fleet.model.plan import Plan
from fleet.model.purpose import Errand
from fleet.model.rollout import RolloutState, WavePhase
from fleet.rollout import Abandon, Action, Dispatch, Exclude, Grant, PlanShards, PutBack, Recover, Rehearse, TakeBack, TryAgain
from fleet.store import Tx, leases, progress, shards, unheard
from fleet.store.ways_back import errands_of
from fleet.store.windows import terminals_not_reached

UNFINISHED = (TerminalState.FAILED, TerminalState.ROLLED_BACK, TerminalState.UNREACHABLE, TerminalState.UNKNOWN)
"""What a retry takes up again."""


def carry_out(tx: Tx, state: RolloutState, plans: Plans, action: Action) -> tuple[int, int] | None:
    """Carry one order out; for a dispatch returns the (shard, attempt) that a worker is to be told once this is stored."""
    plan = plans.of(tx, state).plan
    match action:
        case PlanShards(wave):
            _cut_shards(tx, state.id, plan, wave)
        case Dispatch(shard, parallel, failures):
            shards.set_grant(tx, shard, parallel=parallel, failures=failures)
            return shard, shards.dispatch(tx, shard)
        case Grant(shard, parallel, failures):
            shards.set_grant(tx, shard, parallel=parallel, failures=failures)
        case Recover(shard):
            unheard.put_back_unheard(tx, state.id, _running(tx, state.id, shard))
            _give_back(tx, state.id, shard)
        case Abandon(shard):
            record_lost(tx, state.id, _running(tx, state.id, shard))
            _give_back(tx, state.id, shard)
        case TryAgain(wave):
            again.take_up(tx, state.id, wave)
            _make_room(tx, state.id, plan)
        case Rehearse(wave):
            rehearse(tx, state, plans, wave)
        case PutBack() | TakeBack() | Exclude():
            _decided(tx, state.id, plan, action)
    return None


def _decided(tx: Tx, rollout: str, plan: Plan, action: PutBack | TakeBack | Exclude) -> None:
    """Carry out what a person decided about terminals."""
    match action:
        case PutBack(terminals):
            _put_back(tx, rollout, plan, terminals)
        case TakeBack(terminals):
            ways_back.take_back(tx, rollout, terminals, Errand.ROLLBACK)
            _make_room(tx, rollout, plan)
        case Exclude(terminals):
            _exclude(tx, rollout, terminals)


def note_changes(tx: Tx, old: RolloutState, new: RolloutState) -> None:
    """Append what changed in a rollout's position to the record."""
    for before, after in zip(old.waves, new.waves, strict=True):
        if before.phase is not after.phase:
            body = {"wave": after.number, "verdict": after.verdict.value if after.verdict else None}
            tx.event(_WAVE_EVENTS[after.phase], new.id, {name: value for name, value in body.items() if value is not None})
    if old.phase is not new.phase:
        tx.event("rollout.moved", new.id, {"from": old.phase.value, "to": new.phase.value})


_WAVE_EVENTS = {
    WavePhase.OPEN: "wave.opened",
    WavePhase.GATE: "wave.judged",
    WavePhase.HELD: "wave.held",
    WavePhase.PASSED: "wave.passed",
}


def _cut_shards(tx: Tx, rollout: str, plan: Plan, wave: int) -> None:
    """Plan shards for the sites of a wave that have something to do and are in no open shard, in the plan's order."""
    taken = {site for shard in shards.open_shards(tx, rollout) if shard.wave == wave for site in shard.sites}
    order = [site.code for site in plan.waves[wave - 1].sites if site.code not in taken]
    todo, _unknown = what_is_open(tx, rollout, order)
    districts = progress.districts_of(tx, rollout, wave)
    cut_sites(tx, rollout, wave, [(districts[site], site) for site in order if site in todo])


def _give_back(tx: Tx, rollout: str, shard: int) -> None:
    """Plan a shard again that nobody works on; the fence keeps its worker from what it had, so its sites are free at once."""
    row = shards.read_shard(tx, shard)
    assert row is not None
    leases.release(tx, token_of(row.id, row.attempt))
    waiting, unknown = what_is_open(tx, rollout, row.sites)
    give_back(tx, shard, rollout, {*waiting, *unknown})


def _running(tx: Tx, rollout: str, shard: int) -> list[str]:
    row = shards.read_shard(tx, shard)
    assert row is not None
    states = progress.states_of_sites(tx, rollout, row.sites)
    return sorted(name for of_site in states.values() for name, state in of_site.items() if state is TerminalState.RUNNING)


def _put_back(tx: Tx, rollout: str, plan: Plan, terminals: tuple[str, ...]) -> None:
    """Have terminals pushed again."""
    unfinished = set(progress.terminals_in(tx, rollout, (*UNFINISHED, TerminalState.TAKEN_BACK) if terminals else UNFINISHED))
    unfinished |= terminals_not_reached(tx, rollout).keys()
    unfinished = unfinished & set(terminals) if terminals else unfinished
    if unfinished:
        progress.put_back(tx, rollout, sorted(unfinished), "retry", afresh=True)
    if back := errands_of(tx, rollout, unfinished):
        ways_back.cut_shards(tx, rollout, {name.partition("/")[0] for name in back})
    _make_room(tx, rollout, plan)


def _make_room(tx: Tx, rollout: str, plan: Plan) -> None:
    """Where shards wait under a limit, what is pushed again or taken back may be what has to go first."""
    open_shards = shards.open_shards(tx, rollout) if plan.limits else ()
    for shard in open_shards:
        if shard.limits and not shard.is_out:
            _give_back(tx, rollout, shard.id)
    for wave in {shard.wave for shard in open_shards}:
        _cut_shards(tx, rollout, plan, wave)


def _exclude(tx: Tx, rollout: str, terminals: tuple[str, ...]) -> None:
    """Leave terminals out; a push that runs already finishes and counts, as does what succeeded."""
    stay = SUCCEEDED | {TerminalState.RUNNING, TerminalState.EXCLUDED, TerminalState.GOING_BACK}
    states: Mapping[str, TerminalState] = progress.states_of(tx, rollout, terminals)
    left_out = sorted(name for name, state in states.items() if state not in stay)
    if left_out:
        progress.exclude(tx, rollout, left_out)
    for shard in shards.open_shards(tx, rollout):
        if shard.is_out and shard.limits:
            running = {name.partition("/")[0] for name in _running(tx, rollout, shard.id)}
            shards.set_open(tx, shard.id, shard.open, len(running))  # the rest it counts anew with its next step
        elif not shard.is_out and not any(left := what_is_open(tx, rollout, shard.sites)):
            shards.drop(tx, shard.id)
        elif not shard.is_out and shard.limits:
            give_back(tx, shard.id, rollout, {*left[0], *left[1]})
