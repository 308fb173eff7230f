"""What an import would change, noun by noun and field by field."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from fleet.model.base import Noun
from fleet.model.inventory import Fleet

N = TypeVar("N", bound=Noun)
TABLES = ("districts", "sites", "terminals", "people")


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One value that differs."""

    field: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Change:
    """One noun that stays and differs."""

    code: str
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class TableChanges:
    """What changes in one table, by code."""

    added: tuple[str, ...] = ()
    changed: tuple[Change, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


@dataclass(frozen=True, slots=True)
class Changes:
    """What would turn the old fleet into the new one."""

    districts: TableChanges
    sites: TableChanges
    terminals: TableChanges
    people: TableChanges

    def __bool__(self) -> bool:
        return any(self.tables.values())

    @property
    def tables(self) -> Mapping[str, TableChanges]:
        """Table name -> its changes, districts first."""
        return {name: getattr(self, name) for name in TABLES}

    @property
    def removals(self) -> int:
        """Nouns that would go, in all tables together; an import must be allowed exactly so many."""
        return sum(len(changes.removed) for changes in self.tables.values())


def compare(old: Fleet, new: Fleet) -> Changes:
    """What would turn `old` into `new`; the order of rows is no change."""
    return Changes(**{name: _compare(getattr(old, name), getattr(new, name)) for name in TABLES})


def _compare(old: Mapping[str, N], new: Mapping[str, N]) -> TableChanges:
    return TableChanges(
        added=tuple(code for code in new if code not in old),
        changed=tuple(Change(code, _fields(old[code], noun)) for code, noun in new.items() if code in old and old[code] != noun),
        removed=tuple(code for code in old if code not in new),
    )


def _fields(old: Noun, new: Noun) -> tuple[FieldChange, ...]:
    names = type(new).model_fields
    return tuple(FieldChange(name, before, after) for name in names if (before := getattr(old, name)) != (after := getattr(new, name)))
