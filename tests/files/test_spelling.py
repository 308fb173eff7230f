"""The nearest spelling, as a hint offers it."""

import pytest

from fleet.files.spelling import nearest

TECHNICIANS = [f"technician-{number:02}" for number in range(1, 18)]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("technician-4", "technician-04"),
        ("Technician-007", "technician-07"),
        ("technician-40", "technician-14"),
        ("techncian-11", "technician-11"),
        ("printer", None),
    ],
)
def test_a_number_without_its_zeros_is_nearer_than_a_longer_one(word: str, meant: str | None) -> None:
    assert nearest(word, TECHNICIANS) == meant


def test_a_word_of_zeros_alone_is_compared_too() -> None:
    assert nearest("t0", ["t00", "t10"]) == "t00"
