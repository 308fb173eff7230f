from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from fleet.cutover import Bound, Pace, Sample, p95


def test_without_samples_the_most_that_a_push_may_take_counts() -> None:
    pace = Pace.of([], 600)

    assert pace.needs(["a"], 8) == timedelta(seconds=1200)
    assert not pace.push.is_measured


def test_enough_samples_count_for_their_program_and_the_others_for_the_rest() -> None:
    samples = [Sample("a", 10.0)] * 5 + [Sample("b", 40.0)] * 5 + [Sample("c", 1.0)]
    pace = Pace.of([*samples, *[Sample("a", 5.0, is_rollback=True)] * 5], 600)

    assert pace.needs(["a"], 8) == timedelta(seconds=15)
    assert pace.needs(["c"], 8) == timedelta(seconds=45)
    assert pace.needs(["a", "b"], 8) == timedelta(seconds=45)


def test_more_terminals_than_may_be_pushed_at_once_take_turns() -> None:
    pace = Pace(push=Bound(10, 9), rollback=Bound(5, 9))

    assert pace.needs(["a"] * 9, 4) == timedelta(seconds=45)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=200))
def test_of_a_hundred_at_most_five_take_longer_than_the_p95_and_it_was_observed(seconds: list[float]) -> None:
    bound = p95(seconds)

    assert bound in seconds
    assert sum(second > bound for second in seconds) * 100 <= 5 * len(seconds)
