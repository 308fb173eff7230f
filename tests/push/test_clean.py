"""clean: what a terminal wrote can be stored and shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.model.base import unprintable
from fleet.push.clean import MAX_TEXT, clean


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain words", "plain words"),
        ("青湾区人民医院".encode(), "青湾区人民医院"),
        (b"\x1b[1;31mred\x1b[0m", "red"),
        (b"\x1b]0;title\x07after", "after"),
        (b"a\tb\rc\x00d\x7f", "a bcd"),
        ("right\u202eto left\u2066".encode(), "rightto left"),
        ("two\u2028lines".encode(), "twolines"),
        (b"caf\xe9", "caf\\xe9"),
        (b"\x9b31m", "\\x9b31m"),
        (b"[@click=app.quit]press me[/]", "[@click=app.quit]press me[/]"),
    ],
)
def test_text_survives_and_nothing_else_does(data: bytes, text: str) -> None:
    assert clean(data) == text


@given(st.binary(max_size=2000))
def test_any_bytes_become_one_line_of_printable_text(data: bytes) -> None:
    text = clean(data)

    assert unprintable(text) is None
    assert len(text) <= MAX_TEXT
