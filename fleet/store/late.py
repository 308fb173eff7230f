"""Who came late to a plan: kept by the writer, so that a view reads a few rows and never the fleet.

- The rows of a plan are replaced as a whole when the inventory is imported and when a rollout starts; an event vouches for the table.
- How far they are is never kept twice: it is read from the rollouts that serve them.
"""

from collections.abc import Iterable

from sqlalchemy import case, delete, func, insert, select

from fleet.model.attempt import PROVEN
from fleet.model.late import Late, LateCount, LateJoiner, LateRollout
from fleet.model.rollout import RolloutState
from fleet.store import tables
from fleet.store.database import Snapshot, Tx
from fleet.store.reads import tallies_by_wave
from fleet.store.rows import noun_of, row_of
from fleet.store.written import table_digest

_late = tables.late_joiner
_rollouts = tables.rollout
_sites = tables.site_progress
_terminals = tables.terminal_progress
_CHUNK = 5_000
_UNPLANNED, _OPEN, _DONE = 0, 1, 2


def note_late(tx: Tx, plan: str, joiners: Iterable[LateJoiner], rollout: str) -> None:
    """Keep who came late to a plan, in place of who was; `rollout` is what the event is about. Where nothing changed nothing is written."""
    new = sorted(joiners, key=lambda joiner: joiner.terminal)
    if new == late_joiners(tx, plan):
        return
    tx.connection.execute(delete(_late).where(_late.c.plan == plan))
    for start in range(0, len(new), _CHUNK):
        tx.connection.execute(insert(_late), [row_of(_late, joiner) for joiner in new[start : start + _CHUNK]])
    body = {"plan": plan, "terminals": len(new), "tables": {_late.name: table_digest(tx, _late)}}
    tx.event("late-joiners.noted", rollout, body)


def late_joiners(snapshot: Snapshot, plan: str) -> list[LateJoiner]:
    """Every terminal that came late to a plan, by id."""
    rows = snapshot.connection.execute(select(_late).where(_late.c.plan == plan).order_by(_late.c.terminal))
    return sorted((noun_of(LateJoiner, row) for row in rows), key=lambda joiner: joiner.terminal)


def served_late(snapshot: Snapshot, plan: str, but_of: str = "") -> dict[str, str]:
    """Terminal -> the newest rollout for the plan's late joiners that holds it; rollouts that carry out plan `but_of` left out."""
    query = (
        select(_terminals.c.terminal, _terminals.c.rollout)
        .join(_rollouts, _rollouts.c.id == _terminals.c.rollout)
        .where(_rollouts.c.late_of == plan, _rollouts.c.plan_digest != but_of)
        .order_by(_rollouts.c.number)
    )
    return {row.terminal: row.rollout for row in snapshot.connection.execute(query)}


def newest_rollout_of_plan(snapshot: Snapshot, plan: str) -> RolloutState | None:
    """The rollout of a plan that was started last; None where none was."""
    query = select(_rollouts).where(_rollouts.c.plan_digest == plan).order_by(_rollouts.c.number.desc()).limit(1)
    row = snapshot.connection.execute(query).first()
    return noun_of(RolloutState, row) if row else None


def read_late(snapshot: Snapshot, rollout: RolloutState) -> Late:
    """Who came late to the plan whose denominator this rollout has, or whose late joiners it serves; cheap, as long as few did."""
    plan = rollout.original
    first = newest_rollout_of_plan(snapshot, plan) if rollout.late_of else rollout
    original = first.id if first else ""
    planned = list(tallies_by_wave(snapshot, original).values())
    sites, terminals, at_planned = _sites_by_rollout(snapshot, plan), *_terminals_by_rollout(snapshot, plan)
    query = select(_rollouts.c.id, _rollouts.c.plan_digest).where(_rollouts.c.late_of == plan).order_by(_rollouts.c.number)
    return Late(
        original=original,
        planned_sites=sum(tally.sites.total for tally in planned),
        planned_done=sum(tally.done for tally in planned),
        planned_terminals=sum(tally.terminal_count for tally in planned),
        planned_proven=sum(tally.proven for tally in planned),
        sites=sum(sites.values(), LateCount()),
        terminals=sum(terminals.values(), LateCount()),
        at_planned_sites=at_planned,
        rollouts=tuple(
            LateRollout(row.id, row.plan_digest, sites.get(row.id, LateCount()), terminals.get(row.id, LateCount()))
            for row in snapshot.connection.execute(query)
        ),
    )


def _sites_by_rollout(snapshot: Snapshot, plan: str) -> dict[str | None, LateCount]:
    """Late sites, each once, as far as the least advanced of its late terminals: with the newest rollout that serves it, or None."""
    stands = func.min(case((_late.c.rollout.is_(None), _UNPLANNED), (_sites.c.done, _DONE), else_=_OPEN)).label("stands")
    each = (
        select(_late.c.site, stands, func.max(_rollouts.c.number).label("number"))
        .outerjoin(_rollouts, _rollouts.c.id == _late.c.rollout)
        .outerjoin(_sites, (_sites.c.rollout == _late.c.rollout) & (_sites.c.site == _late.c.site))
        .where(_late.c.plan == plan, _late.c.is_new_site)
        .group_by(_late.c.site)
        .subquery()
    )
    query = (
        select(_rollouts.c.id, each.c.stands, func.count().label("n"))
        .select_from(each)
        .outerjoin(_rollouts, _rollouts.c.number == each.c.number)
        .group_by(_rollouts.c.id, each.c.stands)
    )
    found: dict[str | None, LateCount] = {}
    for row in snapshot.connection.execute(query):
        serving = None if row.stands == _UNPLANNED else row.id
        found[serving] = found.get(serving, LateCount()) + _count(row.stands, row.n)
    return found


def _terminals_by_rollout(snapshot: Snapshot, plan: str) -> tuple[dict[str | None, LateCount], int]:
    """Late terminals by the rollout that serves them; and how many of them were added to sites of the plan."""
    proven = _terminals.c.state.in_([state.value for state in PROVEN])
    stands = case((_late.c.rollout.is_(None), _UNPLANNED), (proven, _DONE), else_=_OPEN).label("stands")
    query = (
        select(_late.c.rollout, _late.c.is_new_site, stands, func.count().label("n"))
        .outerjoin(_terminals, (_terminals.c.rollout == _late.c.rollout) & (_terminals.c.terminal == _late.c.terminal))
        .where(_late.c.plan == plan)
        .group_by(_late.c.rollout, _late.c.is_new_site, stands)
    )
    found: dict[str | None, LateCount] = {}
    at_planned = 0
    for row in snapshot.connection.execute(query):
        found[row.rollout] = found.get(row.rollout, LateCount()) + _count(row.stands, row.n)
        at_planned += 0 if row.is_new_site else row.n
    return found, at_planned


def _count(stands: int, n: int) -> LateCount:
    return LateCount(done=n if stands == _DONE else 0, open=n if stands == _OPEN else 0, unplanned=n if stands == _UNPLANNED else 0)
