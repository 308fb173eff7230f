"""Pinned host keys and key bindings. The tables refuse one key on two hosts and two key cards on one machine."""

from collections.abc import Iterable

from sqlalchemy import delete, insert, or_, select, update

from fleet.model.trust import HostKey, HostKeyState, KeyBinding
from fleet.store import tables
from fleet.store.database import Snapshot, Tx
from fleet.store.rows import noun_of, row_of
from fleet.store.written import rows_written


def read_host_keys(snapshot: Snapshot, terminals: Iterable[str] | None = None) -> dict[str, HostKey]:
    """Host keys by terminal id: of these terminals, or of all."""
    if terminals is None:
        return {row.terminal: noun_of(HostKey, row) for row in snapshot.connection.execute(select(tables.host_key))}
    wanted = list(terminals)
    found: dict[str, HostKey] = {}
    for start in range(0, len(wanted), 500):
        query = select(tables.host_key).where(tables.host_key.c.terminal.in_(wanted[start : start + 500]))
        found |= {row.terminal: noun_of(HostKey, row) for row in snapshot.connection.execute(query)}
    return found


def save_host_keys(tx: Tx, keys: Iterable[HostKey], kind: str) -> None:
    """Store host keys in place of what their terminals had, with one event named `kind` (`host-keys.scanned`, `host-keys.confirmed`)."""
    rows = [row_of(tables.host_key, key) for key in keys]
    if not rows:
        return
    ids = [row["terminal"] for row in rows]
    for start in range(0, len(ids), 500):
        tx.connection.execute(delete(tables.host_key).where(tables.host_key.c.terminal.in_(ids[start : start + 500])))
    tx.connection.execute(insert(tables.host_key), rows)
    body = {"fingerprints": {row["terminal"]: row["fingerprint"] for row in rows}}
    written = rows_written(tx, {tables.host_key: [(terminal,) for terminal in ids]})
    tx.event(kind, ids[0] if len(ids) == 1 else "terminals", body | written)


def note_changed_key(tx: Tx, terminal: str, seen: str) -> None:
    """A terminal showed another host key than the pinned one: nothing is sent there until a person decides."""
    where = tables.host_key.c.terminal == terminal
    tx.connection.execute(
        update(tables.host_key).where(where).values(state=HostKeyState.CHANGED.value, seen_fingerprint=seen, seen_at=tx.at)
    )
    tx.event("host-key.changed", terminal, {"seen": seen} | rows_written(tx, {tables.host_key: [(terminal,)]}))


def conflicting_binding(snapshot: Snapshot, binding: KeyBinding) -> KeyBinding | None:
    """A binding of another terminal that holds the same key, key card or machine."""
    table = tables.key_binding
    same = [table.c.key_id == binding.key_id, table.c.host_fingerprint == binding.host_fingerprint]
    if binding.key_card is not None:
        same.append(table.c.key_card == binding.key_card)
    row = snapshot.connection.execute(select(table).where(table.c.terminal != binding.terminal, or_(*same)).limit(1)).first()
    return noun_of(KeyBinding, row) if row else None


def save_binding(tx: Tx, binding: KeyBinding) -> None:
    """Store a terminal's binding in place of the one it had; ask `conflicting_binding` first, the table refuses what conflicts."""
    old = tx.connection.execute(select(tables.key_binding).where(tables.key_binding.c.terminal == binding.terminal)).first()
    if old is not None and noun_of(KeyBinding, old).model_copy(update={"bound_at": binding.bound_at}) == binding:
        return
    tx.connection.execute(delete(tables.key_binding).where(tables.key_binding.c.terminal == binding.terminal))
    tx.connection.execute(insert(tables.key_binding).values(row_of(tables.key_binding, binding)))
    body = {"key_card": binding.key_card, "key": binding.key_id, "host": binding.host_fingerprint, "source": binding.source.value}
    body |= {"release": binding.release} if binding.release else {}
    tx.event("key.bound", binding.terminal, body | rows_written(tx, {tables.key_binding: [(binding.terminal,)]}))


def set_binding_aside(tx: Tx, terminal: str) -> None:
    """The release that showed the terminal's key was taken back: the binding stays, and says so, until a release shows the key again."""
    table = tables.key_binding
    where = (table.c.terminal == terminal, table.c.set_aside_at.is_(None))
    if tx.connection.execute(update(table).where(*where).values(set_aside_at=tx.at)).rowcount:
        tx.event("key.set-aside", terminal, rows_written(tx, {table: [(terminal,)]}))


def read_bindings(snapshot: Snapshot) -> dict[str, KeyBinding]:
    """Every terminal's binding, by terminal id."""
    return {row.terminal: noun_of(KeyBinding, row) for row in snapshot.connection.execute(select(tables.key_binding))}


def read_binding(snapshot: Snapshot, terminal: str) -> KeyBinding | None:
    """The binding of one terminal, or None."""
    row = snapshot.connection.execute(select(tables.key_binding).where(tables.key_binding.c.terminal == terminal)).first()
    return noun_of(KeyBinding, row) if row else None
