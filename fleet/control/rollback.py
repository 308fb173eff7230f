"""Deciding that a wave, or a selection of terminals, goes back to the release before. The orchestrator takes it in and pushes it.

- Meant are the terminals that may be on the new release; what has not begun is not touched, what is done by hand is nobody's push.
- What a terminal does for good cannot be taken back: those steps are named, and a person says that it goes back all the same.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from fleet.control.rollouts import decidable, decision_of, require_known, sites_of
from fleet.control.typed import check_typed
from fleet.errors import InputError
from fleet.model.actor import Actor
from fleet.model.attempt import PROVEN, TerminalState
from fleet.model.plan import Plan
from fleet.model.rollout import Decision, DecisionKind, RolloutPhase, RolloutState
from fleet.rollout import phase_after
from fleet.store import Snapshot, Store, progress, releases, rollouts, ways_back
from fleet.terminal.compile import goes_back
from fleet.text import N_


@dataclass(frozen=True, slots=True)
class Meant:
    """What a rollback comes to."""

    terminals: tuple[str, ...]
    """Those that are taken back by it; none of them waited for that already."""
    waiting: int = 0
    """Those that wait for it already, or have a try of it behind them."""
    not_begun: int = 0
    """Those that nothing was pushed to yet; of a wave they are held, of a selection they will be upgraded."""
    by_hand: tuple[str, ...] = ()
    """Proven by a technician's self-test; somebody has to go there."""
    irreversible: tuple[str, ...] = ()
    """Steps of their programs that have no way back."""
    is_paused: bool = False
    """The rollout was stopped; it is paused now, and pushes nothing but this."""


def roll_back(
    store: Store,
    actor: Actor,
    at: datetime,
    rollout: str,
    *,
    wave: int | None = None,
    terminals: Collection[str] = (),
    reason: str = "",
    despite_irreversible: bool = False,
    typed: int | None = None,
) -> Meant:
    """Have the release before live again on a whole wave, or on these terminals.

    `typed` is the number of sites that a person typed to confirm how much is meant; None where nobody was asked.

    Raises:
        NotAllowedError: The actor may not decide about rollouts, or not in the district of one of these terminals.
        ConflictError: A newer rollout was started since.
        InputError: Neither or both are given, there is no such wave or terminal, nothing is there to be taken back, the programs know no way
            back, or steps have none and nobody said that it goes back all the same.
    """
    with store.write(actor, at) as tx:
        named = terminals if wave is None else progress.terminals_of_wave(tx, rollout, wave)
        state, pending = decidable(tx, actor, rollout, DecisionKind.ROLLBACK, named)
        check_typed(typed, len(sites_of(named)))
        meant = _meant(tx, state, pending, wave, terminals)
        if meant.irreversible and not despite_irreversible:
            raise InputError(
                N_("steps that have no way back: {steps}; what they did stays done", steps=", ".join(meant.irreversible)),
                hint=N_("say --despite-irreversible when the rest is to be rolled back all the same"),
            )
        if meant.terminals:
            decision = decision_of(tx, rollout, DecisionKind.ROLLBACK, wave=wave, terminals=meant.terminals, reason=reason)
            rollouts.add_decision(tx, decision)
    return meant


def what_would_go_back(store: Store, rollout: str, *, wave: int | None = None, terminals: Collection[str] = ()) -> Meant:
    """What `roll_back` would come to; for who is asked before. Raises like it, but for rights and irreversible steps."""
    with store.read() as snapshot:
        return meant_at(snapshot, rollout, wave=wave, terminals=terminals)


def meant_at(snapshot: Snapshot, rollout: str, *, wave: int | None = None, terminals: Collection[str] = ()) -> Meant:
    """As `what_would_go_back`, for who reads already."""
    state = rollouts.read_rollout(snapshot, rollout)
    if state is None:
        raise InputError(N_("there is no rollout {rollout}", rollout=rollout))
    pending = rollouts.decisions_after(snapshot, rollout, state.seen_decision)
    return _meant(snapshot, state, pending, wave, terminals)


def _meant(snapshot: Snapshot, state: RolloutState, pending: Sequence[Decision], wave: int | None, terminals: Collection[str]) -> Meant:
    if (wave is None) == (not terminals):
        raise InputError(N_("say what is rolled back"), hint=N_("a wave with --wave, or terminals by name or with --select"))
    if state.only is not None:
        raise InputError(N_("rollout {rollout} only stages its release; nothing of it is live", rollout=state.id))
    if wave is not None:
        terminals = _of_wave(snapshot, state, wave)
    else:
        require_known(snapshot, state.id, terminals)
    maybe = set(progress.may_be_live(snapshot, state.id, terminals))
    wanted = {name for one in pending if one.kind is DecisionKind.ROLLBACK for name in one.terminals}
    waiting = (ways_back.wanted_back(snapshot, state.id, terminals) | wanted) & set(terminals)
    states = progress.states_of(snapshot, state.id, terminals)
    fresh = tuple(sorted(maybe - waiting))
    by_hand = tuple(sorted(name for name, one in states.items() if one in PROVEN and name not in maybe))
    if not fresh and not waiting:
        raise InputError(
            N_("there is nothing to roll back: none of these terminals is on the new release by a push"),
            hint=N_("done by hand, so a technician has to go there: {count}", count=len(by_hand)) if by_hand else None,
        )
    plan = releases.read_plan(snapshot, state.plan_digest)
    return Meant(
        terminals=fresh,
        waiting=len(waiting),
        not_begun=sum(one is TerminalState.NOT_STARTED for one in states.values()),
        by_hand=by_hand,
        irreversible=_irreversible(plan, fresh),
        is_paused=phase_after(state.phase, pending) is RolloutPhase.STOPPED,
    )


def _of_wave(snapshot: Snapshot, state: RolloutState, wave: int) -> list[str]:
    if wave not in {one.number for one in state.waves}:
        raise InputError(
            N_("rollout {rollout} has no wave {wave}", rollout=state.id, wave=wave),
            hint=N_("its waves are 1 to {last}", last=len(state.waves)),
        )
    return progress.terminals_of_wave(snapshot, state.id, wave)


def _irreversible(plan: Plan, terminals: Collection[str]) -> tuple[str, ...]:
    """Names of the steps that stay done; refuses programs that know no way back."""
    programs = {program.digest: program for name in terminals if (program := plan.program_of[name]) is not None}
    if not all(map(goes_back, programs.values())):
        if not plan.installs:
            raise InputError(N_("the plan makes no release live, so there is none to take back"))
        raise InputError(
            N_("the plan was made by an older version of fleet, whose programs do not know the way back"),
            hint=N_("push the release before with a plan of its own; `fleet release permit` lets terminals take it"),
        )
    return tuple(sorted({step for program in programs.values() for step in program.irreversible}))
