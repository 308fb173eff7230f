"""One sheet of a workbook, written row by row from top to bottom."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import pairwise
from math import ceil
from textwrap import wrap
from typing import Any

from rich.cells import cell_len

from fleet.report.rows import Shown

_NARROWEST, _WIDEST = 5, 40
_HEADING_WIDTH, _HEADING_WIDTH_CHINESE = 12, 8
"""A heading is wrapped, English between words, and makes its column no wider than this."""
_BESIDE = 2
"""What a column needs beside its text."""
_LINE_HEIGHT = 16
_TEXT = "@"
"""A cell stays text when somebody edits it: no formula of a name, no number of a key card."""
_A4 = 9
_ON_A4_LANDSCAPE = 960
"""Pixels that the margins leave at full size, with a twelfth in reserve: where the font is missing, another takes its place."""
_SMALLEST_PRINT = 60
"""Percent; 11 points become 6.6, the least that reads well on paper."""
_MARGINS = {"left": 0.4, "right": 0.4, "top": 0.75, "bottom": 0.75}
"""Inches."""


class Formats:
    """The few ways a cell can look, in one workbook."""

    def __init__(self, workbook: Any) -> None:
        """Register the formats with the workbook."""
        self.heading = workbook.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1, "bg_color": "#E8EEF4"})
        self.text = workbook.add_format({"num_format": _TEXT, "valign": "top"})
        self.long_text = workbook.add_format({"num_format": _TEXT, "valign": "top", "text_wrap": True})
        self.digest = workbook.add_format({"num_format": _TEXT, "font_size": 8})
        self.line = workbook.add_format({"bottom": 1})
        self.time = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss", "align": "left", "valign": "top"})
        self.day = workbook.add_format({"num_format": "yyyy-mm-dd", "align": "left", "valign": "top"})
        self.number = workbook.add_format({"num_format": "#,##0", "valign": "top"})
        self.amount = workbook.add_format({"num_format": "#,##0.0", "valign": "top"})
        self.share = workbook.add_format({"num_format": "0.0%", "valign": "top"})
        self.last_text = workbook.add_format({"num_format": _TEXT, "bold": True, "top": 1})
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
        """Write headings; the row is as high as the longest needs, for not every program sees to that."""
        names = list(names)
        lines = max((_lines(name) for name in names), default=1)
        self.worksheet.set_row(self.row, _LINE_HEIGHT * lines)
        for column, name in enumerate(names):
            self.worksheet.write_string(self.row, column, name, self.formats.heading)
            self._widen(column, _heading_width(name))
        self.row += 1

    def cells(self, values: Iterable[Shown], *, shares: frozenset[int] = frozenset(), is_last: bool = False) -> None:
        """Write one row; columns in `shares` as percent, the total's row under a line."""
        look, values = self.formats, list(values)
        lines = max((ceil(cell_len(value) / _WIDEST) for value in values if isinstance(value, str)), default=1)
        if lines > 1:
            self.worksheet.set_row(self.row, _LINE_HEIGHT * lines)
        for column, value in enumerate(values):
            if isinstance(value, datetime):
                self.worksheet.write_datetime(self.row, column, value, look.time)
                self._widen(column, 19)
            elif isinstance(value, date):
                self.worksheet.write_datetime(self.row, column, value, look.day)
                self._widen(column, 10)
            elif isinstance(value, int | float):
                is_share = column in shares
                whole = look.number if isinstance(value, int) else look.amount
                plain, last = (look.share, look.last_share) if is_share else (whole, look.last_number)
                self.worksheet.write_number(self.row, column, value, last if is_last else plain)
                self._widen(column, 7 if is_share else len(f"{value:,}"))
            elif value or is_last:
                width = cell_len(value or "")
                plain = look.long_text if width > _WIDEST else look.text
                self.worksheet.write_string(self.row, column, value or "", look.last_text if is_last else plain)
                self._widen(column, width)
        self.row += 1

    def digest(self, label: str, digest: str) -> None:
        """Write a digest behind its label; small, and over the columns to the right instead of widening its own."""
        self.worksheet.write_string(self.row, 0, label, self.formats.text)
        self.worksheet.write_string(self.row, 1, digest, self.formats.digest)
        self._widen(0, cell_len(label))
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

    def widen(self, columns: Iterable[int], width: int) -> None:
        """Make columns at least that wide."""
        for column in columns:
            self._widen(column, width)

    def finish_upright(self, header: str, footer: str) -> None:
        """Set column widths, and print everything on one upright page."""
        self._finish(header, footer)
        self.worksheet.fit_to_pages(1, 1)

    def finish_wide(self, header: str, footer: str, *, keys: range = range(0), breaks: Sequence[int] = ()) -> None:
        """Set column widths, and print landscape: all columns on a page's width where that stays readable, else on several pages.

        Args:
            header: Of every page, in the workbook's codes.
            footer: Likewise.
            keys: Columns that say what a row is, repeated on every further page.
            breaks: Columns with which a further page begins; without any a page ends where it is full.
        """
        widths = self._finish(header, footer)
        self.worksheet.set_landscape()
        if not keys or sum(widths) * _SMALLEST_PRINT <= _ON_A4_LANDSCAPE * 100:
            self.worksheet.fit_to_pages(1, 0)
            return
        repeated = sum(widths[column] for column in keys)
        pages = pairwise((0, *breaks, len(widths)))
        widest = max(sum(widths[begin:end]) + (repeated if begin else 0) for begin, end in pages)
        self.worksheet.set_print_scale(max(_SMALLEST_PRINT, min(100, _ON_A4_LANDSCAPE * 100 // widest)))
        self.worksheet.set_v_pagebreaks(list(breaks))
        self.worksheet.repeat_columns(keys[0], keys[-1])

    def _finish(self, header: str, footer: str) -> list[int]:
        """Set what every sheet has; returns the columns' widths in pixels."""
        last = max(self.widths, default=0)
        widths = [max(_NARROWEST, min(_WIDEST, self.widths.get(column, 0))) + _BESIDE for column in range(last + 1)]
        for column, width in enumerate(widths):
            self.worksheet.set_column(column, column, width)
        self.worksheet.set_paper(_A4)
        self.worksheet.set_margins(**_MARGINS)
        self.worksheet.set_header(header)
        self.worksheet.set_footer(footer)
        return [7 * width + 5 for width in widths]

    def freeze(self, columns: int) -> None:
        """Keep the row of headings, which must be the first, and the first columns in sight; repeat the headings in print."""
        self.worksheet.freeze_panes(1, columns)
        self.worksheet.repeat_rows(0)

    def _widen(self, column: int, width: int) -> None:
        if width > self.widths.get(column, 0):
            self.widths[column] = width


def _heading_width(name: str) -> int:
    if not name.isascii():
        return min(_HEADING_WIDTH_CHINESE, cell_len(name))
    return min(_HEADING_WIDTH, max(len(name) // 2, *map(len, name.split()), 0))


def _lines(name: str) -> int:
    """Lines of a heading in a column that is no wider than the heading asks for."""
    width = _heading_width(name) + _BESIDE
    return len(wrap(name, width)) if name.isascii() else ceil(cell_len(name) / width)
