"""When a terminal is tried again by itself."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.model.again import AgainRule, Trouble
from fleet.model.attempt import Cause, trouble_of
from fleet.rollout import Tried, next_try
from fleet.rollout.again import wait_of

AT = datetime(2026, 3, 14, 22, 0, tzinfo=UTC)
LINK = AgainRule(on=(Trouble.LINK,), attempts=4, wait_s=60, factor=2, jitter=0.2, most_wait_s=200)


def tried(tries: int = 1, *, cause: Cause = Cause.NO_ANSWER, number: int = 1, since: datetime | None = None, name: str = "s1/t1") -> Tried:
    return Tried("r1", name, number, tries, cause, AT, since)


def test_a_wait_grows_by_its_factor_and_never_above_its_cap() -> None:
    plain = LINK.model_copy(update={"jitter": 0.0})

    waits = [wait_of(plain, tried(tries)).total_seconds() for tries in (1, 2, 3, 4)]

    assert waits == [60, 120, 200, 200]


@given(tries=st.integers(1, 50), number=st.integers(1, 10_000), jitter=st.floats(0, 1), factor=st.floats(1, 10))
def test_every_wait_is_within_its_jitter_and_its_cap(tries: int, number: int, jitter: float, factor: float) -> None:
    rule = LINK.model_copy(update={"jitter": jitter, "factor": factor})

    wait = wait_of(rule, tried(tries, number=number)).total_seconds()

    plain = min(200, 60 * factor ** (tries - 1))
    assert max(0, plain * (1 - jitter)) - 1e-3 <= wait <= min(200, plain * (1 + jitter)) + 1e-3


def test_terminals_that_fell_together_do_not_come_again_together() -> None:
    waits = {wait_of(LINK, tried(name=f"s{number}/t1")) for number in range(100)}

    assert len(waits) == 100
    assert max(waits) - min(waits) > timedelta(seconds=15)


def test_the_same_attempt_always_waits_the_same() -> None:
    assert wait_of(LINK, tried(2, number=7)) == wait_of(LINK, tried(2, number=7))


def test_the_last_push_its_rule_allows_is_a_person_s_turn() -> None:
    due = [next_try([LINK], tried(tries), None) is not None for tries in (1, 2, 3, 4, 5)]

    assert due == [True, True, True, False, False]


@pytest.mark.parametrize("cause", [cause for cause in Cause if trouble_of(cause) is None])
def test_a_cause_that_does_not_pass_by_itself_is_never_tried_again(cause: Cause) -> None:
    everything = AgainRule(on=tuple(Trouble), attempts=50)

    assert next_try([everything], tried(cause=cause), None) is None


def test_a_trouble_that_no_rule_names_is_a_person_s_turn() -> None:
    assert next_try([LINK], tried(cause=Cause.COMMAND_FAILED), None) is None
    assert next_try([], tried(), None) is None


def test_the_first_rule_that_names_a_trouble_counts() -> None:
    once = AgainRule(on=(Trouble.LINK,), attempts=2, wait_s=1, jitter=0)

    assert next_try([once, LINK], tried(), None) == AT + timedelta(seconds=1)
    assert next_try([once, LINK], tried(2), None) is None


def test_what_has_been_unreachable_for_long_is_a_technician_s_job() -> None:
    slow = LINK.model_copy(update={"wait_s": 3600.0, "most_wait_s": 3600.0, "jitter": 0.0})

    assert next_try([slow], tried(since=AT), 1.5) == AT + timedelta(hours=1)
    assert next_try([slow], tried(2, since=AT - timedelta(hours=1)), 1.5) is None
    assert next_try([slow], tried(2, since=None), 1.5) is not None
