"""The inventory that reaches a simulation: a fleet's own, with the simulated addresses and host keys in it."""

import re

from fleet.model.base import USER_PATTERN
from fleet.model.inventory import Fleet, Person, Role
from fleet.sim.simulation import Simulation


def reaching(fleet: Fleet, simulation: Simulation, *, vouched: bool = True) -> Fleet:
    """The fleet with each simulated terminal's address in place of its own; no gateway is in between.

    `vouched`: with its fingerprint too, so that the import confirms the host key; otherwise a person scans and confirms.
    """
    terminals = {
        id_: terminal.model_copy(
            update={
                "host": simulation.addresses[id_].host,
                "port": simulation.addresses[id_].port,
                "gateway": None,
                "host_key": simulation.fingerprints[id_] if vouched else None,
            }
        )
        if id_ in simulation.addresses
        else terminal
        for id_, terminal in fleet.terminals.items()
    }
    return fleet.model_copy(update={"terminals": terminals})


def run_by(fleet: Fleet, os_user: str) -> tuple[Fleet, Person | None]:
    """The fleet in which this OS user is somebody and so may act, and who that is.

    Somebody already: the fleet as it is. Otherwise the first coordinator; nobody (None) where there is none, or where the user's name is
    none that an inventory can hold.
    """
    known = next((person for person in fleet.people.values() if person.os_user == os_user), None)
    if known is not None:
        return fleet, known
    coordinator = next((person for person in fleet.people.values() if person.role is Role.COORDINATOR), None)
    if coordinator is None or not re.fullmatch(USER_PATTERN, os_user):
        return fleet, None
    person = coordinator.model_copy(update={"os_user": os_user})
    return fleet.model_copy(update={"people": {**fleet.people, person.code: person}}), person
