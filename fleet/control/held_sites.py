"""Sites of a rollout that somebody works at by hand, so that a push waits for them."""

from dataclasses import dataclass
from datetime import datetime

from fleet.model.attempt import TerminalState
from fleet.model.lease import Lease, Purpose
from fleet.store import Snapshot, fleets, leases, progress

_OPEN = frozenset({TerminalState.NOT_STARTED, TerminalState.GOING_BACK, TerminalState.UNKNOWN})


@dataclass(frozen=True, slots=True)
class HeldSite:
    """A site that would be pushed to."""

    lease: Lease
    name: str
    """Of the person who has it."""


def read_held_sites(snapshot: Snapshot, rollout: str, now: datetime) -> tuple[HeldSite, ...]:
    """Those in which something waits to be pushed, the one that is free again first in front."""
    held = leases.in_force(snapshot, now, purpose=Purpose.BY_HAND)
    if not held:
        return ()
    states = progress.states_of_sites(snapshot, rollout, sorted(held))
    people = fleets.read_people(snapshot)
    waiting = [lease for site, lease in held.items() if not _OPEN.isdisjoint(states.get(site, {}).values())]
    return tuple(
        HeldSite(lease, people[lease.owner].name if lease.owner in people else lease.owner)
        for lease in sorted(waiting, key=lambda each: (each.until, each.site))
    )
