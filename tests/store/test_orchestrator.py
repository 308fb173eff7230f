"""One orchestrator at a time."""

import os
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from fleet.errors import ConflictError
from fleet.model.actor import FLEET
from fleet.store import Store, orchestrator

NOW = datetime(2026, 3, 14, 14, 0, tzinfo=UTC)


def take(store: Store, token: str, at: datetime = NOW, *, last_is_dead: bool = False) -> None:
    with store.write(FLEET, at) as tx:
        orchestrator.become_orchestrator(tx, pid=41, host="desk-1", user="lina", token=token, last_is_dead=last_is_dead)


def test_a_second_one_is_refused_and_told_who_the_first_is(store: Store) -> None:
    take(store, "first")

    with pytest.raises(ConflictError, match="another orchestrator runs this workspace: pid 41 on desk-1, user lina"):
        take(store, "second", NOW + timedelta(seconds=14))


def test_of_many_who_come_at_once_one_gets_it(store: Store) -> None:
    def try_to_take(token: str) -> bool:
        try:
            take(store, token)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(try_to_take, [f"t{n}" for n in range(8)]))

    assert taken.count(True) == 1


def test_one_that_fell_silent_is_followed_and_learns_of_it(store: Store) -> None:
    take(store, "first")
    later = NOW + orchestrator.SILENT_AFTER
    take(store, "second", later)
    with store.write(FLEET, later) as tx:
        beats = [orchestrator.beat(tx, token) for token in ("first", "second")]

    assert beats == [False, True]


def test_one_whose_process_is_gone_is_followed_at_once(store: Store) -> None:
    take(store, "first")
    take(store, "second", last_is_dead=True)
    with store.read() as snapshot:
        present = orchestrator.read_orchestrator(snapshot)

    assert present is not None
    assert present.token == "second"


def test_one_that_left_in_good_order_is_not_alive(store: Store) -> None:
    take(store, "first")
    with store.write(FLEET, NOW) as tx:
        orchestrator.leave(tx, "first")
    with store.read() as snapshot:
        last = orchestrator.read_orchestrator(snapshot)

    assert last is not None
    assert (last.stopped_at, last.is_alive(NOW)) == (NOW, False)
    take(store, "second")


def test_one_whose_process_on_this_machine_is_gone_is_not_alive_however_fresh_its_beat(store: Store) -> None:
    with subprocess.Popen(["true"]) as process:
        pass
    with store.write(FLEET, NOW) as tx:
        orchestrator.become_orchestrator(tx, pid=process.pid, host=socket.gethostname(), user="lina", token="t", last_is_dead=False)
    with store.read() as snapshot:
        last = orchestrator.read_orchestrator(snapshot)

    assert last is not None
    assert not last.is_alive(NOW)
    assert last.model_copy(update={"pid": os.getpid()}).is_alive(NOW)
    assert last.model_copy(update={"host": "desk-1"}).is_alive(NOW)


def test_before_the_first_there_is_none(store: Store) -> None:
    with store.read() as snapshot:
        assert orchestrator.read_orchestrator(snapshot) is None
