"""One orchestrator for one workspace, and what the next one finds."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from fleet.engine import Orchestrator
from fleet.engine.lock import WorkspaceLock
from fleet.errors import ConflictError
from fleet.model.actor import FLEET
from fleet.settings import Settings
from fleet.store import Store, orchestrator, reads
from tests.conftest import Clock
from tests.engine.city import Terminals, begin, make_fleet, make_plan, set_up


def take_as(store: Store, *, pid: int, host: str, at: datetime) -> None:
    """Another process takes the workspace."""
    with store.write(FLEET, at) as tx:
        orchestrator.become_orchestrator(tx, pid=pid, host=host, user="lina", token="theirs", last_is_dead=True)


@pytest.fixture
def dead_pid() -> int:
    """The id of a process that has ended."""
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return child


def test_a_second_orchestrator_is_refused_and_told_who_runs(store: Store, orchestrator: Orchestrator, workspace: Settings) -> None:
    orchestrator.start()

    with pytest.raises(ConflictError, match=f"pid {os.getpid()} on {socket.gethostname()}"):
        Orchestrator(workspace, store, push=Terminals()).start()


def test_an_orchestrator_that_left_makes_room(store: Store, clock: Clock) -> None:
    first = WorkspaceLock(store)
    first.take(clock())
    first.leave(clock())

    WorkspaceLock(store).take(clock())


def test_a_live_process_on_this_machine_is_respected(store: Store, clock: Clock) -> None:
    take_as(store, pid=os.getppid(), host=socket.gethostname(), at=clock())

    with pytest.raises(ConflictError, match="user lina"):
        WorkspaceLock(store).take(clock.advance(seconds=5))


def test_a_dead_process_on_this_machine_makes_room_at_once(store: Store, clock: Clock, dead_pid: int) -> None:
    take_as(store, pid=dead_pid, host=socket.gethostname(), at=clock())

    WorkspaceLock(store).take(clock.advance(seconds=1))


def test_our_own_pid_of_an_earlier_life_makes_room(store: Store, clock: Clock) -> None:
    take_as(store, pid=os.getpid(), host=socket.gethostname(), at=clock())

    WorkspaceLock(store).take(clock.advance(seconds=1))


def test_on_another_machine_only_silence_makes_room(store: Store, clock: Clock, dead_pid: int) -> None:
    take_as(store, pid=dead_pid, host="elsewhere", at=clock())

    with pytest.raises(ConflictError, match="elsewhere"):
        WorkspaceLock(store).take(clock.advance(seconds=5))
    WorkspaceLock(store).take(clock.advance(seconds=15))


def test_an_orchestrator_whose_workspace_was_taken_ends_and_stores_nothing_more(
    store: Store, orchestrator: Orchestrator, terminals: Terminals
) -> None:
    fleet = make_fleet(3)
    set_up(store, fleet)
    begin(store, fleet, make_plan(fleet, 3))
    terminals.opened.clear()
    orchestrator.start()
    terminals.wait_for_pushes(3)

    take_as(store, pid=1, host="elsewhere", at=datetime.now(UTC))

    with pytest.raises(ConflictError, match="another orchestrator has taken"):
        orchestrator.join(20)
    with store.read() as snapshot:
        assert reads.read_tallies(snapshot, "r1").total.sites.running == 3


@contextmanager
def held_by_another(store: Store) -> Iterator[None]:
    """Somebody else is writing for as long as the block lasts."""
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with store.write(FLEET, datetime.now(UTC)):
            held.set()
            let_go.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(20)
    yield
    let_go.set()
    thread.join()


def test_results_wait_while_somebody_else_writes(store: Store, orchestrator: Orchestrator, terminals: Terminals) -> None:
    fleet = make_fleet(3)
    set_up(store, fleet)
    begin(store, fleet, make_plan(fleet, 3))
    terminals.opened.clear()
    orchestrator.start()
    terminals.wait_for_pushes(3)

    with held_by_another(store):
        terminals.opened.set()
        terminals.wait_for_pushes(0)
        with store.read() as snapshot:
            running = reads.read_tallies(snapshot, "r1").total.sites.running
    turn = orchestrator.wait_at_rest(30)

    assert running == 3
    assert turn is not None
    assert set(terminals.connections.values()) == {1}


def test_a_database_that_breaks_down_in_between_is_not_the_end(
    store: Store, orchestrator: Orchestrator, terminals: Terminals, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = make_fleet(6)
    set_up(store, fleet)
    begin(store, fleet, make_plan(fleet, 6))
    terminals.opened.clear()
    orchestrator.start()
    terminals.wait_for_pushes(3)
    write, troubles = store.write, [OSError("the disk is away")] * 3

    def broken(*arguments: object, **options: object) -> object:
        if troubles:
            raise troubles.pop()
        return write(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "write", broken)
    terminals.opened.set()
    turn = orchestrator.wait_at_rest(30)

    assert turn is not None
    assert troubles == []
    with store.read() as snapshot:
        assert reads.read_tallies(snapshot, "r1").total.sites.upgraded == 6
    assert set(terminals.connections.values()) == {1}
