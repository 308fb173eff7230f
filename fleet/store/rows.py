"""Between a noun and its row: one class, one table, the same names."""

from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import Row, Table

from fleet.model.base import Noun
from fleet.store.columns import UtcTime

N = TypeVar("N", bound=Noun)


def row_of(table: Table, noun: Noun, **more: Any) -> dict[str, Any]:
    """Column values of a noun: its fields that the table has, and `more`."""
    data = noun.model_dump(mode="json")
    row: dict[str, Any] = {}
    for column in table.columns:
        if column.name in more:
            row[column.name] = more[column.name]
        elif column.name in data:
            row[column.name] = getattr(noun, column.name) if isinstance(column.type, UtcTime) else data[column.name]
    return row


def noun_of(kind: type[N], row: Row[Any] | Mapping[str, Any], **more: Any) -> N:
    """The noun a row stands for; columns that are none of its fields are left out, and `more` is what the row does not say."""
    mapping = row if isinstance(row, Mapping) else row._mapping  # noqa: SLF001 - the documented name of a row's mapping
    return kind.model_validate({name: mapping[name] for name in kind.model_fields if name in mapping} | more)
