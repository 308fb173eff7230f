"""The forecast against nights whose end is known: simulated with a seed, each site taking its own time."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from heapq import heapify, heapreplace
from random import Random

import pytest

from fleet.cutover import Work, forecast

NOW = datetime(2026, 12, 4, 18, 0, tzinfo=UTC)


def site_times(dice: Random) -> Iterator[float]:
    """Seconds of one site after the other: most take about a minute, some are slow, some hang until a limit ends them."""
    while True:
        kind = dice.random()
        if kind < 0.03:
            yield 180.0
        elif kind < 0.15:
            yield dice.uniform(60, 150)
        else:
            yield dice.lognormvariate(3.9, 0.45)


def finish(durations: Iterator[float], sites: int, parallel: int) -> float:
    """Seconds until the last of these sites ends, each taking the first place that comes free."""
    places = [0.0] * parallel
    heapify(places)
    last = 0.0
    for _ in range(sites):
        end = places[0] + next(durations)
        heapreplace(places, end)
        last = max(last, end)
    return last


def coverage(nights: int, observed: int, sites: int, parallel: int, *, soak_s: float = 0, waves: int = 1) -> tuple[float, float]:
    """Shares of simulated nights that end by their P50 and by their P80; so many sites in each of so many waves."""
    by_p50 = by_p80 = 0
    for seed in range(nights):
        dice = Random(f"night {seed} {observed} {sites}")
        durations = site_times(dice)
        seen = [next(durations) for _ in range(observed)]
        foretold = forecast(seen, [Work(sites=sites, parallel=parallel, soak_s=soak_s)] * waves, NOW, Random(seed).random)
        assert foretold is not None
        real = sum(finish(durations, sites, parallel) + soak_s for _ in range(waves))
        by_p50 += real <= (foretold.p50_at - NOW).total_seconds()
        by_p80 += real <= (foretold.p80_at - NOW).total_seconds()
    return by_p50 / nights, by_p80 / nights


@pytest.mark.parametrize(("observed", "sites", "parallel"), [(60, 200, 16), (80, 120, 8)])
def test_four_of_five_nights_end_by_their_p80(observed: int, sites: int, parallel: int) -> None:
    p50, p80 = coverage(480, observed, sites, parallel)

    assert 0.75 <= p80 <= 0.85
    assert 0.44 <= p50 <= 0.56


def test_nights_whose_waves_soak_end_by_their_p80_as_often() -> None:
    p50, p80 = coverage(300, 60, 60, 8, soak_s=900, waves=3)

    assert 0.75 <= p80 <= 0.86
    assert 0.43 <= p50 <= 0.57


def test_very_many_sites_are_foretold_like_few() -> None:
    _p50, p80 = coverage(200, 60, 1200, 24)

    assert 0.70 <= p80 <= 0.90


def test_the_same_dice_give_the_same_forecast_and_p80_is_never_before_p50() -> None:
    seen = [30.0, 40.0, 50.0, 60.0, 200.0]
    waves = [Work(sites=10, parallel=3, running=(5.0, 250.0)), Work(sites=4, parallel=2)]

    first, second = (forecast(seen, waves, NOW, Random(7).random) for _ in range(2))

    assert first == second
    assert first is not None
    assert NOW < first.p50_at <= first.p80_at


def test_too_few_sites_foretell_nothing_and_nothing_left_needs_no_forecast() -> None:
    dice: Callable[[], float] = Random(1).random

    assert forecast([10.0] * 4, [Work(3, 1)], NOW, dice) is None
    assert forecast([10.0] * 9, [Work(0, 1)], NOW, dice) is None


def test_sites_whose_window_opens_later_are_not_foretold_before_it() -> None:
    foretold = forecast([10.0] * 9, [Work(sites=3, parallel=3, opens_in=3600)], NOW, Random(1).random)

    assert foretold is not None
    assert (foretold.p50_at - NOW).total_seconds() == 3610


def test_each_wave_soaks_before_the_next_begins_and_the_last_one_before_it_is_finished() -> None:
    waves = [Work(sites=4, parallel=2, soak_s=900), Work(sites=0, parallel=1), Work(sites=2, parallel=2, soak_s=600)]

    foretold = forecast([10.0] * 9, waves, NOW, Random(1).random)

    assert foretold is not None
    assert (foretold.p50_at - NOW).total_seconds() == 20 + 900 + 10 + 600
    assert foretold.p80_at == foretold.p50_at


def test_a_window_that_opens_while_a_wave_soaks_adds_nothing_and_one_that_opens_after_it_does() -> None:
    within, behind = ([Work(1, 1, soak_s=900), Work(1, 1, opens_in=opens_in)] for opens_in in (600, 3600))

    ends = [forecast([10.0] * 9, waves, NOW, Random(1).random) for waves in (within, behind)]

    assert [(each.p50_at - NOW).total_seconds() for each in ends if each is not None] == [10 + 900 + 10, 3600 + 10]


def test_where_only_a_soak_is_left_its_end_is_the_finish() -> None:
    foretold = forecast([10.0, 10.0, 10.0, 10.0, 400.0], [Work(0, 1), Work(0, 1, soak_s=300)], NOW, Random(1).random)

    assert foretold is not None
    assert (foretold.p50_at - NOW).total_seconds() == (foretold.p80_at - NOW).total_seconds() == 300
