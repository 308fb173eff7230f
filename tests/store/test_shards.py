"""The fence: only who holds the attempt may write."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from fleet.model.actor import FLEET
from fleet.model.rollout import Shard, ShardState
from fleet.store import Store, Tx, shards

NOW = datetime(2026, 3, 14, 14, 0, tzinfo=UTC)


@pytest.fixture
def shard(store: Store) -> int:
    """A shard that was handed out once, under attempt 1."""
    with store.write(FLEET, NOW) as tx:
        shards.add_shards(tx, "r1", 1, [shards.Part("qingwan", ["h1", "p1"])])
        (planned,) = shards.read_shards(tx, "r1", 1)
        assert shards.dispatch(tx, planned.id) == 1
    return planned.id


def read(store: Store, shard: int) -> Shard:
    with store.read() as snapshot:
        found = shards.read_shard(snapshot, shard)
    assert found is not None
    return found


def test_one_of_many_who_claim_gets_the_shard(store: Store, shard: int) -> None:
    def claim(owner: str) -> bool:
        with store.write(FLEET, NOW) as tx:
            return shards.claim(tx, shard, 1, owner)

    with ThreadPoolExecutor(4) as pool:
        owners = [f"w{n}" for n in range(8)]
        won = [owner for owner, got in zip(owners, pool.map(claim, owners), strict=True) if got]

    assert len(won) == 1
    assert read(store, shard).owner == won[0]


@pytest.mark.parametrize("write", [shards.beat, shards.end])
def test_a_worker_whose_shard_was_handed_out_anew_writes_nothing_more(
    store: Store, shard: int, write: Callable[[Tx, int, int], bool]
) -> None:
    with store.write(FLEET, NOW) as tx:
        assert shards.claim(tx, shard, 1, "old")
        shards.put_back(tx, shard)
        assert shards.dispatch(tx, shard) == 2
        assert shards.claim(tx, shard, 2, "new")
    with store.write(FLEET, NOW) as tx:
        late, present = write(tx, shard, 1), write(tx, shard, 2)

    assert (late, present) == (False, True)


def test_a_shard_that_was_put_back_cannot_be_claimed_until_it_is_handed_out(store: Store, shard: int) -> None:
    with store.write(FLEET, NOW) as tx:
        shards.put_back(tx, shard)

        assert not shards.claim(tx, shard, 1, "w")
        assert shards.read_shard(tx, shard) == Shard(
            id=shard, rollout="r1", wave=1, district="qingwan", sites=("h1", "p1"), attempt=1, open=2
        )


def test_a_beat_carries_its_time(store: Store, shard: int) -> None:
    later = NOW + timedelta(seconds=10)
    with store.write(FLEET, NOW) as tx:
        shards.claim(tx, shard, 1, "w")
    with store.write(FLEET, later) as tx:
        shards.beat(tx, shard, 1)

    assert read(store, shard).beat_at == later


def test_a_shard_that_ended_is_done_with(store: Store, shard: int) -> None:
    with store.write(FLEET, NOW) as tx:
        shards.claim(tx, shard, 1, "w")
        shards.set_grant(tx, shard, parallel=2, failures=1)
        assert shards.end(tx, shard, 1)
        assert not shards.end(tx, shard, 1)
    with store.read() as snapshot:
        still_open = shards.open_shards(snapshot, "r1")

    assert (read(store, shard).state, read(store, shard).open) == (ShardState.ENDED, 0)
    assert still_open == []
