"""Sending technicians to sites: planning who goes where, what a coordinator changes about it, and what a technician has to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf
from typing import TypeVar

from fleet.control.rights import Right, require
from fleet.control.scope import require_everywhere, require_sites
from fleet.control.words import checked_text
from fleet.crew import CrewPlan, distance_to, plan_crew
from fleet.errors import InputError
from fleet.files import did_you_mean
from fleet.model.actor import Actor
from fleet.model.crew import Assignment
from fleet.model.inventory import Person, Reach, Role, Site, Terminal
from fleet.model.rollout import RolloutState, SiteState
from fleet.store import Snapshot, Store, Tx, again, crew, fleets, reads, releases, rollouts
from fleet.store.reads import SiteRow
from fleet.text import N_, Message

N = TypeVar("N", Site, Person)
_MOST_URGENT_FIRST = (
    SiteState.WAITING_BY_HAND,
    SiteState.FAILED,
    SiteState.ROLLED_BACK,
    SiteState.UNREACHABLE,
    SiteState.UNKNOWN,
    SiteState.NOT_STARTED,
    SiteState.GOING_BACK,
    SiteState.TAKEN_BACK,
    SiteState.RUNNING,
    None,
    SiteState.STAGED,
    SiteState.UPGRADED,
    SiteState.EXCLUDED,
)
"""What asks for a technician comes before what the machines are still busy with; None is in no rollout."""


@dataclass(frozen=True, slots=True)
class AssignedSite:
    """One site of a technician: where it is, whom to call, what is to do there."""

    site: Site
    technician: str
    """Whose site it is: the technician's own, or that of the one they cover for."""
    distance_km: float | None
    terminals: int
    by_hand: tuple[str, ...]
    """Codes of the terminals that are done by hand."""
    offline: tuple[str, ...]
    """Codes of the terminals that nobody answers at and a technician has to go to."""
    rollout: str | None
    """The newest rollout that holds the site."""
    row: SiteRow | None
    """Where it stands in that rollout."""


def sites_of_technician(snapshot: Snapshot, person: Person, at: datetime | None = None) -> list[AssignedSite]:
    """Every site the technician is sent to or covers: what is not done first, the most urgent state, then the nearest."""
    fleet = fleets.read_fleet(snapshot)
    jobs = offline_jobs(snapshot, at)
    found = []
    for code, assignment in crew.read_assignments(snapshot).items():
        site = fleet.sites.get(code)
        if site is None or person.code not in (assignment.technician, *assignment.covering):
            continue
        terminals = fleet.terminals_of.get(code, ())
        rollout = rollouts.newest_rollout_of_site(snapshot, code)
        by_hand = _by_hand(snapshot, rollout, code, terminals)
        row = reads.read_site_row(snapshot, rollout.id, code) if rollout else None
        distance = distance_to(site, person)
        offline = tuple(terminal.code for terminal in terminals if rollout is not None and (rollout.id, terminal.id) in jobs)
        number = rollout.id if rollout else None
        found.append(AssignedSite(site, assignment.technician, distance, len(terminals), by_hand, offline, number, row))
    return sorted(found, key=_urgency)


def offline_jobs(snapshot: Snapshot, at: datetime | None) -> set[tuple[str, str]]:
    """(rollout, terminal) of what nobody answers at, in the newest rollout, and is a technician's job."""
    newest = rollouts.newest_rollout(snapshot)
    if newest is None or at is None:
        return set()
    silent = again.offline(snapshot, newest.id)
    after_h = releases.read_plan(snapshot, newest.plan_digest).playbook.offline_after_h if silent else None
    return {(newest.id, one.terminal) for one in silent if one.job(at, after_h)}


def _by_hand(snapshot: Snapshot, rollout: RolloutState | None, site: str, terminals: Sequence[Terminal]) -> tuple[str, ...]:
    """Codes of the terminals that are done by hand: by the inventory, or because that was decided in the rollout."""
    decided = reads.terminals_of_site(snapshot, rollout.id, site) if rollout else ()
    known = {row.id for row in decided if row.reach is Reach.BY_HAND}
    return tuple(terminal.code for terminal in terminals if terminal.reach is Reach.BY_HAND or terminal.id in known)


def _urgency(each: AssignedSite) -> tuple[bool, int, float, str]:
    state = each.row.state if each.row else None
    is_done = each.row is not None and each.row.done
    return is_done, _MOST_URGENT_FIRST.index(state), inf if each.distance_km is None else each.distance_km, each.site.code


