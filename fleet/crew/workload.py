"""What each technician has to do."""

from collections.abc import Mapping
from dataclasses import dataclass

from fleet.model.base import Code
from fleet.model.crew import Assignment
from fleet.model.inventory import Fleet, Role


@dataclass(slots=True)
class Workload:
    """One technician's sites and terminals, and how far from their base the sites are."""

    technician: Code
    name: str
    sites: int = 0
    terminals: int = 0
    total_km: float = 0.0
    """Sum of the sites' distances, each from the base; sites without one add nothing."""
    farthest_km: float | None = None


def workloads(fleet: Fleet, assignments: Mapping[str, Assignment]) -> list[Workload]:
    """Every technician's work in the files' order, those without any too; sites that left the inventory count for nobody."""
    found = {person.code: Workload(person.code, person.name) for person in fleet.people.values() if person.role is Role.TECHNICIAN}
    for assignment in assignments.values():
        work = found.get(assignment.technician)
        if work is None or assignment.site not in fleet.sites:
            continue
        work.sites += 1
        work.terminals += len(fleet.terminals_of.get(assignment.site, ()))
        if assignment.distance_km is not None:
            work.total_km = round(work.total_km + assignment.distance_km, 2)
            work.farthest_km = max(work.farthest_km or 0.0, assignment.distance_km)
    return list(found.values())
