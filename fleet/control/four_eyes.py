"""Four eyes: where the plan says so, who approves is neither who made it nor who started its rollout. And what an approval is about.

- Who made a plan is an event about its digest (`plan.made`); whoever makes the same plan again has made it, too.
- Without a known author nothing is started, and nothing is approved: nobody could tell whose the second pair of eyes is.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from fleet.control.rights import Right, allowed_roles
from fleet.control.scope import is_responsible
from fleet.errors import ConflictError, InputError, NotAllowedError
from fleet.model.actor import Actor
from fleet.model.inventory import Person
from fleet.model.plan import Plan
from fleet.model.rollout import RolloutState
from fleet.store import Snapshot, Store, Tx, audit, fleets, progress, releases
from fleet.text import N_, Message

SHORTEST_DIGEST = 12
"""So many characters of a digest tell plans apart."""


def record_author(store: Store, actor: Actor, at: datetime, plan: Plan) -> None:
    """Record who made a plan, where the plan wants to know; once for each person."""
    if not plan.playbook.gate.four_eyes:
        return
    with store.write(actor, at) as tx:
        if actor.code not in audit.who(tx, "plan.made", plan.digest):
            tx.event("plan.made", plan.digest, {})


def require_approver(tx: Tx, plan: Plan, districts: Collection[str]) -> None:
    """Refuse to start, in these districts, what nobody could approve.

    Raises:
        InputError: The plan wants four eyes, and its author is not known, or nobody else may decide.
    """
    if not plan.playbook.gate.four_eyes:
        return
    authors = audit.who(tx, "plan.made", plan.digest)
    if not authors:
        raise InputError(
            N_("the plan wants four eyes, and this workspace does not know who made it"),
            hint=N_("make it here with `fleet plan --out`"),
        )
    first = authors | people_of(tx.actor)
    people = fleets.read_people(tx)
    if not others_who_may(tx, first, districts):
        raise InputError(
            N_("the plan wants four eyes, and nobody but {names} may approve its waves", names=names_of(people, sorted(first))),
            hint=N_("add another coordinator to people.csv and import it, or let somebody who cannot decide make the plan"),
        )


def require_second_pair(tx: Tx, state: RolloutState) -> None:
    """Refuse an approver who made the plan, or started its rollout, where the plan wants four eyes.

    Raises:
        NotAllowedError: It is one of them; the message names them and the hint who may.
    """
    plan = releases.read_plan(tx, state.plan_digest)
    refusal = why_same_eyes(tx, tx.actor, state, plan)
    if refusal is not None:
        people = fleets.read_people(tx)
        others = others_who_may(tx, _first_pair(tx, state), progress.districts_of_rollout(tx, state.id))
        may_words = (
            N_("{names} may", names=names_of(people, others)) if others else N_("add another coordinator to people.csv and import it")
        )
        raise NotAllowedError(refusal, hint=may_words)


def why_same_eyes(snapshot: Snapshot, actor: Actor, state: RolloutState, plan: Plan) -> Message | None:
    """Why this person may not approve, or None when the plan has nothing against it."""
    if not plan.playbook.gate.four_eyes:
        return None
    asked = people_of(actor)
    people = fleets.read_people(snapshot)
    for what, found in (
        (N_("{name} made this plan, and it wants somebody else to approve"), audit.who(snapshot, "plan.made", state.plan_digest)),
        (N_("{name} started this rollout, and its plan wants somebody else to approve"), audit.who(snapshot, "rollout.started", state.id)),
    ):
        if same := sorted(asked & found):
            return Message(what.text, {"name": _name(people, same[0])})
    return None


def require_same_plan(state: RolloutState, plan: str) -> None:
    """Refuse an approval of another plan than the rollout's; an empty `plan` is the rollout's.

    Raises:
        InputError: It is too short to tell plans apart.
        ConflictError: It is another one.
    """
    if not plan:
        return
    asked = plan.strip().lower()
    if len(asked) < SHORTEST_DIGEST:
        raise InputError(
            N_("`{digest}` is too short for a plan's digest", digest=plan),
            hint=N_("give at least its first {count} characters", count=SHORTEST_DIGEST),
        )
    if not state.plan_digest.startswith(asked):
        raise ConflictError(
            N_(
                "rollout {rollout} carries out plan {held}, not {asked}; nothing was approved",
                rollout=state.id,
                asked=asked[:SHORTEST_DIGEST],
                held=state.plan_digest[:SHORTEST_DIGEST],
            ),
            hint=N_("look at its gate again with `fleet watch`, and approve what it shows"),
        )


def _first_pair(snapshot: Snapshot, state: RolloutState) -> set[str]:
    return audit.who(snapshot, "plan.made", state.plan_digest) | audit.who(snapshot, "rollout.started", state.id)


def people_of(actor: Actor) -> set[str]:
    """Who acts, and on whose behalf."""
    return {actor.code, *([actor.on_behalf] if actor.on_behalf else [])}


def others_who_may(snapshot: Snapshot, first: Collection[str], districts: Collection[str]) -> list[str]:
    """Everybody else who may decide about all of these districts."""
    known, roles = fleets.read_districts(snapshot), allowed_roles(Right.DECIDE)
    return [
        code
        for code, person in fleets.read_people(snapshot).items()
        if code not in first and person.role in roles and all(is_responsible(person, district, known) for district in districts)
    ]


def names_of(people: Mapping[str, Person], codes: Collection[str]) -> str:
    """Their names, or codes where the inventory no longer knows them."""
    return ", ".join(_name(people, code) for code in codes)


def _name(people: Mapping[str, Person], code: str) -> str:
    return people[code].name if code in people else code
