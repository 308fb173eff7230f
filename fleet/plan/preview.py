"""What a plan would do, in numbers and names a coordinator can check before anything is touched. Pure; `fleet plan` prints it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from fleet.model.inventory import Fleet, Reach
from fleet.model.plan import Plan, Stratum, Wave
from fleet.plan.earliest import Queue, earliest, pushed

PUSH_S = 20.0
"""How long one push is taken to last where nobody knows better."""


@dataclass(frozen=True, slots=True)
class DistrictPreview:
    """One district's part of a wave, and what it may spend."""

    district: str
    sites: int
    failures_allowed: int
    unreachable_allowed: int


@dataclass(frozen=True, slots=True)
class LimitPreview:
    """A limit in one place."""

    select: str
    district: str | None
    """None counts the whole fleet."""
    sites: int
    """Of the inventory, that it counts."""
    allowed: int
    """Down at once, at most."""
    planned: tuple[int, ...]
    """Of the plan, wave by wave."""
    all_down: tuple[str, ...]
    """The sites that it counts, where it lets all of them be down at once; empty where it keeps one up."""


@dataclass(frozen=True, slots=True)
class WavePreview:
    """One wave in numbers."""

    number: int
    name: str
    sites: int
    terminals: Mapping[str, int]
    """By kind of site, those done by hand included; sorted."""
    by_hand: int
    by_ssh: int
    too_few: bool
    """Fewer terminals reached by SSH than the gate needs: whatever they answer, a person has to judge."""
    untested: tuple[str, ...]
    """Strata that no earlier wave tries."""
    failures_allowed: int
    unreachable_allowed: int
    parallel: int
    """Sites in flight at most, while nothing has failed yet."""
    causes_allowed: Mapping[str, int]
    """Cause -> sites that may end badly for it."""
    districts: tuple[DistrictPreview, ...]
    """Empty where only the wave's own budgets bind."""
    bound_by: str
    """What keeps `parallel` down: `failures`, `unreachable`, a cause, `per_district`, `limits`, `parallel`, or `sites`, all of them."""
    earliest_s: float
    """From its first push to its last, when nothing fails and nobody is waited for."""
    queue: Queue | None
    """The limit, or district, that makes it take so long; None where the wave would take as long without any."""


@dataclass(frozen=True, slots=True)
class CanarySite:
    """A site of the canary, and why it is there."""

    code: str
    name: str
    terminals: int
    tries_first: tuple[str, ...]
    """Strata that no site before it tries; empty for a site that only makes up the number of samples."""


