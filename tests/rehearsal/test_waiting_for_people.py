"""What waits for people or windows is not handed out again and again: the real reconciler and desk, done one thing after the other."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest

from fleet.control import leases
from fleet.control.rollback import roll_back
from fleet.model.attempt import TerminalState
from fleet.model.plan import Plan
from fleet.model.playbook import KeySource
from fleet.model.rollout import RolloutPhase
from fleet.model.windows import Entry, Scope, Windows
from fleet.rehearsal.agenda import Agenda
from fleet.rehearsal.orchestrator import SteppedOrchestrator
from fleet.rehearsal.terminals import Fate, SimulatedTerminals
from fleet.store import Store, progress
from tests.engine.city import AT, COORDINATOR, STAGER, begin, make_fleet, make_plan, set_up
from tests.rehearsal.nights import empty_store
from tests.rehearsal.stepped import followed, to_the_end

MINUTE = timedelta(minutes=1)
FLEET = make_fleet(3)
PLAN = make_plan(FLEET, 3, program=STAGER)


class Handed:
    """Counts what an orchestrator hands out, and ends one that hands out without an end."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.times: Counter[str] = Counter()

    def __call__(self, what: str) -> None:
        """Something is about to be done."""
        self.times[what] += 1
        assert self.times["dispatch"] < 20, "it hands out again what nothing can begin at"


@pytest.fixture
def store() -> Iterator[Store]:
    with empty_store() as made:
        set_up(made, FLEET)
        yield made


def started(store: Store, agenda: Agenda, plan: Plan) -> SteppedOrchestrator:
    begin(store, FLEET, plan)
    terminals = SimulatedTerminals(lambda _terminal, _number: Fate(), KeySource.TOKEN)
    return followed(store, agenda, terminals, Handed())


def windowed(*windows: Entry) -> Plan:
    found = Windows(zone="Asia/Shanghai", suspensions=(entry(-60, 600),), windows=windows)
    plan = PLAN.model_copy(update={"windows": found})
    return plan.model_copy(update={"digest": plan.compute_digest()})


def entry(begins_in: int, ends_in: int, *sites: str) -> Entry:
    scope = Scope.SITE if sites else Scope.PLAN
    return Entry(scope=scope, sites=sites, begins_at=AT + begins_in * MINUTE, ends_at=AT + ends_in * MINUTE)


def states(store: Store) -> list[TerminalState]:
    with store.read() as snapshot:
        return [state for _name, state in sorted(progress.states_of(snapshot, "r1", FLEET.terminals).items())]


def test_a_site_that_somebody_works_at_is_left_alone_until_it_is_free(store: Store) -> None:
    agenda = Agenda(AT)
    lease = leases.hold(store, COORDINATOR, AT, "s000", 30 * MINUTE)
    orchestrator = started(store, agenda, PLAN)
    to_the_end(agenda, orchestrator)
    turn = orchestrator.work()
    agenda.let_pass(1800)
    orchestrator.work()
    to_the_end(agenda, orchestrator)

    assert turn.next_at == lease.until
    assert states(store) == [TerminalState.UPGRADED] * 3


def test_where_one_may_be_pushed_at_a_time_a_site_in_use_stops_no_other_of_its_shard(store: Store) -> None:
    agenda = Agenda(AT)
    leases.hold(store, COORDINATOR, AT, "s000", 30 * MINUTE)
    orchestrator = started(store, agenda, make_plan(FLEET, 3, program=STAGER, parallel=1))
    to_the_end(agenda, orchestrator)

    assert states(store) == [TerminalState.NOT_STARTED, TerminalState.UPGRADED, TerminalState.UPGRADED]


def test_of_a_site_in_use_and_one_whose_window_opens_later_the_first_to_be_free_is_looked_at(store: Store) -> None:
    agenda = Agenda(AT)
    leases.hold(store, COORDINATOR, AT, "s000", 60 * MINUTE)
    orchestrator = started(store, agenda, windowed(entry(20, 500, "s001", "s002")))
    turn = orchestrator.work()
    agenda.let_pass(1200)
    orchestrator.work()
    to_the_end(agenda, orchestrator)

    assert turn.next_at == AT + 20 * MINUTE
    assert states(store) == [TerminalState.NOT_STARTED, TerminalState.UPGRADED, TerminalState.UPGRADED]


def test_what_a_person_wants_taken_back_does_not_wait_for_the_window_of_its_site(store: Store) -> None:
    agenda = Agenda(AT)
    orchestrator = started(store, agenda, windowed(entry(0, 90, "s000"), entry(300, 500, "s000"), entry(300, 500, "s001")))
    to_the_end(agenda, orchestrator)
    agenda.let_pass(7200)
    roll_back(store, COORDINATOR, agenda.now, "r1", terminals=["s000/t1"])
    turn = orchestrator.work()
    to_the_end(agenda, orchestrator)

    assert turn.state is not None
    assert turn.state.phase is RolloutPhase.RUNNING
    assert states(store)[0] is TerminalState.TAKEN_BACK
