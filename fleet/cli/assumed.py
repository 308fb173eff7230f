"""What `fleet plan` assumes of pushes that nobody has made yet: what a rehearsal assumes, unless it is said."""

from typing import TYPE_CHECKING

from fleet.cli.common import current_door
from fleet.errors import InputError
from fleet.text import N_

if TYPE_CHECKING:
    from fleet.control.turns import Assumed

_SHORTEST_PUSH_S, _LONGEST_PUSH_S = 0.1, 86_400


def assumptions(push_seconds: float | None) -> "tuple[float, Assumed]":
    """Seconds of one push, and the night that follows from it, as `fleet rehearse` has it with its first seed.

    Raises:
        InputError: No push takes so long.
    """
    from fleet.control.turns import Assumed
    from fleet.rehearsal.night import ANSWER_S
    from fleet.rehearsal.orchestrator import CONNECT_S
    from fleet.rehearsal.pace import push_lasts, push_takes
    from fleet.store.observed import push_seconds as observed

    if push_seconds is not None and not _SHORTEST_PUSH_S <= push_seconds <= _LONGEST_PUSH_S:
        raise InputError(N_("--push-seconds must be a number from {least} to {most}", least=_SHORTEST_PUSH_S, most=_LONGEST_PUSH_S))
    if push_seconds is not None:
        return push_seconds, Assumed(push_lasts((), 1, push_seconds), CONNECT_S, ANSWER_S)
    with current_door().open_store().read() as snapshot:
        seen = observed(snapshot)
    return push_takes(seen), Assumed(push_lasts(seen, 1), CONNECT_S, ANSWER_S)
