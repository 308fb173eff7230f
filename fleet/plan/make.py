"""Makes the plan: fleet, playbook and release in, waves with programs out. Pure: the same input gives the same digest, whatever its order."""

from collections.abc import Container
from dataclasses import replace

from fleet.errors import InputError
from fleet.model.base import unprintable
from fleet.model.inventory import Fleet, Reach
from fleet.model.plan import Plan, PlannedSite, PlannedTerminal, Program
from fleet.model.playbook import Playbook
from fleet.model.release import Release
from fleet.model.windows import Windows
from fleet.plan.caps import plan_limits
from fleet.plan.members import Member, Sort, find_members, labels_of, steps_of
from fleet.plan.strata import strata_of
from fleet.plan.waves import Candidate, cut_waves
from fleet.terminal.compile import compile_program
from fleet.text import N_

_LONGEST_SELECT = 400


def make_plan(
    fleet: Fleet,
    playbook: Playbook,
    release: Release,
    select: str = "",
    windows: Windows | None = None,
    *,
    only: Container[str] | None = None,
) -> Plan:
    """Who is upgraded in which wave, with which program.

    Args:
        fleet: The inventory; order does not matter.
        playbook: The steps, and how waves are cut.
        release: What is installed; its files need not be there yet.
        select: Selection of the terminals; empty is all of them.
        windows: When sites may be touched; None is at any time. Frozen into the plan, with those of its sites that are in it.
        only: Of what `select` means, only these terminals; None is all of it.

    Returns:
        At least one wave, none empty; every terminal that `select` means in exactly one, all terminals of a site in the same.

    Raises:
        InputError: `select` cannot be read, or means no terminal.
        MistakesError: A terminal matches no artifact or two, gets steps that do not fit together, or a selection cannot be read; all at once.
            Or a limit allows none of the sites that it counts; all of those with their sites.
    """
    _check_select(select)
    members = find_members(fleet, playbook, release, select, only)
    programs = {sort: _program(sort, playbook, release) for sort in members.sorts}
    candidates = [_candidate(code, of_site, fleet, programs) for code, of_site in members.of_site.items()]
    limits, under = plan_limits(playbook, fleet, [candidate.site for candidate in candidates], labels_of(fleet))
    candidates = [_under(candidate, under.get(candidate.site.code, ())) for candidate in candidates]
    plan = Plan(
        playbook=playbook,
        release=release.version,
        release_digest=release.digest,
        select=select,
        waves=cut_waves(candidates, playbook, release.version),
        programs={program.digest: program for program in programs.values()},
        windows=windows.only(members.of_site.keys()) if windows is not None else None,
        limits=limits,
    )
    return plan.model_copy(update={"digest": plan.compute_digest()})


def _check_select(select: str) -> None:
    """A plan keeps the selection as a text that people read."""
    if len(select) > _LONGEST_SELECT:
        raise InputError(
            N_("the selection is longer than {limit} characters", limit=_LONGEST_SELECT),
            hint=N_("select by district, kind or a label rather than site by site"),
        )
    bad = unprintable(select)
    if bad is not None:
        raise InputError(N_("character {character} is not allowed in a selection", character=f"U+{ord(bad):04X}"))


def _program(sort: Sort, playbook: Playbook, release: Release) -> Program:
    artifact = next((artifact for artifact in release.artifacts if artifact.name == sort[1]), None)
    return compile_program(playbook, steps_of(sort, playbook), artifact, release.version)


def _candidate(code: str, members: list[Member], fleet: Fleet, programs: dict[Sort, Program]) -> Candidate:
    site = fleet.sites[code]
    strata = strata_of(site, (member.terminal for member in members), len(fleet.terminals_of[code]))
    terminals = tuple(_planned(member, programs) for member in sorted(members, key=lambda member: member.terminal.code))
    return Candidate(PlannedSite(code=code, strata=strata, terminals=terminals), site.emergency, site.district)


def _under(candidate: Candidate, limits: tuple[int, ...]) -> Candidate:
    return replace(candidate, site=candidate.site.model_copy(update={"limits": limits})) if limits else candidate


def _planned(member: Member, programs: dict[Sort, Program]) -> PlannedTerminal:
    terminal = member.terminal
    program = programs[member.sort].digest if terminal.reach is Reach.SSH else None
    return PlannedTerminal(id=terminal.id, reach=terminal.reach, program=program)
