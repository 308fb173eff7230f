"""How long a wave takes at least, when nothing fails and nobody is waited for. Pure.

- The terminals of a site are pushed together, as far as `parallel` lets pushes be made at the same time.
- A site is in flight until the last of them has ended, and no more sites are than any budget still allows.
- What a limit, or a district's budget, lets be down at once is a queue of its own: the wave is as long as the longest of them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil

from fleet.model.inventory import Reach
from fleet.model.plan import Plan, PlannedSite, Wave


@dataclass(frozen=True, slots=True)
class Queue:
    """Sites of a wave of which only so many may be down, or in flight, at once."""

    select: str | None
    """Of a limit; None where it is a district's budget."""
    district: str | None
    """None counts the whole fleet."""
    sites: int
    """Of the wave, that are pushed to."""
    allowed: int


@dataclass(frozen=True, slots=True)
class Earliest:
    """How long a wave takes at least."""

    pushes: int
    """One after the other."""
    queue: Queue | None
    """The limit or district that makes it so long; None where the wave would be as long without any."""


def earliest(wave: Wave, plan: Plan, district_of: Mapping[str, str]) -> Earliest:
    """How many pushes a wave makes one after the other, at least."""
    parallel = plan.playbook.parallel
    count = {site.code: pushed(site) for site in wave.sites}
    turns = {code: ceil(pushes / parallel) for code, pushes in count.items()}
    in_flight = max(1, min(wave.parallel, parallel))
    least = max(ceil(sum(turns.values()) / in_flight), ceil(sum(count.values()) / parallel), *turns.values())
    longest, queue = max(_queues(wave, plan, turns, district_of), key=lambda found: found[0], default=(0, None))
    return Earliest(max(least, longest), queue if longest > least else None)


def pushed(site: PlannedSite) -> int:
    """How many terminals of a site are pushed to."""
    return sum(terminal.reach is Reach.SSH for terminal in site.terminals)


def _queues(wave: Wave, plan: Plan, turns: Mapping[str, int], district_of: Mapping[str, str]) -> Iterator[tuple[int, Queue]]:
    """Each queue of the wave, with how many pushes it makes one after the other."""
    of_limit, of_district = Counter[int](), Counter[str]()
    limited, there = Counter[int](), Counter[str]()
    for site in wave.sites:
        if not turns[site.code]:
            continue
        district = district_of[site.code]
        of_district[district] += turns[site.code]
        there[district] += 1
        for place in site.limits:
            of_limit[place] += turns[site.code]
            limited[place] += 1
    for place, pushes in of_limit.items():
        limit = plan.limits[place]
        yield ceil(pushes / limit.allowed), Queue(limit.select, limit.district, limited[place], limit.allowed)
    for district, allowance in wave.districts_allowed.items():
        allowed = max(1, min(allowance.failures, allowance.unreachable))
        yield ceil(of_district[district] / allowed), Queue(None, district, there[district], allowed)
