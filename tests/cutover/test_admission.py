from datetime import timedelta

from fleet.cutover import Begin, Over, Wait, admit
from fleet.cutover.admission import RECHECK
from fleet.model.attempt import Cause
from tests.cutover.night import NIGHT, at, entry, times

NEEDS = timedelta(minutes=30)


def test_a_push_begins_while_it_can_finish_and_go_back_before_the_window_closes() -> None:
    assert admit(times(open_24h=True), at("05T05:30"), NEEDS) == Begin(at("05T05:30"))


def test_a_push_that_could_not_go_back_in_time_is_not_begun() -> None:
    assert admit(times(open_24h=True), at("05T05:31"), NEEDS) == Wait(at("05T05:31") + RECHECK, Cause.CANNOT_FINISH)


def test_what_is_short_of_time_is_asked_again_for_the_pace_may_have_improved() -> None:
    again = admit(times(open_24h=True), at("05T05:31"), timedelta(minutes=10))

    assert again == Begin(at("05T05:50"))


def test_before_the_window_it_waits_until_it_opens() -> None:
    assert admit(times(open_24h=True), at("04T12:00"), NEEDS) == Wait(at("04T18:00"), Cause.WINDOW_NOT_OPEN)


def test_between_two_windows_it_waits_for_the_next() -> None:
    two = NIGHT.model_copy(update={"windows": (entry("04T19:00", "04T20:00"), entry("04T23:00", "05T01:00"))})

    assert admit(times(two, open_24h=True), at("04T20:00"), NEEDS) == Wait(at("04T23:00"), Cause.WINDOW_NOT_OPEN)


def test_after_the_last_window_it_is_over() -> None:
    assert admit(times(open_24h=True), at("05T06:00"), NEEDS) == Over(Cause.WINDOW_CLOSED)


def test_where_no_window_was_ever_long_enough_that_is_said() -> None:
    assert admit(times(open_24h=True), at("05T06:00"), timedelta(hours=13)) == Over(Cause.CANNOT_FINISH)


def test_a_site_that_was_closed_all_the_time_is_over_at_once() -> None:
    assert admit(times(hours="08:00-17:00"), at("04T12:00"), NEEDS) == Over(Cause.CLOSED_SITE)


def test_a_wait_never_lasts_beyond_the_window() -> None:
    assert admit(times(open_24h=True), at("05T05:59:45"), NEEDS) == Wait(at("05T06:00"), Cause.CANNOT_FINISH)
