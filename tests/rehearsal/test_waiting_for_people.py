"""What waits for people or windows is not handed out again and again: the real reconciler and desk, done one thing after the other."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest

from fleet.control import leases
from fleet.control import rollouts as control
from fleet.control.rollback import roll_back
from fleet.engine.record import record_lost
from fleet.model.actor import FLEET as ITSELF
from fleet.model.attempt import TerminalState
from fleet.model.caps import PlannedLimit
from fleet.model.plan import Plan
from fleet.model.playbook import KeySource
from fleet.model.rollout import RolloutPhase, WavePhase
from fleet.model.windows import Entry, Scope, Windows
from fleet.rehearsal.agenda import Agenda
from fleet.rehearsal.orchestrator import SteppedOrchestrator
from fleet.rehearsal.terminals import Fate, Fates, SimulatedTerminals
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


def started(store: Store, agenda: Agenda, plan: Plan, fates: Fates = lambda _terminal, _number: Fate()) -> SteppedOrchestrator:
    begin(store, FLEET, plan)
    return followed(store, agenda, SimulatedTerminals(fates, KeySource.TOKEN), Handed())


def windowed(*windows: Entry, plan: Plan = PLAN) -> Plan:
    found = Windows(zone="Asia/Shanghai", suspensions=(entry(-60, 600),), windows=windows)
    plan = plan.model_copy(update={"windows": found})
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


@pytest.fixture
def empty() -> Iterator[Store]:
    with empty_store() as made:
        yield made


def test_a_site_for_which_the_time_is_too_short_is_no_reason_to_hand_out_a_shard_whose_other_site_is_in_use(empty: Store) -> None:
    fleet = make_fleet(4, terminals=2)
    plan = make_plan(fleet, 4, failures=1, parallel=1, program=STAGER)
    set_up(empty, fleet)
    begin(empty, fleet, windowed(entry(-60, 50, "s001"), plan=plan))  # two terminals, one after the other, may take 40 minutes
    with empty.write(ITSELF, AT) as tx:
        progress.mark_running(tx, "r1", ["s001/t2"])
        record_lost(tx, "r1", ["s001/t2"])
    leases.hold(empty, COORDINATOR, AT, "s003", 90 * MINUTE)
    agenda = Agenda(AT)
    terminals = SimulatedTerminals(lambda _name, _number: Fate(), KeySource.TOKEN)
    orchestrator = followed(empty, agenda, terminals, Handed())  # what was lost there has spent the budget
    agenda.let_pass(25 * 60)
    control.approve(empty, COORDINATOR, agenda.now, "r1", 1)

    turn = orchestrator.work()

    assert turn.state is not None
    assert turn.state.waves[0].phase is WavePhase.OPEN
    assert turn.next_at is not None


def under_a_limit(allowed: int) -> Plan:
    (wave,) = PLAN.waves
    sites = tuple(site.model_copy(update={"limits": (0,)}) for site in wave.sites)
    found = {"waves": (wave.model_copy(update={"sites": sites}),), "limits": (PlannedLimit(select="", sites=3, allowed=allowed),)}
    plan = PLAN.model_copy(update=found)
    return plan.model_copy(update={"digest": plan.compute_digest()})


def fails_for_good_at_the_first(name: str, _number: int) -> Fate:
    return Fate(heard=False, then_silent=True, seconds=8) if name == "s000/t1" else Fate()


def test_where_a_limit_is_full_a_site_that_is_down_and_in_use_lends_its_turn_to_no_other(store: Store) -> None:
    agenda = Agenda(AT)
    orchestrator = started(store, agenda, under_a_limit(1), fails_for_good_at_the_first)
    to_the_end(agenda, orchestrator)
    lease = leases.hold(store, COORDINATOR, agenda.now, "s000", 30 * MINUTE)
    control.retry(store, COORDINATOR, agenda.now, "r1", ["s000/t1"])

    turn = orchestrator.work()
    agenda.let_pass(1800)
    orchestrator.work()

    assert turn.next_at == lease.until
    assert states(store) == [TerminalState.RUNNING, TerminalState.UPGRADED, TerminalState.NOT_STARTED]


def test_where_a_limit_has_room_others_go_on_beside_a_site_that_is_down_and_in_use(store: Store) -> None:
    agenda = Agenda(AT)
    leases.hold(store, COORDINATOR, agenda.now, "s002", 5 * MINUTE)
    orchestrator = started(store, agenda, under_a_limit(2), fails_for_good_at_the_first)
    to_the_end(agenda, orchestrator)
    leases.hold(store, COORDINATOR, agenda.now, "s000", 30 * MINUTE)
    control.retry(store, COORDINATOR, agenda.now, "r1", ["s000/t1"])
    orchestrator.work()
    agenda.let_pass(300)
    orchestrator.work()
    to_the_end(agenda, orchestrator)

    assert states(store) == [TerminalState.NOT_STARTED, TerminalState.UPGRADED, TerminalState.UPGRADED]
