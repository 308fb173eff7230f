"""Going past the point of no return: a person's decision, with a reason that is recorded."""

from datetime import datetime

from fleet.control.rollouts import decidable, decision_of
from fleet.errors import InputError
from fleet.model.actor import Actor
from fleet.model.rollout import DecisionKind
from fleet.rollout import ENDED, phase_after
from fleet.store import Store, releases, rollouts
from fleet.text import N_


def go_past(store: Store, actor: Actor, at: datetime, rollout: str, *, reason: str) -> bool:
    """Go on although what was touched could no longer all go back in time; False when somebody decided so already.

    Raises:
        NotAllowedError: The actor may not decide about all of this rollout.
        ConflictError: A newer rollout was started since.
        InputError: No reason, the rollout has ended, or its plan has no windows to be late for.
    """
    if not reason.strip():
        raise InputError(
            N_("say why it goes on past the point of no return"), hint=N_("for example --reason 'the suspension was extended'")
        )
    with store.write(actor, at) as tx:
        state, pending = decidable(tx, actor, rollout, DecisionKind.GO_PAST)
        if phase_after(state.phase, pending) in ENDED:
            raise InputError(N_("rollout {rollout} has ended", rollout=rollout))
        if state.only is not None or releases.read_plan(tx, state.plan_digest).windows is None:
            raise InputError(
                N_("rollout {rollout} has no windows, and so no point of no return", rollout=rollout),
                hint=N_("`fleet plan --windows FILE` gives a plan its windows"),
            )
        if state.past_return_by is not None or any(one.kind is DecisionKind.GO_PAST for one in pending):
            return False
        rollouts.add_decision(tx, decision_of(tx, rollout, DecisionKind.GO_PAST, reason=reason))
    return True
