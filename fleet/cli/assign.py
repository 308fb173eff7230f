"""`fleet assign`: who goes where; the missing ones worked out, and one changed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from fleet.cli.common import current_door, print_json, print_table, say, show
from fleet.errors import InputError
from fleet.text import N_, Message, _, render

if TYPE_CHECKING:
    from fleet.crew import CrewPlan
    from fleet.model.crew import Assignment
    from fleet.model.inventory import Fleet

_LISTED = 20
"""Sites without a technician that are shown; --json holds them all."""


def command(
    site: str = typer.Argument("", metavar="SITE", help=_("Show this site's technician, or change it with --to.")),
    *,
    to: str = typer.Option("", metavar="TECHNICIAN", help=_("Send this technician to SITE; planning anew will keep it.")),
    cover: list[str] = typer.Option([], metavar="TECHNICIAN", help=_("May mark SITE in their place; may be given more than once.")),
    reason: str = typer.Option("", metavar="TEXT", help=_("Why it is changed.")),
    apply: bool = typer.Option(False, "--apply", help=_("Store the technicians worked out for sites that have none.")),
    anew: bool = typer.Option(False, "--anew", help=_("Work out every site again; what a person decided is kept.")),
    as_json: bool = typer.Option(False, "--json", help=_("Print facts as JSON.")),
) -> int:
    """Show each technician's sites, terminals and distance; without --apply or --to nothing is changed."""
    if site and (apply or anew):
        raise InputError(N_("--apply and --anew are for all sites, not for one"), hint=N_("leave SITE out"))
    if (to or cover or reason) and not (site and to):
        raise InputError(N_("a change needs the site and the technician"), hint=N_("fleet assign SITE --to TECHNICIAN --reason TEXT"))
    if to:
        return _change(site, to, reason, cover, as_json=as_json)
    if site:
        return _show_site(site, as_json=as_json)
    return _plan(apply=apply, anew=anew, as_json=as_json)


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
        [_("technician"), _("name"), _("sites"), _("terminals"), _("km to the sites"), _("farthest, km")],
        [(each.technician, each.name, each.sites, each.terminals, each.total_km, each.farthest_km) for each in work],
    )
    _show_without(plan.without)
    if plan.new and applied:
        say(_("{count} sites have their technician now.", count=len(plan.new)))
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


def _show_site(site: str, *, as_json: bool) -> int:
    from fleet.control.crew import find_site
    from fleet.store import crew

    with current_door().open_store().read() as snapshot:
        assignment = crew.read_assignment(snapshot, find_site(snapshot, site).code)
    if assignment is None and not as_json:
        say(_("Nobody is sent to {site} yet; `fleet assign --apply` works it out.", site=site))
        return 0
    _show_one(assignment, as_json=as_json)
    return 0


def _show_one(assignment: "Assignment | None", *, as_json: bool) -> None:
    if as_json:
        print_json(assignment)
        return
    assert assignment is not None
    print_table(
        [_("site"), _("technician"), _("covered by"), _("km"), _("decided by"), _("reason")],
        [
            (
                assignment.site,
                assignment.technician,
                " ".join(assignment.covering),
                assignment.distance_km,
                assignment.by or _("the program"),
                assignment.reason or _("nearest, least loaded"),
            )
        ],
    )
