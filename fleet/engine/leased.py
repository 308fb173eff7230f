"""The orchestrator's leases: a site is ours from its beginning to the end of its last push, and renewed with the shard's beats.

The token names shard and attempt, so that a worker that lost its shard renews and releases nothing of the next one's.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from fleet.model.actor import FLEET
from fleet.model.lease import Lease, Purpose
from fleet.store import Tx, leases

LEASE = timedelta(seconds=30)
_RENEWED_BEFORE = timedelta(seconds=20)


def token_of(shard: int, attempt: int) -> str:
    """What a shard's leases are taken with."""
    return f"shard-{shard}.{attempt}"


def others_at(tx: Tx, token: str, sites: Collection[str]) -> frozenset[str]:
    """Of these sites, those that somebody else has now."""
    return frozenset(site for site, lease in leases.in_force(tx, tx.at, sites).items() if lease.token != token)


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
