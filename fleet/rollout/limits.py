"""Limits: never more sites of a selection down at once than the plan allows, across waves, shards, retries and lost workers. Pure.

- A shard's sites all count under the same limits, so its grant is what it may take down. `charge` is the most of them that can be
  down while it keeps its grant: what the grant backs or, where that is more, what is down of it already.
- A limit's room is what it allows, less what is down outside every open shard, less what the open shards are charged with.
- To push what is down already takes nobody else down: for that there is always room, so a limit never blocks its own cure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fleet.model.caps import Cap, CapKind
from fleet.model.rollout import Shard
from fleet.rollout.facts import Facts, Rules


def charge(shard: Shard) -> int:
    """Sites of a shard that are down, or may be before it asks for another grant."""
    return max(shard.grant_failures if shard.is_out else 0, shard.down)


@dataclass(slots=True)
class Ledger:
    """What each limit has room for, while grants are handed out."""

    left: dict[int, int] = field(default_factory=dict)
    """Limit -> sites that may be taken down now. Below 0 where more are down than it allows."""
    in_time: dict[int, int] = field(default_factory=dict)
    """The same, once the shards that are out have ended and all of their sites are well."""
    down: Mapping[int, int] = field(default_factory=dict)
    allowed: tuple[int, ...] = ()

    @classmethod
    def of(cls, rules: Rules, facts: Facts) -> "Ledger":
        """As things stand."""
        outside = {limit: facts.down.get(limit, 0) for limit in range(len(rules.limits))}
        charged, kept = dict.fromkeys(outside, 0), dict.fromkeys(outside, 0)
        for shard in (shard for wave in facts.waves.values() for shard in wave.shards):
            for limit in shard.limits if rules.limits else ():
                outside[limit] -= shard.down
                charged[limit] += charge(shard)
                kept[limit] += 0 if shard.is_out else shard.down
        left = {limit: allowed - outside[limit] - charged[limit] for limit, allowed in enumerate(rules.limits)}
        in_time = {limit: allowed - outside[limit] - kept[limit] for limit, allowed in enumerate(rules.limits)}
        return cls(left, in_time, facts.down, rules.limits)

    def reserve(self, shards: Iterable[Shard]) -> dict[int, int]:
        """Shard -> how much larger its grant may become, those first that come first; a shard under no limit is not there."""
        left = dict(self.left)
        room: dict[int, int] = {}
        for shard in shards:
            limits = [limit for limit in shard.limits if limit in left]
            if not limits:
                continue
            wants = max(0, max(shard.open, 1) - _granted(shard))
            free = charge(shard) - _granted(shard)
            room[shard.id] = min(wants, free + max(0, min(left[limit] for limit in limits)))
            for limit in limits:
                left[limit] -= max(0, room[shard.id] - free)
        return room

    def take(self, shard: Shard, failures: int) -> None:
        """A shard's grant is raised to `failures`."""
        for limit in shard.limits:
            if limit in self.left:
                self.left[limit] -= max(0, failures - charge(shard))

    def blocking(self, shard: Shard) -> tuple[Cap, ...]:
        """The limits under which a shard can begin nothing until a person sees to the sites that are down; empty where it only has to wait."""
        if shard.down:
            return ()
        full = [limit for limit in shard.limits if self.in_time.get(limit, 1) <= 0]
        return tuple(Cap(CapKind.LIMIT, str(limit), self.down.get(limit, 0), self.allowed[limit]) for limit in full)


def _granted(shard: Shard) -> int:
    return shard.grant_failures if shard.is_out else 0
