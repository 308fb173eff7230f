"""A table from CSV, as spreadsheets and scripts write it.

Lines are those an editor shows: a quoted text may run over several, and its row is named by the first.
"""

import csv
import io

from fleet.files.decode import decode
from fleet.files.mistakes import Mistakes
from fleet.files.tables import Shape, Table, add_row, read_headings
from fleet.text import N_


def read_csv(file: str, data: bytes, shape: Shape, mistakes: Mistakes) -> Table:
    """The table in the bytes of a CSV file; what cannot be read is noted, and the table is then not `whole`."""
    table = Table(file, shape)
    text = decode(file, data, mistakes)
    if text is None:
        table.whole = False
        return table
    lines = _Lines(text)
    line, cells = lines.next_row(table, mistakes)
    while cells is not None and not any(cells):
        line, cells = lines.next_row(table, mistakes)
    if cells is None:
        if table.whole:
            mistakes.add(file, 0, N_("the file is empty"), N_("its first line holds the headings: {names}", names=", ".join(shape.columns)))
        table.whole = False
        return table
    _read_rows(table, lines, read_headings(table, line, cells, mistakes), mistakes)
    return table


class _Lines:
    """Rows with the line each begins on; a row with broken quotes is noted and passed over."""

    def __init__(self, text: str) -> None:
        self._reader = csv.reader(io.StringIO(text, newline=""), strict=True)

    def next_row(self, table: Table, mistakes: Mistakes) -> tuple[int, list[str] | None]:
        while True:
            line = self._reader.line_num + 1
            try:
                return line, next(self._reader)
            except StopIteration:
                return line, None
            except csv.Error as error:
                what = N_("broken quotes: {reason}", reason=str(error))
                mistakes.add(table.file, line, what, N_('write a quote inside a quoted text twice (`""`), and close every quote'))
                table.whole = False


def _read_rows(table: Table, lines: _Lines, columns: tuple[str | None, ...], mistakes: Mistakes) -> None:
    width = len(columns)
    while True:
        line, cells = lines.next_row(table, mistakes)
        if cells is None:
            return
        if len(cells) < width and any(cell.strip() for cell in cells):
            what = N_("{count} {count:cell|cells}, but {width} {width:heading|headings}", count=len(cells), width=width)
            mistakes.add(table.file, line, what, N_("was the line cut? an empty cell keeps its comma"))
        add_row(table, line, cells, columns, mistakes)
