"""Text that fits its cells."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from fleet.tui.cells import between, clean, crop, fit, strip_of, wrap
from fleet.tui.look import BAD, NONE, PLAIN

ANY_TEXT = st.text(max_size=40)
WIDTH = st.integers(min_value=1, max_value=60)


@given(ANY_TEXT, WIDTH)
def test_a_fitted_text_takes_exactly_its_cells(text: str, width: int) -> None:
    assert cell_len(fit(text, width)) == width
    assert cell_len(fit(text, width, right=True)) == width
    assert cell_len(crop(text, width)) == width


@given(st.text(alphabet="ab青湾𠮷é（\u0301", max_size=30), WIDTH)
def test_a_line_takes_exactly_its_cells_wherever_a_wide_character_is_cut(text: str, width: int) -> None:
    strip = strip_of([(text, BAD), (text, NONE)], width, PLAIN)

    assert cell_len("".join(segment.text for segment in strip)) == width == strip.cell_length


@given(ANY_TEXT)
def test_nothing_that_a_terminal_would_obey_is_left(text: str) -> None:
    cleaned = clean(text)

    assert not [character for character in cleaned if unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}]
    assert "\u202e" not in cleaned


@given(ANY_TEXT, st.integers(min_value=2, max_value=60))
def test_a_wrapped_text_keeps_every_character_and_never_overflows(text: str, width: int) -> None:
    lines = wrap(text, width)

    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(clean(text).split())


def test_a_text_that_was_cut_says_so() -> None:
    assert fit("益丰大药房东门店", 9) == "益丰大药~"
    assert fit("益丰大药房", 10) == "益丰大药房"


def test_a_wide_character_is_never_cut_in_half() -> None:
    assert fit("益丰大药房", 8) == "益丰大~ "


def test_an_escape_is_shown_as_its_code() -> None:
    assert clean("a\x1b[31mb\u202ec") == "a\\x1b[31mb\\u202ec"


def test_the_right_end_goes_when_there_is_no_room_for_both() -> None:
    assert between([("left", NONE)], [("right", NONE)], 12, PLAIN).text == "left   right"
    assert between([("left", NONE)], [("right", NONE)], 9, PLAIN).text == "left     "


def test_long_prose_breaks_at_spaces_and_chinese_anywhere() -> None:
    assert wrap("no answer; is it on?", 12) == ["no answer;", "is it on?"]
    assert wrap("没有应答请检查终端是否开机", 10) == ["没有应答请", "检查终端是", "否开机"]
