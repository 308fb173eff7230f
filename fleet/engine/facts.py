"""How a rollout stands: the counters the writer keeps and the shards that are open, read for `rollout.advance`."""

from datetime import datetime

from fleet.control.evidence import read_evidence
from fleet.control.silent import Silent
from fleet.engine.plans import PlanInUse
from fleet.engine.ports import Dispatcher
from fleet.engine.rehearsal import read_rehearsal, with_lacking
from fleet.model.attempt import RETRIED, TerminalState
from fleet.model.rollout import RolloutState, Shard, WavePhase
from fleet.rollout import ENDED, NO_EVIDENCE, Facts, WaveFacts, soaked, soaks, to_judge
from fleet.store import Snapshot, Tx, again, caps, evidence, reads, shards, ways_back


def read_facts(snapshot: Snapshot, state: RolloutState, dispatcher: Dispatcher, now: datetime) -> Facts:
    """The facts of a rollout at this moment."""
    tallies = reads.tallies_by_wave(snapshot, state.id)
    open_shards: dict[int, list[Shard]] = {}
    for shard in shards.open_shards_without_sites(snapshot, state.id):
        open_shards.setdefault(shard.wave, []).append(shard)
    going_back = (
        _going_back(snapshot, state.id) if any(tally.terminals.get(TerminalState.GOING_BACK) for tally in tallies.values()) else frozenset()
    )
    later = frozenset(
        shard.id for of_wave in open_shards.values() for shard in of_wave if shard.opens_at is not None and now < shard.opens_at
    )
    spent = caps.read_spent(snapshot, state.id)
    rehearsed_at = {wave.number: wave.rehearsed_at for wave in state.waves if wave.rehearsed_at and wave.phase is WavePhase.OPEN}
    rehearsed = {number: read_rehearsal(snapshot, state.id, since) for number, since in rehearsed_at.items()}
    waits = again.waiting_by_wave(snapshot, state.id) if any(map(_has_bad, tallies.values())) else {}
    silent = Silent(spent.silent)
    waves = {
        number: WaveFacts(
            silent.sites(number, tally.sites),
            tally.by_ssh,
            tuple(open_shards.get(number, ())),
            going_back,
            later - going_back,
            sum(tally.not_reached.values()),
            by_cause=silent.by_cause(number, spent.by_cause.get(number, {})),
            by_district=silent.by_district(number, spent.by_district.get(number, {})),
            rehearsal=rehearsed.get(number),
            waiting_again=waits[number].terminals if number in waits else 0,
            may_give_back=waits[number].failed_sites if number in waits else 0,
            due_at=waits[number].due_at if number in waits else None,
        )
        for number, tally in tallies.items()
    }
    out = (shard for wave in waves.values() for shard in wave.out)
    lost = frozenset(shard.id for shard in out if dispatcher.is_lost(shard, now))
    return Facts(waves, lost, down=spent.down)


def _has_bad(tally: reads.Tally) -> bool:
    return any(tally.terminals.get(state) for state in RETRIED)


def with_evidence(tx: Tx, state: RolloutState, used: PlanInUse, facts: Facts) -> Facts:
    """The same facts, with what the terminals showed of each wave that is about to be judged; of one that soaks first, only since when."""
    if state.phase in ENDED or used.rules.only is not None:
        return facts
    for number in to_judge(state, facts, tx.at):
        ended_at = evidence.last_ended_at(tx, state.id, number)
        facts = facts.with_evidence(number, NO_EVIDENCE, ended_at)
        if not soaks(soaked(state.waves[number - 1], used.rules.gate, facts.wave(number)), tx.at):
            facts = facts.with_evidence(number, read_evidence(tx, used.plan, state.id, number), ended_at)
            rehearsal = with_lacking(facts.wave(number).rehearsal, tx, state.id, used.plan, state.waves[number - 1])
            facts = facts.with_rehearsal(number, rehearsal)
    return facts


def _going_back(snapshot: Snapshot, rollout: str) -> frozenset[int]:
    """The shards that have a terminal which a person wants taken back.

    Of those under limits with sites that are down, the ones where such a site is to be taken back: it has to go before the others.
    """
    sites = ways_back.sites_going_back(snapshot, rollout)
    found = [shard for shard in shards.open_shards(snapshot, rollout) if not sites.isdisjoint(shard.sites)]
    down = caps.down_among(snapshot, rollout, sites) if any(shard.down for shard in found) else frozenset()
    return frozenset(shard.id for shard in found if shard.is_out or not shard.down or not down.isdisjoint(shard.sites))
