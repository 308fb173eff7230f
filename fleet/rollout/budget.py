"""Budgets and grants: in flight never exceeds the failures still allowed.

- Every site in flight is backed by one unit of its shard's grant. It ends well: the unit backs the next site. It ends badly: it is gone.
- The sum of the grants that are out never exceeds what is left of the smaller budget, so no order of endings can overshoot either.
- A grant is only ever raised here, and only lowered by the worker that holds it, in the transaction that records why.
"""

from collections.abc import Iterator, Mapping, Sequence

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
    """Give what is left of a wave's budget to its shards, those that are out first, each as much as it has sites to do.

    Args:
        left: What `left_of` says.
        parallel: Sites that may begin beyond those the grants that are out allow already.
        out: Shards that workers have, in order.
        waiting: Shards that nobody has, in order.
    """
    free = left - sum(shard.grant_failures for shard in out)
    for shard in (*out, *waiting):
        wanted = max(shard.open, 1) if not shard.is_out else shard.open
        had_failures, had_parallel = (shard.grant_failures, shard.grant_parallel) if shard.is_out else (0, 0)
        more_failures = max(0, min(free, wanted - had_failures))
        more_parallel = max(0, min(parallel, had_failures + more_failures - had_parallel))
        if not shard.is_out:
            if not more_parallel:
                continue
            yield Dispatch(shard.id, more_parallel, more_failures)
        elif more_parallel or more_failures:
            yield Grant(shard.id, had_parallel + more_parallel, had_failures + more_failures)
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
