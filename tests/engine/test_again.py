"""Tries that are made by themselves: real threads, a real database, terminals in memory, and a clock that is told."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from fleet.control import rollouts as control
from fleet.engine import Orchestrator
from fleet.model.actor import FLEET
from fleet.model.again import AgainRule, Trouble
from fleet.model.attempt import NOBODY_ANSWERED, AttemptResult, Cause, TerminalState
from fleet.model.inventory import Fleet
from fleet.model.plan import Plan
from fleet.model.rollout import RolloutPhase, RolloutState, SiteCounts, WavePhase
from fleet.push import PushJob
from fleet.report.holds import read_holds
from fleet.settings import Settings
from fleet.store import Store, again, progress, reads
from tests.conftest import Clock
from tests.engine.city import AT, COORDINATOR, STAGER, Terminals, begin, make_fleet, make_plan, set_up
from tests.engine.waiting import rest, sites_of, state_of, until

UNREACHABLE, FAILED = TerminalState.UNREACHABLE, TerminalState.FAILED
LINK = AgainRule(on=(Trouble.LINK,), attempts=3, wait_s=60, factor=1, jitter=0)
TURNED_AWAY = (
    Cause.NAME_UNKNOWN,
    Cause.NOT_SSH,
    Cause.SSH_TOO_OLD,
    Cause.HOST_KEY_UNCONFIRMED,
    Cause.HOST_KEY_CHANGED,
    Cause.LOGIN_REFUSED,
    Cause.GATEWAY,
    Cause.GATEWAY_NAME,
    Cause.GATEWAY_KEY,
    Cause.GATEWAY_LOGIN,
    Cause.LINK_LOST,
    Cause.DEADLINE,
)
"""Somebody answered, or nobody was asked: why a terminal could not be reached although it may well be on."""


@dataclass
class Timed(Terminals):
    """Terminals whose attempts end by the clock."""

    clock: Clock = field(default_factory=Clock)

    def __call__(self, job: PushJob, stop: threading.Event) -> AttemptResult:
        return super().__call__(job, stop).model_copy(update={"started_at": self.clock.now, "finished_at": self.clock.now})


@dataclass
class Night:
    """A rollout of a plan with rules for retries."""

    store: Store
    orchestrator: Orchestrator
    terminals: Timed
    clock: Clock

    def start(self, plan: Plan, fleet: Fleet) -> None:
        set_up(self.store, fleet)
        begin(self.store, fleet, plan)
        self.orchestrator.start()

    def wait_for(self, connections: int) -> None:
        """Until so many connections were made in all and nobody is at work."""
        until(
            lambda: sum(self.terminals.connections.values()) >= connections and not self.sites.running,
            lambda: (self.terminals.connections, self.sites),
        )

    def settle(self) -> None:
        """Until nothing that is due now is left, or nothing of it may begin."""
        until(self._is_settled, lambda: self.sites)

    def _is_settled(self) -> bool:
        state = state_of(self.store)
        with self.store.read() as snapshot:
            due = again.due(snapshot, "r1", 1, self.clock.now)
        sites = self.sites
        return not sites.running and (state.waves[0].phase is WavePhase.HELD or not (sites.not_started or due))

    def rest(self) -> RolloutState:
        return rest(self.orchestrator)

    @property
    def sites(self) -> SiteCounts:
        return sites_of(self.store)

    def offline(self) -> list[again.Offline]:
        with self.store.read() as snapshot:
            return again.offline(snapshot, "r1")


@pytest.fixture
def night(workspace: Settings, store: Store, clock: Clock) -> Iterator[Night]:
    terminals = Timed(clock=clock)
    orchestrator = Orchestrator(workspace, store, push=terminals, clock=clock)
    yield Night(store, orchestrator, terminals, clock)
    orchestrator.stop()
    orchestrator.join(20)


def retrying(
    fleet: Fleet, *waves: int, rules: tuple[AgainRule, ...] = (LINK,), offline_after_h: float | None = None, budget: int = 3
) -> Plan:
    plan = make_plan(fleet, *waves, program=STAGER, failures=budget, unreachable=budget)
    playbook = plan.playbook.model_copy(update={"retry": rules, "offline_after_h": offline_after_h})
    plan = plan.model_copy(update={"playbook": playbook})
    return plan.model_copy(update={"digest": plan.compute_digest()})


def test_a_terminal_that_nobody_answers_at_is_tried_again_when_it_is_due_and_no_finished_one_is(night: Night) -> None:
    fleet = make_fleet(4)
    night.terminals.endings = {"s000/t1": [UNREACHABLE]}
    night.start(retrying(fleet, 4), fleet)
    night.wait_for(4)
    night.clock.now += timedelta(seconds=59)
    early = dict(night.terminals.connections)

    night.clock.now += timedelta(seconds=1)
    state = night.rest()

    assert early["s000/t1"] == 1
    assert state.phase is RolloutPhase.FINISHED
    assert night.terminals.connections == {"s000/t1": 2, "s001/t1": 1, "s002/t1": 1, "s003/t1": 1}


def test_many_silent_sites_hold_nobody_up_until_their_tries_are_spent_and_then_never_more_than_the_budget(night: Night) -> None:
    fleet = make_fleet(12)
    silent = [f"s{number:03}/t1" for number in range(8)]
    night.terminals.endings = {name: [UNREACHABLE] * 9 for name in silent}
    night.start(retrying(fleet, 12, budget=2), fleet)
    night.wait_for(12)
    waiting = night.sites

    for _ in range(8):
        night.clock.now += timedelta(seconds=61)
        night.settle()
    state = night.rest()

    assert (waiting.upgraded, waiting.unreachable) == (4, 8)
    assert (state.waves[0].phase, night.sites.upgraded) == (WavePhase.HELD, 4)
    spent = [one for one in night.offline() if one.due_at is None]
    assert len(spent) == 2
    assert night.sites.total == 12


@pytest.mark.parametrize("budget", ["failures", "unreachable"])
def test_a_budget_that_is_spent_for_good_holds_its_wave_at_once_although_others_are_tried_again_later(night: Night, budget: str) -> None:
    fleet = make_fleet(6)
    ends = given_up("s003/t1") if budget == "unreachable" else failed("s003/t1", Cause.DISK_FULL)
    night.terminals.endings = {"s001/t1": [UNREACHABLE], "s003/t1": [ends]}
    night.start(retrying(fleet, 6, budget=1), fleet)
    until(lambda: state_of(night.store).waves[0].phase is WavePhase.HELD, lambda: (night.sites, state_of(night.store)))
    (wave,) = state_of(night.store).waves
    due = [(one.terminal, one.due_at) for one in night.offline() if one.due_at is not None]
    night.clock.now += timedelta(seconds=61)
    control.approve(night.store, COORDINATOR, night.clock.now, "r1", 1)
    state = night.rest()

    assert wave.held_by == (budget,)
    assert due == [("s001/t1", AT + timedelta(seconds=60))]
    assert state.waves[0].phase is not WavePhase.HELD
    assert night.sites.upgraded == 5


def test_what_is_tried_again_and_spent_the_failure_budget_itself_does_not_hold_its_wave(night: Night) -> None:
    fleet = make_fleet(4)
    night.terminals.endings = {"s001/t1": [failed("s001/t1")]}
    night.start(retrying(fleet, 4, rules=(LINK.model_copy(update={"on": tuple(Trouble)}),), budget=1), fleet)
    until(lambda: night.sites.failed == 1 and not night.sites.running, lambda: night.sites)
    (wave,) = state_of(night.store).waves
    night.clock.now += timedelta(seconds=61)
    state = night.rest()

    assert (wave.phase, wave.held_by) == (WavePhase.OPEN, ())
    assert (state.phase, night.sites.upgraded) == (RolloutPhase.FINISHED, 4)


def test_tries_are_capped_and_a_person_s_retry_counts_them_anew(night: Night) -> None:
    fleet = make_fleet(2)
    night.terminals.endings = {"s000/t1": [UNREACHABLE] * 5}
    night.start(retrying(fleet, 2), fleet)
    for connections in (2, 3):
        night.wait_for(connections)
        night.clock.now += timedelta(seconds=61)
    night.wait_for(4)
    ended = night.rest()

    control.retry(night.store, COORDINATOR, night.clock.now, "r1")
    night.wait_for(5)
    (one,) = night.offline()

    assert ended.phase is RolloutPhase.FINISHED
    assert (one.tries, one.due_at) == (1, night.clock.now + timedelta(seconds=60))


def test_a_cause_that_somebody_has_to_mend_is_never_tried_again(night: Night) -> None:
    fleet = make_fleet(3)
    night.terminals.endings = {"s000/t1": [failed("s000/t1", Cause.DISK_FULL)]}

    night.start(retrying(fleet, 3, rules=(AgainRule(on=tuple(Trouble), attempts=9, wait_s=0, jitter=0),)), fleet)
    night.rest()

    assert set(night.terminals.connections.values()) == {1}
    assert night.sites.failed == 1


def test_a_command_that_failed_spends_its_budget_while_it_waits(night: Night) -> None:
    fleet = make_fleet(10)
    rule = AgainRule(on=(Trouble.COMMAND,), attempts=2, wait_s=60, jitter=0)
    night.terminals.endings = {name: [failed(name)] for name in fleet.terminals}
    night.start(retrying(fleet, 10, rules=(rule,), budget=2), fleet)
    night.wait_for(2)
    first = night.sites

    assert (first.failed, first.not_started) == (2, 8)


@pytest.mark.parametrize("offline_after_h", [None, 2.0])
def test_a_terminal_that_no_rule_tries_again_queues_with_its_age_and_is_a_technician_s_job_at_once(
    night: Night, offline_after_h: float | None
) -> None:
    fleet = make_fleet(2)
    night.terminals.endings = {"s000/t1": [UNREACHABLE] * 9}
    night.start(retrying(fleet, 2, rules=(), offline_after_h=offline_after_h), fleet)
    night.rest()

    (one,) = night.offline()

    assert one.terminal == "s000/t1"
    assert one.age(AT + timedelta(hours=1)) == timedelta(hours=1)
    assert one.job(AT, offline_after_h) is again.Job.NO_TRY_LEFT


def test_a_terminal_is_a_technician_s_job_when_its_last_try_has_ended_and_not_before(night: Night) -> None:
    fleet = make_fleet(2)
    night.terminals.endings = {"s000/t1": [UNREACHABLE] * 9}
    night.start(retrying(fleet, 2, offline_after_h=2.0), fleet)
    jobs = []
    for connections in (2, 3, 4):
        night.wait_for(connections)
        jobs += [one.job(night.clock.now, 2.0) for one in night.offline()]
        night.clock.now += timedelta(seconds=61)

    assert jobs == [None, None, again.Job.NO_TRY_LEFT]
    assert night.rest().phase is RolloutPhase.FINISHED
    assert control.retry(night.store, COORDINATOR, night.clock.now, "r1") == 1


def test_a_terminal_whose_next_try_would_come_too_late_is_a_technician_s_job_now(night: Night) -> None:
    fleet = make_fleet(2)
    night.terminals.endings = {"s000/t1": [UNREACHABLE] * 9}
    night.start(retrying(fleet, 2, rules=(LINK.model_copy(update={"wait_s": 3600.0}),), offline_after_h=0.5), fleet)
    night.rest()

    (one,) = night.offline()

    assert (one.tries, one.job(night.clock.now, 0.5)) == (1, again.Job.NO_TRY_LEFT)


def test_a_terminal_whose_try_is_kept_waiting_is_a_technician_s_job_once_it_has_been_silent_for_long(night: Night) -> None:
    fleet = make_fleet(2)
    night.terminals.endings = {"s000/t1": [UNREACHABLE] * 9}
    night.start(retrying(fleet, 2, offline_after_h=2.0), fleet)
    night.wait_for(2)
    control.pause(night.store, COORDINATOR, night.clock.now, "r1")
    until(lambda: state_of(night.store).phase is RolloutPhase.PAUSED, lambda: state_of(night.store))

    (one,) = night.offline()

    assert one.due_at == AT + timedelta(seconds=60)
    assert one.job(AT + timedelta(hours=2, seconds=-1), 2.0) is None
    assert one.job(AT + timedelta(hours=2), 2.0) is again.Job.SILENT_FOR_LONG
    assert one.job(AT + timedelta(hours=2), None) is None


def test_a_rollout_that_is_stopped_tries_nothing_again_so_what_waited_for_it_is_a_technician_s_job(night: Night) -> None:
    fleet = make_fleet(2)
    night.terminals.endings = {"s000/t1": [UNREACHABLE] * 9}
    night.start(retrying(fleet, 2), fleet)
    night.wait_for(2)
    control.stop(night.store, COORDINATOR, night.clock.now, "r1")
    night.rest()

    (one,) = night.offline()

    assert (one.due_at, one.job(AT, None)) == (None, again.Job.NO_TRY_LEFT)


def test_only_what_nobody_answered_at_is_in_the_queue(night: Night) -> None:
    fleet = make_fleet(len(TURNED_AWAY) + len(NOBODY_ANSWERED))
    causes = dict(zip(sorted(fleet.terminals), (*TURNED_AWAY, *NOBODY_ANSWERED), strict=True))
    night.terminals.endings = {name: [unreachable(name, cause)] for name, cause in causes.items()}
    night.start(retrying(fleet, len(causes), rules=(), budget=len(causes)), fleet)
    night.rest()

    assert {one.terminal for one in night.offline()} == {name for name, cause in causes.items() if cause in NOBODY_ANSWERED}
    assert night.sites.unreachable == len(causes)


def test_a_terminal_in_the_queue_of_an_older_workspace_that_answered_is_not_in_it_any_more(night: Night) -> None:
    fleet = make_fleet(2)
    set_up(night.store, fleet)
    begin(night.store, fleet, retrying(fleet, 2))
    with night.store.write(FLEET, AT) as tx:
        for name in fleet.terminals:
            kept = {"tries": 1, "unreachable_since": AT, "due_at": None}
            cause = Cause.HOST_KEY_CHANGED if name == "s000/t1" else Cause.NO_ANSWER
            progress.record_result(tx, "r1", unreachable(name, cause), kept)

    assert [one.terminal for one in night.offline()] == ["s001/t1"]


def test_nobody_has_answered_since_the_last_time_somebody_did(night: Night) -> None:
    fleet = make_fleet(1)
    night.terminals.endings = {"s000/t1": [UNREACHABLE, unreachable("s000/t1", Cause.LINK_LOST, 2), UNREACHABLE]}
    night.start(retrying(fleet, 1), fleet)
    for connections in (1, 2):
        night.wait_for(connections)
        night.clock.now += timedelta(seconds=61)
    night.wait_for(3)

    (one,) = night.offline()

    assert (one.tries, one.since) == (3, night.clock.now)


def failed(name: str, cause: Cause = Cause.COMMAND_FAILED) -> AttemptResult:
    """A first attempt that failed."""
    return AttemptResult(terminal=name, number=1, ending=FAILED, cause=cause, step="preflight", started_at=AT, finished_at=AT)


def test_a_site_whose_other_terminal_is_given_up_spends_nothing_until_it_was_its_turn(night: Night) -> None:
    fleet = make_fleet(3, terminals=2)
    plan = retrying(fleet, 3, rules=(LINK.model_copy(update={"attempts": 2}),), budget=1)
    night.terminals.endings = {f"{site}/t1": [UNREACHABLE] * 9 for site in fleet.sites}
    night.terminals.endings |= {f"{site}/t2": [given_up(f"{site}/t2")] for site in fleet.sites}
    night.start(plan, fleet)
    night.wait_for(6)

    night.clock.now += timedelta(seconds=61)
    state = night.rest()
    with night.store.read() as snapshot:
        (hold,) = read_holds(snapshot, state, plan, reads.read_tallies(snapshot, "r1"), {})[1]

    assert state.waves[0].held_by == ("unreachable",)
    assert (hold.cap.spent, hold.cap.allowed) == (1, 1)
    assert len(hold.sites) == 1
    assert sum(night.terminals.connections.values()) == 7


def given_up(name: str) -> AttemptResult:
    """A first attempt on a terminal whose host key has changed: nothing was touched, and it is not tried again by itself."""
    return unreachable(name, Cause.HOST_KEY_CHANGED)


def unreachable(name: str, cause: Cause, number: int = 1) -> AttemptResult:
    """An attempt that never began."""
    return AttemptResult(terminal=name, number=number, ending=UNREACHABLE, cause=cause, started_at=AT, finished_at=AT)


def test_a_second_push_whose_link_was_lost_is_asked_how_it_ended_too_and_asking_is_no_push(night: Night) -> None:
    fleet = make_fleet(1)
    night.terminals.endings = {"s000/t1": [lost(1), lost(1), lost(3)]}
    night.start(retrying(fleet, 1, rules=(LINK.model_copy(update={"attempts": 2}),)), fleet)
    night.wait_for(2)

    night.clock.now += timedelta(seconds=61)
    night.rest()

    assert night.terminals.attempts == ["s000/t1#1", "s000/t1#1", "s000/t1#3", "s000/t1#3"]
    assert night.sites.upgraded == 1


def lost(number: int) -> AttemptResult:
    """An attempt that nobody heard the end of."""
    ended = {"ending": TerminalState.UNKNOWN, "cause": Cause.LINK_LOST, "started_at": AT, "finished_at": AT}
    return AttemptResult.model_validate({"terminal": "s000/t1", "number": number} | ended)
