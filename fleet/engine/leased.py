"""The orchestrator's leases: a site is ours from its beginning to the end of its last push, and renewed with the shard's beats.

The token names shard and attempt, so that a worker that lost its shard renews and releases nothing of the next one's.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from fleet.engine.shard_parts import what_is_open
from fleet.model.actor import FLEET
from fleet.model.lease import Lease, Purpose
from fleet.model.rollout import Shard, ShardState
from fleet.store import Snapshot, Tx, leases

LEASE = timedelta(seconds=30)
_RENEWED_BEFORE = timedelta(seconds=20)


def token_of(shard: int, attempt: int) -> str:
    """What a shard's leases are taken with."""
    return f"shard-{shard}.{attempt}"


def take_sites(tx: Tx, token: str, sites: Collection[str]) -> set[str]:
    """Take these sites; returns those that somebody else has."""
    until = tx.at + LEASE
    wanted = [Lease(site=site, owner=FLEET.code, purpose=Purpose.PUSH, token=token, taken_at=tx.at, until=until) for site in sites]
    return set(leases.take(tx, wanted)) if wanted else set()


def renewed(tx: Tx, token: str, until: datetime | None) -> datetime:
    """Hold on to the sites in flight, not with every beat; until when they are ours now."""
    if until is not None and until - tx.at > LEASE - _RENEWED_BEFORE:
        return until
    leases.renew(tx, token, tx.at + LEASE)
    return tx.at + LEASE


def held_by_people(snapshot: Snapshot, rollout: str, shards: Collection[Shard], now: datetime) -> tuple[frozenset[int], datetime | None]:
    """Planned shards of which people have every site that is open, and when the first of these is free again."""
    held: Mapping[str, Lease] = leases.in_force(snapshot, now, purpose=Purpose.BY_HAND)
    if not held:
        return frozenset(), None
    blocked: set[int] = set()
    until: list[datetime] = []
    for shard in shards:
        if shard.state is not ShardState.PLANNED or held.keys().isdisjoint(shard.sites):
            continue
        waiting, unknown = what_is_open(snapshot, rollout, shard.sites)
        still_open = {*waiting, *unknown}
        if still_open and still_open <= held.keys():
            blocked.add(shard.id)
            until += [held[site].until for site in still_open]
    return frozenset(blocked), min(until, default=None)
