"""Tables from an XLSX workbook: a sheet per table, or one sheet in a file that is named after its table.

- Row numbers are the sheet's own.
- What a spreadsheet has already spoiled (a long number rounded, a formula that failed or was never worked out) is a mistake, never a value.
"""

import io
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
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
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s/>]")


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
        size = _unpacked(data)
        if size > MAX_BYTES:
            values = {"size": size // 1024 // 1024, "limit": MAX_BYTES // 1024 // 1024}
            mistakes.add(file, 0, N_("the workbook unpacks to {size} MiB; {limit} is the most", **values), N_("is it the right file?"))
            return [_lost(Table(file, shape)) for shape in shapes if named in (None, shape)]
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


def _unpacked(data: bytes) -> int:
    """Bytes of everything in it; zipfile never gives more of a part than it says."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return sum(part.file_size for part in archive.infolist())


def _sheets(data: bytes, *, formulas: bool = False) -> Any:
    """The sheets, each cell its value or, where it has one, its formula."""
    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=not formulas, keep_links=False)
    for sheet in book.worksheets:
        sheet.reset_dimensions()
    return book.worksheets


def _without_value(data: bytes) -> dict[str, list[Any]]:
    """Sheet -> its cells with a formula that no spreadsheet has worked out yet.

    They look empty where values are read, so a workbook that holds any formula is read a second time.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if not any(_FORMULA.search(archive.read(name)) for name in archive.namelist() if name.startswith("xl/worksheets/")):
            return {}
    return {
        sheet.title: [
            written
            for rows in islice(zip(sheet.iter_rows(), valued.iter_rows(), strict=True), _MAX_ROWS)
            for written, value in zip(*rows, strict=True)
            if written.data_type == "f" and value.value is None and value.data_type == "n"  # a formula may give an empty text
        ]
        for sheet, valued in zip(_sheets(data, formulas=True), _sheets(data), strict=True)
    }


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
        unfinished = _without_value(data)
        for sheet in _sheets(data):
            rows = _filled(sheet.iter_rows(values_only=True))
            number, cells = next(rows, (0, ()))
            without = unfinished.get(sheet.title, [])
            table = self._table(sheet.title) if cells or without else None
            if table is None:
                continue
            self.tables.append(table)
            if without:
                values = {"cell": without[0].coordinate, "count": len(without)}
                what = N_("{cell} holds a formula without a value ({count} such {count:cell|cells} in the sheet)", **values)
                self._mistakes.add(table.file, without[0].row, what, N_("open and save it in a spreadsheet program"))
            if not cells or any(cell.row == number for cell in without):
                _lost(table)
                continue
            texts, _ = _texts(table, number, cells, self._mistakes)
            columns = read_headings(table, number, texts, self._mistakes)
            unfilled: dict[int, set[int]] = {}
            for cell in without:
                unfilled.setdefault(cell.row, set()).add(cell.column - 1)
            for number, cells in rows:
                texts, unread = _texts(table, number, cells, self._mistakes)
                add_row(table, number, texts, columns, self._mistakes, unread=unread | unfilled.get(number, set()))

    def _table(self, title: str) -> Table | None:
        shape = next((shape for shape in self._shapes if shape.is_called(title)), self._named)
        name = f"{self._file}[{shown(title)}]"
        if shape is None:
            self._mistakes.add(name, 0, N_("the sheet is named after no table"), one_of(title, [shape.name for shape in self._shapes]))
            return None
        return Table(self._file if shape is self._named else name, shape)


def _texts(table: Table, number: int, cells: tuple[Any, ...], mistakes: Mistakes) -> tuple[list[str], set[int]]:
    """The cells as text, and the positions of those that a spreadsheet has spoiled, which are noted."""
    unread: set[int] = set()
    texts = ["" if cell is None else cell if isinstance(cell, str) else _text(cell) for cell in cells]
    for position, cell in enumerate(cells):
        if isinstance(cell, (int, float)) and abs(cell) >= _EXACT:
            what = N_("the number {value} is too long for a spreadsheet and was rounded", value=texts[position])
            mistakes.add(table.file, number, what, N_("format the column as text, then type it again"))
            unread.add(position)
        elif isinstance(cell, str) and cell in _FAILED:
            mistakes.add(table.file, number, N_("a formula failed: {value}", value=cell), N_("write the value in place of the formula"))
            unread.add(position)
    for position in unread:
        texts[position] = ""
    return texts, unread


def _text(cell: Any) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
