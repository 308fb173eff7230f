"""Tables from an XLSX workbook: a sheet per table, or one sheet in a file that is named after its table.

- Row numbers are the sheet's own.
- What a spreadsheet has already spoiled (a long number rounded, a formula that failed) is a mistake, never a value.
"""

import io
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import openpyxl

from fleet.files.decode import MAX_BYTES
from fleet.files.mistakes import Mistakes
from fleet.files.reasons import shown
from fleet.files.spelling import one_of
from fleet.files.tables import Shape, Table, add_row, read_headings
from fleet.text import N_, Message

_EXACT = 10**15
"""Spreadsheets keep 15 digits of a number; a longer one has been rounded."""
_FAILED = frozenset(("#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#GETTING_DATA"))
_MAX_ROWS = 1_048_576


def read_xlsx(file: str, data: bytes, shapes: Sequence[Shape], named: Shape | None, mistakes: Mistakes) -> list[Table]:
    """The tables in the bytes of a workbook.

    Args:
        file: Its name in mistakes; the sheet's follows in brackets where the sheets are the tables.
        data: Its bytes.
        shapes: The tables a sheet may be named after.
        named: The table the file itself is named after; then its one filled sheet may have any name.
        mistakes: Takes what cannot be read.
    """
    book = _Book(file, shapes, named, mistakes)
    try:
        _refuse_bomb(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of styles and validations it passes over; a table needs none
            book.read(data)
    except Exception as error:  # noqa: BLE001 - the library raises whatever damaged bytes lead it into; for a person it is one thing
        reason = shown(str(error) or type(error).__name__)
        mistakes.add(file, 0, N_("not a readable XLSX workbook: {reason}", reason=reason), _hint_for(data))
        return [_lost(table) for table in book.tables] or [_lost(Table(file, shape)) for shape in shapes if named in (None, shape)]
    if not book.tables:
        mistakes.add(file, 0, N_("no sheet holds a table"), N_("name the sheets: {names}", names=", ".join(shape.name for shape in shapes)))
    return book.tables


def _lost(table: Table) -> Table:
    table.whole = False
    return table


def _refuse_bomb(data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = sum(part.file_size for part in archive.infolist())
    if size > 4 * MAX_BYTES:
        message = f"it unpacks to {size // 1024 // 1024} MiB"
        raise ValueError(message)


def _hint_for(data: bytes) -> Message:
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        return N_("save it as .xlsx, without a password: this is the old .xls form, or an encrypted file")
    return N_("open it in a spreadsheet and save it again as .xlsx")


def _filled(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """The rows that hold anything, with their numbers."""
    for number, row in enumerate(rows, 1):
        if number > _MAX_ROWS:
            message = "it numbers its rows beyond the last a sheet can have"
            raise ValueError(message)
        if any(cell is not None for cell in row):
            yield number, row


class _Book:
    """A workbook's tables as they are read."""

    def __init__(self, file: str, shapes: Sequence[Shape], named: Shape | None, mistakes: Mistakes) -> None:
        self.tables: list[Table] = []
        self._file = file
        self._shapes = shapes
        self._named = named
        self._mistakes = mistakes

    def read(self, data: bytes) -> None:
        """Read every sheet that holds anything."""
        for sheet in openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False).worksheets:
            sheet.reset_dimensions()
            rows = _filled(sheet.iter_rows(values_only=True))
            number, cells = next(rows, (0, ()))
            table = self._table(sheet.title) if cells else None
            if table is None:
                continue
            self.tables.append(table)
            columns = read_headings(table, number, _texts(table, number, cells, self._mistakes), self._mistakes)
            if columns is not None:
                for number, cells in rows:
                    add_row(table, number, _texts(table, number, cells, self._mistakes), columns, self._mistakes)

    def _table(self, title: str) -> Table | None:
        shape = next((shape for shape in self._shapes if shape.is_called(title)), self._named)
        name = f"{self._file}[{shown(title)}]"
        if shape is None:
            self._mistakes.add(name, 0, N_("the sheet is named after no table"), one_of(title, [shape.name for shape in self._shapes]))
            return None
        return Table(self._file if shape is self._named else name, shape)


def _texts(table: Table, number: int, cells: tuple[Any, ...], mistakes: Mistakes) -> list[str]:
    texts = ["" if cell is None else cell if isinstance(cell, str) else _text(cell) for cell in cells]
    for position, cell in enumerate(cells):
        if isinstance(cell, (int, float)) and abs(cell) >= _EXACT:
            what = N_("the number {value} is too long for a spreadsheet and was rounded", value=texts[position])
            mistakes.add(table.file, number, what, N_("format the column as text, then type it again"))
            texts[position] = ""
        elif isinstance(cell, str) and cell in _FAILED:
            mistakes.add(table.file, number, N_("a formula failed: {value}", value=cell), N_("write the value in place of the formula"))
            texts[position] = ""
    return texts


def _text(cell: Any) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
