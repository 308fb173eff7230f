"""Rollouts: their position, people's decisions, and the terminals and sites they work on."""

from collections import Counter
from typing import Any

from sqlalchemy import Table, func, insert, select, update

from fleet.model.attempt import TerminalState
from fleet.model.inventory import Fleet, Reach
from fleet.model.plan import Plan
from fleet.model.rollout import Decision, DecisionKind, RolloutPhase, RolloutState, SiteState
from fleet.store import tables
from fleet.store.caps import down_before, down_places, limits_text
from fleet.store.database import Snapshot, Tx
from fleet.store.rows import noun_of, row_of
from fleet.store.written import Key, rows_written

_CHUNK = 5_000
_LONGEST_REASON = 400


def create_rollout(tx: Tx, state: RolloutState, plan: Plan, fleet: Fleet) -> None:
    """Record a new rollout: its position, and every terminal and site of its plan as not started."""
    number = tx.connection.execute(select(func.coalesce(func.max(tables.rollout.c.number), 0))).scalar_one() + 1
    tx.connection.execute(
        insert(tables.rollout).values(
            row_of(tables.rollout, state, number=number, done_when=[part.value for part in plan.playbook.done_when])
        )
    )
    seq = tx.next_seq
    terminals: list[dict[str, Any]] = []
    sites: list[dict[str, Any]] = []
    counts: Counter[tuple[str, int, str, str, str]] = Counter()
    has_limits = bool(plan.limits) and state.only is None
    down = down_before(tx, plan.program_of) if has_limits else frozenset[str]()
    for wave in plan.waves:
        for planned in wave.sites:
            site = fleet.sites[planned.code]
            by_hand = all(terminal.reach is Reach.BY_HAND for terminal in planned.terminals)
            site_state = SiteState.WAITING_BY_HAND if by_hand else SiteState.NOT_STARTED
            limits = limits_text(planned.limits) if has_limits else None
            is_down = any(terminal.id in down for terminal in planned.terminals)
            place = {"wave": wave.number, "district": site.district, "rollout": state.id, "seq": seq, "cause": "none"}
            sites.append(
                place
                | {"site": site.code, "kind": site.kind.value, "terminals": len(planned.terminals), "proven": 0}
                | {"state": site_state.value, "claimed": False, "done": False, "done_at": None, "updated_at": None}
                | {"limits": limits, "down": is_down or None}
            )
            terminals.extend(
                place
                | {"terminal": terminal.id, "site": site.code, "reach": terminal.reach.value}
                | {"state": "not-started", "step": "", "detail": "", "attempts": 0, "updated_at": None}
                | {"down": terminal.id in down or None}
                for terminal in planned.terminals
            )
            counts["site", wave.number, site.district, site.kind.value, site_state.value] += 1
            counts.update(down_places(limits) if is_down else ())
            for terminal in planned.terminals:
                counts[terminal.reach.value, wave.number, site.district, site.kind.value, "not-started"] += 1
    for table, rows in ((tables.terminal_progress, terminals), (tables.site_progress, sites)):
        for start in range(0, len(rows), _CHUNK):
            tx.connection.execute(insert(table), rows[start : start + _CHUNK])
    tx.connection.execute(
        insert(tables.tally),
        [
            {"rollout": state.id, "unit": unit, "wave": wave_number, "district": district, "kind": kind, "state": in_state, "n": n}
            for (unit, wave_number, district, kind, in_state), n in counts.items()
        ],
    )
    keys: dict[Table, list[Key]] = {
        tables.rollout: [(state.id,)],
        tables.site_progress: [(state.id, row["site"]) for row in sites],
        tables.terminal_progress: [(state.id, row["terminal"]) for row in terminals],
    }
    body = {"plan": plan.digest, "release": plan.release, "sites": len(plan.wave_of)}
    body |= {
        name: value
        for name, value in state.model_dump(mode="json", include={"only", "site_rate", "total_rate", "late_of"}).items()
        if value
    }
    tx.event("rollout.started", state.id, body | rows_written(tx, keys))


def read_rollout(snapshot: Snapshot, rollout: str) -> RolloutState | None:
    """The position of one rollout, or None."""
    row = snapshot.connection.execute(select(tables.rollout).where(tables.rollout.c.id == rollout)).first()
    return noun_of(RolloutState, row) if row else None


def newest_rollout(snapshot: Snapshot) -> RolloutState | None:
    """The rollout that was started last, finished or not; None before the first."""
    row = snapshot.connection.execute(select(tables.rollout).order_by(tables.rollout.c.number.desc()).limit(1)).first()
    return noun_of(RolloutState, row) if row else None


def newest_rollout_of_site(snapshot: Snapshot, site: str) -> RolloutState | None:
    """The rollout started last of those that hold the site; None where none does."""
    holds = tables.site_progress.c
    query = select(tables.rollout).join(tables.site_progress, holds.rollout == tables.rollout.c.id).where(holds.site == site)
    row = snapshot.connection.execute(query.order_by(tables.rollout.c.number.desc()).limit(1)).first()
    return noun_of(RolloutState, row) if row else None


