"""Whether an act means everything that is left, however it was written: then the number of its sites is typed.

- What is left is what the act could be about now: nothing that is done, left out, or being pushed to.
- Who names terminals, sites or a wave has said which; what they come to by a selection, by a cause or by naming nothing is looked at here.
"""

from collections.abc import Collection

from fleet.control.rollouts import sites_of, unfinished
from fleet.model.attempt import MAYBE_LIVE, SPENDS_FAILURES, TerminalState
from fleet.model.exclusion import ExclusionRequest
from fleet.model.inventory import Fleet, Reach
from fleet.model.plan import Plan
from fleet.model.rollout import DecisionKind, RolloutState
from fleet.rollout import phase_after
from fleet.store import Snapshot, Store, exclusions, fleets, progress, reads, rollouts, ways_back

_OPEN = SPENDS_FAILURES | {TerminalState.NOT_STARTED, TerminalState.UNREACHABLE}


def means_every_site(plan: Plan, fleet: Fleet) -> bool:
    """Whether a plan is about every site of the inventory that has a terminal; one for late joiners is about those who came late."""
    if plan.late_of is not None:
        return False
    return not plan.select or {terminal.site for terminal in fleet.terminals.values()} <= plan.wave_of.keys()


def sites_of_whole_plan(store: Store, plan: Plan) -> int | None:
    """Of a plan that means every site, how many that are; None where it means some."""
    with store.read() as snapshot:
        return len(plan.wave_of) if means_every_site(plan, fleets.read_fleet(snapshot)) else None


def sites_if_everything(store: Store, rollout: str, kind: DecisionKind, terminals: Collection[str] = ()) -> int | None:
    """Of an act that means everything that is left, how many sites that are; None where something else is left, or nothing.

    Args:
        store: Where the rollout is.
        rollout: Its id.
        kind: What is to be done: retry, by-hand, exclude or roll back.
        terminals: The ones that are meant; of a retry, none is all.
    """
    with store.read() as snapshot:
        state = rollouts.read_rollout(snapshot, rollout)
        return None if state is None else sites_at(snapshot, state, kind, terminals)


def sites_if_request_is_everything(store: Store, rollout: str, number: int) -> int | None:
    """As `sites_if_everything`, for an exclusion that waits to be confirmed; None also where there is none of that number."""
    with store.read() as snapshot:
        state, request = rollouts.read_rollout(snapshot, rollout), exclusions.read_request(snapshot, number)
        return None if state is None or request is None else sites_of_request(snapshot, state, request)


def sites_of_request(snapshot: Snapshot, state: RolloutState, request: ExclusionRequest) -> int | None:
    """The same, for who reads already: all sites that it names, for what was done meanwhile was asked for, too."""
    is_all = request.rollout == state.id and sites_at(snapshot, state, DecisionKind.EXCLUDE, request.terminals) is not None
    return len(sites_of(request.terminals)) if is_all else None


def sites_at(snapshot: Snapshot, state: RolloutState, kind: DecisionKind, terminals: Collection[str]) -> int | None:
    """As `sites_if_everything`, for who reads already."""
    if kind is DecisionKind.RETRY:
        return _of_retry(snapshot, state, set(terminals))
    if kind is DecisionKind.ROLLBACK:
        return len(sites_of(terminals)) if _takes_all_live(snapshot, state.id, terminals) else None
    return len(sites_of(_open_if_all(snapshot, state.id, kind, terminals))) or None


def _of_retry(snapshot: Snapshot, state: RolloutState, terminals: set[str]) -> int | None:
    """All that ended badly; or, where terminals are meant, these with what people rolled back."""
    phase = phase_after(state.phase, rollouts.decisions_after(snapshot, state.id, state.seen_decision))
    left = unfinished(snapshot, state.id, phase)
    if not terminals:
        return len(sites_of(left)) or None
    back = {*progress.terminals_in(snapshot, state.id, [TerminalState.TAKEN_BACK])}
    least = left or back
    return len(sites_of((left | back) & terminals)) if least and least <= terminals else None


def _open_if_all(snapshot: Snapshot, rollout: str, kind: DecisionKind, terminals: Collection[str]) -> list[str]:
    """Those of them that are open, where no other is. Counters say how many there are, so only those that are meant are looked at."""
    tally = reads.read_tallies(snapshot, rollout).total
    is_pushed = kind is DecisionKind.BY_HAND
    reaches = progress.reaches_of(snapshot, rollout, terminals) if is_pushed else {}
    states = progress.states_of(snapshot, rollout, terminals)
    taken = [name for name, state in states.items() if state in _OPEN and reaches.get(name, Reach.SSH) is Reach.SSH]
    counts = tally.by_ssh if is_pushed else tally.terminals
    return taken if len(taken) == sum(counts.get(state, 0) for state in _OPEN) else []


def _takes_all_live(snapshot: Snapshot, rollout: str, terminals: Collection[str]) -> bool:
    """Whether some of them may be on the new release, and no other is that does not go back already."""
    others = {*progress.terminals_in(snapshot, rollout, MAYBE_LIVE | {TerminalState.FAILED})}.difference(terminals)
    live = progress.may_be_live(snapshot, rollout, others)
    return len(live) == len(ways_back.errands_of(snapshot, rollout, live)) and bool(progress.may_be_live(snapshot, rollout, terminals))
