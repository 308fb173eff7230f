"""The inventory as it is stored."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import Table, delete, insert, select

from fleet.model.base import Noun
from fleet.model.inventory import District, Fleet, Person, Role, Site, Terminal
from fleet.store import tables
from fleet.store.database import Snapshot, Tx
from fleet.store.rows import noun_of, row_of
from fleet.store.written import tables_written

_CHUNK = 5_000


def read_fleet(snapshot: Snapshot) -> Fleet:
    """The whole inventory, in the files' order."""
    return Fleet(
        districts={noun.code: noun for noun in _all(snapshot, tables.district, District)},
        sites={noun.code: noun for noun in _all(snapshot, tables.site, Site)},
        terminals={noun.id: noun for noun in _all(snapshot, tables.terminal, Terminal)},
        people={noun.code: noun for noun in _all(snapshot, tables.person, Person)},
    )


def replace_fleet(tx: Tx, fleet: Fleet, summary: dict[str, Any]) -> None:
    """Store `fleet` in place of what is there; `summary` (counts of the change) goes into the event."""
    for table, nouns in (
        (tables.district, fleet.districts.values()),
        (tables.site, fleet.sites.values()),
        (tables.terminal, fleet.terminals.values()),
        (tables.person, fleet.people.values()),
    ):
        tx.connection.execute(delete(table))
        for rows in _chunks(_rows(table, nouns)):
            tx.connection.execute(insert(table), rows)
    tx.event("inventory.imported", "inventory", summary | tables_written(tx))


def read_terminals(snapshot: Snapshot, ids: Iterable[str]) -> dict[str, Terminal]:
    """The terminals of these ids that the inventory holds now; addresses are read when connecting, not from the plan."""
    found: dict[str, Terminal] = {}
    wanted = list(ids)
    for start in range(0, len(wanted), 500):
        query = select(tables.terminal).where(tables.terminal.c.id.in_(wanted[start : start + 500]))
        found |= {row.id: noun_of(Terminal, row) for row in snapshot.connection.execute(query)}
    return found


def read_sites(snapshot: Snapshot, codes: Iterable[str]) -> dict[str, Site]:
    """The sites of these codes that the inventory holds now."""
    found: dict[str, Site] = {}
    wanted = list(codes)
    for start in range(0, len(wanted), 500):
        query = select(tables.site).where(tables.site.c.code.in_(wanted[start : start + 500]))
        found |= {row.code: noun_of(Site, row) for row in snapshot.connection.execute(query)}
    return found


class Opening(NamedTuple):
    """When a site serves people, as the inventory has it now."""

    hours: str = ""
    """As its row writes them; empty is unknown."""
    around_the_clock: bool = False


def read_openings(snapshot: Snapshot, codes: Iterable[str]) -> dict[str, Opening]:
    """Of `read_sites` only this: for who asks after each result, of many."""
    found: dict[str, Opening] = {}
    wanted, table = list(codes), tables.site.c
    for start in range(0, len(wanted), 500):
        query = select(table.code, table.opening_hours, table.open_24h).where(table.code.in_(wanted[start : start + 500]))
        found |= {code: Opening(hours, bool(is_open)) for code, hours, is_open in snapshot.connection.execute(query)}
    return found


def read_districts(snapshot: Snapshot) -> dict[str, District]:
    """Every district by code, in the files' order."""
    return {noun.code: noun for noun in _all(snapshot, tables.district, District)}


def read_people(snapshot: Snapshot, role: Role | None = None) -> dict[str, Person]:
    """People by code, all or those of one role, in the files' order."""
    return {noun.code: noun for noun in _all(snapshot, tables.person, Person) if role is None or noun.role is role}


def person_of_os_user(snapshot: Snapshot, os_user: str) -> Person | None:
    """The person that the inventory matches to a user of the operating system."""
    row = snapshot.connection.execute(select(tables.person).where(tables.person.c.os_user == os_user)).first()
    return noun_of(Person, row) if row else None


def _all(snapshot: Snapshot, table: Table, kind: type[Any]) -> Iterator[Any]:
    for row in snapshot.connection.execute(select(table).order_by(table.c.position)):
        yield noun_of(kind, row)


def _rows(table: Table, nouns: Iterable[Noun]) -> Iterator[dict[str, Any]]:
    for position, noun in enumerate(nouns):
        more = {"position": position}
        yield row_of(table, noun, id=noun.id, **more) if isinstance(noun, Terminal) else row_of(table, noun, **more)


def _chunks(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    chunk: list[dict[str, Any]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