def rollout_ids(snapshot: Snapshot) -> list[str]:
    """Every rollout there was, oldest first."""
    return list(snapshot.connection.execute(select(tables.rollout.c.id).order_by(tables.rollout.c.number)).scalars())


def rollout_number(snapshot: Snapshot) -> int:
    """How many rollouts were ever started here."""
    return snapshot.connection.execute(select(func.count()).select_from(tables.rollout)).scalar_one()


def unfinished_rollouts(snapshot: Snapshot) -> list[RolloutState]:
    """Every rollout that is neither finished nor stopped, oldest first."""
    ended = (RolloutPhase.FINISHED.value, RolloutPhase.STOPPED.value)
    query = select(tables.rollout).where(tables.rollout.c.phase.not_in(ended)).order_by(tables.rollout.c.number)
    return [noun_of(RolloutState, row) for row in snapshot.connection.execute(query)]


def save_rollout(tx: Tx, state: RolloutState) -> None:
    """Store a rollout's new position, with its event; call it only when the position did change."""
    values = row_of(tables.rollout, state)
    tx.connection.execute(update(tables.rollout).where(tables.rollout.c.id == state.id).values(values))
    tx.event("rollout.saved", state.id, rows_written(tx, {tables.rollout: [(state.id,)]}))


def add_decision(tx: Tx, decision: Decision) -> int:
    """Record what a person decided, with its event; returns the decision's id."""
    values = row_of(tables.decision, decision)
    del values["id"]
    identity = tx.connection.execute(insert(tables.decision).values(values)).inserted_primary_key
    assert identity is not None
    body = {"wave": decision.wave, "terminals": list(decision.terminals)}
    told = {name: value for name, value in body.items() if value} | rows_written(tx, {tables.decision: [tuple(identity)]})
    tx.event(f"rollout.{_PAST[decision.kind.value]}", decision.rollout, told)
    return int(identity[0])


def refuse_decision(tx: Tx, decision: Decision, reason: str) -> None:
    """Keep with a decision why it was not taken in, with its event."""
    row = tables.decision.c
    tx.connection.execute(update(tables.decision).where(row.id == decision.id).values(refused=reason[:_LONGEST_REASON]))
    told = {"decision": decision.id, "kind": decision.kind.value, "by": decision.actor}
    tx.event("decision.refused", decision.rollout, told | rows_written(tx, {tables.decision: [(decision.id,)]}))


def refused_decisions(snapshot: Snapshot, rollout: str) -> list[Decision]:
    """Decisions about a rollout that were not taken in, oldest first."""
    row = tables.decision.c
    query = select(tables.decision).where(row.rollout == rollout, row.refused.is_not(None)).order_by(row.id)
    return [noun_of(Decision, found) for found in snapshot.connection.execute(query)]


def exclusions(snapshot: Snapshot, rollout: str) -> dict[str, Decision]:
    """Terminal -> the decision that left it out of the rollout."""
    decisions = decisions_after(snapshot, rollout, 0)
    return {terminal: decision for decision in decisions if decision.kind is DecisionKind.EXCLUDE for terminal in decision.terminals}


def made_by_hand(snapshot: Snapshot, rollout: str) -> dict[str, Decision]:
    """Terminal -> the decision that it is done by hand, although it was to be pushed."""
    decisions = decisions_after(snapshot, rollout, 0)
    return {terminal: decision for decision in decisions if decision.kind is DecisionKind.BY_HAND for terminal in decision.terminals}


def rollbacks(snapshot: Snapshot, rollout: str) -> dict[str, Decision]:
    """Terminal -> the last decision to roll it back."""
    decisions = decisions_after(snapshot, rollout, 0)
    return {terminal: decision for decision in decisions if decision.kind is DecisionKind.ROLLBACK for terminal in decision.terminals}


def decisions_after(snapshot: Snapshot, rollout: str, seen: int) -> list[Decision]:
    """Decisions about a rollout that came after decision `seen`, oldest first."""
    query = select(tables.decision).where(tables.decision.c.rollout == rollout, tables.decision.c.id > seen).order_by(tables.decision.c.id)
    return [noun_of(Decision, row) for row in snapshot.connection.execute(query)]


def terminals_of_rollout(snapshot: Snapshot, rollout: str) -> list[str]:
    """Ids of every terminal a rollout holds and has not excluded."""
    progress = tables.terminal_progress
    query = select(progress.c.terminal).where(progress.c.rollout == rollout, progress.c.state != TerminalState.EXCLUDED.value)
    return [row.terminal for row in snapshot.connection.execute(query.order_by(progress.c.terminal))]


_PAST = {
    "approve": "approved",
    "pause": "paused",
    "resume": "resumed",
    "stop": "stopped",
    "retry": "retried",
    "exclude": "excluded",
    "rollback": "rolled-back",
    "go-past": "went-past",
    "by-hand": "made-by-hand",
}
