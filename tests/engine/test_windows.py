"""A rollout with windows: real threads and a real database, a clock that is told, terminals in memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from fleet.control import rollouts as control
from fleet.control.go_past import go_past
from fleet.control.outlook import read_outlook
from fleet.engine import Orchestrator
from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.inventory import Fleet
from fleet.model.plan import Plan
from fleet.model.playbook import Approval
from fleet.model.purpose import Only
from fleet.model.rollout import RolloutPhase, RolloutState, SiteCounts, Verdict, WavePhase
from fleet.model.windows import Entry, Scope, Windows
from fleet.push import PushJob
from fleet.rollout.standing import Standing, standing_of
from fleet.settings import Settings
from fleet.store import Store, audit, reads
from fleet.store.windows import next_opening, terminals_not_reached
from tests.conftest import Clock
from tests.engine.city import AT, COORDINATOR, STAGER, Terminals, begin, make_fleet, make_plan, set_up
from tests.engine.waiting import rest, sites_of, state_of, until

HOUR = timedelta(hours=1)
"""The clock begins at 22:00; a push may take ten minutes and its rollback as long until enough are measured."""


def entry(begins_in: float, lasts: float, *sites: str) -> Entry:
    """An entry that begins so many hours from now."""
    begin = AT + begins_in * HOUR
    scope = Scope.SITE if sites else Scope.PLAN
    return Entry(scope=scope, target=",".join(sites), sites=sites, begins_at=begin, ends_at=begin + lasts * HOUR)


def windows(*suspensions: Entry, **more: tuple[Entry, ...]) -> Windows:
    return Windows(zone="Asia/Shanghai", suspensions=suspensions, **more)


def planned(plan: Plan, when: Windows) -> Plan:
    plan = plan.model_copy(update={"windows": when})
    return plan.model_copy(update={"digest": plan.compute_digest()})


@dataclass
class Night:
    store: Store
    settings: Settings
    clock: Clock
    terminals: Terminals
    began: list[datetime]
    takes: dict[str, timedelta] = field(default_factory=dict)
    """Terminal -> how long a push to it takes, where not a minute."""
    orchestrator: Orchestrator | None = None

    def start(self, fleet: Fleet, plan: Plan, only: Only | None = None) -> None:
        set_up(self.store, fleet)
        begin(self.store, fleet, plan, only=only)
        self.run()

    def run(self) -> None:
        self.orchestrator = Orchestrator(self.settings, self.store, push=self.push, clock=self.clock)
        self.orchestrator.start()

    def push(self, job: PushJob, stop: object) -> AttemptResult:
        self.began.append(self.clock())
        made = self.terminals(job, stop)  # type: ignore[arg-type]
        return made.model_copy(
            update={"started_at": self.clock(), "finished_at": self.clock() + self.takes.get(job.terminal.id, timedelta(minutes=1))}
        )

    def lose(self) -> None:
        """The orchestrator is gone with what its workers were at."""
        assert self.orchestrator is not None
        self.orchestrator._workers.abandon()
        self.orchestrator._stopping.set()
        self.orchestrator._workers._desk._held.clear()
        self.orchestrator.join(20)
        self.terminals.opened.set()

    def until(self, holds: Callable[[], bool]) -> None:
        until(holds, lambda: (self.sites, self.state))

    def rest(self) -> RolloutState:
        assert self.orchestrator is not None
        return rest(self.orchestrator, 20)

    @property
    def state(self) -> RolloutState:
        return state_of(self.store)

    @property
    def sites(self) -> SiteCounts:
        return sites_of(self.store)

    @property
    def missed(self) -> dict[str, Cause]:
        with self.store.read() as snapshot:
            return terminals_not_reached(snapshot, "r1")

    @property
    def problems(self) -> list[str]:
        with self.store.read() as snapshot:
            return [str(problem) for problem in audit.check_record(snapshot)[2]]


@pytest.fixture
def night(store: Store, workspace: Settings, clock: Clock, terminals: Terminals) -> Iterator[Night]:
    made = Night(store, workspace, clock, terminals, [])
    yield made
    if made.orchestrator is not None:
        terminals.opened.set()
        made.orchestrator.stop(hurry=True)
        made.orchestrator.join(20)


def test_nothing_begins_before_the_window_and_all_of_it_when_it_opens(night: Night) -> None:
    fleet = make_fleet(6)
    night.start(fleet, planned(make_plan(fleet, 6), windows(entry(1, 8))))
    night.until(lambda: night.clock() == AT and bool(_later(night)))
    before = list(night.began)

    night.clock.advance(hours=1)

    assert night.rest().phase is RolloutPhase.FINISHED
    assert before == []
    assert night.sites.upgraded == 6
    assert min(night.began) >= AT + HOUR
    assert night.problems == []


def test_a_site_that_waits_for_its_window_holds_up_no_other_and_its_gate_waits_for_it(night: Night) -> None:
    fleet = make_fleet(6)
    when = windows(entry(0, 8), windows=(entry(2, 3, "s000", "s001"),))
    night.start(fleet, planned(make_plan(fleet, 4, 2), when))
    night.until(lambda: night.sites.upgraded == 2)
    night.until(lambda: bool(_later(night)))
    while_it_waits = [wave.phase for wave in night.state.waves]

    night.clock.advance(hours=2)

    assert night.rest().phase is RolloutPhase.FINISHED
    assert while_it_waits == [WavePhase.OPEN, WavePhase.CLOSED]
    assert night.sites.upgraded == 6


def test_what_the_window_left_no_time_for_ends_as_not_reached_and_spends_no_budget(night: Night) -> None:
    fleet = make_fleet(8)
    when = windows(entry(-3, 11), windows=(entry(0.5, 0.1, "s000"), entry(-2, 1, "s001")))
    night.start(fleet, planned(make_plan(fleet, 8, failures=1, unreachable=1), when))
    night.until(lambda: night.sites.upgraded == 6)

    night.clock.advance(hours=1)

    assert night.rest().phase is RolloutPhase.FINISHED
    assert night.missed == {"s000/t1": Cause.CANNOT_FINISH, "s001/t1": Cause.WINDOW_CLOSED}
    assert (night.sites.not_started, night.sites.failed, night.sites.unreachable) == (2, 0, 0)
    assert standing_of(night.state, night.sites) is Standing.INCOMPLETE
    assert night.problems == []


def test_once_pushes_are_measured_a_window_that_was_too_short_is_long_enough(night: Night) -> None:
    fleet = make_fleet(6)
    when = windows(entry(0, 8), windows=(entry(0, 0.25, "s000"),))
    night.start(fleet, planned(make_plan(fleet, 6), when))
    night.until(lambda: night.sites.upgraded == 5 and bool(_later(night)))

    night.clock.advance(seconds=31)

    assert night.rest().phase is RolloutPhase.FINISHED
    assert night.sites.upgraded == 6
    assert night.missed == {}


def test_a_push_whose_turn_comes_after_the_last_moment_is_not_begun(night: Night) -> None:
    fleet = make_fleet(2, terminals=3)
    night.terminals.opened.clear()
    night.start(fleet, planned(make_plan(fleet, 2, failures=2, unreachable=2, parallel=1), windows(entry(0, 2))))
    night.terminals.wait_for_pushes(1)

    night.clock.advance(hours=1.9)
    night.terminals.opened.set()
    night.until(lambda: not night.sites.running)
    night.clock.advance(hours=1)
    state = night.rest()

    assert state.phase is RolloutPhase.FINISHED
    assert len(night.began) == 1
    assert len(night.missed) == 5
    assert set(night.missed.values()) == {Cause.WINDOW_CLOSED}
    assert night.problems == []


def test_a_retry_has_what_was_not_reached_tried_again(night: Night) -> None:
    fleet = make_fleet(2)
    night.start(fleet, planned(make_plan(fleet, 2), windows(entry(-3, 11), windows=(entry(-2, 1, "s000"),))))
    night.rest()

    count = control.retry(night.store, COORDINATOR, night.clock(), "r1")
    night.rest()

    assert count == 1
    assert night.missed == {"s000/t1": Cause.WINDOW_CLOSED}
    assert night.problems == []


def test_a_retry_that_comes_too_late_leaves_a_failure_a_failure(night: Night) -> None:
    fleet = make_fleet(3)
    night.terminals.endings = {"s000/t1": [TerminalState.FAILED]}
    night.start(fleet, planned(make_plan(fleet, 3), windows(entry(0, 1))))
    night.until(lambda: night.sites.upgraded == 2 and night.sites.failed == 1)
    night.rest()
    night.clock.advance(hours=2)

    control.retry(night.store, COORDINATOR, night.clock(), "r1")
    night.until(lambda: night.state.seen_decision > 0)
    night.rest()

    assert night.sites.failed == 1
    assert night.missed == {}
    assert night.problems == []


def test_staging_touches_nothing_live_and_waits_for_no_window(night: Night) -> None:
    fleet = make_fleet(2)
    night.terminals.endings = {name: [TerminalState.STAGED] for name in fleet.terminals}
    plan = planned(make_plan(fleet, 2, program=STAGER), windows(entry(48, 8)))

    night.start(fleet, plan, only=Only.STAGE)

    assert night.rest().phase is RolloutPhase.FINISHED
    assert night.sites.staged == 2


def test_past_the_point_of_no_return_nothing_begins_until_a_person_goes_past_it(night: Night) -> None:
    fleet = make_fleet(40)
    # 30 sites are upgraded, 8 at a time go back: four turns of ten minutes, so the clock says 40 minutes before the end
    night.start(fleet, planned(make_plan(fleet, 30, 10, failures=8, unreachable=8, approval=Approval.CANARY), windows(entry(0, 4))))
    night.until(lambda: night.state.waves[0].phase is WavePhase.GATE)
    night.clock.advance(hours=3, minutes=30)
    control.approve(night.store, COORDINATOR, night.clock(), "r1", 1)
    night.until(lambda: night.state.is_past_return)
    state = night.rest()
    begun = len(night.began)

    go_past(night.store, COORDINATOR, night.clock(), "r1", reason="the vendor stays until noon")
    night.until(lambda: night.sites.upgraded == 40)

    assert begun == 30
    assert standing_of(state, SiteCounts(upgraded=30, not_started=10)) is Standing.WAITING
    assert night.state.past_return_by == "c01"
    assert night.problems == []


def test_when_the_suspension_ends_what_the_point_of_no_return_held_is_not_reached(night: Night) -> None:
    fleet = make_fleet(40)
    night.start(fleet, planned(make_plan(fleet, 30, 10, failures=8, unreachable=8, approval=Approval.CANARY), windows(entry(0, 4))))
    night.until(lambda: night.state.waves[0].phase is WavePhase.GATE)
    night.clock.advance(hours=3, minutes=30)
    control.approve(night.store, COORDINATOR, night.clock(), "r1", 1)
    night.until(lambda: night.state.is_past_return)
    waits = standing_of(night.rest(), night.sites)

    night.clock.advance(hours=1)
    night.until(lambda: night.state.waves[1].phase is WavePhase.GATE)

    assert night.state.waves[1].verdict is Verdict.INCONCLUSIVE
    assert waits is Standing.WAITING
    assert night.sites.not_started == 10
    assert set(night.missed.values()) == {Cause.WINDOW_CLOSED}


def test_the_outlook_says_when_everything_can_still_go_back_and_when_it_will_be_finished(night: Night) -> None:
    fleet = make_fleet(40)
    plan = planned(make_plan(fleet, 30, 10, failures=8, unreachable=8, approval=Approval.CANARY), windows(entry(0, 4)))
    night.start(fleet, plan)
    night.until(lambda: night.state.waves[0].phase is WavePhase.GATE)

    with night.store.read() as snapshot:
        ahead = read_outlook(snapshot, night.state, plan, reads.read_tallies(snapshot, "r1"), now=night.clock())

    assert ahead.clock is not None
    assert ahead.clock.last_safe_at == AT + 4 * HOUR - timedelta(minutes=40)
    assert ahead.pace.push.is_measured
    assert not ahead.pace.rollback.is_measured
    assert ahead.forecast is not None
    assert ahead.forecast.p80_at == AT + timedelta(seconds=120)  # ten sites of a minute, eight at a time


def test_whoever_asks_within_a_minute_in_which_nothing_happens_is_given_the_same_forecast(night: Night) -> None:
    fleet = make_fleet(40)
    plan = make_plan(fleet, 30, 10, failures=8, unreachable=8, approval=Approval.CANARY)
    night.takes = {name: timedelta(seconds=20 + 7 * number) for number, name in enumerate(fleet.terminals)}
    night.start(fleet, plan)
    night.until(lambda: night.state.waves[0].phase is WavePhase.GATE)
    night.rest()

    with night.store.read() as snapshot:
        tallies = reads.read_tallies(snapshot, "r1")
        first, second = (read_outlook(snapshot, night.state, plan, tallies, now=AT + HOUR + timedelta(seconds=s)) for s in (5, 55))

    assert first.forecast is not None
    assert first.forecast == second.forecast


def test_a_worker_that_is_lost_in_a_first_push_leaves_an_unknown_not_a_not_started_one(night: Night) -> None:
    fleet = make_fleet(1)
    night.terminals.opened.clear()
    night.start(fleet, planned(make_plan(fleet, 1), windows(entry(0, 1))))
    night.terminals.wait_for_pushes(1)
    night.lose()
    night.clock.advance(hours=2)

    night.run()
    night.until(lambda: night.sites.unknown == 1)

    assert night.missed == {}
    assert night.problems == []


def test_a_worker_that_is_lost_in_a_push_after_one_that_ended_leaves_an_unknown_not_what_there_was_before(night: Night) -> None:
    fleet = make_fleet(1)
    night.terminals.endings = {"s000/t1": [TerminalState.FAILED]}
    night.start(fleet, planned(make_plan(fleet, 1), windows(entry(0, 1))))
    night.until(lambda: night.sites.failed == 1)
    night.terminals.opened.clear()
    control.retry(night.store, COORDINATOR, night.clock(), "r1")
    night.terminals.wait_for_pushes(1)
    night.lose()
    night.clock.advance(hours=2)

    night.run()
    night.until(lambda: night.sites.unknown == 1)

    assert night.problems == []


def _later(night: Night) -> list[str]:
    with night.store.read() as snapshot:
        return list(next_opening(snapshot, "r1"))
