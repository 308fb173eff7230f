"""Rows of a table -> nouns. A row that cannot be one is noted; its code still counts as known, so that one mistake does not make a hundred."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from fleet.files.mistakes import Mistakes
from fleet.files.reasons import explain, shown
from fleet.files.spelling import one_of
from fleet.files.tables import Row, Table
from fleet.inventory.shapes import FLAGS, WORDS
from fleet.model.base import Noun
from fleet.text import N_

N = TypeVar("N", bound=Noun)
_SHORTENED = re.compile(r"\d(?:\.\d+)?[Ee]\+\d+")
_NUMBERS = ("site", "code", "key_card", "phone")
"""Columns whose long numbers are names, not quantities."""
_BETWEEN = re.compile(r"[\s,;，；、]+")


@dataclass(slots=True)
class Section(Generic[N]):
    """All tables of one kind, as nouns."""

    title: str
    entries: list[tuple[Row, N]] = field(default_factory=list)
    first: dict[str, Row] = field(default_factory=dict)
    """Code -> the first row that has it, whether or not it became a noun."""
    given: bool = False
    """Some file holds this table."""
    whole: bool = True
    """False when rows were lost; what refers to them cannot be judged."""

    def by_code(self) -> dict[str, N]:
        """Code -> noun, in the files' order."""
        codes = {id(row): code for code, row in self.first.items()}
        return {codes[id(row)]: noun for row, noun in self.entries}


def read_section(
    title: str, tables: Iterable[Table], model: type[N], code_of: Callable[[dict[str, Any]], str | None], mistakes: Mistakes
) -> Section[N]:
    """The nouns of all rows of `tables`.

    Args:
        title: The table's name, for hints.
        tables: From any number of files.
        model: What a row becomes.
        code_of: What must be unique, from a row's values; None where the row does not say.
        mistakes: Takes what is wrong.
    """
    section: Section[N] = Section(title)
    for table in tables:
        section.given = True
        section.whole = section.whole and table.whole
        for row in table.rows:
            _read_row(section, row, model, code_of, mistakes)
    return section


def _read_row(section: Section[N], row: Row, model: type[N], code_of: Callable[[dict[str, Any]], str | None], mistakes: Mistakes) -> None:
    values = row.values
    shortened = {column for column in _NUMBERS if _SHORTENED.fullmatch(str(values.get(column, "")))}
    for column in sorted(shortened):
        _note_shortened(row, column, mistakes)
    bad = [_convert(row, column, mistakes) for column in _CONVERTED if column in values]
    code = code_of(values)
    if code is None:
        section.whole = False
    elif (first := section.first.setdefault(code, row)) is not row:
        what = N_("`{code}` is given twice", code=shown(code))
        mistakes.add(row.table.file, row.line_of("code"), what, N_("the first is at {place}; keep one", place=first.place))
        return
    try:
        noun = model.model_validate(values)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            column = str(detail["loc"][0])
            if column in shortened:
                continue
            what, hint = explain(detail, row.heading_of(column))
            if column in WORDS and not row.heading_of(column).isascii():
                hint = one_of(str(values.get(column, "")), WORDS[column])
            elif column in FLAGS:
                hint = one_of(str(values.get(column, "")), ("yes", "no"))
            mistakes.add(row.table.file, row.line_of(column), what, hint)
        return
    if not any(bad) and not shortened:
        section.entries.append((row, noun))


def _note_shortened(row: Row, column: str, mistakes: Mistakes) -> None:
    values = {"key": row.heading_of(column), "value": shown(row.values[column])}
    what = N_("`{key}` is `{value}`: a spreadsheet shortened a long number, and its last digits are lost", **values)
    mistakes.add(row.table.file, row.line_of(column), what, N_("format the column as text in the spreadsheet, then type the number again"))


def _convert(row: Row, column: str, mistakes: Mistakes) -> bool:
    """Turn a cell's words into what the model takes; True after noting that it cannot be."""
    value = row.values[column]
    if not isinstance(value, str):
        return False
    if column in WORDS:
        row.values[column] = WORDS[column].get(value, value)
    elif column == "skills":
        row.values[column] = list(_words(value))
    else:
        return _convert_labels(row, value, mistakes)
    return False


def _convert_labels(row: Row, value: str, mistakes: Mistakes) -> bool:
    labels: dict[str, str] = {}
    row.values["labels"] = labels
    line = row.line_of("labels")
    for word in _words(value):
        key, equals, text = word.partition("=")
        hint = N_("write labels as `vendor=acme;arch=arm64`")
        if not equals:
            mistakes.add(row.table.file, line, N_("label `{label}` has no `=`", label=shown(word)), hint)
            return True
        if key in labels:
            mistakes.add(row.table.file, line, N_("label `{label}` is given twice", label=shown(key)), hint)
            return True
        labels[key] = text
    return False


def _words(value: str) -> Iterator[str]:
    return (word for word in _BETWEEN.split(value) if word)


_CONVERTED = (*WORDS, "labels", "skills")
