"""`fleet assign`: who goes where, the sites of one technician; the missing ones worked out, and one changed."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from fleet.cli.common import current_door, print_json, print_table, say, show
from fleet.errors import InputError
from fleet.text import N_, Message, _, render

if TYPE_CHECKING:
    from fleet.control.crew import AssignedSite
    from fleet.crew import CrewPlan
    from fleet.model.crew import Assignment
    from fleet.model.inventory import Fleet, Person

_LISTED = 20
"""Sites without a technician that are shown; --json holds them all."""


def command(
    site: str = typer.Argument("", metavar="SITE", help=_("Code or name; show this site's technician, or change it with --to.")),
    *,
    of: str = typer.Option(
        "", metavar="TECHNICIAN", help=_("List this technician's sites: whom to call, when, what is to do; the most urgent first.")
    ),
    to: str = typer.Option("", metavar="TECHNICIAN", help=_("Send this technician to SITE; needs --reason. Planning anew will keep it.")),
    cover: list[str] = typer.Option(
        [], metavar="TECHNICIAN", help=_("May mark SITE in their place; needs --to. May be given more than once.")
    ),
    cause: str | None = typer.Option(
        None, metavar="FINGERPRINT", help=_("Send --to to every site that stands at this failure (`fleet status --failures`).")
    ),
    reason: str = typer.Option("", metavar="TEXT", help=_("Why it is changed; --to needs it.")),
    apply: bool = typer.Option(False, "--apply", help=_("Store the technicians worked out for sites that have none.")),
    anew: bool = typer.Option(False, "--anew", help=_("Work out every site again; what a person decided is kept.")),
    as_json: bool = typer.Option(False, "--json", help=_("Print facts as JSON.")),
) -> int:
    """Show each technician's sites, terminals and distance, a technician's own sites first; without --apply or --to nothing is changed."""
    if of and (site or to or cover or reason or apply or anew):
        raise InputError(N_("--of only lists a technician's sites"), hint=N_("fleet assign --of TECHNICIAN"))
    if cause is not None:
        return _send(cause, to, reason, is_alone=not (of or site or cover or apply or anew), as_json=as_json)
    if of:
        return _list_of(of, as_json=as_json)
    if site and (apply or anew):
        raise InputError(N_("--apply and --anew are for all sites, not for one"), hint=N_("leave SITE out"))
    if (to or cover or reason) and not (site and to):
        raise InputError(N_("a change needs the site and the technician"), hint=N_("fleet assign SITE --to TECHNICIAN --reason TEXT"))
    if to:
        return _change(site, to, reason, cover, as_json=as_json)
    if site:
        return _show_site(site, as_json=as_json)
    if not (apply or anew or as_json):
        _show_own()
    return _plan(apply=apply, anew=anew, as_json=as_json)


def _list_of(technician: str, *, as_json: bool) -> int:
    from fleet.control.crew import find_technician, sites_of_technician

    with current_door().open_store().read() as snapshot:
        person = find_technician(snapshot, technician)
        sites = sites_of_technician(snapshot, person, datetime.now(UTC))
    if as_json:
        print_json([_facts(each) for each in sites])
    elif sites:
        _show_sites(person, sites)
    else:
        say(_("{name} is sent to no site yet; `fleet assign --apply` works it out.", name=person.name))
    return 0


def _show_own() -> None:
    """A technician's own sites, when it is one who asks and they have any."""
    from fleet.control.crew import sites_of_technician
    from fleet.model.inventory import Role

    door = current_door()
    store = door.open_store()
    person = door.person(store)
    if person is None or person.role is not Role.TECHNICIAN:
        return
    with store.read() as snapshot:
        sites = sites_of_technician(snapshot, person, datetime.now(UTC))
    if sites:
        _show_sites(person, sites)
        show()


def _show_sites(person: "Person", sites: Sequence["AssignedSite"]) -> None:
    from fleet.report.words import site_state_words

    def state_of(each: "AssignedSite") -> str:
        return render(site_state_words(each.row.state)) if each.row else _("in no rollout")

    def mark_of(each: "AssignedSite") -> str:
        if each.row is None or not each.row.claimed:
            return ""
        return _("done") if each.row.done else _("marked")

    headings = [
        _("site"),
        _("name"),
        _("state"),
        _("marked"),
        _("terminals"),
        _("by hand"),
        _("nobody answers"),
        _("km"),
        _("address"),
        _("contact"),
        _("phone"),
    ]
    print_table(
        [*headings, _("opening hours"), _("covering for")],
        [
            (
                each.site.code,
                each.site.name,
                state_of(each),
                mark_of(each),
                each.terminals,
                " ".join(each.by_hand),
                " ".join(each.offline),
                each.distance_km,
                each.site.address,
                each.site.contact,
                each.site.phone,
                _("24 hours") if each.site.open_24h else each.site.opening_hours,
                "" if each.technician == person.code else each.technician,
            )
            for each in sites
        ],
    )


