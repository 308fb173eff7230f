import pytest

from fleet.control.rights import Right, require, why_not
from fleet.errors import NotAllowedError
from fleet.model.actor import Actor
from fleet.store import Store


def test_a_coordinator_may_do_everything(store: Store) -> None:
    with store.read() as snapshot:
        reasons = [why_not(snapshot, Actor(code="li-na"), right) for right in Right]

    assert reasons == [None] * len(Right)


def test_a_technician_may_check_in_and_nothing_else(store: Store) -> None:
    with store.read() as snapshot:
        allowed = {right for right in Right if why_not(snapshot, Actor(code="wang-lei"), right) is None}

    assert allowed == {Right.CHECK_IN}


def test_a_stranger_may_look_but_not_act_and_is_told_how_to_mend_it(store: Store) -> None:
    with store.read() as snapshot, pytest.raises(NotAllowedError) as refusal:
        require(snapshot, Actor(code="mallory"), Right.DECIDE)

    assert "`mallory` is nobody of this inventory, and may look but not decide about a rollout" in str(refusal.value)
    assert "people.csv" in str(refusal.value)


def test_anyone_may_make_the_first_import_and_nothing_else(empty_store: Store) -> None:
    with empty_store.read() as snapshot:
        allowed = {right for right in Right if why_not(snapshot, Actor(code="root"), right) is None}

    assert allowed == {Right.IMPORT}
