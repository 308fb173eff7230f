"""Budgets and grants: in flight never exceeds the failures still allowed.

- Every site in flight is backed by one unit of its shard's grant. It ends well: the unit backs the next site. It ends badly: it is gone.
- The sum of the grants that are out never exceeds what is left of the smaller budget, so no order of endings can overshoot either.
- A grant is only ever raised here, and only lowered by the worker that holds it, in the transaction that records why.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fleet.model.rollout import Shard, SiteCounts, WaveState
from fleet.rollout.facts import Dispatch, Grant, WaveRule


def left_of(rule: WaveRule, wave: WaveState, sites: SiteCounts) -> int:
    """Sites that may still end badly in a wave: the smaller of its two budgets, and what a person accepted beyond them."""
    failures, unreachable = _left(rule, wave, sites)
    return max(0, min(failures, unreachable, rule.failures_allowed, rule.unreachable_allowed))


def spent(rule: WaveRule, wave: WaveState, sites: SiteCounts) -> tuple[bool, bool]:
    """Whether a wave's failure budget is spent, and whether that for unreachable sites is."""
    failures, unreachable = _left(rule, wave, sites)
    return failures <= 0, unreachable <= 0


def _left(rule: WaveRule, wave: WaveState, sites: SiteCounts) -> tuple[int, int]:
    failures = rule.failures_allowed + wave.failures_accepted - sites.spent_failures
    return failures, rule.unreachable_allowed + wave.unreachable_accepted - sites.unreachable


def accept(wave: WaveState, sites: SiteCounts) -> WaveState:
    """The wave with its budgets granted anew beyond what they have been spent on."""
    return wave.model_copy(update={"failures_accepted": sites.spent_failures, "unreachable_accepted": sites.unreachable})


def share_out(left: int, parallel: int, out: Sequence[Shard], waiting: Sequence[Shard]) -> Iterator[Dispatch | Grant]:
    """Give what is left of a wave's budget to its districts evenly, so that a slow one holds up nobody; within one, in order.

    Args:
        left: What `left_of` says.
        parallel: Sites that may begin beyond those the grants that are out allow already.
        out: Shards that workers have, in order; in their district they come first, each with as much as it has sites to do.
        waiting: Shards that nobody has, in order.
    """
    districts: dict[str, list[_Share]] = {}
    for shard in (*out, *waiting):
        districts.setdefault(shard.district, []).append(_Share.of(shard))
    groups = list(districts.values())
    free = left - sum(shard.grant_failures for shard in out)
    failures = evenly(free, [(sum(share.failures for share in group), sum(share.wants for share in group)) for group in groups])
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
    def of(cls, shard: Shard) -> "_Share":
        parallel, failures = (shard.grant_parallel, shard.grant_failures) if shard.is_out else (0, 0)
        sites = shard.open if shard.is_out else max(shard.open, 1)
        return cls(shard, parallel, failures, max(0, sites - failures))


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


def after(shard: Shard, *, ended_badly: int, taken_up: int, open_sites: int) -> Mapping[str, int]:
    """The grant of a shard after some of its sites ended.

    Args:
        shard: As its row says now.
        ended_badly: Sites in flight that ended failed, rolled back, unknown or unreachable.
        taken_up: Sites that had ended unknown and are asked again: what they spent backs them.
        open_sites: Sites it has still to do.
    """
    failures = max(0, shard.grant_failures - ended_badly + taken_up)
    kept = min(failures, open_sites)
    return {"failures": kept, "parallel": min(shard.grant_parallel + taken_up, kept)}
