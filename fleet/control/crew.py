"""Sending technicians to sites: planning who goes where, and what a coordinator changes about it."""

from collections.abc import Sequence
from datetime import datetime

from fleet.control.rights import Right, require
from fleet.crew import CrewPlan, distance_to, plan_crew
from fleet.errors import InputError
from fleet.files import did_you_mean
from fleet.model.actor import Actor
from fleet.model.base import unprintable
from fleet.model.crew import Assignment
from fleet.model.inventory import Person, Role, Site
from fleet.store import Snapshot, Store, crew, fleets
from fleet.text import N_, Message

_LONGEST = 400


def propose_assignments(snapshot: Snapshot, *, anew: bool = False) -> CrewPlan:
    """Who would go where if it were stored now; with `anew` only what a person decided stays. Nothing is changed."""
    return plan_crew(fleets.read_fleet(snapshot), crew.read_assignments(snapshot), anew=anew)


def apply_assignments(store: Store, actor: Actor, at: datetime, *, anew: bool = False) -> CrewPlan:
    """Store what `propose_assignments` gives at this moment, and return it.

    Raises:
        NotAllowedError: The actor may not change who goes where.
    """
    with store.write(actor, at) as tx:
        require(tx, actor, Right.ASSIGN)
        plan = propose_assignments(tx, anew=anew)
        crew.save_assignments(tx, [assignment.model_copy(update={"at": at}) for assignment in plan.new.values()])
    return plan


def assign(
    store: Store, actor: Actor, at: datetime, site: str, technician: str, *, reason: str, covering: Sequence[str] = ()
) -> Assignment:
    """Send a technician to a site because a person decided it; planning anew will keep it.

    Args:
        store: The workspace's store.
        actor: A coordinator or a manager.
        at: Now.
        site: Code of the site.
        technician: Code of the technician, of any jurisdiction.
        reason: Why; it is kept with the assignment.
        covering: Technicians who may mark the site in their place.

    Raises:
        NotAllowedError: The actor may not change who goes where.
        InputError: No such site or technician, or no reason given.
    """
    with store.write(actor, at) as tx:
        require(tx, actor, Right.ASSIGN)
        found, person = find_site(tx, site), find_technician(tx, technician)
        others = tuple(dict.fromkeys(find_technician(tx, code).code for code in covering))
        if person.code in others:
            raise InputError(N_("{name} cannot cover for themselves", name=person.name))
        if not reason.strip():
            raise InputError(N_("a change of who goes where needs a reason"), hint=N_("give it with --reason"))
        assignment = Assignment(
            site=found.code,
            technician=person.code,
            covering=others,
            reason=checked_text(reason, N_("the reason")),
            distance_km=distance_to(found, person),
            by=actor.code,
            at=at,
        )
        crew.save_assignments(tx, [assignment])
    return assignment


def find_site(snapshot: Snapshot, code: str) -> Site:
    """The site of that code.

    Raises:
        InputError: There is none; the hint has the nearest spelling.
    """
    site = fleets.read_sites(snapshot, [code]).get(code)
    if site is None:
        codes = fleets.read_fleet(snapshot).sites
        raise InputError(N_("there is no site `{code}`", code=code), hint=did_you_mean(code, codes))
    return site


def find_technician(snapshot: Snapshot, code: str) -> Person:
    """The technician of that code.

    Raises:
        InputError: There is no such person, or they are no technician.
    """
    people = fleets.read_people(snapshot)
    technicians = [person.code for person in people.values() if person.role is Role.TECHNICIAN]
    person = people.get(code)
    if person is None:
        raise InputError(N_("there is no technician `{code}`", code=code), hint=did_you_mean(code, technicians))
    if person.role is not Role.TECHNICIAN:
        raise InputError(N_("{name} (`{code}`) is no technician", name=person.name, code=code), hint=did_you_mean(code, technicians))
    return person


def checked_text(text: str, what: Message) -> str:
    """What a person wrote, without the spaces around it.

    Raises:
        InputError: It is longer than 400 characters or holds a control character.
    """
    text = text.strip()
    if len(text) > _LONGEST:
        raise InputError(N_("{what} is longer than {limit} characters", what=what, limit=_LONGEST))
    bad = unprintable(text)
    if bad is not None:
        raise InputError(N_("{what} holds the character {character}, which is not allowed", what=what, character=f"U+{ord(bad):04X}"))
    return text