def _facts(each: "AssignedSite") -> dict[str, Any]:
    site, row = each.site, each.row
    return {
        "code": site.code,
        "name": site.name,
        "address": site.address,
        "contact": site.contact,
        "phone": site.phone,
        "opening_hours": site.opening_hours,
        "open_24h": site.open_24h,
        "terminals": each.terminals,
        "by_hand": each.by_hand,
        "offline": each.offline,
        "technician": each.technician,
        "distance_km": each.distance_km,
        "rollout": each.rollout,
        "state": row.state if row else None,
        "marked": row.claimed if row else False,
        "done": row.done if row else False,
    }


def _plan(*, apply: bool, anew: bool, as_json: bool) -> int:
    from fleet.control.crew import apply_assignments, propose_assignments
    from fleet.store import fleets

    door = current_door()
    store = door.open_store()
    with store.read() as snapshot:
        fleet = fleets.read_fleet(snapshot)
        plan = propose_assignments(snapshot, anew=anew)
    if apply:
        plan = apply_assignments(store, door.actor(store), datetime.now(UTC), anew=anew)
    _show_plan(fleet, plan, applied=apply, as_json=as_json)
    return 1 if apply and plan.without else 0


def _show_plan(fleet: "Fleet", plan: "CrewPlan", *, applied: bool, as_json: bool) -> None:
    from fleet.crew import workloads

    work = workloads(fleet, plan.assignments)
    if as_json:
        print_json(
            {
                "technicians": work,
                "assignments": [
                    {**assignment.model_dump(mode="json"), "is_stored": applied or site in plan.kept}
                    for site, assignment in plan.assignments.items()
                ],
                "without": {site: render(why) for site, why in plan.without.items()},
            }
        )
        return
    print_table(
        [_("technician"), _("full name"), _("sites"), _("terminals"), _("km to the sites"), _("farthest, km")],
        [(each.technician, each.name, each.sites, each.terminals, each.total_km, each.farthest_km) for each in work],
    )
    _show_without(plan.without)
    if plan.new and applied:
        say(_("{count} {count:site has its|sites have their} technician now.", count=len(plan.new)))
    elif plan.new:
        say(_("{count} of these sites have no technician yet, or another one; `fleet assign --apply` stores this.", count=len(plan.new)))


def _show_without(without: Mapping[str, Message]) -> None:
    if not without:
        return
    show()
    show(_("Without a technician:"))
    for site, why in list(without.items())[:_LISTED]:
        show(f"  {site}: {render(why)}")
    if len(without) > _LISTED:
        show("  " + _("and {count} more", count=len(without) - _LISTED))


def _change(site: str, to: str, reason: str, cover: list[str], *, as_json: bool) -> int:
    from fleet.control.crew import assign

    door = current_door()
    store = door.open_store()
    assignment = assign(store, door.actor(store), datetime.now(UTC), site, to, reason=reason, covering=cover)
    _show_one(assignment, as_json=as_json)
    return 0


def _send(cause: str, to: str, reason: str, *, is_alone: bool, as_json: bool) -> int:
    """Send one technician to every site of a failure."""
    from fleet.cli.standing import look
    from fleet.control.causes import members
    from fleet.control.crew import assign_sites
    from fleet.control.rollouts import sites_of

    if not (to and is_alone):
        raise InputError(
            N_("--cause goes with --to and --reason alone"), hint=N_("fleet assign --cause FINGERPRINT --to TECHNICIAN --reason TEXT")
        )
    door = current_door()
    store = door.open_store()
    with store.read() as snapshot:
        sites = sorted(sites_of(members(snapshot, look(store).rollout.id, cause)))
    count = assign_sites(store, door.actor(store), datetime.now(UTC), sites, to, reason=reason)
    if as_json:
        print_json({"technician": to, "sites": sites})
    else:
        say(_("{count} {count:site has its|sites have their} technician now.", count=count))
    return 0


def _show_site(site: str, *, as_json: bool) -> int:
    from fleet.control.crew import find_site
    from fleet.store import crew, fleets

    with current_door().open_store().read() as snapshot:
        assignment = crew.read_assignment(snapshot, find_site(snapshot, site).code)
        people = set(fleets.read_people(snapshot))
    if assignment is None and not as_json:
        say(_("Nobody is sent to {site} yet; `fleet assign --apply` works it out.", site=site))
        return 0
    _show_one(assignment, as_json=as_json, people=people)
    return 0


def _show_one(assignment: "Assignment | None", *, as_json: bool, people: set[str] | None = None) -> None:
    """Show one site's technician; who is not among `people` has left the inventory since."""

    def named(code: str) -> str:
        return code if people is None or code in people else _("{code} (removed from the inventory)", code=code)

    if as_json:
        print_json(assignment)
        return
    assert assignment is not None
    print_table(
        [_("site"), _("technician"), _("covered by"), _("km"), _("decided by"), _("reason")],
        [
            (
                assignment.site,
                named(assignment.technician),
                " ".join(map(named, assignment.covering)),
                assignment.distance_km,
                assignment.by or _("the program"),
                assignment.reason or (_("least loaded") if assignment.distance_km is None else _("nearest, least loaded")),
            )
        ],
    )
