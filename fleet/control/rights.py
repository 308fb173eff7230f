"""Who may do what. Unknown people may look, not act; the check is made when the thing is done."""

from collections.abc import Mapping
from enum import Enum

from fleet.errors import NotAllowedError
from fleet.model.actor import Actor
from fleet.model.inventory import Person, Role
from fleet.store import Snapshot, fleets
from fleet.text import N_, Message


class Right(Enum):
    """Something a person may be allowed to do."""

    IMPORT = "import"
    RELEASE = "release"
    TRUST = "trust"
    DECIDE = "decide"
    ASSIGN = "assign"
    CHECK_IN = "check-in"


_NAMED = 3
"""People who are named as those to ask, at most."""
_COORDINATING = frozenset((Role.COORDINATOR, Role.MANAGER))
_ALLOWED = {
    Right.IMPORT: _COORDINATING,
    Right.RELEASE: _COORDINATING,
    Right.TRUST: _COORDINATING,
    Right.DECIDE: _COORDINATING,
    Right.ASSIGN: _COORDINATING,
    Right.CHECK_IN: _COORDINATING | {Role.TECHNICIAN},
}
_WORDS = {
    Right.IMPORT: N_("import an inventory"),
    Right.RELEASE: N_("add a release"),
    Right.TRUST: N_("confirm host keys"),
    Right.DECIDE: N_("decide about a rollout"),
    Right.ASSIGN: N_("change who goes where"),
    Right.CHECK_IN: N_("check a site in"),
}
_ROLE_WORDS = {
    Role.TECHNICIAN: N_("technician"),
    Role.COORDINATOR: N_("coordinator"),
    Role.MANAGER: N_("manager"),
}


def require(snapshot: Snapshot, actor: Actor, right: Right) -> None:
    """Let the actor pass, or say why not.

    The first import into an empty workspace is allowed to anyone: there is no person yet to be matched, and whoever made the
    workspace can write its file anyway.

    Raises:
        NotAllowedError: The actor is nobody of the inventory, or has no role that may do this.
    """
    people = fleets.read_people(snapshot)
    if not people and right is Right.IMPORT:
        return
    person = people.get(actor.code)
    if person is None:
        raise NotAllowedError(
            N_("`{actor}` is nobody of this inventory, and may look but not {verb}", actor=actor.code, verb=_WORDS[right]),
            hint=N_("give a person of people.csv this OS user, and import it"),
        )
    if person.role not in _ALLOWED[right]:
        raise NotAllowedError(
            N_("{name} is a {role}, and may not {verb}", name=person.name, role=_ROLE_WORDS[person.role], verb=_WORDS[right]),
            hint=_who_may(people, right),
        )


def allowed_roles(right: Right) -> frozenset[Role]:
    """The roles that have a right; what a person is responsible for is another question (`scope`)."""
    return frozenset(_ALLOWED[right])


def _who_may(people: Mapping[str, Person], right: Right) -> Message:
    able = [person for person in people.values() if person.role in _ALLOWED[right]]
    if not able:
        return N_("nobody of the inventory may; enter a coordinator in people.csv, and import it")
    names = ", ".join(f"{person.name} (`{person.code}`)" for person in able[:_NAMED])
    return N_("ask a coordinator, for example {names}", names=names)


def why_not(snapshot: Snapshot, actor: Actor, right: Right) -> Message | None:
    """The reason the actor may not do this, or None when they may; for verbs that are shown but disabled."""
    try:
        require(snapshot, actor, right)
    except NotAllowedError as error:
        return error.what
    return None
