"""Deciding that terminals are done by hand in this rollout: no push reaches them, a technician will.

It is so at once, whether or not an orchestrator runs. The terminals stay in the rollout's counts and wait for a self-test.
"""

from collections.abc import Collection
from datetime import datetime

from fleet.control.leases import refuse_in_use
from fleet.control.rollouts import decidable, decision_of, require_known, sites_of
from fleet.control.typed import check_typed
from fleet.errors import ConflictError, InputError
from fleet.model.actor import Actor
from fleet.model.attempt import SUCCEEDED, TerminalState
from fleet.model.inventory import Reach
from fleet.model.rollout import DecisionKind
from fleet.store import Snapshot, Store, by_hand, progress, rollouts, ways_back
from fleet.text import N_


def make_by_hand(
    store: Store, actor: Actor, at: datetime, rollout: str, terminals: Collection[str], *, reason: str, typed: int | None = None
) -> int:
    """Have these terminals done by hand in this rollout, for a reason; how many that is, those done by hand already not counted.

    `typed` is the number of sites that a person typed to confirm how much is meant; None where nobody was asked.

    Raises:
        NotAllowedError: The actor may not decide about rollouts, or not in the district of one of these terminals.
        ConflictError: A terminal is being pushed to now, somebody else works at its site, or a newer rollout was started since.
        InputError: No reason, no terminal, the rollout only stages, a terminal that is not in it, is done already, left out, or going back;
            `typed` is another number.
    """
    if not reason.strip():
        raise InputError(N_("say why they are done by hand"), hint=N_("for example --reason 'its SSH server is broken'"))
    if not terminals:
        raise InputError(N_("name the terminals that are done by hand"), hint=N_("as SITE/TERMINAL, with --select, or with --cause"))
    with store.write(actor, at) as tx:
        state, _pending = decidable(tx, actor, rollout, DecisionKind.BY_HAND, terminals)
        if state.only is not None:
            raise InputError(N_("rollout {rollout} only stages its release; by hand there is nothing to be staged", rollout=rollout))
        require_known(tx, rollout, terminals)
        pushed = _pushed(tx, rollout, terminals)
        if pushed:
            check_typed(typed, len(sites_of(pushed)))
            refuse_in_use(tx, sites_of(pushed), actor.code)
            rollouts.add_decision(tx, decision_of(tx, rollout, DecisionKind.BY_HAND, terminals=pushed, reason=reason))
            by_hand.make_by_hand(tx, rollout, pushed)
    return len(pushed)


def _pushed(snapshot: Snapshot, rollout: str, terminals: Collection[str]) -> list[str]:
    """Of these terminals the ones that pushes were to reach; refuses those that must stay as they are."""
    reaches = progress.reaches_of(snapshot, rollout, terminals)
    pushed = sorted(name for name, reach in reaches.items() if reach is Reach.SSH)
    going_back = ways_back.errands_of(snapshot, rollout, pushed)
    for name, state in sorted(progress.states_of(snapshot, rollout, pushed).items()):
        if state is TerminalState.RUNNING:
            raise ConflictError(N_("{terminal} is being pushed to now", terminal=name), hint=N_("try again when that has ended"))
        if name in going_back:
            raise InputError(N_("{terminal} is to be rolled back", terminal=name), hint=N_("wait until that has ended"))
        if state in SUCCEEDED:
            raise InputError(N_("{terminal} is done already; it stays in the counts", terminal=name))
        if state is TerminalState.EXCLUDED:
            raise InputError(N_("{terminal} is excluded from the rollout", terminal=name))
    return pushed
