from datetime import UTC, datetime
from typing import Any

import pytest

from fleet.control.inventory import import_fleet
from fleet.errors import ConflictError, InputError, NotAllowedError
from fleet.model.actor import Actor
from fleet.model.inventory import Fleet, Role
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


@pytest.mark.parametrize("left", [{}, {"os_user": None}, {"role": Role.TECHNICIAN}])
def test_an_import_after_which_nobody_could_decide_changes_nothing(store: Store, left: dict[str, Any]) -> None:
    with store.read() as snapshot:
        fleet = fleets.read_fleet(snapshot)
    people = {"wang-lei": fleet.people["wang-lei"]}
    if left:
        people["li-na"] = fleet.people["li-na"].model_copy(update=left)

    with pytest.raises(InputError, match="nobody could decide or import any more"):
        import_fleet(store, LI, NOW, fleet.model_copy(update={"people": people}), {})

    with store.read() as snapshot:
        assert fleets.read_fleet(snapshot) == fleet


def test_one_who_can_decide_is_enough(store: Store) -> None:
    with store.read() as snapshot:
        fleet = fleets.read_fleet(snapshot)
    import_fleet(store, LI, NOW, fleet.model_copy(update={"people": {"zhao-min": fleet.people["zhao-min"]}}), {})

    with store.read() as snapshot:
        assert list(fleets.read_people(snapshot)) == ["zhao-min"]


def test_a_workspace_in_which_nobody_could_decide_takes_an_inventory_without_them(empty_store: Store) -> None:
    import_fleet(empty_store, LI, NOW, Fleet(), {})

    assert empty_store.version() > 0
