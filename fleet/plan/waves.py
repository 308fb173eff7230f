"""Cuts sites into waves: a canary that tries every stratum it can, then shares of the rest, each a fair mixture.

- Waves are of sites: all terminals of a site are in one wave.
- Every wave after the canary has its share of every sort of site, so that what one wave shows speaks for the next.
- Nothing depends on the order the sites come in. Ties are decided by a hash of release and site code: no district and no name comes first,
  and another release begins with other sites.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from fleet.model.inventory import Reach
from fleet.model.plan import PlannedSite, Stratum, Wave
from fleet.model.playbook import Playbook
from fleet.plan.caps import allowed, causes_allowed, districts_allowed
from fleet.plan.strata import by_name


@dataclass(frozen=True, slots=True)
class Candidate:
    """A planned site, and what speaks for or against trying it first."""

    site: PlannedSite
    is_emergency: bool
    district: str = ""

    @property
    def pushed(self) -> int:
        """Its terminals that are reached by SSH."""
        return sum(terminal.reach is Reach.SSH for terminal in self.site.terminals)

    @property
    def reluctance(self) -> tuple[bool, bool]:
        """Larger is worse to try first: an emergency site, then one where not every terminal can be reached by SSH."""
        return self.is_emergency, self.pushed < len(self.site.terminals)


def cut_waves(candidates: Iterable[Candidate], playbook: Playbook, salt: str) -> tuple[Wave, ...]:
    """Every site in exactly one wave, the canary first; no wave is empty.

    Args:
        candidates: At least one; order does not matter.
        playbook: Its waves, gate and budget.
        salt: Mixed into the order of the sites.
    """
    ordered = sorted(candidates, key=lambda candidate: (_lot(candidate, salt), candidate.site.code))
    canary = choose_canary(ordered, playbook.waves.canary_at_most, playbook.gate.min_samples)
    chosen = {candidate.site.code for candidate in canary}
    rest = [candidate for candidate in ordered if candidate.site.code not in chosen]
    waves: list[Wave] = []
    tested: set[Stratum] = set()
    for group in (canary, *_shares(_mixed(rest, salt), playbook.waves.shares)):
        sites = tuple(candidate.site for candidate in group)
        strata = {stratum for site in sites for stratum in site.strata}
        waves.append(_wave(len(waves) + 1, group, strata - tested, playbook))
        tested |= strata
    return tuple(waves)


def choose_canary(ordered: Sequence[Candidate], at_most: int, min_samples: int) -> list[Candidate]:
    """The sites to try first: greedily the one that adds most strata, reluctant ones only for what no other site has.

    Filled up to `min_samples` terminals reached by SSH, for with fewer its gate could never open by itself.

    Args:
        ordered: All sites, in the order that decides ties; at least one.
        at_most: Sites.
        min_samples: Terminals.
    """
    able = [candidate for candidate in ordered if candidate.pushed]
    if not able:
        return list(ordered[:1])
    canary = _cover(able, at_most)
    samples = sum(candidate.pushed for candidate in canary)
    for candidate in sorted(able, key=lambda candidate: candidate.reluctance):
        if samples >= min_samples or len(canary) >= at_most:
            break
        if candidate not in canary:
            canary.append(candidate)
            samples += candidate.pushed
    return canary


def _cover(able: Sequence[Candidate], at_most: int) -> list[Candidate]:
    # Sites alike in strata and reluctance are as good as each other, so the first of each sort, the smallest, stands for all.
    sorts: dict[tuple[frozenset[Stratum], tuple[bool, bool]], Candidate] = {}
    for candidate in able:
        sort = frozenset(candidate.site.strata), candidate.reluctance
        if sort not in sorts or candidate.pushed < sorts[sort].pushed:
            sorts[sort] = candidate
    terminals_of = _weights(able)
    missing = set(terminals_of)
    canary: list[Candidate] = []
    while missing and len(canary) < at_most:
        best = min(sorts.values(), key=lambda candidate: _worth(candidate, missing, terminals_of))
        canary.append(best)
        missing -= set(best.site.strata)
    return canary


def _worth(candidate: Candidate, missing: set[Stratum], terminals_of: dict[Stratum, int]) -> tuple[bool, tuple[bool, bool], int, int, int]:
    """Sort key, best first: adds anything, is not reluctant, adds most strata, those of most terminals, disturbs fewest terminals."""
    gain = missing.intersection(candidate.site.strata)
    return not gain, candidate.reluctance, -len(gain), -sum(terminals_of[stratum] for stratum in gain), candidate.pushed


def _weights(able: Iterable[Candidate]) -> dict[Stratum, int]:
    weights: dict[Stratum, int] = {}
    for candidate in able:
        for stratum in candidate.site.strata:
            weights[stratum] = weights.get(stratum, 0) + candidate.pushed
    return weights


def _lot(candidate: Candidate, salt: str) -> float:
    """A number in [0, 1) that release and site code decide."""
    return int.from_bytes(sha256(f"{salt}:{candidate.site.code}".encode()).digest()[:6]) / (1 << 48)


def _mixed(ordered: Sequence[Candidate], salt: str) -> list[Candidate]:
    """The sites so that any stretch of them holds every sort in about its share of the whole: each sort is spread evenly over all places."""
    sorts: dict[tuple[Stratum, ...], list[Candidate]] = {}
    for candidate in ordered:
        sorts.setdefault(candidate.site.strata, []).append(candidate)
    placed = [
        ((position + _lot(candidate, salt)) / len(alike), candidate.site.code, candidate)
        for alike in sorts.values()
        for position, candidate in enumerate(alike)
    ]
    return [candidate for _, _, candidate in sorted(placed, key=lambda place: place[:2])]


def _shares(rest: Sequence[Candidate], shares: Sequence[float]) -> list[Sequence[Candidate]]:
    groups, begin, percent = [], 0, 0.0
    for position, share in enumerate(shares):
        percent += share
        end = len(rest) if position == len(shares) - 1 else round(len(rest) * percent / 100)
        groups.append(rest[begin:end])
        begin = end
    return [group for group in groups if group]


def _wave(number: int, group: Sequence[Candidate], new: set[Stratum], playbook: Playbook) -> Wave:
    budget, sites = playbook.budget, len(group)
    return Wave(
        number=number,
        name="canary" if number == 1 else f"wave-{number}",
        sites=tuple(candidate.site for candidate in group),
        untested=tuple(sorted(new, key=by_name)) if number > 1 else (),
        failures_allowed=allowed(budget.failures, sites),
        unreachable_allowed=allowed(budget.unreachable, sites),
        causes_allowed=causes_allowed(budget, sites),
        districts_allowed=districts_allowed(budget, (candidate.district for candidate in group)),
    )
