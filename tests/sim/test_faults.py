"""Which terminals get a fault."""

from hypothesis import given
from hypothesis import strategies as st

from fleet.model.attempt import ENDINGS, Cause, TerminalState
from fleet.model.inventory import Reach, Terminal
from fleet.sim.faults import Fault, expected_cause, expected_ending, plant_faults


def fleet_of(count: int) -> list[Terminal]:
    return [Terminal(site=f"s{number}", code="t1", host="x.invalid") for number in range(count)]


@given(count=st.integers(0, 200), percent=st.floats(0, 100), seed=st.integers())
def test_the_same_seed_plants_the_same_faults_whatever_the_order(count: int, percent: float, seed: int) -> None:
    terminals = fleet_of(count)

    assert plant_faults(terminals, percent, seed) == plant_faults(reversed(terminals), percent, seed)


@given(count=st.integers(70, 300), percent=st.floats(0.01, 100), seed=st.integers())
def test_every_kind_appears_in_a_fleet_of_seventy(count: int, percent: float, seed: int) -> None:
    planted = plant_faults(fleet_of(count), percent, seed)

    assert set(planted.values()) == set(Fault)


def test_the_share_is_that_of_the_terminals_reached_by_ssh() -> None:
    by_hand = [Terminal(site=f"h{number}", code="t1", reach=Reach.BY_HAND) for number in range(500)]

    planted = plant_faults([*fleet_of(500), *by_hand], 4, seed=1)

    assert len(planted) == 20
    assert all(terminal.startswith("s") for terminal in planted)


def test_no_percent_plants_nothing() -> None:
    assert plant_faults(fleet_of(100), 0, seed=1) == {}


def test_another_seed_chooses_other_terminals() -> None:
    assert plant_faults(fleet_of(100), 10, seed=1) != plant_faults(fleet_of(100), 10, seed=2)


def test_every_fault_has_an_ending_and_a_cause() -> None:
    for fault in Fault:
        assert expected_ending(fault) in ENDINGS
        assert (expected_cause(fault) is Cause.NONE) == (expected_ending(fault) is TerminalState.UPGRADED)
