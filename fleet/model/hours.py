"""Opening hours as a site's row writes them, and what they say: on which days of the week it serves people from when to when.

    08:00-20:00                              every day
    08:00-12:00 14:00-20:00                  with a break
    Mon-Fri 08:00-17:30; Sat,Sun 09:00-12:00 days that are not named are closed
    20:00-02:00                              over midnight: it ends on the next day

- Strict: what cannot be meant is refused with what is wrong, and nothing is guessed.
- Chinese weekdays and full-width forms are the same: `周一至周五 08:00-17:30；周六、周日 09:00-12:00`.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from fleet.errors import InputError
from fleet.text import N_, Message

DAY = 24 * 60
"""Minutes."""
WEEK = 7 * DAY
_SPAN = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")
_DAYS = {
    name: number
    for number, names in enumerate(
        (
            ("mon", "monday", "周一", "星期一"),
            ("tue", "tuesday", "周二", "星期二"),
            ("wed", "wednesday", "周三", "星期三"),
            ("thu", "thursday", "周四", "星期四"),
            ("fri", "friday", "周五", "星期五"),
            ("sat", "saturday", "周六", "星期六"),
            ("sun", "sunday", "周日", "周天", "星期日", "星期天"),
        )
    )
    for name in names
}
_HINT = N_("write `08:00-12:00 14:00-20:00` or `Mon-Fri 08:00-17:30; Sat 09:00-12:00`; leave it empty when unknown")


@dataclass(frozen=True, slots=True)
class Hours:
    """One week: minutes from Monday 00:00, in order, without overlaps; the last may run over into Monday."""

    open: tuple[tuple[int, int], ...]
    """(from, until) each; `from` in [0, WEEK), `until` beyond `from` by a day at most."""


@lru_cache(maxsize=4096)
def parse_hours(text: str) -> Hours | None:
    """What opening hours say; None where the text is empty, which means that nobody knows.

    Raises:
        InputError: They make no sense; the message says what is wrong.
    """
    words = unicodedata.normalize("NFKC", text).lower().replace("、", ",").replace(";", " ").split()
    if not words:
        return None
    spans: list[tuple[int, int]] = []
    days, named, pending = tuple(range(7)), set[int](), False
    for word in words:
        if (found := _SPAN.fullmatch(word)) is not None:
            if not named:
                days = tuple(range(7))
            spans += _span(found, days)
            pending = False
            continue
        if word[0].isdigit():
            raise _error(N_("`{word}` is no span of time", word=word))
        if pending:
            raise _error(N_("no hours follow the days before `{word}`", word=word))
        if spans and not named:
            raise _error(N_("some hours stand before the first day"))
        days = _days(word)
        if named.intersection(days):
            raise _error(N_("`{word}` names a day that has its hours already", word=word))
        named.update(days)
        pending = True
    if pending:
        raise _error(N_("no hours follow `{word}`", word=words[-1]))
    return Hours(_without_overlaps(spans))


def hours_of(text: str) -> Hours | None:
    """As `parse_hours`; hours that make no sense, as an inventory from before may hold some, are taken for unknown ones."""
    try:
        return parse_hours(text)
    except InputError:
        return None


def _span(found: re.Match[str], days: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    hour, minute, last_hour, last_minute = map(int, found.groups())
    begin, end = hour * 60 + minute, last_hour * 60 + last_minute
    if minute > 59 or last_minute > 59 or begin >= DAY or end > DAY:
        raise _error(N_("`{word}` holds a time that is none", word=found.group()))
    if begin == end:
        raise _error(N_("`{word}` ends when it begins; around the clock is `00:00-24:00`", word=found.group()))
    length = (end - begin) % DAY or DAY
    return ((day * DAY + begin, day * DAY + begin + length) for day in days)


def _days(word: str) -> tuple[int, ...]:
    days: list[int] = []
    for part in word.split(","):
        ends = re.split("[-~至到]", part)
        numbers = [_DAYS.get(end) for end in ends]
        if len(numbers) > 2 or None in numbers:
            raise _error(N_("`{word}` names no days of the week", word=word))
        first, last = numbers[0], numbers[-1]
        assert first is not None
        assert last is not None
        days += [(first + step) % 7 for step in range((last - first) % 7 + 1)]
    if len(set(days)) != len(days):
        raise _error(N_("`{word}` names a day twice", word=word))
    return tuple(days)


def _without_overlaps(spans: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The spans in order.

    Raises:
        InputError: Two of them overlap, also where the last runs over into Monday.
    """
    ordered = sorted(spans)
    for (begin, end), (following, _until) in zip(ordered, [*ordered[1:], (ordered[0][0] + WEEK, 0)], strict=True):
        if following < end:
            raise _error(N_("two of its spans overlap, those from {first} and {second}", first=_clock(begin), second=_clock(following)))
    return tuple(ordered)


def _clock(minute: int) -> str:
    return f"{minute % DAY // 60:02}:{minute % 60:02}"


def _error(what: Message) -> InputError:
    return InputError(what, hint=_HINT)
