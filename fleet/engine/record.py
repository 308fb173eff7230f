"""Storing what came of a push: the result, and what it proves about host keys and key bindings."""

from collections.abc import Collection

from pydantic import ValidationError

from fleet.engine.again import kept_of
from fleet.engine.ways_back import follow_up
from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.plan import Plan
from fleet.model.trust import KeyBinding
from fleet.store import Tx, fleets, progress, trust
from fleet.store.ways_back import errands_of

_NOTHING_LEARNED = frozenset((Cause.BUSY, Cause.STOPPED))


def record(
    tx: Tx, rollout: str, result: AttemptResult, *, was_unknown: bool = False, asked_again: bool = False, plan: Plan | None = None
) -> AttemptResult:
    """Store a result; returns it as it was stored.

    Args:
        tx: The transaction that also carries the shard's fence.
        rollout: Whose attempt it was.
        result: What the push said.
        was_unknown: The attempt before ended unknown. Only an answer of the program changes that: a terminal that cannot be reached
            now is still one that may have been half-way.
        asked_again: It tells how the attempt before ended; in our history it is an attempt of its own.
        plan: The rollout's: what it makes live, and when a terminal is tried again by itself. Without it, none is.
    """
    may_still_tell = result.ending is TerminalState.UNKNOWN and not asked_again
    result = result.model_copy(update={"number": result.number + asked_again, "may_still_tell": may_still_tell})
    unheard = result.ending is TerminalState.UNREACHABLE or result.cause in _NOTHING_LEARNED
    if was_unknown and unheard:
        result = result.model_copy(update={"ending": TerminalState.UNKNOWN})
    if result.cause is Cause.HOST_KEY_CHANGED and result.host_fingerprint:
        trust.note_changed_key(tx, result.terminal, result.host_fingerprint)
    if result.ending is TerminalState.UPGRADED and result.key is not None:
        result = _bind(tx, result, plan.release if plan else None)
    kept = kept_of(tx, rollout, result, plan.playbook if plan else None, only_asked=asked_again)
    progress.record_result(tx, rollout, result, kept)
    follow_up(tx, rollout, result)
    return result


def record_lost(tx: Tx, rollout: str, terminals: Collection[str]) -> None:
    """Nobody heard what became of these, and nobody is to ask: an attempt that ended unknown."""
    errands = errands_of(tx, rollout, terminals)
    for name, attempts in progress.attempts_of(tx, rollout, terminals).items():
        lost = AttemptResult(
            terminal=name,
            number=attempts + 1,
            errand=errands.get(name),
            ending=TerminalState.UNKNOWN,
            cause=Cause.LINK_LOST,
            started_at=tx.at,
            finished_at=tx.at,
        )
        record(tx, rollout, lost)


def _bind(tx: Tx, result: AttemptResult, release: str | None) -> AttemptResult:
    """Keep the key that an upgraded terminal showed; a key, key card or machine that is bound elsewhere makes the attempt failed."""
    assert result.key is not None
    terminal = fleets.read_terminals(tx, [result.terminal]).get(result.terminal)
    try:
        binding = KeyBinding(
            terminal=result.terminal,
            key_card=terminal.key_card if terminal else None,
            source=result.key.source,
            key_id=result.key.number,
            public_key=result.key.public_key,
            check_value=result.key.check_value,
            host_fingerprint=result.host_fingerprint,
            bound_at=result.finished_at,
            release=release,
        )
    except ValidationError:
        return _failed(result, Cause.PROTOCOL, "")
    other = trust.conflicting_binding(tx, binding)
    if other is not None:
        return _failed(result, Cause.KEY_CONFLICT, other.terminal)
    trust.save_binding(tx, binding)
    return result


def _failed(result: AttemptResult, cause: Cause, detail: str) -> AttemptResult:
    return result.model_copy(update={"ending": TerminalState.FAILED, "cause": cause, "detail": detail})
