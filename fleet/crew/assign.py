"""Give every site its technician: the least-loaded one takes the nearest site of their jurisdiction, until none is left.

- A technician is responsible for the district they name and all below it; one who names none, for everything.
- Skills count where somebody has them: a hospital goes to those of its technicians with skill `hospital`, if there are any.
- Load is the number of terminals; a site without any is still one visit.
- A site or technician without coordinates has no distance: it comes after those that have one, nearer jurisdiction first.
- The same people and sites give the same plan, in whatever order the files name them. There is always a plan; a site that nobody
  can take has its reason.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from math import inf

from fleet.crew.distance import haversine_km
from fleet.model.crew import Assignment
from fleet.model.inventory import Fleet, Person, Role, Site, SiteKind
from fleet.text import N_, Message


@dataclass(frozen=True, slots=True)
class CrewPlan:
    """Who goes where. Every site of the fleet is in exactly one of the three, in the files' order."""

    kept: Mapping[str, Assignment]
    """Site -> the assignment it had and keeps, be it that planning anew came to the same."""
    new: Mapping[str, Assignment]
    """Site -> the assignment this plan gives it."""
    without: Mapping[str, Message]
    """Site -> why it has no technician."""

    @property
    def assignments(self) -> dict[str, Assignment]:
        """Site -> its assignment once the plan is stored."""
        return {**self.kept, **self.new}


def plan_crew(fleet: Fleet, current: Mapping[str, Assignment], *, anew: bool = False) -> CrewPlan:
    """Plan the technician of every site.

    Args:
        fleet: Sites, districts and people.
        current: What is assigned now, by site. It stays, and counts as load, as far as `is_usable`.
        anew: Keep only what a person decided, and plan the rest again.
    """
    kept = {
        site: current[site]
        for site in fleet.sites
        if site in current and (current[site].by is not None or not anew) and is_usable(current[site], fleet)
    }
    chosen, without = _choose(fleet, kept)
    same = {site: current[site] for site, assignment in chosen.items() if site in current and _is_same(current[site], assignment)}
    kept = {site: (kept.get(site) or same[site]) for site in fleet.sites if site in kept or site in same}
    new = {site: chosen[site] for site in fleet.sites if site in chosen and site not in same}
    return CrewPlan(kept, new, {site: without[site] for site in fleet.sites if site in without})


def _is_same(stored: Assignment, chosen: Assignment) -> bool:
    return stored.model_copy(update={"at": None}) == chosen


def is_usable(assignment: Assignment, fleet: Fleet) -> bool:
    """Whether the assigned person is still a technician and, where no person decided it, still responsible for the site."""
    person = fleet.people.get(assignment.technician)
    site = fleet.sites.get(assignment.site)
    if person is None or site is None or person.role is not Role.TECHNICIAN:
        return False
    return assignment.by is not None or _height(person, site.district, fleet) is not None


def distance_to(site: Site, person: Person) -> float | None:
    """Kilometres from the person's base to the site, to 10 m; None where one of them has no coordinates."""
    if site.latitude is None or site.longitude is None or person.latitude is None or person.longitude is None:
        return None
    return round(haversine_km(person.latitude, person.longitude, site.latitude, site.longitude), 2)


def _choose(fleet: Fleet, kept: Mapping[str, Assignment]) -> tuple[dict[str, Assignment], dict[str, Message]]:
    technicians = {person.code: person for person in fleet.people.values() if person.role is Role.TECHNICIAN}
    able: dict[tuple[str, SiteKind], tuple[Person, ...]] = {}
    waiting: dict[str, list[Site]] = {code: [] for code in technicians}
    without: dict[str, Message] = {}
    for site in fleet.sites.values():
        if site.code in kept:
            continue
        group = site.district, site.kind
        if group not in able:
            able[group] = _able(technicians, *group, fleet)
        for person in able[group]:
            waiting[person.code].append(site)
        if not able[group]:
            without[site.code] = _why_without(site, fleet, bool(technicians))
    return _take_turns(fleet, technicians, waiting, kept), without


def _take_turns(
    fleet: Fleet, technicians: Mapping[str, Person], waiting: Mapping[str, list[Site]], kept: Mapping[str, Assignment]
) -> dict[str, Assignment]:
    load = dict.fromkeys(technicians, 0)
    for assignment in kept.values():
        load[assignment.technician] += _load(fleet, assignment.site)
    queues = {code: _nearest_first(technicians[code], sites, fleet) for code, sites in waiting.items()}
    turn = [(load[code], code) for code in technicians]
    heapify(turn)
    chosen: dict[str, Assignment] = {}
    while turn:
        carried, code = heappop(turn)
        for site in queues[code]:
            if site.code not in chosen:
                distance = distance_to(site, technicians[code])
                chosen[site.code] = Assignment(site=site.code, technician=code, distance_km=distance)
                heappush(turn, (carried + _load(fleet, site.code), code))
                break
    return chosen


def _nearest_first(person: Person, sites: list[Site], fleet: Fleet) -> Iterator[Site]:
    def rank(site: Site) -> tuple[float, int, str]:
        distance = distance_to(site, person)
        return (inf, _height(person, site.district, fleet) or 0, site.code) if distance is None else (distance, 0, site.code)

    return iter(sorted(sites, key=rank))


def _able(technicians: Mapping[str, Person], district: str, kind: SiteKind, fleet: Fleet) -> tuple[Person, ...]:
    responsible = tuple(person for person in technicians.values() if _height(person, district, fleet) is not None)
    skilled = tuple(person for person in responsible if kind.value in person.skills)
    return skilled or responsible


def _height(person: Person, district: str, fleet: Fleet) -> int | None:
    """How many steps above `district` the person's jurisdiction is, everywhere being the farthest; None where it does not hold it."""
    above = fleet.lineage.get(district, ())
    if person.district is None:
        return len(above)
    return above.index(person.district) if person.district in above else None


def _load(fleet: Fleet, site: str) -> int:
    return max(1, len(fleet.terminals_of.get(site, ())))


def _why_without(site: Site, fleet: Fleet, has_technicians: bool) -> Message:
    if not has_technicians:
        return N_("the inventory has no technician")
    district = fleet.districts.get(site.district)
    return N_("no technician is responsible for {district} or a district above it", district=district.name if district else site.district)
