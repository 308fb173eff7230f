"""Having a site to oneself while one works there.

Nothing is pushed to it, and nobody else checks it in, confirms its keys, has it done by hand or leaves it out. Who goes there, and what the
inventory and a scan say of it, may change all the same.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from fleet.control.crew import find_site
from fleet.control.rights import Right, require
from fleet.control.scope import require_sites
from fleet.control.words import checked_text
from fleet.errors import ConflictError, InputError, NotAllowedError
from fleet.model.actor import Actor
from fleet.model.inventory import Role
from fleet.model.lease import Lease, Purpose
from fleet.store import Store, Tx, crew, fleets, leases
from fleet.text import N_, Message

LONGEST = timedelta(hours=8)


def hold(store: Store, actor: Actor, at: datetime, site: str, how_long: timedelta, *, reason: str = "") -> Lease:
    """Have the site to oneself for so long; asked again by the same person, for so long from now.

    Raises:
        NotAllowedError: The actor is nobody who checks in, a technician who is not sent there, or not responsible for its district.
        ConflictError: Somebody else has it; the message says who and since when.
        InputError: There is no such site, or that is too long.
    """
    if not timedelta() < how_long <= LONGEST:
        hours = int(LONGEST.total_seconds() // 3600)
        what = (
            N_("a site is held for at most {hours} hours", hours=hours)
            if how_long > LONGEST
            else N_("a site is held for a minute at least")
        )
        raise InputError(what, hint=N_("give --minutes a number from 1 to {most}", most=60 * hours))
    with store.write(actor, at) as tx:
        require(tx, actor, Right.CHECK_IN)
        code = find_site(tx, site).code
        _require_theirs(tx, actor, code)
        refuse_in_use(tx, [code], actor.code)
        for own in leases.in_force(tx, at, [code]).values():
            leases.release(tx, own.token)
        lease = Lease(
            site=code,
            owner=actor.code,
            purpose=Purpose.BY_HAND,
            reason=checked_text(reason, N_("the reason")),
            token=secrets.token_hex(16),
            taken_at=at,
            until=at + how_long,
        )
        leases.take(tx, [lease])
        tx.event("site.leased", code, {"until": lease.until.isoformat(timespec="seconds")})
    return lease


@dataclass(frozen=True, slots=True)
class Freed:
    """How it was with a site that somebody let go of."""

    was_held: bool
    """Also where that time had run out."""
    owner: str = ""
    """Name of somebody else who had it still."""


def free(store: Store, actor: Actor, at: datetime, site: str) -> Freed:
    """Let go of a site; a coordinator may of anybody's in their district, and anybody of one that has run out.

    Raises:
        NotAllowedError: It is somebody else's, and the actor is a technician or not responsible for its district.
        ConflictError: A push is at it; that lets go by itself.
    """
    with store.write(actor, at) as tx:
        require(tx, actor, Right.CHECK_IN)
        code = find_site(tx, site).code
        lease = leases.in_force(tx, at, [code]).get(code)
        if lease is None:
            return Freed(leases.sweep(tx, code))  # nobody's any more, so anybody may
        if lease.purpose is Purpose.PUSH:
            raise ConflictError(_words(tx, lease), hint=N_("a push lets go by itself when it ends"))
        people = fleets.read_people(tx)
        if lease.owner != actor.code:
            if people[actor.code].role is Role.TECHNICIAN:
                raise NotAllowedError(_words(tx, lease), hint=N_("ask them, or a coordinator"))
            require_sites(tx, actor, Right.CHECK_IN, [code])
        leases.release(tx, lease.token, [code])
        tx.event("site.freed", code, {"owner": lease.owner})
    other = lease.owner if lease.owner != actor.code else ""
    return Freed(was_held=True, owner=people[other].name if other in people else other)


def refuse_in_use(tx: Tx, sites: Collection[str], *owners: str) -> None:
    """Refuse where somebody other than these has one of the sites.

    Raises:
        ConflictError: The message says who, for what and since when.
    """
    for lease in leases.in_force(tx, tx.at, sites).values():
        if lease.owner not in owners:
            raise ConflictError(_words(tx, lease), hint=N_("try again when that has ended; `fleet lease` shows who has what"))


def let_go(tx: Tx, site: str, *owners: str) -> None:
    """What these people held of the site is done."""
    for lease in leases.in_force(tx, tx.at, [site]).values():
        if lease.owner in owners:
            leases.release(tx, lease.token, [site])
            tx.event("site.freed", site, {"owner": lease.owner})


def _words(tx: Tx, lease: Lease) -> Message:
    person = fleets.read_people(tx).get(lease.owner)
    return lease.words(tx.at, person.name if person else lease.owner)


def _require_theirs(tx: Tx, actor: Actor, site: str) -> None:
    """A technician is sent there, or covers; anybody else is responsible for its district."""
    person = fleets.read_people(tx)[actor.code]
    if person.role is not Role.TECHNICIAN:
        require_sites(tx, actor, Right.CHECK_IN, [site])
        return
    assignment = crew.read_assignment(tx, site)
    if assignment is None or actor.code not in (assignment.technician, *assignment.covering):
        raise NotAllowedError(N_("{name} is not sent to site `{site}`", name=person.name, site=site), hint=N_("ask a coordinator"))
