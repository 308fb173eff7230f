from datetime import UTC, datetime

import pytest

from fleet.control.inventory import import_fleet
from fleet.errors import ConflictError, NotAllowedError
from fleet.model.actor import Actor
from fleet.model.inventory import Fleet
from fleet.model.trust import HostKeyState
from fleet.store import Store, fleets, trust

NOW = datetime(2026, 11, 28, 22, 0, tzinfo=UTC)
LI = Actor(code="li-na")
KEY = "SHA256:" + "k" * 43


def fleet_with_key(store: Store) -> Fleet:
    with store.read() as snapshot:
        fleet = fleets.read_fleet(snapshot)
    terminal = fleet.terminals["p1/t1"].model_copy(update={"host_key": KEY})
    return fleet.model_copy(update={"terminals": {**fleet.terminals, terminal.id: terminal}})


def test_a_fingerprint_in_the_inventory_confirms_the_host_key(store: Store) -> None:
    import_fleet(store, LI, NOW, fleet_with_key(store), {})

    with store.read() as snapshot:
        key = trust.read_host_keys(snapshot)["p1/t1"]
    assert (key.fingerprint, key.state, key.confirmed_by) == (KEY, HostKeyState.CONFIRMED, "li-na")


def test_an_import_by_a_technician_changes_nothing(store: Store) -> None:
    changed = fleet_with_key(store)

    with pytest.raises(NotAllowedError):
        import_fleet(store, Actor(code="wang-lei"), NOW, changed, {})

    with store.read() as snapshot:
        assert fleets.read_fleet(snapshot) != changed


def test_an_import_that_was_looked_at_before_another_one_changes_nothing(store: Store) -> None:
    with store.read() as snapshot:
        looked_at = fleets.read_fleet(snapshot)
    import_fleet(store, LI, NOW, fleet_with_key(store), {})

    with pytest.raises(ConflictError, match="somebody else changed"):
        import_fleet(store, LI, NOW, looked_at, {}, replacing=looked_at)

    with store.read() as snapshot:
        assert fleets.read_fleet(snapshot).terminals["p1/t1"].host_key == KEY