@dataclass(frozen=True, slots=True)
class ProgramPreview:
    """One program, and for how many terminals."""

    digest: str
    artifact: str | None
    terminals: int
    steps: tuple[str, ...]
    irreversible: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What `fleet plan` shows."""

    digest: str
    playbook: str
    release: str
    select: str
    sites: int
    terminals: int
    by_hand: int
    installs: bool
    """Whether the release goes live on any terminal."""
    sites_without_terminals: int
    """Of the whole inventory; they cannot be planned, and count for nothing until they have one."""
    waves: tuple[WavePreview, ...]
    min_samples: int
    """Finished terminals that the gate needs for a verdict."""
    limits: tuple[LimitPreview, ...]
    canary: tuple[CanarySite, ...]
    programs: tuple[ProgramPreview, ...]
    unused_steps: tuple[str, ...]
    """Steps of the playbook that are in no program."""
    push_s: float
    soaks_s: float
    """What the waves soak that another one has to wait for."""
    earliest_s: float
    """From the first push to the last, those soaks counted; people who are asked and closed sites come on top."""


def preview(plan: Plan, fleet: Fleet, push_s: float = PUSH_S) -> Preview:
    """What the plan would do.

    Args:
        plan: The plan.
        fleet: The inventory it was made from, for names and kinds.
        push_s: Assumed seconds of one push.
    """
    waves = tuple(_wave(wave, plan, fleet, push_s) for wave in plan.waves)
    used = {step for program in plan.programs.values() for step in program.steps}
    soaks_s = float(plan.playbook.gate.soak_s * max(0, sum(wave.by_ssh > 0 for wave in waves) - 1))
    return Preview(
        digest=plan.digest,
        playbook=plan.playbook.name,
        release=plan.release,
        select=plan.select,
        sites=sum(wave.sites for wave in waves),
        terminals=sum(sum(wave.terminals.values()) for wave in waves),
        by_hand=sum(wave.by_hand for wave in waves),
        installs=plan.installs,
        sites_without_terminals=sum(code not in fleet.terminals_of for code in fleet.sites),
        waves=waves,
        min_samples=plan.playbook.gate.min_samples,
        limits=_limits(plan),
        canary=_canary(plan.waves[0], fleet),
        programs=_programs(plan),
        unused_steps=tuple(step.name for step in plan.playbook.steps if step.name not in used),
        push_s=push_s,
        soaks_s=soaks_s,
        earliest_s=sum(wave.earliest_s for wave in waves) + soaks_s,
    )


def _wave(wave: Wave, plan: Plan, fleet: Fleet, push_s: float) -> WavePreview:
    kinds: Counter[str] = Counter()
    for site in wave.sites:
        kinds[fleet.sites[site.code].kind.value] += len(site.terminals)
    by_ssh = sum(map(pushed, wave.sites))
    district_of = {site.code: fleet.sites[site.code].district for site in wave.sites}
    bound_by, parallel = parallel_of(wave, plan, district_of)
    least = earliest(wave, plan, district_of)
    return WavePreview(
        number=wave.number,
        name=wave.name,
        sites=len(wave.sites),
        terminals=dict(sorted(kinds.items())),
        by_hand=sum(terminal.reach is Reach.BY_HAND for terminal in wave.terminals),
        by_ssh=by_ssh,
        too_few=by_ssh < plan.playbook.gate.min_samples,
        untested=tuple(map(str, wave.untested)),
        failures_allowed=wave.failures_allowed,
        unreachable_allowed=wave.unreachable_allowed,
        parallel=parallel,
        causes_allowed=wave.causes_allowed,
        districts=_districts(wave, fleet),
        bound_by=bound_by,
        earliest_s=least.pushes * push_s,
        queue=least.queue,
    )


def parallel_of(wave: Wave, plan: Plan, district_of: Mapping[str, str]) -> tuple[str, int]:
    """What keeps the sites in flight down, and how many that are at most while nothing has failed yet.

    Any site in flight may end with any cause, so a wave is as slow as its smallest budget.
    """
    districts = Counter(district_of[site.code] for site in wave.sites)
    by_district = sum(
        min(sites, wave.districts_allowed[code].failures, wave.districts_allowed[code].unreachable)
        if code in wave.districts_allowed
        else sites
        for code, sites in districts.items()
    )
    bounds = [
        ("sites", len(wave.sites)),
        ("parallel", plan.playbook.parallel),
        ("failures", wave.failures_allowed),
        ("unreachable", wave.unreachable_allowed),
        *wave.causes_allowed.items(),
        ("per_district", by_district),
        ("limits", _under_limits(wave, plan)),
    ]
    return min(bounds, key=lambda bound: bound[1])


def _under_limits(wave: Wave, plan: Plan) -> int:
    """Sites of a wave that its limits let be down at once, rule by rule; sites that no place of a rule counts are free."""
    rules: dict[tuple[str, bool], list[int]] = {}
    for place, limit in enumerate(plan.limits):
        rules.setdefault((limit.select, limit.district is None), []).append(place)
    counted = Counter(place for site in wave.sites for place in site.limits)
    bounds = [len(wave.sites)]
    for places in rules.values():
        free = sum(not set(places).intersection(site.limits) for site in wave.sites)
        bounds.append(free + sum(min(plan.limits[place].allowed, counted[place]) for place in places))
    return min(bounds)


def _districts(wave: Wave, fleet: Fleet) -> tuple[DistrictPreview, ...]:
    sites = Counter(fleet.sites[site.code].district for site in wave.sites)
    return tuple(
        DistrictPreview(code, sites[code], allowance.failures, allowance.unreachable) for code, allowance in wave.districts_allowed.items()
    )


def _limits(plan: Plan) -> tuple[LimitPreview, ...]:
    counted: list[list[str]] = [[] for _limit in plan.limits]
    by_wave = [Counter(place for site in wave.sites for place in site.limits) for wave in plan.waves]
    for wave in plan.waves:
        for site in wave.sites:
            for place in site.limits:
                counted[place].append(site.code)
    return tuple(
        LimitPreview(
            limit.select,
            limit.district,
            limit.sites,
            limit.allowed,
            planned=tuple(counts[place] for counts in by_wave),
            all_down=tuple(sorted(counted[place])) if limit.sites <= min(limit.allowed, len(counted[place])) else (),
        )
        for place, limit in enumerate(plan.limits)
    )


def _canary(wave: Wave, fleet: Fleet) -> tuple[CanarySite, ...]:
    tried: set[Stratum] = set()
    sites = []
    for site in wave.sites:
        first = tuple(str(stratum) for stratum in site.strata if stratum not in tried)
        tried.update(site.strata)
        sites.append(CanarySite(site.code, fleet.sites[site.code].name, len(site.terminals), first))
    return tuple(sites)


def _programs(plan: Plan) -> tuple[ProgramPreview, ...]:
    terminals = Counter(terminal.program for wave in plan.waves for terminal in wave.terminals)
    programs = (
        ProgramPreview(program.digest, program.artifact, terminals[program.digest], program.steps, program.irreversible)
        for program in plan.programs.values()
    )
    return tuple(sorted(programs, key=lambda program: (-program.terminals, program.digest)))
