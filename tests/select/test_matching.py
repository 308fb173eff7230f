"""Which terminals a selection means."""

from collections.abc import Mapping

import pytest

from fleet.model.inventory import Fleet
from fleet.select import parse_selection, subject_of

ALL = ["h-1/t01", "h-1/t02", "p-1/t01", "p-12/t01"]


def selected(fleet: Fleet, text: str, extra: Mapping[str, str] | None = None) -> list[str]:
    selection = parse_selection(text)
    return [
        terminal.id
        for terminal in fleet.terminals.values()
        if selection.matches(subject_of(terminal, fleet.sites[terminal.site], fleet, extra))
    ]


@pytest.mark.parametrize("text", ["", "   ", "　"])
def test_an_empty_selection_means_every_terminal(fleet: Fleet, text: str) -> None:
    assert selected(fleet, text) == ALL


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kind:pharmacy", ["p-1/t01", "p-12/t01"]),
        ("类别：药店", ["p-1/t01", "p-12/t01"]),
        ("site:p-1", ["p-1/t01"]),
        ("site:P-1,h-1", ["h-1/t01", "h-1/t02", "p-1/t01"]),
        ("terminal:h-1/t02", ["h-1/t02"]),
        ("terminal:t01 kind:hospital", ["h-1/t01"]),
        ("reach:by-hand", ["h-1/t02"]),
        ("方式:人工", ["h-1/t02"]),
        ("emergency:yes", ["h-1/t01", "h-1/t02"]),
        ("急诊:否", ["p-1/t01", "p-12/t01"]),
        ("open24h:true -terminal:t02", ["h-1/t01"]),
        ("vendor:acme", ["h-1/t01"]),
        ("vendor:acme,bolt", ["h-1/t01", "p-1/t01"]),
        ("厂商:ACME、bolt", ["h-1/t01", "p-1/t01"]),
        ("-vendor:acme", ["h-1/t02", "p-1/t01", "p-12/t01"]),
    ],
)
def test_a_field_means_the_terminals_that_have_one_of_its_values(fleet: Fleet, text: str, expected: list[str]) -> None:
    assert selected(fleet, text) == expected


def test_a_terminals_label_comes_before_its_sites(fleet: Fleet) -> None:
    assert selected(fleet, "arch:x86") == ["h-1/t01"]
    assert selected(fleet, "arch:arm") == ["h-1/t02"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("district:bj", ALL),
        ("district:白江", ALL),
        ("district:青湾区", ["h-1/t01", "h-1/t02", "p-1/t01"]),
        ("district:青湾县", ["p-12/t01"]),
        ("district:青湾", ALL),
        ("区县：东街", ["p-1/t01"]),
        ("district:东街区", ["p-1/t01"]),
        ("district:qw", ["h-1/t01", "h-1/t02", "p-1/t01"]),
        ('district:"qingwan county"', ["p-12/t01"]),
    ],
)
def test_a_district_means_everything_in_it_and_below(fleet: Fleet, text: str, expected: list[str]) -> None:
    assert selected(fleet, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("药", ["p-1/t01", "p-12/t01"]),
        ("东街 药房", ["p-1/t01"]),
        ('"东街 大"', ["p-1/t01"]),
        ("p-12", ["p-12/t01"]),
        ("-药 T01", ["h-1/t01"]),
        ("人民,县城", ["h-1/t01", "h-1/t02", "p-12/t01"]),
    ],
)
def test_bare_words_are_all_looked_for_in_names_and_codes(fleet: Fleet, text: str, expected: list[str]) -> None:
    assert selected(fleet, text) == expected


def test_what_a_rollout_knows_is_selected_by_when_it_is_given(fleet: Fleet) -> None:
    extra = {"state": "failed", "wave": "2", "technician": "li"}

    assert selected(fleet, "状态:失败 wave:2 technician:李雷", extra) == ALL
    assert selected(fleet, "state:failed") == []
    assert selected(fleet, "technician:li wave:3", extra) == []
