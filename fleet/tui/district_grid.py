"""Where each district stands on a screen that has no room for tiles: a grid of whole names, each with its share and what went wrong there.

- Columns are as wide as the longest name wants, so that nothing moves while shares grow.
- Districts that find no place are counted in the last one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fleet.tui.cells import width_of

MOST_LINES = 3
LONGEST_NAME = 12
"""Cells; a longer one is cut, with a sign."""
MARKED_SHARE = 5
"""Cells of a share and what went wrong: `100%!`, `70%`, and two marks."""
_GAPS = 2
"""Cells before the share, and behind it."""


@dataclass(frozen=True, slots=True)
class DistrictGrid:
    """So many columns of so many cells, and how many districts have a place of their own."""

    columns: int
    slot: int
    shown: int
    left_out: int

    @property
    def lines(self) -> int:
        """Lines it takes."""
        return -(-(self.shown + bool(self.left_out)) // self.columns)

    def index_at(self, x: int, y: int) -> int | None:
        """Which district is there, by its place in the order; None where none is."""
        column = max(0, x - 1) // self.slot
        index = y * self.columns + column
        return index if column < self.columns and 0 <= index < self.shown else None


def grid_of(names: Sequence[str], width: int) -> DistrictGrid:
    """The grid for these names in `width` cells."""
    longest = min(LONGEST_NAME, max(map(width_of, names), default=0))
    columns = max(1, (width - 1) // (longest + MARKED_SHARE + _GAPS))
    places = columns * MOST_LINES
    shown = len(names) if len(names) <= places else places - 1
    return DistrictGrid(columns, max(1, (width - 1) // columns), shown, len(names) - shown)
