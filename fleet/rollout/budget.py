"""Budgets and grants: in flight never exceeds the failures still allowed.

- Every site in flight is backed by one unit of its shard's grant. It ends well: the unit backs the next site. It ends badly: it is gone.
- The sum of the grants that are out never exceeds what is left of any budget or limit (`caps`, `limits`), so no order of endings can
  overshoot one.
- A grant is only ever raised here, and only lowered by the worker that holds it, in the transaction that records why.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fleet.model.rollout import Shard
from fleet.rollout.facts import Dispatch, Grant


def share_out(
    left: int,
    parallel: int,
    out: Sequence[Shard],
    waiting: Sequence[Shard],
    *,
    by_district: Mapping[str, int] | None = None,
    room: Mapping[int, int] | None = None,
) -> Iterator[Dispatch | Grant]:
    """Give what is left of a wave's budget to its districts evenly, so that a slow one holds up nobody; within one, in order.

    Args:
        left: What `left_of` says.
        parallel: Sites that may begin beyond those the grants that are out allow already.
        out: Shards that workers have, in order; in their district they come first, each with as much as it has sites to do.
        waiting: Shards that nobody has, in order.
        by_district: What `left_of_district` says, for the districts that have a budget of their own.
        room: What the limits leave, for the shards that are under one (`limits.Ledger.reserve`).
    """
    districts: dict[str, list[_Share]] = {}
    for shard in (*out, *waiting):
        districts.setdefault(shard.district, []).append(_Share.of(shard, room or {}))
    groups = list(districts.values())
    free = left - sum(shard.grant_failures for shard in out)
    wants = [_wants(group, (by_district or {}).get(district)) for district, group in districts.items()]
    has = [sum(share.failures for share in group) for group in groups]
    failures = evenly(free, list(zip(has, wants, strict=True)))
    sites = evenly(
        parallel,
        [
            (sum(share.parallel for share in group), sum(share.failures - share.parallel for share in group) + more)
            for group, more in zip(groups, failures, strict=True)
        ],
    )
    for group, district_failures, district_sites in zip(groups, failures, sites, strict=True):
        yield from _in_order(group, district_failures, district_sites)


def evenly(amount: int, parts: Sequence[tuple[int, int]]) -> list[int]:
    """How much more each part gets so that those that have least have as much as the others, as far as the amount goes.

    Args:
        amount: What there is; nothing where it is negative.
        parts: What each has, and how much more it can take. Of equals, the first ones get what does not go round.
    """
    more = [0] * len(parts)
    while amount > 0:
        hungry = [number for number, (_has, room) in enumerate(parts) if more[number] < room]
        if not hungry:
            break
        has = {number: parts[number][0] + more[number] for number in hungry}
        least = min(has.values())
        lowest = [number for number in hungry if has[number] == least]
        to_the_next = [had - least for had in has.values() if had > least]
        step = min(*(parts[number][1] - more[number] for number in lowest), *to_the_next, max(1, amount // len(lowest)))
        for number in lowest[: amount // step]:
            more[number] += step
            amount -= step
    return more


@dataclass(frozen=True, slots=True)
class _Share:
    """A shard, the grant it has, and how many failures more could back its sites."""

    shard: Shard
    parallel: int
    failures: int
    wants: int

    @classmethod
    def of(cls, shard: Shard, room: Mapping[int, int]) -> "_Share":
        parallel, failures = (shard.grant_parallel, shard.grant_failures) if shard.is_out else (0, 0)
        sites = shard.open if shard.is_out else max(shard.open, 1)
        wants = max(0, sites - failures)
        return cls(shard, parallel, failures, min(wants, room.get(shard.id, wants)))


def _wants(group: Sequence[_Share], left: int | None) -> int:
    """How many more failures could back one district's sites; its own budget, where it has one, is `left`."""
    wants = sum(share.wants for share in group)
    return wants if left is None else max(0, min(wants, left - sum(share.failures for share in group)))


def _in_order(group: Sequence[_Share], free: int, parallel: int) -> Iterator[Dispatch | Grant]:
    """Give one district's share to its shards."""
    for share in group:
        more_failures = max(0, min(free, share.wants))
        more_parallel = max(0, min(parallel, share.failures + more_failures - share.parallel))
        if not share.shard.is_out:
            if not more_parallel:
                continue
            yield Dispatch(share.shard.id, more_parallel, more_failures)
        elif more_parallel or more_failures:
            yield Grant(share.shard.id, share.parallel + more_parallel, share.failures + more_failures)
        free -= more_failures
        parallel -= more_parallel


def may_begin(shard: Shard, in_flight: int) -> int:
    """How many more sites a shard may begin."""
    return max(0, min(shard.grant_parallel, shard.grant_failures) - in_flight)


def fresh_room(shard: Shard, *, down: int) -> int:
    """How many sites that are not down a shard may begin: under a limit, so many as its grant reaches beyond those that are.

    `down` are the sites it has still to do that are down, those in flight included.
    """
    return shard.grant_failures - down if shard.limits else shard.open


def after(shard: Shard, *, ended_badly: int, taken_up: int, open_sites: int) -> Mapping[str, int]:
    """The grant of a shard after some of its sites ended.

    Under a limit, what is asked again was down before and was charged to the shard: there the grant only comes to what is asked.

    Args:
        shard: As its row says now.
        ended_badly: Sites in flight that ended failed, rolled back, unknown or unreachable.
        taken_up: Sites that had ended unknown and are asked again: what they spent backs them.
        open_sites: Sites it has still to do.
    """
    failures = max(0, shard.grant_failures - ended_badly)
    failures = max(failures, taken_up) if shard.limits else failures + taken_up
    kept = min(failures, open_sites)
    return {"failures": kept, "parallel": min(shard.grant_parallel + taken_up, kept)}
