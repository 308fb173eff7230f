"""The earliest finish: no night that goes well is over before it, so soaks and the queue of every limit are in it."""

from collections.abc import Callable
from math import ceil

import pytest

from fleet.model.caps import DistrictBudget, Limit, Per
from fleet.model.inventory import Fleet
from fleet.model.playbook import Playbook, Waves
from fleet.model.release import Release
from fleet.plan import Preview, make_plan, preview
from fleet.plan.earliest import Queue

FleetMaker = Callable[..., Fleet]


@pytest.fixture
def wide(playbook: Playbook) -> Playbook:
    """Budgets that hold nothing up, and two waves behind the canary."""
    budget = playbook.budget.model_copy(update={"failures": 100.0, "unreachable": 100.0})
    return playbook.model_copy(update={"budget": budget, "waves": Waves(canary_at_most=4, shares=(50.0, 50.0)), "parallel": 32})


@pytest.fixture
def shown(make_fleet: FleetMaker, wide: Playbook, release: Release) -> Callable[..., Preview]:
    """The preview of a plan for four hospitals and forty pharmacies of one district, with these changes to its playbook."""
    fleet = make_fleet(*((f"h{n}", "hospital", 4, {}) for n in range(4)), *((f"p{n:02}", "pharmacy", 1, {}) for n in range(40)))
    return lambda **changes: preview(make_plan(fleet, wide.model_copy(update=changes), release), fleet, push_s=10)


def test_a_wave_soaks_before_the_next_one_begins_and_the_last_one_is_not_waited_for(shown: Callable[..., Preview], wide: Playbook) -> None:
    without = shown()
    soaking = shown(gate=wide.gate.model_copy(update={"soak_s": 1800}))

    assert soaking.earliest_s == without.earliest_s + 2 * 1800
    assert (without.soaks_s, soaking.soaks_s) == (0, 3600)
    assert [wave.earliest_s for wave in soaking.waves] == [wave.earliest_s for wave in without.waves]


def test_what_one_limit_lets_be_down_at_once_is_a_queue_of_its_own_although_others_need_not_wait(shown: Callable[..., Preview]) -> None:
    last = shown(limits=(Limit(select="kind:pharmacy", per=Per.FLEET, at_most="1"),)).waves[-1]
    pharmacies = last.terminals["pharmacy"]

    assert pharmacies > 15
    assert last.earliest_s == pharmacies * 10
    assert last.queue == Queue(select="kind:pharmacy", district=None, sites=pharmacies, allowed=1)


def test_a_limit_that_makes_nothing_longer_is_not_named(shown: Callable[..., Preview]) -> None:
    without, loose = shown(), shown(limits=(Limit(select="kind:pharmacy", per=Per.FLEET, at_most="90%"),))

    assert [wave.queue for wave in loose.waves] == [None, None, None]
    assert loose.earliest_s == without.earliest_s


def test_of_several_limits_the_one_with_the_longest_queue_is_named(shown: Callable[..., Preview]) -> None:
    limits = (Limit(select="kind:pharmacy", per=Per.FLEET, at_most="2"), Limit(select="", per=Per.DISTRICT, at_most="3"))
    last = shown(limits=limits).waves[-1]
    pharmacies = last.terminals["pharmacy"]

    assert last.queue == Queue(select="kind:pharmacy", district=None, sites=pharmacies, allowed=2)
    assert last.earliest_s == ceil(pharmacies / 2) * 10


def test_a_district_whose_budget_lets_few_be_in_flight_is_a_queue_too(shown: Callable[..., Preview], wide: Playbook) -> None:
    budget = wide.budget.model_copy(update={"per_district": DistrictBudget(failures=5, unreachable=100)})
    last = shown(budget=budget).waves[-1]

    assert last.queue == Queue(select=None, district="qw", sites=last.sites, allowed=1)
    assert last.earliest_s == last.sites * 10


def test_the_terminals_of_a_site_are_pushed_together_as_far_as_pushes_may_be_at_the_same_time(shown: Callable[..., Preview]) -> None:
    canary = [shown(parallel=parallel).waves[0] for parallel in (32, 2)]

    assert (canary[0].sites, canary[0].by_ssh, canary[0].earliest_s) == (2, 5, 10)
    assert (canary[1].sites, canary[1].by_ssh, canary[1].earliest_s) == (2, 5, 30)
