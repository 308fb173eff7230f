"""Leases of sites. Whoever takes one sees in the same transaction that nobody else has it; one that has run out is taken over."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import delete, insert, select, update

from fleet.model.lease import Lease, Purpose
from fleet.store import tables
from fleet.store.database import Snapshot, Tx
from fleet.store.rows import noun_of, row_of

_leases = tables.site_lease
_CHUNK = 500


def take(tx: Tx, wanted: Iterable[Lease]) -> dict[str, Lease]:
    """Take these leases, all with one token; returns the sites that somebody else has, with their lease, and those are not taken."""
    by_site = {lease.site: lease for lease in wanted}
    standing = in_force(tx, tx.at, by_site)
    others = {site: lease for site, lease in standing.items() if lease.token != by_site[site].token}
    mine = [lease for site, lease in by_site.items() if site not in standing]
    _remove(tx, [lease.site for lease in mine])  # what has run out
    if mine:
        tx.connection.execute(insert(_leases), [row_of(_leases, lease) for lease in mine])
    return others


def renew(tx: Tx, token: str, until: datetime) -> int:
    """Hold on to what was taken with this token; how many leases that still are."""
    return tx.connection.execute(update(_leases).where(_leases.c.token == token).values(until=until)).rowcount


def release(tx: Tx, token: str, sites: Collection[str] | None = None) -> None:
    """Let go of these sites, or of everything that was taken with the token; what somebody took over stays theirs."""
    where = [_leases.c.token == token]
    if sites is not None:
        where.append(_leases.c.site.in_(list(sites)))
    tx.connection.execute(delete(_leases).where(*where))


def in_force(snapshot: Snapshot, now: datetime, sites: Iterable[str] | None = None, purpose: Purpose | None = None) -> dict[str, Lease]:
    """Site -> its lease, of those that have not run out: of these sites or of all, for this purpose or for any."""
    query = select(_leases).where(_leases.c.until > now)
    if purpose is not None:
        query = query.where(_leases.c.purpose == purpose.value)
    if sites is None:
        return {row.site: noun_of(Lease, row) for row in snapshot.connection.execute(query.order_by(_leases.c.taken_at))}
    wanted = list(sites)
    found: dict[str, Lease] = {}
    for start in range(0, len(wanted), _CHUNK):
        chunk = query.where(_leases.c.site.in_(wanted[start : start + _CHUNK]))
        found |= {row.site: noun_of(Lease, row) for row in snapshot.connection.execute(chunk)}
    return found


def every(snapshot: Snapshot) -> list[Lease]:
    """Every lease that is kept, those that have run out too; by site."""
    return [noun_of(Lease, row) for row in snapshot.connection.execute(select(_leases).order_by(_leases.c.site))]


def sweep(tx: Tx, site: str) -> bool:
    """Remove the site's lease where it has run out; whether there was one."""
    return tx.connection.execute(delete(_leases).where(_leases.c.site == site, _leases.c.until <= tx.at)).rowcount > 0


def _remove(tx: Tx, sites: Collection[str]) -> None:
    wanted = list(sites)
    for start in range(0, len(wanted), _CHUNK):
        tx.connection.execute(delete(_leases).where(_leases.c.site.in_(wanted[start : start + _CHUNK])))
