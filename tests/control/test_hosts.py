from datetime import UTC, datetime, timedelta

import pytest

from fleet.control import hosts, leases
from fleet.errors import ConflictError, InputError, NotAllowedError
from fleet.model.actor import Actor
from fleet.model.trust import HostKeyState
from fleet.store import Store, trust

NOW = datetime(2026, 11, 28, 22, 0, tzinfo=UTC)
LI, ZHAO = Actor(code="li-na"), Actor(code="zhao-min")
OLD = "SHA256:" + "a" * 43
NEW = "SHA256:" + "b" * 43


def test_a_scanned_key_waits_for_a_person(store: Store) -> None:
    counts = hosts.record_scan(store, LI, NOW, {"h1/t1": OLD})

    assert counts[HostKeyState.SCANNED] == 1
    with store.read() as snapshot:
        assert trust.read_host_keys(snapshot)["h1/t1"].confirmed_by is None


def test_a_confirmed_key_names_who_confirmed_it(store: Store) -> None:
    hosts.record_scan(store, LI, NOW, {"h1/t1": OLD})

    confirmed, _changed = hosts.confirm(store, LI, NOW, ["h1/t1"])

    assert [(key.state, key.fingerprint, key.confirmed_by) for key in confirmed] == [(HostKeyState.CONFIRMED, OLD, "li-na")]


def test_another_key_than_the_confirmed_one_is_marked_and_keeps_the_old_pin(store: Store) -> None:
    hosts.record_scan(store, LI, NOW, {"h1/t1": OLD})
    hosts.confirm(store, LI, NOW, ["h1/t1"])

    hosts.record_scan(store, LI, NOW, {"h1/t1": NEW})

    with store.read() as snapshot:
        key = trust.read_host_keys(snapshot)["h1/t1"]
    assert (key.state, key.fingerprint, key.seen_fingerprint) == (HostKeyState.CHANGED, OLD, NEW)


def test_confirming_a_changed_key_trusts_the_new_one(store: Store) -> None:
    hosts.record_scan(store, LI, NOW, {"h1/t1": OLD})
    hosts.confirm(store, LI, NOW, ["h1/t1"])
    hosts.record_scan(store, LI, NOW, {"h1/t1": NEW})

    hosts.confirm(store, LI, NOW, ["h1/t1"])

    with store.read() as snapshot:
        key = trust.read_host_keys(snapshot)["h1/t1"]
    assert (key.state, key.fingerprint, key.seen_fingerprint) == (HostKeyState.CONFIRMED, NEW, None)


def test_a_terminal_that_was_never_scanned_cannot_be_confirmed(store: Store) -> None:
    with pytest.raises(InputError) as refusal:
        hosts.confirm(store, LI, NOW, ["h1/t1"])

    assert "fleet hosts scan" in str(refusal.value)


def test_a_technician_confirms_nothing(store: Store) -> None:
    hosts.record_scan(store, LI, NOW, {"h1/t1": OLD})

    with pytest.raises(NotAllowedError):
        hosts.confirm(store, Actor(code="wang-lei"), NOW, ["h1/t1"])

    with store.read() as snapshot:
        assert trust.read_host_keys(snapshot)["h1/t1"].state is HostKeyState.SCANNED


def test_nobody_confirms_a_key_at_a_site_that_somebody_else_works_at(store: Store) -> None:
    hosts.record_scan(store, LI, NOW, {"h1/t1": OLD, "p1/t1": NEW})
    leases.hold(store, ZHAO, NOW, "h1", timedelta(hours=1))

    with pytest.raises(ConflictError, match="site `h1` is in use: work by hand by 赵敏"):
        hosts.confirm(store, LI, NOW, ["h1/t1", "p1/t1"])

    with store.read() as snapshot:
        assert {key.state for key in trust.read_host_keys(snapshot).values()} == {HostKeyState.SCANNED}
    assert [key.terminal for key in hosts.confirm(store, LI, NOW, ["p1/t1"])[0]] == ["p1/t1"]
    assert [key.terminal for key in hosts.confirm(store, ZHAO, NOW, ["h1/t1"])[0]] == ["h1/t1"]


def test_a_site_whose_keys_are_confirmed_already_holds_nobody_up(store: Store) -> None:
    hosts.record_scan(store, LI, NOW, {"h1/t1": OLD, "p1/t1": NEW})
    hosts.confirm(store, LI, NOW, ["h1/t1"])
    leases.hold(store, ZHAO, NOW, "h1", timedelta(hours=1))

    assert [key.terminal for key in hosts.confirm(store, LI, NOW, ["h1/t1", "p1/t1"])[0]] == ["p1/t1"]
