"""Who came late to a plan, and the plan that serves them: the same selection, playbook and release, for exactly those. Pure."""

from collections.abc import Container
from datetime import datetime

from fleet.errors import InputError
from fleet.model.inventory import Fleet, Terminal
from fleet.model.plan import Plan
from fleet.model.release import Release
from fleet.model.windows import Entry, Scope, Windows
from fleet.plan.make import make_plan
from fleet.select import parse_inventory_selection, subject_of
from fleet.text import N_


def late_terminals(fleet: Fleet, plan: Plan) -> list[Terminal]:
    """Terminals that the plan's selection would take today and the plan does not hold, by id."""
    selection, planned = parse_inventory_selection(plan.select), plan.program_of
    new = (terminal for terminal in fleet.terminals.values() if terminal.id not in planned)
    found = (each for each in new if selection.matches(subject_of(each, fleet.sites[each.site], fleet)))
    return sorted(found, key=lambda terminal: terminal.id)


def make_late_plan(
    fleet: Fleet, plan: Plan, release: Release, *, served: Container[str], windows: Windows | None, now: datetime, rollout: str
) -> Plan:
    """A plan for the late joiners of `plan` that no rollout serves yet, with its playbook and so its gates.

    Args:
        fleet: The inventory now.
        plan: The one they came late to; one with a denominator of its own.
        release: The plan's release.
        served: Late joiners that a rollout holds already.
        windows: When their sites may be touched; None takes the plan's own, for the sites they mean today.
        now: The plan's own windows must not be over.
        rollout: Of `plan`, for what is refused.

    Raises:
        InputError: Nobody came late, the release is another one now, or the plan's windows are over.
        MistakesError: As `make_plan`.
    """
    if release.digest != plan.release_digest:
        what = N_("the workspace's release {version} is not the one of rollout {rollout}", version=plan.release, rollout=rollout)
        raise InputError(what, hint=N_("plan them as ordinary sites: `fleet plan --playbook ... --release ... --select ...`"))
    late = {each.id: each for each in late_terminals(fleet, plan) if each.id not in served}
    if not late:
        what = N_("nobody came late to rollout {rollout}: its selection takes no terminal that is not planned", rollout=rollout)
        raise InputError(what, hint=N_("`fleet inventory import` brings new sites and terminals in"))
    if windows is None and plan.windows is not None:
        if plan.windows.ends_at <= now:
            what = N_("the windows of rollout {rollout} are over, so nothing of a late plan could begin", rollout=rollout)
            raise InputError(what, hint=N_("give those of the next night with --windows FILE"))
        windows = _windows_now(plan.windows, fleet)
    made = make_plan(fleet, plan.playbook, release, plan.select, windows, only=late.keys())
    made = made.model_copy(update={"late_of": plan.digest})
    return made.model_copy(update={"digest": made.compute_digest()})


def _windows_now(windows: Windows, fleet: Fleet) -> Windows:
    """The same spans, for the sites that their targets mean today."""
    lists = ("suspensions", "windows", "blackouts", "left_on")
    return windows.model_copy(update={name: tuple(_entry_now(entry, fleet) for entry in getattr(windows, name)) for name in lists})


def _entry_now(entry: Entry, fleet: Fleet) -> Entry:
    if entry.scope is Scope.PLAN:
        return entry
    if entry.scope is Scope.SITE:
        sites = {entry.target}
    elif entry.scope is Scope.DISTRICT:
        sites = {site.code for site in fleet.sites.values() if entry.target in fleet.lineage.get(site.district, ())}
    else:
        selection = parse_inventory_selection(entry.target)
        terminals = fleet.terminals.values()
        sites = {each.site for each in terminals if selection.matches(subject_of(each, fleet.sites[each.site], fleet))}
    return entry.model_copy(update={"sites": tuple(sorted(sites & fleet.sites.keys()))})
