"""Shards that nobody is handed, because people are at every site of them that something could begin at.

Handed out, such a shard would come back at once, again and again.

- Asked are only shards in which people have a site. What is in a shard never changes, so it is read once (`Plans`).
- Of most of them it is enough to look at one site that was free when they were last asked, and at all of these with one read.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from fleet.engine.admission import ask
from fleet.engine.plans import Plans
from fleet.engine.shard_parts import together, what_is_open
from fleet.model.lease import Purpose
from fleet.model.rollout import RolloutState, Shard, ShardState
from fleet.rollout import Facts, may_upgrade
from fleet.store import Snapshot, caps, leases, shards, ways_back


def with_held(facts: Facts, snapshot: Snapshot, state: RolloutState, plans: Plans, now: datetime) -> Facts:
    """The facts with the planned shards that wait for people, and when to look at them again."""
    held = {site: lease.until for site, lease in leases.in_force(snapshot, now, purpose=Purpose.BY_HAND).items()}
    if not held:
        return facts
    asked = _with_a_held_site(facts, snapshot, plans, held)
    # Of one under a limit with sites that are down, those have to be looked at, too.
    may = [shard.id for shard in asked if may_upgrade(state, state.waves[shard.wave - 1]) and not (shard.limits and shard.down)]
    known = {number: site for number in may if (site := plans.free_site.get(number)) is not None and site not in held}
    free = _free_still(snapshot, state, plans, known, now)
    blocked: set[int] = set()
    down_in_use: dict[int, int] = {}
    moments: list[datetime] = []
    opens = False
    for shard in asked:
        if shard.id in free:
            continue
        wanted, opens_at = _what_begins(snapshot, state, shard, plans, now)
        if wanted and wanted <= held.keys():
            blocked.add(shard.id)
            moments += [held[site] for site in wanted]
            moments += [opens_at] if opens_at is not None else []
            opens |= opens_at is not None
        elif wanted:
            plans.free_site[shard.id] = min(wanted - held.keys())
            down = caps.down_among(snapshot, state.id, wanted) if shard.limits and shard.down else frozenset[str]()
            if down and down <= held.keys():
                down_in_use[shard.id] = len(down)
                moments += [held[site] for site in down]
    waves = {number: replace(wave, blocked=frozenset(blocked), down_in_use=down_in_use) for number, wave in facts.waves.items()}
    return replace(facts, waves=waves, held_until=min(moments, default=None), opens_while_held=opens)


def _with_a_held_site(facts: Facts, snapshot: Snapshot, plans: Plans, held: Mapping[str, object]) -> list[Shard]:
    """The planned shards in which people have a site and whose time has come, in the order they were planned."""
    shards_now = ((shard, wave.later) for wave in facts.waves.values() for shard in wave.shards)
    planned = {shard.id: shard for shard, later in shards_now if shard.state is ShardState.PLANNED and shard.id not in later}
    for number, sites in shards.sites_of(snapshot, planned.keys() - plans.sites_of_shard.keys()).items():
        plans.sites_of_shard[number] = sites
        for site in sites:
            plans.shards_of_site.setdefault(site, []).append(number)
    found = {number for site in held for number in plans.shards_of_site.get(site, ()) if number in planned}
    return [planned[number].model_copy(update={"sites": plans.sites_of_shard[number]}) for number in sorted(found)]


def _free_still(snapshot: Snapshot, state: RolloutState, plans: Plans, known: Mapping[int, str], now: datetime) -> set[int]:
    """Of these shards, the ones in which something may begin at that site."""
    terminals = together(*what_is_open(snapshot, state.id, sorted(set(known.values()))))
    admitted = ask(snapshot, state, plans, terminals, now)
    return {number for number, site in known.items() if site in terminals and admitted.may(site)}


def _what_begins(snapshot: Snapshot, state: RolloutState, shard: Shard, plans: Plans, now: datetime) -> tuple[set[str], datetime | None]:
    """The sites of a shard that something would begin at if nobody were there, and when a window opens for others."""
    waiting, unknown = what_is_open(snapshot, state.id, shard.sites)
    terminals = together(waiting, unknown)
    back = ways_back.wanted_back(snapshot, state.id, [name for names in terminals.values() for name in names])
    wanted = {name.partition("/")[0] for name in back}
    if not may_upgrade(state, state.waves[shard.wave - 1]):
        return wanted, None
    admitted = ask(snapshot, state, plans, terminals, now)
    over = admitted.over(waiting).keys()  # what no window lets begin any more has to be ended
    wanted |= {site for site in terminals if admitted.may(site)} | set(over)
    return wanted, admitted.opens_at(terminals.keys() - wanted)
