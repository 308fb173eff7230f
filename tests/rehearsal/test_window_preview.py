"""What a plan says can be reached in its windows is what a night without faults then reaches: the plan's reckoning beside the rehearsed night."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from fleet.control.turns import Assumed
from fleet.control.window_preview import WindowPreview, preview_windows
from fleet.model.caps import PlannedLimit
from fleet.model.inventory import Fleet
from fleet.model.plan import Plan
from fleet.model.playbook import Approval
from fleet.model.windows import Entry, Scope, Windows
from fleet.plan import preview
from fleet.rehearsal.night import ANSWER_S, Rehearsed, Setting, rehearse
from fleet.rehearsal.orchestrator import CONNECT_S
from fleet.rehearsal.pace import push_lasts
from tests.engine.city import AT, RELEASE, STAGER, make_fleet, make_plan

MINUTE = timedelta(minutes=1)
FLEET = make_fleet(80, terminals=2)
SITES = len(FLEET.sites)
SEEDS = (1, 2)
SHARE_OF_LUCK = 3
"""Sites more or less, of eighty: a turn more or less for each of those at the same time, as the last ones take long or not."""


@dataclass(frozen=True)
class Bounds:
    """What makes a night long."""

    minutes: int
    """That its window lasts."""
    parallel: int = 2
    soak_s: int = 0
    approval: Approval = Approval.NEVER
    deadline_s: float = 60
    limit: int | None = None
    """Of the sites of the district in the west, down at once."""


TOO_SHORT = {
    "pushes": Bounds(40, deadline_s=45),
    "what is kept for a push and its rollback": Bounds(40, deadline_s=300),
    "soaks": Bounds(49, parallel=8, soak_s=900),
    "an approval": Bounds(26, parallel=8, approval=Approval.CANARY),
    "a limit": Bounds(28, parallel=8, limit=1),
}


def planned(bounds: Bounds) -> Plan:
    plan = make_plan(
        FLEET, 6, 24, 50, failures=bounds.parallel, unreachable=9, approval=bounds.approval, parallel=bounds.parallel, program=STAGER
    )
    suspension = Entry(scope=Scope.PLAN, begins_at=AT, ends_at=AT + bounds.minutes * MINUTE)
    windows = Windows(zone="Asia/Shanghai", suspensions=(suspension,))
    gate = plan.playbook.gate.model_copy(update={"soak_s": bounds.soak_s})
    found: dict[str, object] = {
        "windows": windows,
        "playbook": plan.playbook.model_copy(update={"gate": gate, "push_deadline_s": bounds.deadline_s}),
    }
    if bounds.limit is not None:
        west = {code for code, site in FLEET.sites.items() if site.district == "west"}
        found["limits"] = (PlannedLimit(select="", district="west", sites=len(west), allowed=bounds.limit),)
        found["waves"] = tuple(
            wave.model_copy(
                update={"sites": tuple(site.model_copy(update={"limits": (0,) if site.code in west else ()}) for site in wave.sites)}
            )
            for wave in plan.waves
        )
    plan = plan.model_copy(update=found)
    return plan.model_copy(update={"digest": plan.compute_digest()})


def foretold(plan: Plan, seed: int, fleet: Fleet = FLEET) -> WindowPreview:
    times = preview_windows(plan, fleet, AT, Assumed(push_lasts((), seed), CONNECT_S, ANSWER_S))
    assert times is not None
    return times


def lived(plan: Plan, seed: int) -> Rehearsed:
    return rehearse(Setting(plan, FLEET, RELEASE, {}, {}, (), seed, AT))


@pytest.mark.parametrize("why", TOO_SHORT)
def test_what_can_be_reached_in_a_window_that_is_too_short_is_what_the_rehearsed_night_reaches(why: str) -> None:
    plan = planned(TOO_SHORT[why])
    for seed in SEEDS:
        said, reached = foretold(plan, seed), lived(plan, seed).outcome.sites.upgraded

        assert reached < SITES - 2 * SHARE_OF_LUCK
        assert abs(said.reachable - reached) <= SHARE_OF_LUCK
        assert said.is_late
        assert said.reachable + said.too_late == SITES


def test_a_night_with_time_for_all_is_not_called_too_short_and_a_person_is_waited_for_as_often_as_said() -> None:
    plan = planned(Bounds(120, parallel=8, soak_s=900, approval=Approval.ALWAYS))
    said, night = foretold(plan, 1), lived(plan, 1)

    assert night.outcome.sites.upgraded == said.reachable == SITES
    assert not said.is_late
    assert said.asked == len(night.asked)


def test_no_rehearsed_night_is_over_before_the_earliest_finish_that_its_plan_shows() -> None:
    for bounds in (Bounds(600, parallel=8, soak_s=300), Bounds(600, parallel=8, limit=1), Bounds(600, parallel=3)):
        plan = planned(bounds)
        night = lived(plan, 1)
        quickest = min(push_lasts((), 1)(name) for name in plan.program_of)
        slowest = max(push_lasts((), 1)(name) for name in plan.program_of)
        waited = len(night.asked) * ANSWER_S + bounds.soak_s

        assert night.outcome.sites.upgraded == SITES
        assert preview(plan, FLEET, quickest).earliest_s <= night.outcome.finish_s
        assert night.outcome.finish_s <= preview(plan, FLEET, slowest + CONNECT_S).earliest_s + waited


def test_what_is_kept_before_a_window_closes_is_what_admission_needs_once_pushes_are_measured() -> None:
    few, many = (foretold(planned(Bounds(minutes, deadline_s=300)), 1) for minutes in (10, 40))

    assert few.needs_s == many.needs_s == 600
    assert 300 + 30 <= many.kept_s <= 300 + 40
    assert few.kept_s == 600


def test_sites_whose_windows_open_one_after_the_other_are_reached_each_in_its_own() -> None:
    plan = planned(Bounds(600, parallel=8))
    assert plan.windows is not None
    night = plan.windows.suspensions[0]
    late = night.model_copy(update={"scope": Scope.SITE, "sites": ("s000",), "begins_at": AT + 300 * MINUTE, "ends_at": AT + 303 * MINUTE})
    short = night.model_copy(update={"scope": Scope.SITE, "sites": ("s001",), "ends_at": AT + MINUTE})
    plan = plan.model_copy(update={"windows": plan.windows.model_copy(update={"windows": (late, short)})})

    said = foretold(plan, 1)

    assert (said.reachable, said.too_late) == (SITES - 1, 0)
    assert list(said.out_of_reach.values()) == [("s001",)]
