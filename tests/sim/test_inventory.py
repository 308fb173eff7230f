"""The inventory that reaches a simulation."""

from pathlib import Path

import pytest

from fleet.inventory import read_fleet, write_fleet
from fleet.model.inventory import District, Fleet, Person, Reach, Role, Site, SiteKind, Terminal
from fleet.sim.inventory import reaching, run_by
from fleet.sim.simulation import Simulation


@pytest.fixture
def fleet() -> Fleet:
    terminals = (
        Terminal(site="sound", code="t1", host="far.invalid", gateway="gate.invalid", key_card="K1"),
        Terminal(site="sound", code="t9", reach=Reach.BY_HAND),
    )
    people = (
        Person(code="m1", name="甲", role=Role.MANAGER),
        Person(code="c1", name="乙", role=Role.COORDINATOR),
        Person(code="c2", name="丙", role=Role.COORDINATOR, os_user="somebody"),
    )
    return Fleet(
        districts={"d1": District(code="d1", name="区")},
        sites={"sound": Site(code="sound", kind=SiteKind.PHARMACY, name="药店", district="d1")},
        terminals={terminal.id: terminal for terminal in terminals},
        people={person.code: person for person in people},
    )


def test_a_simulated_terminal_is_reached_where_the_simulation_has_it_and_by_its_key(fleet: Fleet, simulation: Simulation) -> None:
    terminal = reaching(fleet, simulation).terminals["sound/t1"]

    assert (terminal.host, terminal.port) == simulation.addresses["sound/t1"]
    assert (terminal.host_key, terminal.gateway, terminal.key_card) == (simulation.fingerprints["sound/t1"], None, "K1")


def test_host_keys_can_be_left_for_a_person_to_scan_and_confirm(fleet: Fleet, simulation: Simulation) -> None:
    assert reaching(fleet, simulation, vouched=False).terminals["sound/t1"].host_key is None


def test_a_terminal_that_is_not_simulated_stays_as_it_is(fleet: Fleet, simulation: Simulation) -> None:
    assert reaching(fleet, simulation).terminals["sound/t9"] == fleet.terminals["sound/t9"]


def test_the_inventory_written_is_one_that_can_be_read(fleet: Fleet, simulation: Simulation, tmp_path: Path) -> None:
    reached = reaching(fleet, simulation)

    write_fleet(reached, tmp_path)

    assert read_fleet([tmp_path]) == reached


def test_a_user_nobody_knows_becomes_the_first_coordinator(fleet: Fleet) -> None:
    changed, person = run_by(fleet, "visitor")

    assert person == changed.people["c1"]
    assert person.os_user == "visitor"
    assert list(changed.people) == list(fleet.people)


def test_a_user_who_is_somebody_stays_who_they_are(fleet: Fleet) -> None:
    assert run_by(fleet, "somebody") == (fleet, fleet.people["c2"])


def test_a_user_whose_name_no_inventory_can_hold_is_nobody(fleet: Fleet) -> None:
    assert run_by(fleet, "Some Body") == (fleet, None)
