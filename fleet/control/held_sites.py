"""Sites of a rollout that somebody works at by hand, so that a push waits for them."""

from dataclasses import dataclass
from datetime import datetime

from fleet.model.attempt import TerminalState
from fleet.model.lease import Lease, Purpose
from fleet.model.rollout import RolloutState
from fleet.store import Snapshot, again, fleets, leases, progress, shards

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


def is_left_to_people(snapshot: Snapshot, rollout: RolloutState, held: tuple[HeldSite, ...]) -> bool:
    """Whether people have every site that something could begin at, and nothing else goes on by itself: it waits for them.

    Their time will be over, and then it goes on; `fleet run --once` does not wait for that.
    """
    if not held or again.waiting_by_wave(snapshot, rollout.id) or any(wave.soaks_until is not None for wave in rollout.waves):
        return False
    open_shards = shards.open_shards(snapshot, rollout.id)
    if not open_shards or any(shard.is_out for shard in open_shards):
        return False
    others = {site for shard in open_shards for site in shard.sites} - {each.lease.site for each in held}
    states = {
        name: state
        for of_site in progress.states_of_sites(snapshot, rollout.id, sorted(others)).values()
        for name, state in of_site.items()
    }
    if not {TerminalState.NOT_STARTED, TerminalState.GOING_BACK}.isdisjoint(states.values()):
        return False
    return not progress.collectable(snapshot, rollout.id, {name for name, state in states.items() if state is TerminalState.UNKNOWN})
