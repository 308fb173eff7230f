"""The buckets: never more than the rates allow, never nobody's turn; on a clock that stands still until told."""

from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.model.purpose import LEAST_RATE, Limits
from fleet.push.throttle import UNLIMITED, Throttle, Turn

PIECE = 32 * 1024
TINY = 1e-6
rates = st.integers(min_value=LEAST_RATE, max_value=10**8)


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Push:
    """A push that sends as fast as it is let."""

    site: str
    turn: Turn
    left: int
    wakes_at: float = 0.0
    sent: list[tuple[float, int]] = field(default_factory=list)

    def ask(self, now: float) -> None:
        count = min(self.left, self.turn.most, PIECE)
        wait = self.turn.ask(count)
        self.wakes_at = now + wait
        if not wait:
            self.sent.append((now, count))
            self.left -= count


def run(clock: Clock, pushes: list[Push], *, late: list[float] | None = None) -> None:
    """Until all is sent; who wakes up may be late."""
    delays = iter(late or [])
    for _ in range(200_000):
        waiting = [push for push in pushes if push.left]
        if not waiting:
            return
        first = min(waiting, key=lambda push: push.wakes_at)
        clock.now = max(clock.now, first.wakes_at + TINY) + next(delays, 0.0)
        first.ask(clock.now)
    pytest.fail("somebody starves")


def most_in_any_window(sent: list[tuple[float, int]], rate: int) -> float:
    """The most that was ever sent beyond rate times the window's length, over all windows: the burst it had."""
    sent = sorted(sent)
    best = excess = 0.0
    last = sent[0][0]
    for at, count in sent:
        excess = max(0.0, excess - rate * (at - last)) + count
        best, last = max(best, excess), at
    return best


@given(
    site_rate=st.none() | rates,
    total_rate=st.none() | rates,
    sizes=st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 400_000)), min_size=1, max_size=8),
    late=st.lists(st.floats(0, 3), max_size=40),
)
def test_no_window_holds_more_than_the_rate_and_one_burst_and_everybody_gets_through(
    site_rate: int | None, total_rate: int | None, sizes: list[tuple[str, int]], late: list[float]
) -> None:
    if site_rate is None and total_rate is None:
        site_rate = LEAST_RATE
    clock = Clock()
    throttle = Throttle(Limits(site_rate=site_rate, total_rate=total_rate), clock)
    pushes = [Push(site, throttle.turn(site), min(size, 200 * throttle.turn(site).most)) for site, size in sizes]

    run(clock, pushes, late=late)

    assert all(push.left == 0 for push in pushes)
    for site in {push.site for push in pushes} if site_rate else ():
        sent = [one for push in pushes if push.site == site for one in push.sent]
        burst = throttle.turn(site).buckets[0].burst
        assert most_in_any_window(sent, site_rate or 1) <= burst + 1
    if total_rate:
        burst = throttle.turn("a").buckets[-1].burst
        assert most_in_any_window([one for push in pushes for one in push.sent], total_rate) <= burst + 1


def test_who_is_not_first_does_not_ask_without_a_pause() -> None:
    throttle = Throttle(Limits(site_rate=10**8, total_rate=LEAST_RATE), Clock())
    first, second = throttle.turn("a"), throttle.turn("a")
    assert first.ask(first.most) == 0
    assert first.ask(first.most) > 0

    assert second.ask(1) >= 0.01


@given(rate=rates, count=st.integers(2, 6))
def test_pushes_of_one_site_take_turns(rate: int, count: int) -> None:
    clock = Clock()
    throttle = Throttle(Limits(site_rate=rate), clock)
    pushes = [Push("a", throttle.turn("a"), 20 * throttle.turn("a").most) for _ in range(count)]

    run(clock, pushes)

    ends = [push.sent[-1][0] for push in pushes]
    assert max(ends) - min(ends) <= count * pushes[0].turn.most / rate + count * 0.25 + 0.01


def test_a_site_that_waits_for_its_own_line_holds_up_no_other() -> None:
    clock = Clock()
    throttle = Throttle(Limits(site_rate=LEAST_RATE, total_rate=10**6), clock)
    slow, other = throttle.turn("slow"), throttle.turn("other")
    assert slow.ask(slow.most) == 0
    assert slow.ask(slow.most) > 0

    assert other.ask(other.most) == 0


def test_who_gives_up_waiting_makes_way_for_the_next() -> None:
    clock = Clock()
    throttle = Throttle(Limits(total_rate=LEAST_RATE), clock)
    first, second, third = (throttle.turn(name) for name in "abc")
    assert first.ask(first.most) == 0
    waits = second.ask(second.most)
    clock.now = waits + TINY
    assert third.ask(third.most) > 0

    second.leave()

    assert third.ask(third.most) == 0


def test_a_bucket_that_was_left_alone_grants_one_burst_and_no_more() -> None:
    clock = Clock()
    throttle = Throttle(Limits(total_rate=10**6), clock)
    turn = throttle.turn("a")
    clock.now = 86_400.0

    assert turn.ask(turn.most) == 0
    assert turn.ask(turn.most) > 0


def test_without_limits_nobody_waits() -> None:
    turn = UNLIMITED.turn("a")

    assert turn.most == 0
    assert all(turn.ask(count) == 0 for count in (1, PIECE, 10**12))


@pytest.mark.parametrize("rate", [LEAST_RATE, 62_500, 250_000, 12_500_000, 10**9])
def test_a_burst_is_a_moment_of_the_line_and_never_below_a_packet(rate: int) -> None:
    most = Throttle(Limits(site_rate=rate)).turn("a").most

    assert 2048 <= most <= 65_536
    assert most <= max(2048, rate * 0.25)


def test_a_push_has_at_least_its_share_of_both_rates() -> None:
    limits = Limits(site_rate=50_000, total_rate=200_000)
    clock = Clock()
    throttle = Throttle(limits, clock)
    size, sites, each = 300_000, 4, 3
    pushes = [Push(f"s{number % sites}", throttle.turn(f"s{number % sites}"), size) for number in range(sites * each)]

    run(clock, pushes)

    longest = max(push.sent[-1][0] for push in pushes)
    assert longest <= limits.sending_s(size, at_once=sites * each, at_site=each)
    assert all(later >= earlier for push in pushes for (earlier, _), (later, _) in pairwise(push.sent))
