"""A night in which one district has spent its budget while the others go on: what the commands say of it meanwhile."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from threading import Event
from time import monotonic

import pytest

from fleet.control import rollouts as control
from fleet.engine import Orchestrator
from fleet.model.again import AgainRule, Trouble
from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.caps import DistrictAllowance
from fleet.model.inventory import Fleet
from fleet.model.plan import Plan
from fleet.model.rollout import WavePhase
from fleet.store import Store, reads, rollouts
from tests.conftest import Cli
from tests.engine.city import COORDINATOR, STAGER, Terminals, begin, make_fleet, make_plan, set_up

PATIENCE_S = 20


def until(holds: Callable[[], bool]) -> None:
    """Wait for it."""
    end = monotonic() + PATIENCE_S
    while not holds():
        assert monotonic() < end, "it never came"
        Event().wait(0.01)


def count(store: Store, state: TerminalState) -> int:
    with store.read() as snapshot:
        return reads.read_tallies(snapshot, "r1").total.terminals.get(state, 0)


def phase(store: Store) -> WavePhase:
    with store.read() as snapshot:
        state = rollouts.read_rollout(snapshot, "r1")
    assert state is not None
    return state.waves[0].phase


def with_budget(plan: Plan) -> Plan:
    """Two sites of the east may fail."""
    rule = {"east": DistrictAllowance(failures=2, unreachable=2)}
    waves = tuple(wave.model_copy(update={"districts_allowed": rule}) for wave in plan.waves)
    made = plan.model_copy(update={"waves": waves})
    return made.model_copy(update={"digest": made.compute_digest()})


@pytest.fixture
def fleet(store: Store) -> Fleet:
    made = make_fleet(12)
    set_up(store, made)
    return made


@pytest.fixture(autouse=True)
def _let_go(orchestrator: Orchestrator, terminals: Terminals) -> Iterator[None]:
    """No push is kept waiting when a test fails: the orchestrator could not end."""
    assert orchestrator
    yield
    terminals.let_go()


def test_while_one_district_is_held_and_another_is_at_work_status_says_so_in_words_and_as_data(
    cli: Cli, store: Store, fleet: Fleet, terminals: Terminals, orchestrator: Orchestrator
) -> None:
    east = [name for name in fleet.terminals if fleet.sites[name.partition("/")[0]].district == "east"]
    terminals.endings = {name: [TerminalState.FAILED] for name in east}
    terminals.silent = frozenset(("west",))
    begin(store, fleet, with_budget(make_plan(fleet, 12, failures=9, unreachable=9)))
    orchestrator.start()
    until(lambda: count(store, TerminalState.FAILED) == 2)

    ran, facts = cli("status"), json.loads(cli("status", "--json").out)

    assert phase(store) is WavePhase.OPEN
    assert (
        "Wave 1 is held in part: the failure budget of district east is spent: 2 sites, 2 may be; until they are retried, "
        "or a person approves once the rest is through"
    ) in ran.out
    (part,) = facts["held_in_part"]
    assert (part["wave"], part["cap"], part["spent"], part["allowed"]) == (1, "district-failures:east", 2, 2)
    assert part["why"] in ran.out

    terminals.let_go()
    assert orchestrator.wait_at_rest(60) is not None
    ran, facts = cli("status"), json.loads(cli("status", "--json").out)

    assert ran.code == 3
    assert "Wave 1 is held: the failure budget of district east is spent" in ran.out
    assert "until a person approves. Go on: fleet rollout approve 1" in ran.out
    assert facts["held_in_part"] == []


def test_a_cause_whose_budget_is_spent_by_what_is_tried_again_holds_no_part_of_its_wave(
    cli: Cli, store: Store, fleet: Fleet, terminals: Terminals, orchestrator: Orchestrator
) -> None:
    terminals.endings = {name: [timed_out(name, datetime.now(UTC))] for name in ("s001/t1", "s003/t1")}
    plan = make_plan(fleet, 12, failures=9, unreachable=9, program=STAGER)
    rule = AgainRule(on=(Trouble.TIMEOUT,), attempts=3, wait_s=3600, factor=1, jitter=0)
    plan = plan.model_copy(
        update={
            "playbook": plan.playbook.model_copy(update={"retry": (rule,)}),
            "waves": tuple(wave.model_copy(update={"causes_allowed": {Cause.COMMAND_TIMEOUT.value: 2}}) for wave in plan.waves),
        }
    )
    begin(store, fleet, plan.model_copy(update={"digest": plan.compute_digest()}))
    orchestrator.start()
    until(lambda: count(store, TerminalState.FAILED) == 2)

    ran = cli("status")

    assert phase(store) is WavePhase.OPEN
    assert "Wave 1: terminals that are tried again by themselves: 2" in ran.out
    assert "held in part" not in ran.out


def test_nothing_of_a_rollout_that_was_stopped_is_held(
    cli: Cli, store: Store, fleet: Fleet, terminals: Terminals, orchestrator: Orchestrator
) -> None:
    terminals.endings = {name: [TerminalState.FAILED] for name in fleet.terminals if fleet.sites[name.partition("/")[0]].district == "east"}
    terminals.silent = frozenset(("west",))
    begin(store, fleet, with_budget(make_plan(fleet, 12, failures=9, unreachable=9)))
    orchestrator.start()
    until(lambda: count(store, TerminalState.FAILED) == 2)

    control.stop(store, COORDINATOR, datetime.now(UTC), "r1")
    terminals.let_go()
    assert orchestrator.wait_at_rest(60) is not None

    assert phase(store) is WavePhase.OPEN
    assert json.loads(cli("status", "--json").out)["held_in_part"] == []


def test_nothing_is_held_in_part_where_no_budget_is_spent(
    cli: Cli, store: Store, fleet: Fleet, terminals: Terminals, orchestrator: Orchestrator
) -> None:
    terminals.endings = {"s001/t1": [TerminalState.FAILED]}
    terminals.silent = frozenset(("west",))
    begin(store, fleet, with_budget(make_plan(fleet, 12, failures=9, unreachable=9)))
    orchestrator.start()
    until(lambda: count(store, TerminalState.FAILED) == 1)

    assert "held in part" not in cli("status").out
    assert json.loads(cli("status", "--json").out)["held_in_part"] == []
    terminals.let_go()


def test_what_is_tried_again_by_itself_is_counted_with_the_time_of_the_next_try(
    cli: Cli, store: Store, fleet: Fleet, terminals: Terminals, orchestrator: Orchestrator
) -> None:
    now = datetime.now(UTC)
    terminals.endings = {name: [unanswered(name, now)] for name in ("s001/t1", "s003/t1")}
    plan = make_plan(fleet, 12, failures=9, unreachable=9, program=STAGER)
    playbook = plan.playbook.model_copy(update={"retry": (AgainRule(on=(Trouble.LINK,), attempts=3, wait_s=3600, factor=1, jitter=0),)})
    plan = plan.model_copy(update={"playbook": playbook})
    begin(store, fleet, plan.model_copy(update={"digest": plan.compute_digest()}))
    orchestrator.start()
    until(lambda: count(store, TerminalState.UNREACHABLE) == 2)

    out = cli("status").out

    assert "Wave 1: terminals that are tried again by themselves: 2; the next at " in out
    assert "held in part" not in out


def unanswered(terminal: str, at: datetime) -> AttemptResult:
    return ended(terminal, at, TerminalState.UNREACHABLE, Cause.NO_ANSWER)


def timed_out(terminal: str, at: datetime) -> AttemptResult:
    return ended(terminal, at, TerminalState.FAILED, Cause.COMMAND_TIMEOUT)


def ended(terminal: str, at: datetime, ending: TerminalState, cause: Cause) -> AttemptResult:
    return AttemptResult(terminal=terminal, number=1, ending=ending, cause=cause, started_at=at - timedelta(seconds=1), finished_at=at)
