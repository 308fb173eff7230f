"""Shards and the fence: what a worker writes is taken only while it holds the attempt it claimed."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Text, cast, insert, select, update

from fleet.model.rollout import Shard, ShardState
from fleet.store import tables
from fleet.store.database import Snapshot, Tx
from fleet.store.rows import noun_of

_shards = tables.shard
_COUNTED = [
    cast(column, Text).label(column.name) if column is _shards.c.limits else column for column in _shards.c if column is not _shards.c.sites
]
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Part:
    """Sites that are to make a shard."""

    district: str
    sites: Sequence[str]
    limits: Sequence[int] = ()
    """Limits that count them, all of them the same."""
    down: int = 0
    """How many of them are down, where they are under limits."""


def add_shards(tx: Tx, rollout: str, wave: int, parts: Iterable[Part]) -> None:
    """Plan shards of a wave."""
    rows = [
        {"rollout": rollout, "wave": wave, "district": part.district, "sites": list(part.sites), "state": ShardState.PLANNED.value}
        | {"attempt": 0, "grant_parallel": 0, "grant_failures": 0, "open": len(part.sites)}
        | {"limits": list(part.limits) or None, "down": part.down}
        for part in parts
    ]
    if rows:
        tx.connection.execute(insert(_shards), rows)


def read_shards(snapshot: Snapshot, rollout: str, wave: int) -> list[Shard]:
    """The shards of a wave, in the order they were planned."""
    query = select(_shards).where(_shards.c.rollout == rollout, _shards.c.wave == wave).order_by(_shards.c.id)
    return [noun_of(Shard, row) for row in snapshot.connection.execute(query)]


def open_shards(snapshot: Snapshot, rollout: str) -> list[Shard]:
    """The shards of every wave that have not ended, in the order they were planned."""
    query = select(_shards).where(_shards.c.rollout == rollout, _shards.c.state != ShardState.ENDED.value).order_by(_shards.c.id)
    return [noun_of(Shard, row) for row in snapshot.connection.execute(query)]


def opened_under_limits(snapshot: Snapshot, rollout: str, now: datetime) -> list[Shard]:
    """The shards under limits that waited for a window until now."""
    waited = (_shards.c.state == ShardState.PLANNED.value, _shards.c.opens_at <= now, _shards.c.limits.is_not(None))
    query = select(_shards).where(_shards.c.rollout == rollout, *waited).order_by(_shards.c.id)
    return [shard for row in snapshot.connection.execute(query) if (shard := noun_of(Shard, row)).limits]


def open_shards_without_sites(snapshot: Snapshot, rollout: str) -> list[Shard]:
    """As `open_shards`, but none says which sites are in it: for who asks after each result, and counts only."""
    query = select(*_COUNTED).where(_shards.c.rollout == rollout, _shards.c.state != ShardState.ENDED.value).order_by(_shards.c.id)
    return [_counted(tuple(row)) for row in snapshot.connection.execute(query)]


@lru_cache(maxsize=8192)
def _counted(values: tuple[Any, ...]) -> Shard:
    """Of hundreds of rows one or two are others than a moment ago; to make a noun of a row costs more than to read it."""
    found = dict(zip((column.name for column in _COUNTED), values, strict=True))
    return noun_of(Shard, found | {"limits": json.loads(found["limits"] or "null")}, sites=())


def sites_of(snapshot: Snapshot, wanted: Iterable[int]) -> dict[int, tuple[str, ...]]:
    """Shard -> the sites in it, which never change."""
    numbers, found = sorted(wanted), dict[int, tuple[str, ...]]()
    for start in range(0, len(numbers), _CHUNK):
        query = select(_shards.c.id, _shards.c.sites).where(_shards.c.id.in_(numbers[start : start + _CHUNK]))
        found |= {row.id: tuple(row.sites) for row in snapshot.connection.execute(query)}
    return found


def read_shard(snapshot: Snapshot, shard: int) -> Shard | None:
    """One shard, or None."""
    row = snapshot.connection.execute(select(_shards).where(_shards.c.id == shard)).first()
    return noun_of(Shard, row) if row else None


def dispatch(tx: Tx, shard: int) -> int:
    """Hand a planned shard out under a new attempt; returns the attempt."""
    tx.connection.execute(
        update(_shards)
        .where(_shards.c.id == shard)
        .values(state=ShardState.DISPATCHED.value, attempt=_shards.c.attempt + 1, owner=None, beat_at=tx.at)
    )
    return int(tx.connection.execute(select(_shards.c.attempt).where(_shards.c.id == shard)).scalar_one())


def set_grant(tx: Tx, shard: int, *, parallel: int, failures: int) -> None:
    """Change what a shard may have in flight, and how many failures it may spend; its next beat brings it there."""
    tx.connection.execute(update(_shards).where(_shards.c.id == shard).values(grant_parallel=parallel, grant_failures=failures))


def set_open(tx: Tx, shard: int, sites: int, down: int = 0) -> None:
    """How many sites a shard has still to do, and how many of them are down; the worker that holds it says so with each of its writes."""
    tx.connection.execute(update(_shards).where(_shards.c.id == shard).values(open=sites, down=down))


def claim(tx: Tx, shard: int, attempt: int, owner: str) -> bool:
    """Take a dispatched shard; False when somebody else did, or it was re-planned."""
    where = (_shards.c.id == shard, _shards.c.attempt == attempt, _shards.c.state == ShardState.DISPATCHED.value)
    values = {"state": ShardState.RUNNING.value, "owner": owner, "beat_at": tx.at}
    return tx.connection.execute(update(_shards).where(*where).values(values)).rowcount == 1


def beat(tx: Tx, shard: int, attempt: int) -> bool:
    """Say that the worker is alive; False when it no longer holds the shard and must write nothing more."""
    where = (_shards.c.id == shard, _shards.c.attempt == attempt, _shards.c.state == ShardState.RUNNING.value)
    return tx.connection.execute(update(_shards).where(*where).values(beat_at=tx.at)).rowcount == 1


def end(tx: Tx, shard: int, attempt: int) -> bool:
    """The worker is through with it; False when it no longer held it."""
    where = (_shards.c.id == shard, _shards.c.attempt == attempt, _shards.c.state == ShardState.RUNNING.value)
    return (
        tx.connection.execute(update(_shards).where(*where).values(state=ShardState.ENDED.value, owner=None, open=0, down=0)).rowcount == 1
    )


def drop(tx: Tx, shard: int) -> None:
    """End a shard that nobody has: nothing is left to do in it."""
    tx.connection.execute(update(_shards).where(_shards.c.id == shard).values(state=ShardState.ENDED.value, owner=None, open=0, down=0))


def put_back(tx: Tx, shard: int, opens_at: datetime | None = None) -> None:
    """Plan a shard again: its worker is gone, or there is more to do in it; nothing of that may begin before `opens_at`."""
    values: dict[str, Any] = {"state": ShardState.PLANNED.value, "owner": None, "beat_at": None, "grant_parallel": 0, "grant_failures": 0}
    values |= {"opens_at": opens_at}
    tx.connection.execute(update(_shards).where(_shards.c.id == shard).values(values))
