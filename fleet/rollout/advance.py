"""Where a rollout goes from here. Pure: the same position, facts and decisions always give the same answer.

- Called again and again until it changes nothing and orders nothing; calling it once more is harmless.
- Orders follow from what is, not from what changed: an order that was lost is simply given again.
- It sees counters and the shards that are open, never the fleet.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from fleet.model.attempt import TerminalState
from fleet.model.caps import Cap, CapKind, is_lifted_by_approval
from fleet.model.rollout import Decision, RolloutPhase, RolloutState, Verdict, WavePhase, WaveState
from fleet.rollout import rehearsal
from fleet.rollout.budget import share_out
from fleet.rollout.caps import left_of, left_of_district
from fleet.rollout.decisions import ENDED, go_on, take_in
from fleet.rollout.facts import Abandon, Action, Dispatch, Facts, Grant, PlanShards, Recover, Rehearse, Rules, TryAgain, WaveFacts, WaveRule
from fleet.rollout.gate import judge, needs_approval
from fleet.rollout.held import holding
from fleet.rollout.limits import Ledger
from fleet.rollout.point_of_no_return import with_return
from fleet.rollout.second_person import with_second_person
from fleet.rollout.soak import soaked, soaks
from fleet.rollout.way_back import MAY_UPGRADE, may_upgrade, only_back, with_taken_back


def advance(
    state: RolloutState, rules: Rules, facts: Facts, decisions: Sequence[Decision], now: datetime
) -> tuple[RolloutState, tuple[Action, ...]]:
    """One step on.

    Args:
        state: Where the rollout stands.
        rules: What its plan says.
        facts: How its waves stand now; read in the transaction that will carry the orders out.
        decisions: What people decided, oldest first; those taken in already are passed over.
        now: The time of this step.

    Returns:
        The new position, and the orders to carry out in this order. Nothing new and no order means: until something changes.
    """
    actions: list[Action] = []
    for decision in decisions:
        if decision.id > state.seen_decision:
            state, ordered = take_in(state, rules, facts, decision, now)
            actions += ordered
    if actions:
        return state, tuple(actions)
    if facts.lost:
        stopped = state.phase is RolloutPhase.STOPPED
        return state, tuple(Abandon(shard) if stopped else Recover(shard) for shard in sorted(facts.lost))
    if state.phase in ENDED:
        return state, ()
    if rehearsal.is_due(state, rules, facts):
        return rehearsal.begun(state, now), (Rehearse(1),)
    state = _with_waves(with_return(state, facts, now), _settle_waves(state, rules, facts, now))
    if state.phase is not RolloutPhase.PAUSED:
        if state.current is None and not any(seen.has_work for seen in facts.waves.values()):
            return state.model_copy(update={"phase": RolloutPhase.FINISHED, "finished_at": now}), ()
        state = _open_next(state, now)
    due = tuple(TryAgain(wave.number) for wave in state.waves if may_upgrade(state, wave) and facts.wave(wave.number).is_due(now))
    return state, due or tuple(_orders(state, rules, facts))


def _settle_waves(state: RolloutState, rules: Rules, facts: Facts, now: datetime) -> Iterator[WaveState]:
    """Each wave in line with its facts: held, at its gate, passed, or at work again."""
    ledger = Ledger.of(rules, facts)
    for wave, rule in zip(state.waves, rules.waves, strict=True):
        seen = facts.wave(wave.number)
        if seen.has_work:
            yield _at_work(wave, _held_by(state, rule, wave, seen, ledger))
        else:
            following = next((other for other in rules.waves if other.number == wave.number + 1), None)
            yield _at_rest(wave, seen, rules, following, now)


def _held_by(state: RolloutState, rule: WaveRule, wave: WaveState, seen: WaveFacts, ledger: Ledger) -> tuple[str, ...]:
    """Codes of the caps that keep a wave that has work from beginning any of it: where a person wants it back, from going back.

    What is tried again by itself may end well, and give back what it spent: until then nothing holds the wave but what is spent without
    it. While nothing is upgraded, neither that nor what is down and retried has its turn, and helps nothing that waits to go back.
    """
    back, _ = only_back(seen)
    goes_on = state.phase is RolloutPhase.RUNNING and not state.is_past_return
    if wave.taken_back_by is not None and not back.shards:
        return ()
    if wave.taken_back_by is not None or (back.shards and not goes_on):
        return tuple(cap.code for cap in holding(rule, wave, back, ledger))
    found = holding(rule, wave, seen, ledger)
    return tuple(cap.code for cap in found if not seen.waiting_again or _is_spent_for_good(cap, seen))


def _is_spent_for_good(cap: Cap, seen: WaveFacts) -> bool:
    """Whether nothing that is tried again by itself could give back enough of a budget of the wave.

    No site that still has a try spends the one for unreachable sites. What there is of a cause or a district is not told apart.
    """
    may_give_back = seen.may_give_back if cap.kind is CapKind.FAILURES else 0
    return cap.kind in {CapKind.FAILURES, CapKind.UNREACHABLE} and cap.spent - may_give_back >= cap.allowed + cap.accepted


def _at_work(wave: WaveState, held_by: tuple[str, ...]) -> WaveState:
    """A wave that has something to push: its gate is asked again later, and a spent budget or a limit holds it.

    A limit lets go by itself once its sites are seen to; whom a budget held, a person lets go.
    """
    if wave.phase is WavePhase.GATE:
        wave = wave.model_copy(update={"phase": WavePhase.OPEN, "verdict": None, "verdict_code": "", "verdict_values": {}})
    if wave.phase is WavePhase.OPEN and wave.soaks_until is not None:
        wave = wave.model_copy(update={"soaks_until": None})
    if wave.phase in MAY_UPGRADE and held_by:
        return wave.model_copy(update={"phase": WavePhase.HELD, "held_by": held_by, "approved_by": None, "approved_at": None})
    if wave.taken_back_by is not None:
        return wave.model_copy(update={"held_by": held_by})
    if wave.phase is not WavePhase.HELD or (_only_limits(held_by) and not _only_limits(wave.held_by)):
        return wave
    return wave.model_copy(update={"held_by": held_by}) if held_by else go_on(wave) if wave.held_by else wave


def _only_limits(held_by: tuple[str, ...]) -> bool:
    return not any(map(is_lifted_by_approval, held_by))


def _at_rest(wave: WaveState, facts: WaveFacts, rules: Rules, following: WaveRule | None, now: datetime) -> WaveState:
    """A wave that has nothing to push: once open, it comes to its gate, and through it when nobody has to be asked.

    Where the rollout only stages, nobody is: the verdict is kept for whoever looks.
    """
    if wave.phase is WavePhase.HELD:
        wave = go_on(wave)
    if wave.phase is not WavePhase.OPEN:
        return wave
    wave = soaked(wave, rules.gate, facts)
    if soaks(wave, now):
        return wave
    judgement = with_taken_back(judge(rules.gate, facts, following, rules.only), facts)
    judgement = with_second_person(judgement, rules.gate, facts)
    judgement = rehearsal.with_rehearsal(judgement, rules, wave, facts)
    found = {"verdict": judgement.verdict, "verdict_code": judgement.code, "verdict_values": judgement.values}
    passes = judgement.verdict is Verdict.PASS and not needs_approval(rules.gate, wave.number, following)
    is_through = passes or rules.only is not None
    goes = {"phase": WavePhase.PASSED, "passed_at": now} if is_through else {"phase": WavePhase.GATE}
    return wave.model_copy(update=found | goes | {"approved_by": None, "approved_at": None})


def _open_next(state: RolloutState, now: datetime) -> RolloutState:
    """Open the first wave that is closed, when every wave before it has passed its gate."""
    current = state.current
    if current is None or current.phase is not WavePhase.CLOSED:
        return state
    opened = current.model_copy(update={"phase": WavePhase.OPEN, "opened_at": now})
    return _with_waves(state, (opened if wave.number == opened.number else wave for wave in state.waves))


def _orders(state: RolloutState, rules: Rules, facts: Facts) -> Iterator[Action]:
    """What is to be handed out: shards to be cut, shards to be dispatched, grants to be raised.

    Where nothing may be upgraded, that is only what a person wants taken back.
    """
    out = {shard.id: shard for wave in facts.waves.values() for shard in wave.out}
    ledger = Ledger.of(rules, facts)
    parallel = rules.parallel - sum(shard.grant_parallel for shard in out.values())
    for wave, rule in zip(state.waves, rules.waves, strict=True):
        seen = facts.wave(wave.number)
        left = left_of(rule, wave, seen)
        by_district = {district: left_of_district(rule, wave, seen, district) for district in rule.districts_allowed}
        if not may_upgrade(state, wave):
            seen, others = only_back(seen)
            left -= sum(shard.grant_failures for shard in others)
            for shard in (shard for shard in others if shard.district in by_district):
                by_district[shard.district] -= shard.grant_failures
        elif not seen.shards and seen.not_started + seen.count(TerminalState.GOING_BACK):
            yield PlanShards(wave.number)
            continue
        shards = {shard.id: shard for shard in (*seen.out, *seen.waiting)}
        for order in _shared_out(left, parallel, seen, by_district, ledger):
            parallel -= order.parallel - (out[order.shard].grant_parallel if order.shard in out else 0)
            ledger.take(shards[order.shard], order.failures)
            yield order


def _shared_out(left: int, parallel: int, seen: WaveFacts, by_district: Mapping[str, int], ledger: Ledger) -> tuple[Dispatch | Grant, ...]:
    """What one wave is given; to a shard whose grant would reach no further than sites that people have, nothing, for it could begin none."""
    out, waiting = seen.out, seen.waiting
    while True:
        may = [shard for shard in (*out, *waiting) if by_district.get(shard.district, 1) > 0]
        given = tuple(share_out(left, parallel, out, waiting, by_district=by_district, room=ledger.reserve(may)))
        idle = {order.shard for order in given if isinstance(order, Dispatch) and order.failures <= seen.down_in_use.get(order.shard, 0)}
        if not idle:
            return given
        waiting = tuple(shard for shard in waiting if shard.id not in idle)


def _with_waves(state: RolloutState, waves: Iterator[WaveState]) -> RolloutState:
    return state.model_copy(update={"waves": tuple(waves)})
