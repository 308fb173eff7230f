"""Where a person may decide: their district and all below it. Held against the inventory as it is when the thing is done.

- A decision about named terminals needs their sites' districts; one about a whole rollout needs every district it has a site in.
- Pausing is the emergency brake: any coordinator may, wherever they are responsible. Going on again needs the whole.
- The orchestrator asks once more before it takes a decision in, so that whoever lost the right meanwhile decides nothing.
"""

from collections.abc import Collection, Iterable

from fleet.control.rights import Right, allowed_roles, require
from fleet.errors import NotAllowedError
from fleet.model.actor import Actor
from fleet.model.inventory import District, Person
from fleet.model.rollout import DecisionKind
from fleet.store import Snapshot, fleets, progress
from fleet.text import N_, Message, current_language

_NAMED = 3
"""People who are named as those to ask, at most."""


def require_decision(snapshot: Snapshot, actor: Actor, rollout: str, kind: DecisionKind, terminals: Collection[str] = ()) -> None:
    """Let the actor decide this about a rollout, or say why not and who may.

    Args:
        snapshot: The inventory now.
        actor: Who decides.
        rollout: What it is about.
        kind: What is decided.
        terminals: The ones it is about; empty is the whole rollout.

    Raises:
        NotAllowedError: The actor is nobody of the inventory, has another role, or is responsible for other districts.
    """
    require(snapshot, actor, Right.DECIDE)
    if kind is DecisionKind.PAUSE:
        return
    if terminals:
        districts = districts_of_sites(snapshot, {name.partition("/")[0] for name in terminals})
    else:
        districts = progress.districts_of_rollout(snapshot, rollout)
    require_districts(snapshot, actor, Right.DECIDE, districts)


def require_sites(snapshot: Snapshot, actor: Actor, right: Right, sites: Collection[str]) -> None:
    """Let the actor do this about these sites, or say why not and who may.

    Raises:
        NotAllowedError: As `require_decision`.
    """
    require(snapshot, actor, right)
    require_districts(snapshot, actor, right, districts_of_sites(snapshot, sites))


def require_everywhere(snapshot: Snapshot, actor: Actor, right: Right) -> None:
    """Let the actor do what concerns every district there is, or say why not and who may.

    Raises:
        NotAllowedError: As `require_decision`.
    """
    require(snapshot, actor, right)
    require_districts(snapshot, actor, right, fleets.read_districts(snapshot))


def require_districts(snapshot: Snapshot, actor: Actor, right: Right, districts: Iterable[str]) -> None:
    """Let the actor through who is responsible for all of these districts; the role is held against the right elsewhere.

    Raises:
        NotAllowedError: One of them is another's; the message names it, and the hint who may.
    """
    people, known = fleets.read_people(snapshot), fleets.read_districts(snapshot)
    person, wanted = people.get(actor.code), set(districts)
    if person is None or person.district is None:
        return
    missing = [district for district in sorted(wanted) if not is_responsible(person, district, known)]
    if not missing:
        return
    able = [
        other
        for other in people.values()
        if other.role in allowed_roles(right) and all(is_responsible(other, district, known) for district in wanted)
    ]
    named = {"name": person.name, "own": _name(known, person.district), "first": _name(known, missing[0])}
    if len(missing) == 1:
        what = N_("{name} is responsible for {own}, and this is about {first} as well", **named)
    else:
        what = N_(
            "{name} is responsible for {own}, and this is about {count} other {count:district|districts}, {first} first",
            count=len(missing),
            **named,
        )
    raise NotAllowedError(what, hint=who_may(able))


def is_responsible(person: Person, district: str, known: dict[str, District]) -> bool:
    """Whether a district is the person's own or one below it; without a district they are responsible everywhere."""
    if person.district is None:
        return True
    passed: set[str] = set()
    current: str | None = district
    while current is not None and current not in passed:
        if current == person.district:
            return True
        passed.add(current)
        current = known[current].parent if current in known else None
    return False


def who_may(able: Collection[Person]) -> Message:
    """Whom to ask, by name and code."""
    if not able:
        return N_("nobody of the inventory may; give a coordinator of people.csv the district above them all, or none, and import it")
    names = ", ".join(f"{person.name} (`{person.code}`)" for person in list(able)[:_NAMED])
    if len(able) > _NAMED:
        return N_(
            "ask one of {count} people who may, {names} among them; or name only what is in your district", count=len(able), names=names
        )
    return N_("ask {names}; or name only what is in your district", names=names)


def districts_of_sites(snapshot: Snapshot, sites: Collection[str]) -> set[str]:
    """The districts of these sites as the inventory has them now; a site it no longer holds has none."""
    return {site.district for site in fleets.read_sites(snapshot, sites).values()}


def _name(known: dict[str, District], code: str) -> str:
    return f"{known[code].name_in(current_language())} (`{code}`)" if code in known else f"`{code}`"
