"""Past the point of no return nothing more is upgraded by itself: a person goes past it with a reason, or the suspension ends. Pure."""

from datetime import datetime

from fleet.model.rollout import RolloutState
from fleet.rollout.facts import Facts


def with_return(state: RolloutState, facts: Facts, now: datetime) -> RolloutState:
    """The position with the point of no return as the facts have it; who decided to go past it stays decided."""
    if facts.is_past_return is (state.past_return_at is not None):
        return state
    return state.model_copy(update={"past_return_at": now if facts.is_past_return else None})
