"""Rows of a table -> nouns. What is wrong in a row is noted, and the rest of it is judged all the same.

A bad row's code counts as known, so that one mistake does not make a hundred.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Generic, TypeVar, get_type_hints

from pydantic import ValidationError, create_model
from pydantic_core import ErrorDetails

from fleet.files.mistakes import Mistakes
from fleet.files.reasons import explain, shown
from fleet.files.spelling import one_of
from fleet.files.tables import Row, Table
from fleet.inventory.shapes import FLAGS, WORDS
from fleet.model.base import Noun
from fleet.text import N_, Message

N = TypeVar("N", bound=Noun)
_SHORTENED = re.compile(r"\d(?:\.\d+)?[Ee]\+\d+")
_NUMBERS = ("site", "code", "key_card", "phone")
"""Columns whose long numbers are names, not quantities."""
_TO_DISTRICTS = ("district", "parent")
_BETWEEN = re.compile(r"[\s,;，；、]+")


@dataclass(slots=True)
class Section(Generic[N]):
    """All tables of one kind, as nouns."""

    title: str
    entries: list[tuple[Row, N]] = field(default_factory=list)
    """A row with mistakes is here too: its noun says what the rest of the row says (`judged`)."""
    first: dict[str, Row] = field(default_factory=dict)
    """Code -> the first row that has it, whether or not it became a noun."""
    given: bool = False
    """Some file holds this table."""
    whole: bool = True
    """False when rows were lost; what refers to them cannot be judged."""
    named: Mapping[str, Message] = field(default_factory=dict)
    """Name of a district -> the hint for a row that refers to it by that name."""

    def judged(self, *columns: str) -> Iterator[tuple[Row, N]]:
        """The rows whose values in all of `columns` are what they should be, each with its noun."""
        wanted = frozenset(columns)
        return ((row, noun) for row, noun in self.entries if not row.bad or row.bad.isdisjoint(wanted))

    def by_code(self) -> dict[str, N]:
        """Code -> noun, in the files' order."""
        codes = {id(row): code for code, row in self.first.items()}
        return {codes[id(row)]: noun for row, noun in self.entries}


def codes_for_names(districts: Iterable[Table]) -> dict[str, Message]:
    """Name of a district -> a hint that says its code, for people write the name where the code is needed."""
    codes: dict[str, dict[str, None]] = {}
    for row in (row for table in districts for row in table.rows):
        for name in (row.values.get("name"), row.values.get("name_en")):
            if name and isinstance(row.values.get("code"), str):
                codes.setdefault(str(name), {})[row.values["code"]] = None
    one = {name: next(iter(found)) for name, found in codes.items() if len(found) == 1}
    return {
        name: N_("this is a name; give the district's code, `{code}`", code=shown(one[name]))
        if name in one
        else N_("this is a name, and several districts have it; give the code of one: {codes}", codes=", ".join(map(shown, found)))
        for name, found in codes.items()
    }


def read_section(
    title: str,
    tables: Iterable[Table],
    model: type[N],
    code_of: Callable[[dict[str, Any]], str | None],
    mistakes: Mistakes,
    *,
    named: Mapping[str, Message] | None = None,
) -> Section[N]:
    """The nouns of all rows of `tables`.

    Args:
        title: The table's name, for hints.
        tables: From any number of files.
        model: What a row becomes.
        code_of: What must be unique, from a row's values; None where the row does not say.
        mistakes: Takes what is wrong.
        named: Of a table that refers to districts, `codes_for_names`.
    """
    section: Section[N] = Section(title, named=named or {})
    for table in tables:
        section.given = True
        section.whole = section.whole and table.whole
        for row in table.rows:
            _read_row(section, row, model, code_of, mistakes)
    return section


def _read_row(section: Section[N], row: Row, model: type[N], code_of: Callable[[dict[str, Any]], str | None], mistakes: Mistakes) -> None:
    values = row.values
    row.bad |= row.table.absent
    for column in _NUMBERS:
        if _SHORTENED.fullmatch(str(values.get(column, ""))):
            _note_shortened(row, column, mistakes)
    for column in _CONVERTED:
        if column in values:
            _convert(row, column, mistakes)
    code = code_of(values)
    if code is None:
        section.whole = False
    elif (first := section.first.setdefault(code, row)) is not row:
        what = N_("`{code}` is given twice", code=shown(code))
        mistakes.add(row.table.file, row.line_of("code"), what, N_("the first is at {place}; keep one", place=first.place))
    try:
        noun = model.model_validate(values)
    except ValidationError as error:
        said = frozenset(row.bad)
        for detail in error.errors(include_url=False):
            column = str(detail["loc"][0])
            row.bad.add(column)
            if column not in said:
                _note_bad(row, column, detail, mistakes, section.named)
        noun = _partial(model).model_validate({column: value for column, value in values.items() if column not in row.bad})
    section.entries.append((row, noun))


def _note_bad(row: Row, column: str, detail: ErrorDetails, mistakes: Mistakes, named: Mapping[str, Message]) -> None:
    """Note why the model does not take a value."""
    what, hint = explain(detail, row.heading_of(column))
    if column in WORDS and not row.heading_of(column).isascii():
        hint = one_of(str(row.values.get(column, "")), WORDS[column])
    elif column in FLAGS:
        hint = one_of(str(row.values.get(column, "")), ("yes", "no"))
    elif column in _TO_DISTRICTS:
        hint = named.get(str(row.values.get(column, "")), hint)
    mistakes.add(row.table.file, row.line_of(column), what, hint)


@cache
def _partial(model: type[N]) -> type[N]:
    """The model with nothing required: what a row says that has mistakes in other columns."""
    types = get_type_hints(model, include_extras=True)
    optional: dict[str, Any] = {name: (types[name] | None, None) for name, info in model.model_fields.items() if info.is_required()}
    return create_model(f"Partial{model.__name__}", __base__=model, **optional)


def _note_shortened(row: Row, column: str, mistakes: Mistakes) -> None:
    values = {"key": row.heading_of(column), "value": shown(row.values[column])}
    what = N_("`{key}` is `{value}`: a spreadsheet shortened a long number, and its last digits are lost", **values)
    mistakes.add(row.table.file, row.line_of(column), what, N_("format the column as text in the spreadsheet, then type the number again"))
    row.bad.add(column)


def _convert(row: Row, column: str, mistakes: Mistakes) -> None:
    """Turn a cell's words into what the model takes."""
    value = row.values[column]
    if not isinstance(value, str):
        return
    if column in WORDS:
        row.values[column] = WORDS[column].get(value, value)
    elif column == "skills":
        row.values[column] = list(_words(value))
    else:
        _convert_labels(row, value, mistakes)


def _convert_labels(row: Row, value: str, mistakes: Mistakes) -> None:
    """The labels as a mapping, those that have no form noted and left out."""
    labels: dict[str, str] = {}
    row.values["labels"] = labels
    hint = N_("write labels as `vendor=acme;arch=arm64`")
    for word in _words(value):
        key, equals, text = word.partition("=")
        if equals and key not in labels:
            labels[key] = text
            continue
        what = N_("label `{label}` is given twice", label=shown(key)) if equals else N_("label `{label}` has no `=`", label=shown(word))
        mistakes.add(row.table.file, row.line_of("labels"), what, hint)


def _words(value: str) -> Iterator[str]:
    return (word for word in _BETWEEN.split(value) if word)


_CONVERTED = (*WORDS, "labels", "skills")
