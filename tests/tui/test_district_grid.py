"""Districts on a narrow screen: every name whole, everything that finds no place counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.tui.district_grid import MOST_LINES, grid_of

CITY = [
    "Qingwan",
    "Rongling",
    "Linlan",
    "Wangyu",
    "Yundi",
    "Tingpu",
    "Luze",
    "Chengyu",
    "Yanjiao",
    "Lanting",
    "Meiwu",
    "Shanyang",
    "Shitang",
]
IN_CHINESE = ["青湾区"] * 13


@pytest.mark.parametrize("names", [CITY, IN_CHINESE])
def test_the_districts_of_the_sample_city_stand_whole_in_80_columns(names: list[str]) -> None:
    grid = grid_of(names, 80)

    assert (grid.lines, grid.left_out) == (MOST_LINES, 0)
    assert grid.slot >= max(len(name) for name in names) + len(" 100%! ")


def test_a_wide_screen_needs_fewer_lines_for_them() -> None:
    assert grid_of(CITY, 120).lines == 2
    assert grid_of([], 80).lines == 0


@given(st.lists(st.text("abc青", max_size=20), max_size=60), st.integers(10, 200))
def test_law_every_district_has_one_place_or_is_counted_and_none_is_outside(names: list[str], width: int) -> None:
    grid = grid_of(names, width)
    at = [grid.index_at(1 + column * grid.slot, line) for line in range(grid.lines) for column in range(grid.columns)]

    assert [index for index in at if index is not None] == list(range(grid.shown))
    assert grid.shown + grid.left_out == len(names)
    assert grid.lines <= MOST_LINES
    assert grid.columns * grid.slot < width or grid.columns == 1
