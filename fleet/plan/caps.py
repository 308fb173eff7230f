"""Budgets by cause and district, and limits: what a playbook says, as numbers of sites in the plan. Pure.

A limit that could never be kept while its sites are pushed (none of them may ever be down) refuses the plan, and names them.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from math import floor

from fleet.errors import InputError, Mistake, MistakesError
from fleet.files.spelling import one_of
from fleet.model.attempt import Cause
from fleet.model.caps import DistrictAllowance, Limit, Per, PlannedLimit, down_at_once, sites_of
from fleet.model.inventory import Fleet, Reach
from fleet.model.plan import PlannedSite
from fleet.model.playbook import Budget, Playbook
from fleet.plan.finding import Finding
from fleet.select import parse_inventory_selection, subject_of
from fleet.text import N_, Message

CAUSES = tuple(cause.value for cause in Cause if cause is not Cause.NONE)
"""What a budget may be set for."""
_NAMED = 10
"""Sites that a refusal names; it counts the others."""


def check_caps(playbook: Playbook, labels: Collection[str] | None = None) -> Iterator[Finding]:
    """Causes that are none, and limits whose selection cannot be read."""
    for cause in playbook.budget.causes:
        if cause not in CAUSES:
            yield Finding(("budget", "causes", cause), N_("`{cause}` is no cause of a failure", cause=cause), one_of(cause, CAUSES))
    for position, limit in enumerate(playbook.limits):
        try:
            parse_inventory_selection(limit.select, labels)
        except InputError as error:
            yield Finding(("limits", position, "select"), error.what, error.hint)


def allowed(percent: float, sites: int) -> int:
    """Sites of a budget in percent; at least one."""
    return max(1, floor(sites * percent / 100))


def causes_allowed(budget: Budget, sites: int) -> dict[str, int]:
    """For each cause that has a budget: how many sites of a wave of `sites` may end badly for it; at least one."""
    return {cause: max(1, sites_of(amount, sites)) for cause, amount in sorted(budget.causes.items())}


def districts_allowed(budget: Budget, districts: Iterable[str]) -> dict[str, DistrictAllowance]:
    """What each district's part of a wave may spend, from the districts of its sites; empty where the playbook sets no such budget."""
    rule = budget.per_district
    if rule is None:
        return {}
    return {
        district: DistrictAllowance(failures=allowed(rule.failures, sites), unreachable=allowed(rule.unreachable, sites))
        for district, sites in sorted(Counter(districts).items())
    }


def plan_limits(
    playbook: Playbook, fleet: Fleet, planned: Sequence[PlannedSite], labels: Collection[str]
) -> tuple[tuple[PlannedLimit, ...], dict[str, tuple[int, ...]]]:
    """The limits in every place where they count a planned site, and the site codes with the places in that list that count them.

    Raises:
        MistakesError: A limit allows none of the sites that the plan would push; all of them with those sites.
    """
    limits: list[PlannedLimit] = []
    of_site: dict[str, list[int]] = {}
    mistakes: list[Mistake] = []
    pushed = {site.code: any(terminal.reach is Reach.SSH for terminal in site.terminals) for site in planned}
    for rule in playbook.limits:
        for district, members in _places(rule, fleet, labels).items():
            here = sorted(code for code in members if pushed.get(code))
            if not here:
                continue
            at_most = down_at_once(rule.at_most, len(members))
            if at_most < 1:
                mistakes.append(_never(playbook, rule, _place_words(district, fleet), len(members), here))
                continue
            for code in here:
                of_site.setdefault(code, []).append(len(limits))
            limits.append(PlannedLimit(select=rule.select, district=district, sites=len(members), allowed=at_most))
    if mistakes:
        raise MistakesError(mistakes)
    return tuple(limits), {code: tuple(places) for code, places in of_site.items()}


def _places(rule: Limit, fleet: Fleet, labels: Collection[str]) -> Mapping[str | None, set[str]]:
    """District (None for the fleet) -> the sites that the limit counts there."""
    selection = parse_inventory_selection(rule.select, labels)
    found: dict[str | None, set[str]] = {}
    for terminal in fleet.terminals.values():
        site = fleet.sites[terminal.site]
        place = site.district if rule.per is Per.DISTRICT else None
        if site.code not in found.get(place, ()) and selection.matches(subject_of(terminal, site, fleet)):
            found.setdefault(place, set()).add(site.code)
    return dict(sorted(found.items(), key=lambda item: item[0] or ""))


def _place_words(district: str | None, fleet: Fleet) -> Message | str:
    if district is None:
        return N_("the whole fleet")
    return fleet.districts[district].name if district in fleet.districts else district


def _never(playbook: Playbook, rule: Limit, place: Message | str, sites: int, here: Sequence[str]) -> Mistake:
    named = ", ".join(here[:_NAMED]) + (", ..." if len(here) > _NAMED else "")
    what = N_(
        "limit `{select}` in {place}: at most {at_most} of {sites} {sites:site|sites} is none, so these could never be pushed: {named} ({count} in all)",
        select=rule.select or "*",
        place=place,
        at_most=rule.at_most,
        sites=sites,
        named=named,
        count=len(here),
    )
    return Mistake(f"playbook {playbook.name}", 0, what, N_("let `at_most` be at least one site, or leave them out with --select"))
