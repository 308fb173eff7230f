"""Decisions on their way in: whoever may no longer decide when the orchestrator takes one up, decides nothing.

- What was carried out when it was decided (`exclude`, `by-hand`) had its right checked then, and stands.
- A decision that is refused keeps its row, with the reason, and an event tells it. It is passed over for good: the right may come back,
  the decision does not.
"""

from collections.abc import Sequence

from fleet.control.scope import require_decision
from fleet.errors import NotAllowedError
from fleet.model.actor import ORCHESTRATOR, Actor
from fleet.model.rollout import Decision, DecisionKind, RolloutState
from fleet.store import Tx, rollouts

_DONE_WHEN_DECIDED = frozenset((DecisionKind.EXCLUDE, DecisionKind.BY_HAND))


def sift(tx: Tx, decisions: Sequence[Decision]) -> tuple[list[Decision], int]:
    """The decisions that stand, and the id of the last that does not (0: all stand); each of those is told in an event."""
    standing: list[Decision] = []
    last_refused = 0
    for decision in decisions:
        reason = _refusal(tx, decision)
        if reason is None:
            standing.append(decision)
        else:
            rollouts.refuse_decision(tx, decision, reason)
            last_refused = decision.id
    return standing, last_refused


def passed_over(state: RolloutState, last_refused: int) -> RolloutState:
    """The position once every refused decision is behind it; call it when the standing ones are taken in."""
    return state.model_copy(update={"seen_decision": max(state.seen_decision, last_refused)})


def _refusal(tx: Tx, decision: Decision) -> str | None:
    if decision.actor == ORCHESTRATOR or decision.kind in _DONE_WHEN_DECIDED:
        return None
    try:
        require_decision(tx, Actor(code=decision.actor), decision.rollout, decision.kind, decision.terminals)
    except NotAllowedError as error:
        return str(error.what)
    return None
