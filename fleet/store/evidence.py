"""What the terminals of a wave showed, for its gate and for reports. Read when a wave is judged or somebody looks, never per poll."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import func, select

from fleet.model.attempt import ENDINGS, SPENDS_FAILURES, TerminalState
from fleet.model.inventory import Reach, SiteKind
from fleet.model.rollout import DecisionKind
from fleet.store import tables
from fleet.store.database import Snapshot

_terminals = tables.terminal_progress
_attempts = tables.attempt
_BAD = SPENDS_FAILURES | {TerminalState.UNREACHABLE}


@dataclass(frozen=True, slots=True)
class Showing:
    """What one upgraded terminal showed."""

    terminal: str
    wave: int
    kind: SiteKind
    facts: tuple[dict[str, str], ...] = field(default=())
    """Of its attempts in this rollout that were to upgrade it, oldest first."""
    is_bound: bool = False
    """The last attempt read a key back, and it is the one that is bound here to this terminal, its machine and its key card."""


def upgraded(snapshot: Snapshot, rollout: str, wave: int | None = None) -> Iterator[Showing]:
    """Every terminal reached by SSH that is upgraded, of a wave or of all, by id; streamed."""
    where = [_terminals.c.rollout == rollout, _terminals.c.state == TerminalState.UPGRADED.value, _terminals.c.reach == Reach.SSH.value]
    if wave is not None:
        where.append(_terminals.c.wave == wave)
    binding, terminal, site = tables.key_binding, tables.terminal, tables.site_progress
    query = (
        select(
            _terminals.c.terminal,
            _terminals.c.wave,
            site.c.kind,
            _attempts.c.facts,
            _attempts.c.key,
            _attempts.c.host_fingerprint,
            binding.c.key_id,
            binding.c.host_fingerprint.label("bound_host"),
            binding.c.key_card.label("bound_card"),
            binding.c.set_aside_at,
            terminal.c.key_card,
        )
        .join(site, (site.c.rollout == _terminals.c.rollout) & (site.c.site == _terminals.c.site))
        .join(_attempts, (_attempts.c.rollout == _terminals.c.rollout) & (_attempts.c.terminal == _terminals.c.terminal))
        .outerjoin(binding, binding.c.terminal == _terminals.c.terminal)
        .outerjoin(terminal, terminal.c.id == _terminals.c.terminal)
        .where(*where, _attempts.c.errand.is_(None))
        .order_by(_terminals.c.terminal, _attempts.c.number)
    )
    with snapshot.connection.execute(query.execution_options(yield_per=1000)) as rows:
        for name, group in groupby(rows, key=lambda row: str(row.terminal)):
            attempts = list(group)
            last = attempts[-1]
            yield Showing(name, last.wave, SiteKind(last.kind), tuple(dict(row.facts) for row in attempts), _is_bound(last))


def _is_bound(row: Any) -> bool:
    shown = (row.key or {}).get("number", "")
    return (
        bool(shown)
        and row.set_aside_at is None
        and (shown, row.host_fingerprint, row.key_card) == (row.key_id, row.bound_host, row.bound_card)
    )


def causes_of_wave(snapshot: Snapshot, rollout: str, wave: int) -> dict[str, int]:
    """Cause -> terminals of a wave reached by SSH that stand failed, rolled back, unreachable or unknown for it."""
    query = select(_terminals.c.cause, func.count()).where(
        _terminals.c.rollout == rollout,
        _terminals.c.wave == wave,
        _terminals.c.reach == Reach.SSH.value,
        _terminals.c.state.in_([state.value for state in _BAD]),
    )
    return {str(cause): int(count) for cause, count in snapshot.connection.execute(query.group_by(_terminals.c.cause))}


def made_by_hand(snapshot: Snapshot, rollout: str, wave: int) -> int:
    """How many terminals of a wave people made by-hand after they had been pushed; what is left out is not among them.

    Where nobody decided so, the terminals are not looked at.
    """
    decision = tables.decision.c
    decided = select(decision.id).where(decision.rollout == rollout, decision.kind == DecisionKind.BY_HAND.value)
    if snapshot.connection.execute(decided.limit(1)).first() is None:
        return 0
    query = select(func.count()).where(
        _terminals.c.rollout == rollout,
        _terminals.c.wave == wave,
        _terminals.c.reach == Reach.BY_HAND.value,
        _terminals.c.attempts > 0,
        _terminals.c.state != TerminalState.EXCLUDED.value,
    )
    return int(snapshot.connection.execute(query).scalar_one())


def last_ended_at(snapshot: Snapshot, rollout: str, wave: int) -> datetime | None:
    """When the last push to a terminal of a wave ended; None where none was made."""
    query = (
        select(_terminals.c.updated_at)
        .where(
            _terminals.c.rollout == rollout,
            _terminals.c.wave == wave,
            _terminals.c.reach == Reach.SSH.value,
            _terminals.c.attempts > 0,
            _terminals.c.state.in_([state.value for state in ENDINGS]),
        )
        .order_by(_terminals.c.updated_at.desc())
        .limit(1)
    )
    return snapshot.connection.execute(query).scalar_one_or_none()
