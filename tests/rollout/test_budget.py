"""How what is left of a budget is shared out among districts and their shards."""

from hypothesis import given
from hypothesis import strategies as st

from fleet.model.rollout import Shard, ShardState
from fleet.rollout import Dispatch, Grant
from fleet.rollout.budget import evenly, share_out

_PARTS = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=6)


def shard(number: int, district: str, *, sites: int = 50, granted: int = 0) -> Shard:
    return Shard(
        id=number,
        rollout="r1",
        wave=1,
        district=district,
        sites=tuple(f"s{place}" for place in range(sites)),
        state=ShardState.RUNNING if granted else ShardState.PLANNED,
        grant_parallel=granted,
        grant_failures=granted,
        open=sites,
    )


def test_every_district_has_sites_in_flight_from_the_beginning() -> None:
    waiting = [shard(1, "east"), shard(2, "east"), shard(3, "south"), shard(4, "west")]

    orders = list(share_out(90, 32, [], waiting))

    assert orders == [Dispatch(1, 11, 30), Dispatch(3, 11, 30), Dispatch(4, 10, 30)]


def test_what_a_district_cannot_use_goes_to_the_others() -> None:
    waiting = [shard(1, "east", sites=2), shard(2, "south"), shard(3, "west")]

    orders = list(share_out(90, 32, [], waiting))

    assert orders == [Dispatch(1, 2, 2), Dispatch(2, 15, 44), Dispatch(3, 15, 44)]


def test_a_district_that_has_less_gets_what_comes_free_first() -> None:
    out, waiting = [shard(1, "east", granted=20)], [shard(2, "west")]

    orders = list(share_out(90, 12, out, waiting))

    assert orders == [Grant(1, 20, 45), Dispatch(2, 12, 45)]


def test_a_budget_smaller_than_the_districts_goes_to_the_first() -> None:
    waiting = [shard(1, "east"), shard(2, "south"), shard(3, "west")]

    assert list(share_out(2, 32, [], waiting)) == [Dispatch(1, 1, 1), Dispatch(2, 1, 1)]


@given(st.integers(-3, 100), _PARTS)
def test_what_is_shared_out_evenly_is_all_of_it_and_lifts_the_lowest(amount: int, parts: list[tuple[int, int]]) -> None:
    more = evenly(amount, parts)

    assert sum(more) == max(0, min(amount, sum(room for _has, room in parts)))
    assert all(0 <= extra <= room for extra, (_has, room) in zip(more, parts, strict=True))
    stands = [has + extra for extra, (has, _room) in zip(more, parts, strict=True)]
    hungry = [stand for stand, extra, (_has, room) in zip(stands, more, parts, strict=True) if extra < room]
    fed = [stand for stand, extra in zip(stands, more, strict=True) if extra]
    assert not hungry or not fed or max(fed) <= min(hungry) + 1
