"""People: somebody can decide, and everybody who should act is known to the system."""

import pwd
from collections.abc import Iterator

from fleet.doctor.finding import Finding, Level
from fleet.model.inventory import Person, Role
from fleet.store import Snapshot, fleets
from fleet.text import N_

_MEND = N_("enter it as `os_user` in people.csv, and import it: `fleet inventory import PATH --apply`")


def check_people(snapshot: Snapshot) -> Iterator[Finding]:
    """Coordinators and managers have an OS user of this machine; technicians without one are named."""
    people = fleets.read_people(snapshot)
    if not people:
        yield Finding("people", N_("the inventory has no people; nobody can decide"), "people.csv", N_("import an inventory with people"))
        return
    deciding = [person for person in people.values() if person.role is not Role.TECHNICIAN]
    able = [person for person in deciding if _exists(person.os_user)]
    if not able:
        what = N_("no coordinator or manager has an OS user of this machine; nobody can decide here")
        yield Finding("people", what, "people.csv", _MEND)
    without = [person for person in people.values() if person.os_user is None]
    for role, group in (
        (N_("coordinators and managers"), [p for p in without if p.role is not Role.TECHNICIAN]),
        (N_("technicians"), [p for p in without if p.role is Role.TECHNICIAN]),
    ):
        if group:
            yield Finding(
                "people", N_("{role} without an OS user: {names}", role=role, names=_names(group)), "people.csv", _MEND, Level.NOTE
            )
    strangers = [person for person in deciding if person.os_user is not None and not _exists(person.os_user)]
    if strangers and able:
        what = N_("their OS user is not one of this machine: {names}", names=_names(strangers))
        yield Finding(
            "people", what, "people.csv", N_("make the user, or correct `os_user`; fine where they work on another machine"), Level.NOTE
        )


def _exists(user: str | None) -> bool:
    try:
        return user is not None and bool(pwd.getpwnam(user))
    except KeyError:
        return False


def _names(people: list[Person]) -> str:
    shown = ", ".join(f"{person.name} ({person.code})" for person in people[:5])
    return f"{shown}, ... ({len(people)})" if len(people) > 5 else shown
