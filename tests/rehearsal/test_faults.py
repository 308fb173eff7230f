"""Which terminals a rehearsal troubles, and how their pushes then end."""

import pytest

from fleet.model.attempt import Cause, TerminalState
from fleet.rehearsal.faults import CAUSES, FaultRule, fate_of, plant
from tests.engine.city import PROGRAM, make_fleet, make_plan

FLEET = make_fleet(20, terminals=2, by_hand=1)
PLAN = make_plan(FLEET, 5, 15)


def rule(fault: str, percent: float, select: str = "") -> FaultRule:
    return FaultRule(fault=fault, percent=percent, select=select)


def test_so_many_percent_of_the_terminals_that_are_pushed_to_get_it() -> None:
    planted = plant((rule("no-answer", 25), rule("disk-full", 10)), PLAN, FLEET, 1)

    assert sorted(planted.values()) == ["disk-full"] * 4 + ["no-answer"] * 10
    assert not any(name.partition("/")[2].startswith("h") for name in planted)


def test_a_rule_falls_on_one_at_least_and_none_of_0_percent_on_any() -> None:
    assert len(plant((rule("no-answer", 0.1),), PLAN, FLEET, 1)) == 1
    assert plant((rule("no-answer", 0),), PLAN, FLEET, 1) == {}


def test_a_rule_falls_only_on_what_it_selects() -> None:
    planted = plant((rule("no-answer", 100, "district:west"),), PLAN, FLEET, 1)

    assert {FLEET.sites[FLEET.terminals[name].site].district for name in planted} == {"west"}


def test_the_seed_decides_who_gets_it() -> None:
    rules = (rule("no-answer", 25),)

    assert plant(rules, PLAN, FLEET, 1) == plant(rules, PLAN, FLEET, 1)
    assert plant(rules, PLAN, FLEET, 1) != plant(rules, PLAN, FLEET, 2)


@pytest.mark.parametrize("cause", [cause for cause in CAUSES if cause is not Cause.NO_WAY_BACK])
def test_every_cause_that_can_be_planted_troubles_the_push(cause: Cause) -> None:
    fate = fate_of(cause.value, PROGRAM, PLAN.playbook, 20)

    assert fate.ending is not TerminalState.UPGRADED or not fate.heard
    assert fate.cause is cause or not fate.heard


def test_a_way_back_that_fails_lets_the_upgrade_end_well() -> None:
    fate = fate_of("no-way-back", PROGRAM, PLAN.playbook, 20)

    assert (fate.ending, fate.has_no_return) == (TerminalState.UPGRADED, True)


def test_a_slow_terminal_takes_ten_times_as_long_and_is_upgraded() -> None:
    fate = fate_of("slow", PROGRAM, PLAN.playbook, 20)

    assert (fate.ending, fate.seconds) == (TerminalState.UPGRADED, 200)