def propose_assignments(snapshot: Snapshot, *, anew: bool = False) -> CrewPlan:
    """Who would go where if it were stored now; with `anew` only what a person decided stays. Nothing is changed."""
    return plan_crew(fleets.read_fleet(snapshot), crew.read_assignments(snapshot), anew=anew)


def apply_assignments(store: Store, actor: Actor, at: datetime, *, anew: bool = False) -> CrewPlan:
    """Store what `propose_assignments` gives at this moment, and return it.

    Raises:
        NotAllowedError: The actor may not change who goes where.
    """
    with store.write(actor, at) as tx:
        require_everywhere(tx, actor, Right.ASSIGN)
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
        NotAllowedError: The actor may not change who goes where, or not in the site's district.
        InputError: No such site or technician, or no reason given.
    """
    with store.write(actor, at) as tx:
        assignment = _assignment(tx, site, technician, reason, covering)
        crew.save_assignments(tx, [assignment])
    return assignment


def assign_sites(store: Store, actor: Actor, at: datetime, sites: Sequence[str], technician: str, *, reason: str) -> int:
    """Send a technician to all of these sites, or to none; answers how many they are. As `assign`, for each."""
    with store.write(actor, at) as tx:
        made = [_assignment(tx, site, technician, reason, ()) for site in sites]
        crew.save_assignments(tx, made)
    return len(made)


def _assignment(tx: Tx, site: str, technician: str, reason: str, covering: Sequence[str]) -> Assignment:
    """What a person decided about one site, checked."""
    require(tx, tx.actor, Right.ASSIGN)
    found, person = find_site(tx, site), find_technician(tx, technician)
    require_sites(tx, tx.actor, Right.ASSIGN, [found.code])
    others = tuple(dict.fromkeys(find_technician(tx, code).code for code in covering))
    if person.code in others:
        raise InputError(N_("{name} cannot cover for themselves", name=person.name))
    if not reason.strip():
        raise InputError(N_("a change of who goes where needs a reason"), hint=N_("give it with --reason"))
    return Assignment(
        site=found.code,
        technician=person.code,
        covering=others,
        reason=checked_text(reason, N_("the reason")),
        distance_km=distance_to(found, person),
        by=tx.actor.code,
        at=tx.at,
    )


def find_site(snapshot: Snapshot, word: str) -> Site:
    """The site of that code; of that name where only one has it.

    Raises:
        InputError: There is none; the hint has the nearest spelling. Or several have the name.
    """
    site = fleets.read_sites(snapshot, [word]).get(word)
    if site is not None:
        return site
    sites = fleets.read_fleet(snapshot).sites
    found = _called(word, sites)
    if found is None:
        hint = _nearest(word, sites) or N_("`fleet inventory show` lists the sites")
        raise InputError(N_("there is no site `{code}`", code=word), hint=hint)
    return found


def find_technician(snapshot: Snapshot, word: str) -> Person:
    """The technician of that code; of that name where only one person has it.

    Raises:
        InputError: There is no such person, several have the name, or they are no technician.
    """
    people = fleets.read_people(snapshot)
    person = people.get(word) or _called(word, people)
    if person is None:
        technicians = {code: person for code, person in people.items() if person.role is Role.TECHNICIAN}
        hint = _nearest(word, technicians) or N_("`fleet assign` lists the technicians")
        raise InputError(N_("there is no technician `{code}`", code=word), hint=hint)
    if person.role is not Role.TECHNICIAN:
        role = N_("manager") if person.role is Role.MANAGER else N_("coordinator")
        raise InputError(
            N_("{name} (`{code}`) is a {role}, not a technician", name=person.name, code=person.code, role=role),
            hint=N_("`fleet assign` lists the technicians"),
        )
    return person


def _called(name: str, nouns: Mapping[str, N]) -> N | None:
    """The one noun of exactly this name, if there is one."""
    found = [noun for noun in nouns.values() if noun.name == name]
    if len(found) > 1:
        raise InputError(
            N_("{count} are called `{name}`; say which by the code", count=len(found), name=name),
            hint=N_("one of: {names}", names=", ".join(noun.code for noun in found)),
        )
    return found[0] if found else None


def _nearest(word: str, nouns: Mapping[str, N]) -> Message | None:
    """The nearest code; for a word in Chinese, the nearest name."""
    return did_you_mean(word, nouns if word.isascii() else [noun.name for noun in nouns.values()])
