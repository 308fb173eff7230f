"""Threads that make pushes: who gets one, and what is told of each push."""

from collections.abc import Callable, Iterator
from queue import Queue
from threading import Event

import pytest

from fleet.engine.orchestrator import utc_now
from fleet.engine.pool import Outcome, Pool
from fleet.model.attempt import AttemptResult, TerminalState
from fleet.model.inventory import Terminal
from fleet.push import PushJob
from tests.engine.city import PROGRAM, make_fleet, result

ENOUGH_S = 20
FLEET = make_fleet(2)
"""s000 lies in the west, s001 in the east."""


def order(site: str, code: str, gateway: str | None = None) -> PushJob:
    return PushJob(
        terminal=Terminal(site=site, code=code, host="127.0.0.1", gateway=gateway),
        site=FLEET.sites[site],
        number=1,
        program=PROGRAM,
        artifact=None,
        version="4.2.0",
        account=None,  # type: ignore[arg-type]  # nobody signs in
        pinned=None,
        deadline_s=1.0,
    )


class Far:
    """Pushes in memory; each says when it began, and goes on when it is told."""

    def __init__(self) -> None:
        self.began: Queue[PushJob] = Queue()
        self.ended: Queue[tuple[str, Outcome]] = Queue()
        self.goes_on: dict[str, Event] = {}
        self.breaks: set[str] = set()

    def __call__(self, job: PushJob, stop: Event) -> AttemptResult:  # noqa: ARG002 - nobody is stopped here
        goes_on = self.goes_on.setdefault(job.terminal.id, Event())
        self.began.put(job)
        assert goes_on.wait(ENOUGH_S)
        if job.terminal.id in self.breaks:
            raise OSError(job.terminal.id)
        return result(job, TerminalState.UPGRADED)

    def take(self, push: PushJob, outcome: Outcome) -> None:
        self.ended.put((push.terminal.id, outcome))

    def next_one(self) -> PushJob:
        return self.began.get(timeout=ENOUGH_S)

    def let_go(self, name: str) -> Outcome:
        """Let a push end; what was told of it."""
        self.goes_on[name].set()
        ended, outcome = self.ended.get(timeout=ENOUGH_S)
        assert ended == name
        return outcome


@pytest.fixture
def far() -> Far:
    return Far()


@pytest.fixture
def begin(far: Far) -> Iterator[Callable[[PushJob, int], None]]:
    pool = Pool(far, clock=utc_now, at_gateway=1)
    yield lambda push, parallel: pool.begin(push, Event(), far.take, parallel)
    pool.close()


def test_a_push_that_waits_for_its_gateway_keeps_no_thread_from_another(far: Far, begin: Callable[[PushJob, int], None]) -> None:
    for code in ("t1", "t2", "t3"):
        begin(order("s000", code, "county"), 2)
    begin(order("s001", "t1"), 2)

    assert [far.next_one().terminal.id, far.next_one().terminal.id] == ["s000/t1", "s001/t1"]
    for name in ("s000/t1", "s001/t1"):
        far.let_go(name)
    assert far.next_one().terminal.id == "s000/t2"
    far.let_go("s000/t2")
    far.next_one()
    far.let_go("s000/t3")


def test_a_push_that_was_let_in_makes_room_at_its_gateway(far: Far, begin: Callable[[PushJob, int], None]) -> None:
    begin(order("s000", "t1", "county"), 8)
    begin(order("s000", "t2", "county"), 8)
    first = far.next_one()
    assert far.began.empty()

    first.on_connected()

    assert far.next_one().terminal.id == "s000/t2"
    for name in ("s000/t1", "s000/t2"):
        far.let_go(name)


def test_a_push_that_breaks_down_is_told_and_gives_its_thread_back(far: Far, begin: Callable[[PushJob, int], None]) -> None:
    far.breaks.add("s000/t1")
    begin(order("s000", "t1"), 1)
    begin(order("s000", "t2"), 1)
    far.next_one()

    broken = far.let_go("s000/t1")

    assert isinstance(broken, OSError)
    assert far.next_one().terminal.id == "s000/t2"
    assert isinstance(far.let_go("s000/t2"), AttemptResult)
