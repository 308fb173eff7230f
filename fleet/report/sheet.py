"""One sheet of a workbook, written row by row from top to bottom."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rich.cells import cell_len

from fleet.report.rows import Shown

_NARROWEST, _WIDEST = 6, 60
_HEADING_WIDTH = 12
"""A heading is wrapped; it makes its column no wider than this."""
_A4 = 9


class Formats:
    """The few ways a cell can look, in one workbook."""

    def __init__(self, workbook: Any) -> None:
        """Register the formats with the workbook."""
        self.heading = workbook.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1, "bg_color": "#E8EEF4"})
        self.text = workbook.add_format()
        self.line = workbook.add_format({"bottom": 1})
        self.time = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss", "align": "left"})
        self.number = workbook.add_format({"num_format": "#,##0"})
        self.share = workbook.add_format({"num_format": "0.0%"})
        self.last_text = workbook.add_format({"bold": True, "top": 1})
        self.last_number = workbook.add_format({"bold": True, "top": 1, "num_format": "#,##0"})
        self.last_share = workbook.add_format({"bold": True, "top": 1, "num_format": "0.0%"})


@dataclass(slots=True)
class Sheet:
    """A worksheet, the row that comes next, and how wide each column has to be."""

    worksheet: Any
    formats: Formats
    row: int = 0
    widths: dict[int, int] = field(default_factory=dict)

    def headings(self, names: Iterable[str]) -> None:
        """Write headings."""
        for column, name in enumerate(names):
            self.worksheet.write_string(self.row, column, name, self.formats.heading)
            self._widen(column, min(_HEADING_WIDTH, cell_len(name)))
        self.row += 1

    def cells(self, values: Iterable[Shown], *, shares: frozenset[int] = frozenset(), is_last: bool = False) -> None:
        """Write one row; columns in `shares` as percent, the total's row under a line."""
        look = self.formats
        for column, value in enumerate(values):
            if isinstance(value, datetime):
                self.worksheet.write_datetime(self.row, column, value, look.time)
                self._widen(column, 19)
            elif isinstance(value, int | float):
                is_share = column in shares
                plain, last = (look.share, look.last_share) if is_share else (look.number, look.last_number)
                self.worksheet.write_number(self.row, column, value, last if is_last else plain)
                self._widen(column, 7 if is_share else len(f"{value:,}"))
            elif value or is_last:
                self.worksheet.write_string(self.row, column, value or "", look.last_text if is_last else look.text)
                self._widen(column, cell_len(value or ""))
        self.row += 1

    def skip(self, rows: int = 1) -> None:
        """Leave rows empty."""
        self.row += rows

    def line(self, label: str, columns: int) -> None:
        """Write a label and a line to write on by hand."""
        self.worksheet.write_string(self.row, 0, label, self.formats.text)
        for column in range(1, columns):
            self.worksheet.write_blank(self.row, column, None, self.formats.line)
        self.row += 2

    def finish(self, header: str, footer: str, *, landscape: bool) -> None:
        """Set column widths, and the page for printing: A4, all columns on its width, headings on every page."""
        for column, width in self.widths.items():
            self.worksheet.set_column(column, column, max(_NARROWEST, min(_WIDEST, width)) + 2)
        if landscape:
            self.worksheet.set_landscape()
        self.worksheet.set_paper(_A4)
        self.worksheet.fit_to_pages(1, 0)
        self.worksheet.set_header(header)
        self.worksheet.set_footer(footer)

    def freeze(self, columns: int) -> None:
        """Keep the row of headings, which must be the first, and the first columns in sight; repeat the headings in print."""
        self.worksheet.freeze_panes(1, columns)
        self.worksheet.repeat_rows(0)

    def _widen(self, column: int, width: int) -> None:
        if width > self.widths.get(column, 0):
            self.widths[column] = width
