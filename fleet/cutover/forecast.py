"""When it will be finished, from what was observed: a bootstrap over the time that sites took, with the parallelism that is granted.

- Each draw first draws the observed sites anew, then the sites to come from those: so that few observations give a wide answer.
- Slow sites are rare, and few observations show too few of them: the ends of the distribution are moved by what its skewness says.
- Each wave soaks after its last push; the next one begins, and the last one is finished, when that is over.
- Waiting for people is not in it, nor what retries add; sites that wait for their window begin when it opens.
"""

from bisect import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heapify, heapreplace
from itertools import accumulate
from math import ceil, sqrt
from statistics import NormalDist, fmean, pstdev

ENOUGH = 5
"""Sites that have to be observed before anything is foretold."""
DRAWS = 200
_MOST_SINGLE = 1000
"""More sites than these are not drawn one by one: their sum is."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is left of one wave."""

    sites: int
    """That have not begun."""
    parallel: int
    """Sites at the same time."""
    running: tuple[float, ...] = ()
    """Seconds since each site that runs began."""
    opens_in: float = 0.0
    """Seconds until its first site may begin."""
    soak_s: float = 0.0
    """Seconds that have to pass after its last push, or from now on where it has none left, before its gate judges."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """When the last push has ended and its wave has soaked, if nobody has to be waited for."""

    p50_at: datetime
    p80_at: datetime
    observed: int
    """Sites it rests on."""


def forecast(observed: Sequence[float], waves: Sequence[Work], now: datetime, dice: Callable[[], float]) -> Forecast | None:
    """When it will be finished.

    Args:
        observed: Seconds that each site took that has ended.
        waves: What is left, one after the other.
        now: This moment.
        dice: Gives numbers in [0, 1); the same numbers give the same answer.

    Returns:
        None where fewer than `ENOUGH` sites have ended, or nothing is left.
    """
    if len(observed) < ENOUGH or not any(work.sites or work.running or work.soak_s for work in waves):
        return None
    ends = sorted(_draw(observed, waves, dice) for _ in range(DRAWS))
    p50, p80 = (now + timedelta(seconds=_quantile(ends, share) + _lateness(observed, waves, share)) for share in (0.5, 0.8))
    return Forecast(p50, p80, len(observed))


def _lateness(observed: Sequence[float], waves: Sequence[Work], share: float) -> float:
    """Seconds by which a bootstrap of a skewed distribution is too early at this share.

    Source: Hall, "Theoretical Comparison of Bootstrap Confidence Intervals", 1988: percentile against studentised, second order.
    """
    spread, mean, count = pstdev(observed), fmean(observed), len(observed)
    if not spread:
        return 0.0
    skewness = fmean(((seconds - mean) / spread) ** 3 for seconds in observed)
    z = NormalDist().inv_cdf(share)
    rounds = sum(work.sites / max(1, min(work.parallel, work.sites or 1)) for work in waves)
    return max(0.0, skewness) * spread * (z * z + 2) / (6 * count) * rounds


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[ceil(share * len(ordered)) - 1]


def _draw(observed: Sequence[float], waves: Sequence[Work], dice: Callable[[], float]) -> float:
    """Seconds until the end, in one world that could be ours."""
    count = len(observed)
    world = [observed[int(dice() * count)] for _ in range(count)]
    end = 0.0
    for work in waves:
        end = _wave_end(world, work, max(end, work.opens_in), dice) + work.soak_s
    return end


def _wave_end(world: Sequence[float], work: Work, begin: float, dice: Callable[[], float]) -> float:
    """When a wave ends whose waiting sites begin at `begin`: each takes the first place that comes free."""
    places = [_rest(world, since, dice) for since in work.running]
    places += [begin] * max(0, min(work.sites, work.parallel - len(places)))
    if not work.sites:
        return max(places, default=begin)
    if work.sites > _MOST_SINGLE:
        return _many(world, work, begin, places, dice)
    last = max(places)
    heapify(places)
    for _ in range(work.sites):
        end = max(places[0], begin) + _pick(world, dice)
        heapreplace(places, end)
        last = max(last, end)
    return last


def _many(world: Sequence[float], work: Work, begin: float, places: Sequence[float], dice: Callable[[], float]) -> float:
    """As above for very many sites: their sum is nearly normal.

    When the last of them begins, each place is somewhere in a site, in a long one more likely than in a short one; the longest of what
    is left of those is the end.
    """
    normal = NormalDist(work.sites * fmean(world), pstdev(world) * sqrt(work.sites) + 1e-9)
    total = max(0.0, normal.inv_cdf(min(1 - 1e-9, max(1e-9, dice()))))
    reached = list(accumulate(world))
    rests = [world[min(bisect(reached, dice() * reached[-1]), len(world) - 1)] * dice() for _ in places]
    busy = fmean(max(place, begin) for place in places)
    return busy + (total - sum(rests)) / len(places) + max(rests)


def _pick(world: Sequence[float], dice: Callable[[], float]) -> float:
    return world[int(dice() * len(world))]


def _rest(world: Sequence[float], since: float, dice: Callable[[], float]) -> float:
    """How much longer a site takes that has run so long already."""
    longer = [seconds - since for seconds in world if seconds > since]
    return _pick(longer, dice) if longer else _pick(world, dice) / 2
