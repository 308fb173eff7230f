"""Shards that nobody is handed, because people are at every site of them that something could begin at.

Handed out, such a shard would come back at once, again and again.
"""

from dataclasses import replace
from datetime import datetime

from fleet.engine.admission import ask
from fleet.engine.plans import Plans
from fleet.engine.shard_parts import what_is_open
from fleet.model.lease import Purpose
from fleet.model.rollout import RolloutState, Shard, ShardState
from fleet.rollout import Facts, may_upgrade
from fleet.store import Snapshot, leases, shards, ways_back


def with_held(facts: Facts, snapshot: Snapshot, state: RolloutState, plans: Plans, now: datetime) -> Facts:
    """The facts with the planned shards that wait for people, and when to look at them again."""
    held = {site: lease.until for site, lease in leases.in_force(snapshot, now, purpose=Purpose.BY_HAND).items()}
    if not held:
        return facts
    blocked: set[int] = set()
    moments: list[datetime] = []
    opens = False
    for shard in shards.open_shards(snapshot, state.id):
        if shard.state is not ShardState.PLANNED or held.keys().isdisjoint(shard.sites):
            continue
        wanted, opens_at = _what_begins(snapshot, state, shard, plans, now)
        if wanted and wanted <= held.keys():
            blocked.add(shard.id)
            moments += [held[site] for site in wanted]
            moments += [opens_at] if opens_at is not None else []
            opens |= opens_at is not None
    waves = {number: replace(wave, blocked=frozenset(blocked)) for number, wave in facts.waves.items()}
    return replace(facts, waves=waves, held_until=min(moments, default=None), opens_while_held=opens)


def _what_begins(snapshot: Snapshot, state: RolloutState, shard: Shard, plans: Plans, now: datetime) -> tuple[set[str], datetime | None]:
    """The sites of a shard that something would begin at if nobody were there, and when a window opens for others."""
    waiting, unknown = what_is_open(snapshot, state.id, shard.sites)
    terminals = {site: [*waiting.get(site, ()), *unknown.get(site, ())] for site in {**waiting, **unknown}}
    back = ways_back.errands_of(snapshot, state.id, [name for names in terminals.values() for name in names])
    wanted = {name.partition("/")[0] for name in back}
    if not may_upgrade(state, state.waves[shard.wave - 1]):
        return wanted, None
    admitted = ask(snapshot, state, plans, terminals, now)
    over = admitted.over(waiting).keys()  # what no window lets begin any more has to be ended
    wanted |= {site for site in terminals if admitted.may(site)} | set(over)
    return wanted, admitted.opens_at(terminals.keys() - wanted)
