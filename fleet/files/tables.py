"""Tables: rows with line numbers under headings that a person wrote, in English or Chinese.

A reader never stops at the first mistake: it notes it, and gives the rows that can be read.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fleet.files.mistakes import Mistakes
from fleet.files.reasons import shown
from fleet.files.spelling import one_of
from fleet.text import N_, Message


@dataclass(frozen=True)
class Shape:
    """What a table may hold."""

    name: str
    """English name; the file's stem or the sheet's name."""
    titles: tuple[str, ...]
    """Other names of the file or sheet."""
    columns: Mapping[str, tuple[str, ...]]
    """Column -> the headings it may stand under besides its own name."""
    required: tuple[str, ...]

    def column_of(self, heading: str) -> str | None:
        """The column a heading stands for; capitals, spaces and hyphens do not matter."""
        wanted = _folded(heading)
        for column, headings in self.columns.items():
            if wanted == column or wanted in map(_folded, headings):
                return column
        return None

    def is_called(self, name: str) -> bool:
        """Whether a file stem or sheet name means this table."""
        return _folded(name) in (self.name, *map(_folded, self.titles))


@dataclass(slots=True)
class Table:
    """One file's, sheet's or YAML key's rows."""

    file: str
    shape: Shape
    headings: dict[str, str] = field(default_factory=dict)
    """Column -> its heading as the person wrote it."""
    rows: "list[Row]" = field(default_factory=list)
    whole: bool = True
    """False when rows were lost; what refers to them cannot be judged."""
    absent: frozenset[str] = frozenset()
    """Required columns that it lacks, which was noted once and not for every row."""


@dataclass(slots=True)
class Row:
    """One row: the cells that hold something, by column. Cells of CSV and XLSX are text; those of YAML may be lists and mappings."""

    table: Table
    line: int
    values: dict[str, Any]
    lines: Mapping[str, int] | None = None
    """Line of each column, where a row has several (YAML)."""
    bad: set[str] = field(default_factory=set)
    """Columns whose value was noted as a mistake: nothing more is said of them."""

    @property
    def place(self) -> str:
        """`file:line`."""
        return f"{self.table.file}:{self.line}"

    def line_of(self, column: str) -> int:
        """The line a column's value is on; the row's own where it has none."""
        return (self.lines or {}).get(column, self.line)

    def heading_of(self, column: str) -> str:
        """A column's heading as the person wrote it; its name where it was not written."""
        return self.table.headings.get(column, column)


def read_headings(table: Table, line: int, cells: Sequence[str], mistakes: Mistakes) -> tuple[str | None, ...]:
    """The column of each cell of the heading line: None under an empty heading, "" under one that was noted as a mistake."""
    columns = tuple(_column(table, line, cell.strip(), mistakes) for cell in cells)
    while columns and columns[-1] is None:
        columns = columns[:-1]
    table.absent = frozenset(column for column in table.shape.required if column not in table.headings)
    for column in (column for column in table.shape.required if column in table.absent):
        names = ", ".join((column, *table.shape.columns[column]))
        mistakes.add(
            table.file, line, N_("column `{column}` is missing", column=column), N_("its heading may be one of: {names}", names=names)
        )
    return columns


def _column(table: Table, line: int, heading: str, mistakes: Mistakes) -> str | None:
    if not heading:
        return None
    column = table.shape.column_of(heading)
    if column is None:
        mistakes.add(table.file, line, N_("unknown column `{column}`", column=shown(heading)), _spelling(table.shape, heading))
        return ""
    if column in table.headings:
        what = N_("column `{column}` is given twice", column=shown(heading))
        mistakes.add(table.file, line, what, N_("`{first}` is the same column; keep one", first=table.headings[column]))
        return ""
    table.headings[column] = shown(heading)
    return column


def _spelling(shape: Shape, heading: str) -> Message:
    if any(separator in heading for separator in ";\t|"):
        return N_("separate columns by commas")
    return near_heading(heading, shape)


def near_heading(heading: str, shape: Shape) -> Message:
    """The nearest heading that is known, in the script the person wrote in; all of them when none is near."""
    chinese = [known for names in shape.columns.values() for known in names[:1]]
    return one_of(heading, shape.columns if heading.isascii() else chinese)


def add_row(
    table: Table, line: int, cells: Iterable[str], columns: Sequence[str | None], mistakes: Mistakes, *, unread: Collection[int] = ()
) -> None:
    """Add the row of a line's cells; an empty line is none. Text under no heading is a mistake, told once a line.

    `unread` are the positions of cells that hold something, which was noted as a mistake.
    """
    values: dict[str, Any] = {}
    stray = None
    for position, cell in enumerate(cells):
        text = cell.strip()
        if not text:
            continue
        column = columns[position] if position < len(columns) else None
        if column is None:
            stray = stray or text
        elif column:
            values[column] = text
    if stray is not None:
        what = N_("`{value}` stands under no heading", value=shown(stray))
        mistakes.add(table.file, line, what, N_("is there a comma too many, or one in a text without quotes?"))
    if values or unread:
        bad = {column for position in unread if position < len(columns) and (column := columns[position])}
        table.rows.append(Row(table, line, values, bad=bad))


def _folded(name: str) -> str:
    return name.strip().casefold().replace(" ", "_").replace("-", "_")
