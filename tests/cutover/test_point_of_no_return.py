from fleet.cutover import Bound, last_safe_rollback
from fleet.model.windows import Windows
from tests.cutover.night import NIGHT, at, entry

FIVE_MINUTES = Bound(300, 9)


def test_the_more_would_have_to_go_back_the_earlier_is_the_last_safe_rollback() -> None:
    clocks = [last_safe_rollback(NIGHT, at("05T00:00"), terminals, 10, FIVE_MINUTES) for terminals in (0, 1, 10, 11, 276)]

    assert [clock.last_safe_at for clock in clocks if clock] == [
        at("05T06:00"), at("05T05:55"), at("05T05:55"), at("05T05:50"), at("05T03:40"),
    ]  # fmt: skip


def test_past_it_is_only_within_the_suspension() -> None:
    clock = last_safe_rollback(NIGHT, at("05T00:00"), 276, 10, FIVE_MINUTES)

    assert clock is not None
    assert [clock.is_past(at(now)) for now in ("04T12:00", "05T03:40", "05T03:41", "05T06:00")] == [False, False, True, False]


def test_the_clock_is_of_the_suspension_that_comes_next_and_gone_after_the_last() -> None:
    two = Windows(zone="Asia/Shanghai", suspensions=(entry("04T18:00", "05T06:00"), entry("05T18:00", "06T06:00")))

    later = last_safe_rollback(two, at("05T12:00"), 1, 1, FIVE_MINUTES)

    assert later is not None
    assert later.ends_at == at("06T06:00")
    assert last_safe_rollback(two, at("06T06:00"), 1, 1, FIVE_MINUTES) is None
