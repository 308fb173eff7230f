"""A person decides that terminals are done by hand in this rollout: no push, a technician, and the counts still add up."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from fleet.control import checkin, crew, leases, rollouts
from fleet.control.by_hand import make_by_hand
from fleet.control.exclusions import exclude
from fleet.errors import ConflictError, InputError, NotAllowedError
from fleet.model.actor import FLEET, Actor
from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.inventory import Reach
from fleet.model.rollout import DecisionKind, SiteState
from fleet.settings import Settings
from fleet.store import Store, open_store, progress, reads
from fleet.store import rollouts as kept
from fleet.store.audit import check_record, read_events
from tests.engine.city import AT, RELEASE, make_fleet, make_plan, set_up

COORDINATOR, TECHNICIAN = Actor(code="c01"), Actor(code="t01")
WHY = "its SSH server is broken"


@pytest.fixture
def store(workspace: Settings) -> Iterator[Store]:
    store = open_store(workspace, create=True)
    fleet = make_fleet(4)
    set_up(store, fleet)
    rollouts.start_rollout(store, COORDINATOR, AT, make_plan(fleet, 4))
    yield store
    with store.read() as snapshot:
        assert [str(problem) for problem in check_record(snapshot)[2]] == []
    store.close()


def end(store: Store, terminal: str, ending: TerminalState) -> None:
    with store.write(FLEET, AT) as tx:
        cause = Cause.NONE if ending is TerminalState.UPGRADED else Cause.COMMAND_FAILED
        progress.record_result(
            tx, "r1", AttemptResult(terminal=terminal, number=1, ending=ending, cause=cause, started_at=AT, finished_at=AT)
        )


def test_it_waits_for_a_technician_and_no_number_is_lost(store: Store) -> None:
    end(store, "s000/t1", TerminalState.FAILED)

    count = make_by_hand(store, COORDINATOR, AT, "r1", ["s000/t1", "s001/t1"], reason=WHY)

    with store.read() as snapshot:
        tallies = reads.read_tallies(snapshot, "r1").total
        row = reads.terminals_of_site(snapshot, "r1", "s000")[0]
        decision = kept.decisions_after(snapshot, "r1", 0)[-1]
        told = [event for event in read_events(snapshot) if event.kind == "terminal.made-by-hand"]
    assert count == 2
    assert (row.reach, row.state, row.attempts) == (Reach.BY_HAND, TerminalState.NOT_STARTED, 1)
    assert (tallies.sites.total, tallies.sites.waiting_by_hand, tallies.sites.failed) == (4, 2, 0)
    assert {state: n for state, n in tallies.by_hand.items() if n} == {TerminalState.NOT_STARTED: 2}
    assert (decision.kind, decision.terminals, decision.reason) == (DecisionKind.BY_HAND, ("s000/t1", "s001/t1"), WHY)
    assert [event.body["terminals"] for event in told] == [["s000/t1", "s001/t1"]]


def test_its_technician_sees_it_and_proves_it_by_a_self_test(store: Store) -> None:
    crew.assign(store, COORDINATOR, AT, "s000", "t01", reason="near")
    make_by_hand(store, COORDINATOR, AT, "r1", ["s000/t1"], reason=WHY)
    with store.read() as snapshot:
        person = crew.find_technician(snapshot, "t01")
        assert [each.by_hand for each in crew.sites_of_technician(snapshot, person)] == [("t1",)]

    checked = checkin.check_in(store, TECHNICIAN, AT, checkin.Report(site="s000", technician="t01", shown={"t1": RELEASE.version}))

    assert (checked.site.state, checked.site.done) == (SiteState.UPGRADED, True)


def test_doing_it_twice_decides_once(store: Store) -> None:
    counts = [make_by_hand(store, COORDINATOR, AT, "r1", ["s000/t1"], reason=WHY) for _time in range(2)]

    assert counts == [1, 0]
    with store.read() as snapshot:
        assert len(kept.decisions_after(snapshot, "r1", 0)) == 1


def test_a_retry_pushes_nothing_that_is_done_by_hand(store: Store) -> None:
    end(store, "s000/t1", TerminalState.FAILED)
    make_by_hand(store, COORDINATOR, AT, "r1", ["s000/t1"], reason=WHY)

    with pytest.raises(InputError, match="nothing that a push could retry"):
        rollouts.retry(store, COORDINATOR, AT, "r1", ["s000/t1"])


def test_what_must_stay_as_it_is_is_refused(store: Store) -> None:
    end(store, "s000/t1", TerminalState.UPGRADED)
    exclude(store, COORDINATOR, AT, "r1", ["s001/t1"], reason="closed")
    with store.write(FLEET, AT) as tx:
        progress.mark_running(tx, "r1", ["s002/t1"])

    for name, error, words in (
        ("s000/t1", InputError, "is done already"),
        ("s001/t1", InputError, "is excluded"),
        ("s002/t1", ConflictError, "is being pushed to now"),
        ("s009/t1", InputError, "holds no terminal"),
    ):
        with pytest.raises(error, match=words):
            make_by_hand(store, COORDINATOR, AT, "r1", ["s003/t1", name], reason=WHY)
    with store.read() as snapshot:
        assert progress.reaches_of(snapshot, "r1", ["s003/t1"]) == {"s003/t1": Reach.SSH}


def test_it_waits_while_somebody_else_has_the_site(store: Store) -> None:
    leases.hold(store, Actor(code="m01"), AT, "s000", timedelta(hours=1))

    with pytest.raises(ConflictError, match="site `s000` is in use: work by hand by 赵敏"):
        make_by_hand(store, COORDINATOR, AT, "r1", ["s000/t1", "s001/t1"], reason=WHY)

    assert make_by_hand(store, COORDINATOR, AT, "r1", ["s001/t1"], reason=WHY) == 1
    assert make_by_hand(store, Actor(code="m01"), AT, "r1", ["s000/t1"], reason=WHY) == 1


def test_it_needs_a_reason_terminals_and_the_right(store: Store) -> None:
    with pytest.raises(InputError, match="say why"):
        make_by_hand(store, COORDINATOR, AT, "r1", ["s000/t1"], reason=" ")
    with pytest.raises(InputError, match="name the terminals"):
        make_by_hand(store, COORDINATOR, AT, "r1", [], reason=WHY)
    with pytest.raises(NotAllowedError):
        make_by_hand(store, TECHNICIAN, AT, "r1", ["s000/t1"], reason=WHY)
