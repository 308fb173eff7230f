from itertools import pairwise

import pytest

from fleet.errors import InputError
from fleet.model.hours import DAY, WEEK, parse_hours


def week(text: str) -> list[tuple[int, int]]:
    hours = parse_hours(text)
    assert hours is not None
    return list(hours.open)


def test_hours_without_days_hold_on_every_day() -> None:
    assert week("08:00-20:00") == [(day * DAY + 480, day * DAY + 1200) for day in range(7)]


def test_a_break_makes_two_spans_of_a_day() -> None:
    assert week("08:00-12:00 14:00-20:00")[:2] == [(480, 720), (840, 1200)]


def test_days_that_are_not_named_are_closed() -> None:
    assert week("Mon-Fri 08:00-17:30; Sat 09:00-12:00")[-2:] == [(4 * DAY + 480, 4 * DAY + 1050), (5 * DAY + 540, 5 * DAY + 720)]


def test_chinese_days_and_full_width_forms_mean_the_same() -> None:
    assert week("周一至周五 08:00-17:30；周六、周日 09:00-12:00") == week("Mon-Fri 08:00-17:30; Sat,Sun 09:00-12:00")
    assert week("星期一 ０８：００－１２：００") == week("mon 08:00-12:00")


def test_a_span_over_midnight_ends_on_the_next_day() -> None:
    assert week("Sun 20:00-02:00") == [(6 * DAY + 1200, 7 * DAY + 120)]


def test_days_may_run_over_the_end_of_the_week() -> None:
    assert [begin // DAY for begin, _end in week("Sat-Mon 10:00-11:00")] == [0, 5, 6]


def test_around_the_clock_has_no_gap() -> None:
    spans = week("00:00-24:00")

    assert spans[0][0] == 0
    assert spans[-1][1] == WEEK
    assert all(end == begin for (_, end), (begin, _) in pairwise(spans))


def test_an_empty_text_means_that_nobody_knows() -> None:
    assert parse_hours("") is None
    assert parse_hours("  ") is None


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("8-17", "`8-17` is no span of time"),
        ("8:00-17:00", "`8:00-17:00` is no span of time"),
        ("08:00-25:00", "`08:00-25:00` holds a time that is none"),
        ("24:00-08:00", "`24:00-08:00` holds a time that is none"),
        ("08:60-09:00", "`08:60-09:00` holds a time that is none"),
        ("08:00-08:00", "`08:00-08:00` ends when it begins; around the clock is `00:00-24:00`"),
        ("08:00-12:00 11:00-14:00", "two of its spans overlap, those from 08:00 and 11:00"),
        ("20:00-09:00 08:00-19:00", "two of its spans overlap, those from 20:00 and 08:00"),
        ("Mon", "no hours follow `mon`"),
        ("Mon Tue 08:00-09:00", "no hours follow the days before `tue`"),
        ("08:00-09:00 Mon 10:00-11:00", "some hours stand before the first day"),
        ("Mon-Wed 08:00-09:00 Wed 10:00-11:00", "`wed` names a day that has its hours already"),
        ("Mon,Mon 08:00-09:00", "`mon,mon` names a day twice"),
        ("Mon-Tue-Wed 08:00-09:00", "`mon-tue-wed` names no days of the week"),
        ("daily 08:00-09:00", "`daily` names no days of the week"),
    ],
)
def test_hours_that_make_no_sense_are_refused_with_what_is_wrong(text: str, what: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_hours(text)

    assert str(refused.value.what) == what
    assert refused.value.hint is not None
