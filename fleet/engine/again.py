"""Tries that we make by ourselves: what a push that ended badly leaves to be done, and taking it up when it is due."""

from typing import Any

from fleet.engine.ways_back import cut_shards
from fleet.model.attempt import NOBODY_ANSWERED, RETRIED, AttemptResult, Cause, TerminalState
from fleet.model.playbook import Playbook
from fleet.rollout import Tried, next_try
from fleet.store import Tx, again, progress

NOTHING: dict[str, Any] = {"due_at": None, "tries": None, "unreachable_since": None}
"""What is kept of a terminal that is not to be tried again."""


def kept_of(tx: Tx, rollout: str, result: AttemptResult, playbook: Playbook | None, *, only_asked: bool) -> dict[str, Any]:
    """What a terminal's row is to keep of its tries after this result.

    Where its program may still tell how it ended, it is asked at once, and nothing is due yet. `only_asked`: that was what was done, and
    no push.
    """
    if result.ending not in RETRIED:
        return NOTHING
    row = again.read_row(tx, rollout, result.terminal)
    is_offline = result.ending is TerminalState.UNREACHABLE and result.cause in NOBODY_ANSWERED
    since = (row.unreachable_since or result.finished_at) if is_offline else None
    tries = row.tries + (not only_asked)
    due = None
    if playbook is not None and result.cause is not Cause.STOPPED and not result.may_still_tell:
        tried = Tried(rollout, result.terminal, result.number, tries, result.cause, result.finished_at, since)
        due = next_try(playbook.retry, tried, playbook.offline_after_h)
    return {"due_at": due, "tries": tries, "unreachable_since": since}


def take_up(tx: Tx, rollout: str, wave: int) -> None:
    """Have the terminals of a wave pushed again that are due, for what they were pushed for."""
    due = again.due(tx, rollout, wave, tx.at)
    if due:
        progress.put_back(tx, rollout, due, "due")
        cut_shards(tx, rollout, {name.partition("/")[0] for name in due})
