from zoneinfo import ZoneInfo

from fleet.model.attempt import Cause
from fleet.model.windows import Entry, Scope, Windows
from tests.cutover.night import NIGHT, entry, shown, times


def test_a_site_open_around_the_clock_may_be_touched_while_the_suspension_lasts() -> None:
    assert shown(times(open_24h=True)) == ["04 18:00-05 06:00"]


def test_a_pharmacy_that_closes_at_night_can_be_reached_until_it_closes() -> None:
    assert shown(times(hours="08:00-22:00")) == ["04 18:00-04 22:00"]


def test_terminals_that_are_left_on_can_be_reached_after_closing_time() -> None:
    left_on = NIGHT.model_copy(update={"left_on": (entry("04T18:00", "05T06:00", "s1"),)})

    assert shown(times(left_on, "08:00-22:00")) == ["04 18:00-05 06:00"]
    assert shown(times(left_on, "08:00-22:00", site="s2")) == ["04 18:00-04 22:00"]


def test_where_nobody_knows_the_hours_a_site_is_tried_but_only_within_a_suspension() -> None:
    assert shown(times(hours="")) == ["04 18:00-05 06:00"]


def test_outside_a_suspension_a_site_is_touched_in_its_midday_break_and_never_while_it_is_open() -> None:
    weeks = NIGHT.model_copy(update={"windows": (entry("03T00:00", "05T06:00"),)})

    assert shown(times(weeks, "08:00-12:00 14:00-20:00")) == ["03 12:00-03 14:00", "04 12:00-04 14:00", "04 18:00-04 20:00"]


def test_a_long_pause_is_no_break_for_the_terminals_are_switched_off() -> None:
    weeks = NIGHT.model_copy(update={"windows": (entry("03T00:00", "04T12:00"),)})

    assert times(weeks, "08:00-12:00 16:00-20:00").spans == ()


def test_outside_a_suspension_a_closed_site_is_touched_where_its_terminals_are_left_on() -> None:
    windows = NIGHT.model_copy(update={"windows": (entry("03T00:00", "05T06:00"),), "left_on": (entry("03T00:00", "04T03:00"),)})

    assert shown(times(windows, "08:00-20:00")) == ["03 00:00-03 08:00", "03 20:00-04 03:00", "04 18:00-04 20:00"]


def test_a_site_that_is_closed_the_whole_suspension_is_named_as_that() -> None:
    assert times(hours="08:00-17:00").why_none is Cause.CLOSED_SITE


def test_a_site_that_no_suspension_is_for_and_that_never_closes_has_no_window() -> None:
    elsewhere = Windows(zone="Asia/Shanghai", suspensions=(entry("04T18:00", "05T06:00", "s2"),))

    assert times(elsewhere, open_24h=True).why_none is Cause.NO_WINDOW


def test_the_narrowest_entry_that_names_a_site_decides() -> None:
    city, county = (
        entry("04T18:00", "05T06:00", "s1", "s2", scope=Scope.DISTRICT),
        entry("04T20:00", "05T04:00", "s1", scope=Scope.DISTRICT, depth=1),
    )
    chosen, alone = entry("04T21:00", "05T03:00", "s1", "s3", scope=Scope.SELECT), entry("04T22:00", "05T02:00", "s1")
    plan = entry("04T12:00", "05T12:00")

    def of(*windows: Entry) -> list[str]:
        return shown(times(Windows(zone="Asia/Shanghai", suspensions=(plan,), windows=tuple(windows)), open_24h=True))

    assert of(plan, city, county, chosen, alone) == ["04 22:00-05 02:00"]
    assert of(plan, city, county, chosen) == ["04 21:00-05 03:00"]
    assert of(plan, city, county) == ["04 20:00-05 04:00"]
    assert of(plan, city) == ["04 18:00-05 06:00"]
    assert of(plan) == ["04 12:00-05 12:00"]


def test_two_windows_of_one_scope_both_hold() -> None:
    windows = NIGHT.model_copy(update={"windows": (entry("04T19:00", "04T20:00", "s1"), entry("04T23:00", "05T01:00", "s1"))})

    assert shown(times(windows, open_24h=True)) == ["04 19:00-04 20:00", "04 23:00-05 01:00"]


def test_every_blackout_holds_whoever_it_names() -> None:
    windows = NIGHT.model_copy(update={"blackouts": (entry("04T20:00", "04T21:00"), entry("05T00:00", "05T01:00", "s1"))})

    assert shown(times(windows, open_24h=True)) == ["04 18:00-04 20:00", "04 21:00-05 00:00", "05 01:00-05 06:00"]


def test_hours_over_midnight_reach_into_the_day_on_which_the_suspension_began() -> None:
    assert shown(times(hours="Fri 20:00-02:00")) == ["04 20:00-05 02:00"]


def test_a_site_is_rather_taken_for_open_when_the_clocks_are_set() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    from datetime import UTC, datetime

    from fleet.cutover import site_time
    from fleet.model.hours import parse_hours

    def closed(begin: datetime, end: datetime, hours: str) -> list[str]:
        whole = Entry(begins_at=begin.replace(tzinfo=berlin), ends_at=end.replace(tzinfo=berlin))
        windows = Windows(zone="Europe/Berlin", windows=(whole,), left_on=(whole,))
        return [
            f"{span.begin.astimezone(UTC):%H:%M}-{span.end.astimezone(UTC):%H:%M}"
            for span in site_time(windows, "s", parse_hours(hours), open_24h=False).spans
        ]

    back = closed(datetime(2026, 10, 25, 0, 0), datetime(2026, 10, 25, 6, 0), "02:15-02:45")  # noqa: DTZ001 - Berlin's
    ahead = closed(datetime(2026, 3, 29, 0, 0), datetime(2026, 3, 29, 6, 0), "01:00-02:30")  # noqa: DTZ001 - Berlin's

    assert back == ["22:00-00:15", "01:45-05:00"]  # open from the first 02:15 to the second 02:45
    assert ahead == ["23:00-00:00", "01:30-04:00"]  # 02:30 is not there that night: open until 03:30
