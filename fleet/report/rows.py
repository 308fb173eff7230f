"""How values are shown in a table: states in words, times by the workspace's clock, and no text that a program would obey."""

import re
import unicodedata
from datetime import date, datetime
from enum import Enum
from functools import cache
from zoneinfo import ZoneInfo

from fleet.model.attempt import Cause, TerminalState, cause_words
from fleet.model.base import unprintable
from fleet.model.inventory import Reach, SiteKind
from fleet.model.rollout import SiteState
from fleet.report.words import CheckInKind, check_in_words, kind_words, reach_words, site_state_words, terminal_state_words
from fleet.text import N_, Message, current_language, render

Shown = str | int | float | date | None
"""What a cell of a table holds: text, a number, a day or a time (`datetime`) without zone by the workspace's clock, or nothing."""

YES = N_("yes")
NO = N_("no")
_FORMULA_STARTS = frozenset("=+-@\t\r\n＝＋－＠")
_LIKE_A_NUMBER = re.compile(r"\s*\d[\d.,:/eE%+-]*\s*")
_KEPT_NUMBER = re.compile(r"0|[1-9][0-9]{0,14}")
"""A spreadsheet keeps 15 digits."""
_INVISIBLE = frozenset(("Cc", "Cf", "Zs", "Zl", "Zp"))


def shown(value: object, zone: ZoneInfo) -> Shown:
    """A value as a cell holds it, its words in the current language."""
    if isinstance(value, Enum | bool):
        return _word(value, current_language())
    if isinstance(value, datetime):
        return value.astimezone(zone).replace(tzinfo=None, microsecond=0)
    if value is None or isinstance(value, int | float):
        return value
    return clean(str(value))


@cache
def _word(value: Enum | bool, language: str) -> str:
    # A province's details hold a million of these few words; each is looked up in the catalogue once.
    if isinstance(value, Cause) and value is not Cause.NONE:
        return in_brief(value, language)
    return render(words_of(value) if isinstance(value, Enum) else YES if value else NO, language)


def in_brief(cause: Cause, language: str | None = None) -> str:
    """What happened, without what to do about it: a report that is signed gives no orders to whoever reads it.

    The words of every cause say the one before their first semicolon and the other behind it.
    """
    return before_the_semicolon(cause_words(cause), language)


def before_the_semicolon(words: Message, language: str | None = None) -> str:
    """What is said before the first semicolon: what happened, without what to do."""
    return re.split("[;；]", render(words, language), maxsplit=1)[0]


def words_of(value: Enum) -> Message:
    """The words for a state, a kind, a cause, a check-in or a way to reach a terminal; a cause of nothing has none."""
    if isinstance(value, TerminalState):
        return terminal_state_words(value)
    if isinstance(value, SiteState):
        return site_state_words(value)
    if isinstance(value, Cause):
        return Message("") if value is Cause.NONE else cause_words(value)
    if isinstance(value, SiteKind):
        return kind_words(value)
    if isinstance(value, CheckInKind):
        return check_in_words(value)
    assert isinstance(value, Reach)
    return reach_words(value)


def clean(text: str) -> str:
    """`text` with every control, bidi and unpaired character written as its code, so that nothing obeys it."""
    if unprintable(text) is None:
        return text
    return "".join(character if unprintable(character) is None else f"\\u{ord(character):04x}" for character in text)


def harmless(text: str) -> str:
    """`text` with a `'` in front where a spreadsheet would not keep it as it is.

    - It would take it for a formula, also behind characters that do not show.
    - It would take it for a number or a date and lose zeros, digits or the meaning: `0012`, `6217000012345678901`, `1e5`, `3/4`.
    """
    visible = next((character for character in text if unicodedata.category(character) not in _INVISIBLE), "")
    is_formula = text[:1] in _FORMULA_STARTS or visible in _FORMULA_STARTS
    is_changed = _LIKE_A_NUMBER.fullmatch(text) and not _KEPT_NUMBER.fullmatch(text)
    return f"'{text}" if is_formula or is_changed else text
