"""Rates as people write them, and say them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.cli.rates import limits_words, parse_rate, rate_words
from fleet.errors import InputError
from fleet.model.purpose import NO_LIMITS, Limits


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("2Mbit", 250_000),
        ("2mbit/s", 250_000),
        ("64 kbit", 8_000),
        ("1Gbit", 125_000_000),
        ("500KB", 500_000),
        ("500 kB/s", 500_000),
        ("1.5MB", 1_500_000),
        (" 2Mbitps ", 250_000),
    ],
)
def test_a_rate_is_read_in_bytes_a_second(text: str, rate: int) -> None:
    assert parse_rate(text, "--site-rate") == rate


def test_no_rate_is_no_limit() -> None:
    assert parse_rate(None, "--site-rate") is None
    assert limits_words(NO_LIMITS) == ""


@pytest.mark.parametrize("text", ["", "fast", "2", "2M", "2Mb", "2mb", "-2Mbit", "2e9KB", "2 M bit", "nanMB", "999999999GB", "٢Mbit"])
def test_what_is_no_rate_is_named_with_its_option_and_what_to_write(text: str) -> None:
    with pytest.raises(InputError) as refusal:
        parse_rate(text, "--total-rate")

    assert str(refusal.value).splitlines() == [
        f"`{text}` is no rate",
        "  at: --total-rate",
        "hint: write a number and kbit, Mbit, Gbit, KB, MB or GB, for example 2Mbit or 500KB; it is meant for one second",
    ]


@pytest.mark.parametrize("text", ["0Mbit", "1kbit", "0.5KB"])
def test_a_rate_that_lets_nothing_through_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="so slow that nothing would ever arrive"):
        parse_rate(text, "--site-rate")


@given(st.integers(1_000, 10**11))
def test_a_rate_that_is_written_in_whole_kilobytes_is_read_as_it_was_meant(kilobytes: int) -> None:
    kilobytes = kilobytes % 999_999_999 + 1

    assert parse_rate(f"{kilobytes}KB", "--site-rate") == kilobytes * 1_000


def test_a_rate_is_said_in_bits_as_lines_are_sold_and_in_bytes_as_files_are_measured() -> None:
    assert rate_words(250_000) == "2 Mbit/s (250 KB/s)"
    assert limits_words(Limits(site_rate=250_000, total_rate=2_500_000)) == (
        "Sending at most 2 Mbit/s (250 KB/s) to a site and 20 Mbit/s (2.5 MB/s) in all."
    )
    assert limits_words(Limits(total_rate=8_000)) == "Sending at most 64 kbit/s (8 KB/s) in all."
