"""Host keys and key bindings: what conflicts is refused by the database itself."""

from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from sqlalchemy.exc import IntegrityError

from fleet.model.actor import FLEET
from fleet.model.playbook import KeySource
from fleet.model.trust import HostKey, HostKeyState, KeyBinding
from fleet.store import Store, audit, trust

NOW = datetime(2026, 3, 14, 14, 0, tzinfo=UTC)


def fingerprint(of: str) -> str:
    return "SHA256:" + b64encode(sha256(of.encode()).digest()).decode().rstrip("=")


def binding(terminal: str, *, key: str, card: str | None, host: str) -> KeyBinding:
    return KeyBinding(
        terminal=terminal,
        key_card=card,
        source=KeySource.BORN_HERE,
        key_id=sha256(key.encode()).hexdigest(),
        host_fingerprint=fingerprint(host),
        bound_at=NOW,
    )


FIRST = binding("p1/t1", key="a", card="K1", host="a")
CONFLICTS = {
    "one key on two hosts": binding("p2/t1", key="a", card="K2", host="b"),
    "one key card on two machines": binding("p2/t1", key="b", card="K1", host="b"),
    "two key cards on one machine": binding("p2/t1", key="b", card="K2", host="a"),
}


@pytest.mark.parametrize("conflict", CONFLICTS.values(), ids=list(CONFLICTS))
def test_the_database_itself_refuses_what_conflicts(store: Store, conflict: KeyBinding) -> None:
    with store.write(FLEET, NOW) as tx:
        trust.save_binding(tx, FIRST)
    with store.read() as snapshot:
        found = trust.conflicting_binding(snapshot, conflict)
    with pytest.raises(IntegrityError), store.write(FLEET, NOW) as tx:
        trust.save_binding(tx, conflict)
    with store.read() as snapshot:
        stored = trust.read_bindings(snapshot)

    assert found == FIRST
    assert stored == {"p1/t1": FIRST}


def test_terminals_without_a_key_card_do_not_conflict(store: Store) -> None:
    without = [binding("p1/t1", key="a", card=None, host="a"), binding("p2/t1", key="b", card=None, host="b")]
    with store.write(FLEET, NOW) as tx:
        for each in without:
            assert trust.conflicting_binding(tx, each) is None
            trust.save_binding(tx, each)

        assert len(trust.read_bindings(tx)) == 2


def test_the_same_binding_seen_again_is_no_news(store: Store) -> None:
    for _ in range(2):
        with store.write(FLEET, NOW) as tx:
            trust.save_binding(tx, FIRST)
    with store.read() as snapshot:
        kinds = [event.kind for event in audit.read_events(snapshot)]

    assert kinds == ["key.bound"]


def test_a_terminals_new_key_takes_the_place_of_its_old_one(store: Store) -> None:
    renewed = binding("p1/t1", key="c", card="K1", host="a")
    with store.write(FLEET, NOW) as tx:
        trust.save_binding(tx, FIRST)
        trust.save_binding(tx, renewed)

        assert trust.read_binding(tx, "p1/t1") == renewed


def test_a_changed_host_key_is_kept_beside_the_pinned_one(store: Store) -> None:
    pinned = HostKey(terminal="p1/t1", fingerprint=fingerprint("a"), state=HostKeyState.CONFIRMED, seen_at=NOW, confirmed_by="li-na")
    with store.write(FLEET, NOW) as tx:
        trust.save_host_keys(tx, [pinned], "host-keys.confirmed")
        trust.note_changed_key(tx, "p1/t1", fingerprint("b"))
    with store.read() as snapshot:
        known = trust.read_host_keys(snapshot, ["p1/t1", "none/t1"])

    assert known == {"p1/t1": pinned.model_copy(update={"state": HostKeyState.CHANGED, "seen_fingerprint": fingerprint("b")})}
