"""What a write left in the tables, as digests for its event: an event vouches for the rows that it wrote.

- `rows_written` is the part of an event's body that names single rows, `tables_written` the one that names whole tables.
- A digest is taken of the values as the database holds them, so that a value which no noun could be made of has one, too.
- Texts and names reach the event chain only inside a digest.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from hashlib import sha256
from itertools import groupby
from json import dumps
from typing import Any

from sqlalchemy import Column, Row, Select, Table, bindparam, select, type_coerce
from sqlalchemy.types import NullType

from fleet.store import columns, tables
from fleet.store.database import Snapshot
from fleet.store.exclusion_table import exclusion_request

Key = tuple[Any, ...]

BY_ROW = (
    tables.rollout,
    tables.decision,
    tables.terminal_progress,
    tables.site_progress,
    tables.attempt,
    tables.assignment,
    tables.check_in,
    tables.host_key,
    tables.key_binding,
    tables.release,
    tables.release_signature,
    tables.downgrade_permit,
    exclusion_request,
)
"""Tables whose every row is vouched for by the newest event that names it."""
WHOLE = (tables.district, tables.site, tables.terminal, tables.person, tables.late_joiner)
"""Tables that are replaced, and vouched for as a whole by the event that did it: the inventory, and who came late to a plan."""
NO_ROWS = sha256(b"").hexdigest()
"""The digest of a table without rows."""
_CHUNK = 500


def rows_written(snapshot: Snapshot, keys: Mapping[Table, Iterable[Key]]) -> dict[str, Any]:
    """`{"rows": {table: {key: digest}}}` of the rows with these primary keys as they are now; keys without a row are left out."""
    return {"rows": {table.name: dict(_rows_of(snapshot, table, wanted)) for table, wanted in keys.items()}}


def tables_written(snapshot: Snapshot) -> dict[str, Any]:
    """`{"tables": {table: digest}}` of the tables that are replaced."""
    return {"tables": {table.name: table_digest(snapshot, table) for table in WHOLE}}


def table_digest(snapshot: Snapshot, table: Table) -> str:
    """sha256 over the digests of all its rows, in the order of their keys."""
    digests = "".join(digest for _key, digest in sorted(all_rows(snapshot, table)))
    return sha256(digests.encode()).hexdigest()


def all_rows(snapshot: Snapshot, table: Table) -> Iterator[tuple[str, str]]:
    """Key and digest of every row of a table; streamed."""
    with snapshot.connection.execute(_stored(table).execution_options(yield_per=1000)) as rows:
        for row in rows:
            yield _named(table, row)


def _rows_of(snapshot: Snapshot, table: Table, keys: Iterable[Key]) -> Iterator[tuple[str, str]]:
    """Keys are asked for by what their leading columns share: no database searches an index for tuples reliably."""
    for shared, group in groupby(sorted(keys), key=lambda key: key[:-1]):
        values = [key[-1] for key in group]
        for start in range(0, len(values), _CHUNK):
            wanted = {f"key_{n}": value for n, value in enumerate((*shared, values[start : start + _CHUNK]), 1)}
            for row in snapshot.connection.execute(_stored_at(table), wanted):
                yield _named(table, row)


@cache
def _stored_at(table: Table) -> Select[Any]:
    """`_stored` for the rows with these keys, built once: every push asks."""
    *leading, last = table.primary_key.columns
    shared = (column == bindparam(f"key_{n}") for n, column in enumerate(leading, 1))
    return _stored(table).where(*shared, last.in_(bindparam(f"key_{len(leading) + 1}", expanding=True)))


@cache
def _stored(table: Table) -> Select[Any]:
    """The key's columns, then all columns, those added later last, each as the database has it: nothing is parsed, so nothing fails to."""
    columns = (*table.primary_key.columns, *(column for column in table.columns if not column.info), *_added(table))
    return select().add_columns(*(type_coerce(column, NullType()).label(f"{column.name}_{n}") for n, column in enumerate(columns)))


@cache
def _added(table: Table) -> tuple[Column[Any], ...]:
    return tuple(column for column in table.columns if column.info == columns.ADDED)


def _named(table: Table, row: Row[Any]) -> tuple[str, str]:
    """Key and digest of a row of `_stored`; a column that was added later counts where it holds something."""
    width, added = len(table.primary_key.columns), _added(table)
    first = len(row) - len(added)
    more = [[column.name, value] for column, value in zip(added, row[first:], strict=True) if value is not None]
    values = dumps([*row[width:first], *more], sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=repr)
    return " ".join(map(str, row[:width])), sha256(values.encode()).hexdigest()
