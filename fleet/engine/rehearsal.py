"""The way back rehearsed on the canary: on which terminals, what becomes of one whose window leaves no time for it, and what it came to.

- It is the program's own doing and no person's decision: it keeps to windows, and begins only where an upgrade might.
- Chosen is who has time for all of it: the way back, the upgrade after it, and that upgrade's own rollback.
- At least one of each program, and then more, until there are as many rollbacks as their pace needs to be measured.
- Whose window leaves no time any more before it began keeps its upgrade. The gate is told, and leaves it to a person.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from fleet.cutover import Begin, admit
from fleet.cutover.pace import ENOUGH
from fleet.engine.plans import Plans
from fleet.engine.record import record_lost
from fleet.engine.shard_parts import Terminals
from fleet.engine.ways_back import take_back
from fleet.model.attempt import TerminalState
from fleet.model.plan import Plan
from fleet.model.purpose import Errand
from fleet.model.rollout import RolloutState, WaveState
from fleet.rollout import Rehearsal
from fleet.rollout.rehearsal import one_of_each_first
from fleet.store import Snapshot, Tx, fleets, progress, unheard, ways_back, windows
from fleet.terminal.compile import goes_back

_CALLED_OFF = "rehearsal-called-off"


def rehearse(tx: Tx, state: RolloutState, plans: Plans, wave: int) -> None:
    """Roll back and upgrade again upgraded terminals of a wave, of each program that has a way back and time for it at least one."""
    chosen = _choose(tx, state, plans, wave)
    if chosen:
        take_back(tx, state.id, sorted(chosen), Errand.REHEARSAL)


def call_off(tx: Tx, rollout: str, waiting: Terminals, shut: Collection[str]) -> Terminals:
    """Have what was to be rehearsed at sites whose windows let nothing begin now keep its upgrade; returns what still waits.

    Where a worker was lost over a rehearsal nobody knows whether it went back: that terminal is unknown, and is asked in a window.
    """
    meant = ways_back.in_rehearsal(tx, rollout, [name for site in shut for name in waiting.get(site, ())])
    if not meant:
        return waiting
    states = progress.states_of(tx, rollout, meant)
    meant = {name for name in meant if states[name] is TerminalState.GOING_BACK}
    endings = progress.last_endings(tx, rollout, meant)
    known = {name for name in meant if endings.get(name) is not TerminalState.UNKNOWN}
    lost = unheard.unheard_of(tx, rollout, known)
    if lost:
        record_lost(tx, rollout, sorted(lost))
    if as_before := sorted(meant - lost):
        windows.as_before(tx, rollout, as_before, reason=_CALLED_OFF)
    for name in sorted(known - lost):
        ways_back.settle(tx, rollout, name)
    left = {site: names - meant for site, names in waiting.items()}
    return {site: names for site, names in left.items() if names}


def read_rehearsal(snapshot: Snapshot, rollout: str, since: datetime) -> Rehearsal:
    """What the rehearsal that began then came to so far."""
    tried = ways_back.rehearsals(snapshot, rollout, since)
    back = [one.back for one in tried if one.back.ending is TerminalState.TAKEN_BACK]
    again = [one.again for one in tried if one.again is not None and one.again.ending is TerminalState.UPGRADED]
    return Rehearsal(
        tried=len(tried),
        failed=len(tried) - len(again),
        back_s=tuple((result.finished_at - result.started_at).total_seconds() for result in back),
        again_s=tuple((result.finished_at - result.started_at).total_seconds() for result in again),
    )


def with_lacking(seen: Rehearsal | None, snapshot: Snapshot, rollout: str, plan: Plan, wave: WaveState) -> Rehearsal | None:
    """The same, with what it left out: one upgraded terminal of each program that was not rehearsed, and those it was called off on."""
    if seen is None or wave.rehearsed_at is None:
        return seen
    tried = {one.back.terminal for one in ways_back.rehearsals(snapshot, rollout, wave.rehearsed_at)}
    seen_programs = {program.digest for name in tried if (program := plan.program_of[name]) is not None}
    candidates = _with_a_way_back(snapshot, rollout, plan, wave.number, wave.rehearsed_at)
    first = {digest: name for name, digest in reversed(candidates.items()) if digest not in seen_programs}
    off = windows.called_off(snapshot, rollout, _CALLED_OFF, wave.rehearsed_at) - tried
    return replace(seen, lacking=tuple(name for name in candidates if name in off or name in first.values()))


def _choose(tx: Tx, state: RolloutState, plans: Plans, wave: int) -> list[str]:
    used = plans.of(tx, state)
    candidates = _with_a_way_back(tx, state.id, used.plan, wave)
    site_of = {name: name.partition("/")[0] for name in candidates}
    openings = fleets.read_openings(tx, set(site_of.values())) if used.windows else {}
    pace, parallel = plans.pace(tx, used, tx.at), used.plan.playbook.parallel
    chosen: dict[str, list[str]] = {}

    def fits(code: str, name: str) -> bool:
        """Whether there is time for it at its site, beside what was chosen there."""
        if used.windows is None:
            return True
        programs = [candidates[one] for one in (*chosen.get(code, ()), name)]
        needs = pace.needs(programs, parallel, back=len(programs))
        return isinstance(admit(plans.times(used.windows, code, openings.get(code)), tx.at, needs), Begin)

    wanted = ENOUGH - pace.rollback.samples
    for name in one_of_each_first(candidates):
        taken = [one for names in chosen.values() for one in names]
        is_new = candidates[name] not in {candidates[one] for one in taken}
        if (is_new or len(taken) < wanted) and fits(site_of[name], name):
            chosen.setdefault(site_of[name], []).append(name)
    return [name for names in chosen.values() for name in names]


def _with_a_way_back(snapshot: Snapshot, rollout: str, plan: Plan, wave: int, by: datetime | None = None) -> dict[str, str]:
    """The upgraded terminals of a wave whose programs have a way back -> the program's digest, in the order they are to be taken."""
    found: dict[str, str] = {}
    for name in ways_back.candidates(snapshot, rollout, wave, by):
        program = plan.program_of[name]
        if program is not None and not program.irreversible and goes_back(program):
            found[name] = program.digest
    return found
