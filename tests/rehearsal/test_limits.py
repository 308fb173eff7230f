"""A limit holds at every moment, also where a site that is down has its turn again: the real reconciler and desk, one thing at a time."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from fleet.cli.standing import look, waiting_lines
from fleet.control import rollouts as control
from fleet.control.exclusions import exclude
from fleet.control.rollback import roll_back
from fleet.model.again import AgainRule, Trouble
from fleet.model.attempt import Cause, TerminalState
from fleet.model.caps import PlannedLimit
from fleet.model.inventory import Fleet
from fleet.model.plan import Plan
from fleet.model.playbook import KeySource
from fleet.model.rollout import WavePhase, WaveState
from fleet.model.windows import Entry, Scope, Windows
from fleet.rehearsal.agenda import Agenda
from fleet.rehearsal.orchestrator import SteppedOrchestrator
from fleet.rehearsal.terminals import Fate, Fates, SimulatedTerminals
from fleet.rollout.standing import Standing
from fleet.store import Store, caps, progress, reads, rollouts
from fleet.store.windows import terminals_not_reached
from tests.engine.city import AT, COORDINATOR, STAGER, begin, make_fleet, make_plan, set_up
from tests.rehearsal.nights import empty_store

SILENT = Fate(heard=False, then_silent=True, seconds=8)
"""The link is lost half-way, and nobody answers there again."""

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a rollout may cost."""

    down: int = 1
    """Sites at once."""
    failures: int = 9
    parallel: int = 8
    retry: tuple[AgainRule, ...] = ()
    """What is tried again by itself."""


ONE_DOWN = Bounds()


class Night:
    """A rollout of one wave of which so many sites may be down at once, and how many ever were."""

    def __init__(self, store: Store, fleet: Fleet, fates: Fates, windows: Windows | None = None, bounds: Bounds = ONE_DOWN) -> None:
        """It has begun, and its first push with it."""
        self.store, self.fleet, self.agenda, self.most_down, self.most_spent = store, fleet, Agenda(AT), 0, 0
        set_up(store, fleet)
        begin(store, fleet, limited(fleet, windows, bounds))
        terminals = SimulatedTerminals(fates, KeySource.TOKEN)
        self.orchestrator = SteppedOrchestrator(store, terminals, self.agenda, at_gateway=4)
        self.orchestrator.start()
        self.work()
        self.go_on()

    def work(self) -> None:
        """One moment."""
        self.orchestrator.work()
        with self.store.read() as snapshot:
            self.most_down = max(self.most_down, caps.read_spent(snapshot, "r1").down.get(0, 0))
            sites = reads.read_tallies(snapshot, "r1").total.sites
            self.most_spent = max(self.most_spent, sites.spent_failures + sites.running)

    def go_on(self) -> None:
        """To the next moment."""
        self.agenda.go_on()
        self.work()

    def at(self, moment: datetime) -> None:
        """At that moment; until then nothing is planned."""
        assert self.agenda.is_empty
        self.agenda.let_pass((moment - self.agenda.now).total_seconds())
        self.work()

    def to_the_end(self) -> dict[str, TerminalState]:
        """Until nothing moves; returns how every terminal ended."""
        for _ in range(100):
            if self.agenda.is_empty:
                return self.states()
            self.go_on()
        raise AssertionError("it never comes to its end")

    def states(self) -> dict[str, TerminalState]:
        """How every terminal stands."""
        with self.store.read() as snapshot:
            return progress.states_of(snapshot, "r1", self.fleet.terminals)

    def running(self) -> list[str]:
        """The terminals that are being pushed to."""
        return [name for name, state in self.states().items() if state is TerminalState.RUNNING]


@pytest.fixture
def store() -> Iterator[Store]:
    with empty_store() as made:
        yield made


def limited(fleet: Fleet, windows: Windows | None, bounds: Bounds) -> Plan:
    """All sites in one wave, under one limit."""
    plan = make_plan(fleet, len(fleet.sites), failures=bounds.failures, unreachable=9, parallel=bounds.parallel, program=STAGER)
    (wave,) = plan.waves
    sites = tuple(site.model_copy(update={"limits": (0,)}) for site in wave.sites)
    limits = (PlannedLimit(select="", sites=len(sites), allowed=bounds.down),)
    found = {"waves": (wave.model_copy(update={"sites": sites}),), "limits": limits, "windows": windows}
    plan = plan.model_copy(update=found | {"playbook": plan.playbook.model_copy(update={"retry": bounds.retry})})
    return plan.model_copy(update={"digest": plan.compute_digest()})


def test_a_site_that_has_still_to_be_taken_back_makes_no_room_for_another_one(store: Store) -> None:
    night = Night(store, make_fleet(4), lambda _name, _number: SILENT)
    night.go_on()
    night.go_on()
    (first,) = night.running()  # it is asked how its attempt ended
    roll_back(store, COORDINATOR, night.agenda.now, "r1", terminals=[first])
    night.work()
    ended = night.to_the_end()

    assert night.most_down == 1
    assert Counter(ended.values()) == {TerminalState.UNKNOWN: 1, TerminalState.NOT_STARTED: 3}


def test_a_site_that_is_down_is_pushed_when_its_window_opens_although_the_limit_is_reached(store: Store) -> None:
    fleet = make_fleet(4)
    closed = Entry(scope=Scope.PLAN, begins_at=AT + 30 * MINUTE, ends_at=AT + 90 * MINUTE)
    suspended = Entry(scope=Scope.PLAN, begins_at=AT - 60 * MINUTE, ends_at=AT + 900 * MINUTE)
    windows = Windows(zone="Asia/Shanghai", suspensions=(suspended,), blackouts=(closed,))
    night = Night(store, fleet, lambda name, _number: SILENT if name == "s001/t1" else Fate(), windows)
    night.to_the_end()
    night.agenda.let_pass(2400)
    control.retry(store, COORDINATOR, night.agenda.now, "r1")
    turn = night.orchestrator.work()
    night.agenda.let_pass(3000)
    night.work()

    assert turn.next_at == AT + 90 * MINUTE
    assert night.running() == ["s001/t1"]
    assert night.most_down == 1


def test_the_turn_of_a_site_that_is_down_and_whose_window_is_closed_goes_to_no_other(store: Store) -> None:
    closed = Entry(scope=Scope.SITE, target="s001", sites=("s001",), begins_at=AT + 30 * MINUTE, ends_at=AT + 90 * MINUTE)
    suspended = Entry(scope=Scope.PLAN, begins_at=AT - 60 * MINUTE, ends_at=AT + 900 * MINUTE)
    windows = Windows(zone="Asia/Shanghai", suspensions=(suspended,), blackouts=(closed,))
    night = Night(store, make_fleet(4), lambda name, _number: SILENT if name == "s001/t1" else Fate(), windows)
    night.to_the_end()
    night.agenda.let_pass(2400)
    control.retry(store, COORDINATOR, night.agenda.now, "r1")
    night.work()

    assert night.running() == []
    assert night.most_down == 1


def unheard(silent: str, slow: str = "") -> Fates:
    """Every link is lost before its first push is heard out; one terminal is silent after that for once, another is heard at once, and slow."""

    def fate(name: str, number: int) -> Fate:
        if name == slow:
            return Fate(seconds=90)
        if number > 1:
            return Fate(seconds=5)
        return Fate(heard=False, then_silent=name == silent, seconds=5 if name == silent else 30)

    return fate


def test_no_other_site_begins_on_the_room_of_those_that_are_down_and_asked_again(store: Store) -> None:
    night = Night(store, make_fleet(5), unheard("s000/t1"), bounds=Bounds(down=4, parallel=4))
    night.to_the_end()

    assert night.most_down == 4


def test_a_site_under_a_limit_that_is_asked_again_is_backed_by_the_budget_like_any_push(store: Store) -> None:
    night = Night(store, make_fleet(4), unheard("s000/t1", "s002/t1"), bounds=Bounds(down=4, failures=3, parallel=3))
    night.to_the_end()

    assert night.most_spent == 3


def until(minutes: int) -> Windows:
    """Every site may be touched until then, and never after it."""
    suspended = Entry(scope=Scope.PLAN, begins_at=AT - 60 * MINUTE, ends_at=AT + minutes * MINUTE)
    return Windows(zone="Asia/Shanghai", suspensions=(suspended,))


def first_wave(store: Store) -> WaveState:
    with store.read() as snapshot:
        state = rollouts.newest_rollout(snapshot)
    assert state is not None
    return state.waves[0]


def test_a_site_that_is_down_and_retried_too_late_stays_as_it_was_and_its_wave_is_judged_when_the_windows_are_over(store: Store) -> None:
    night = Night(store, make_fleet(1), lambda _name, _number: SILENT, until(90))
    night.to_the_end()
    night.agenda.let_pass(88 * 60)  # no push could be finished any more
    control.retry(store, COORDINATOR, night.agenda.now, "r1")
    turn = night.orchestrator.work()
    assert night.states() == {"s000/t1": TerminalState.NOT_STARTED}

    while turn.next_at is not None:  # it is short of time, which is looked at again and again
        night.at(turn.next_at)
        turn = night.orchestrator.work()

    assert night.states() == {"s000/t1": TerminalState.UNKNOWN}
    assert first_wave(store).phase is WavePhase.GATE


def test_sites_that_wait_under_a_full_limit_until_their_windows_are_over_were_not_reached_and_their_wave_is_judged(store: Store) -> None:
    night = Night(store, make_fleet(4), lambda name, _number: SILENT if name == "s001/t1" else Fate(seconds=30), until(90))
    night.to_the_end()
    turn = night.orchestrator.work()
    waiting = sorted(name for name, state in night.states().items() if state is TerminalState.NOT_STARTED)
    assert (first_wave(store).held_by, turn.is_at_rest, turn.next_at) == (("limit:0",), True, AT + 90 * MINUTE)
    assert waiting

    night.at(AT + 90 * MINUTE)

    with store.read() as snapshot:
        missed = terminals_not_reached(snapshot, "r1")
    assert missed == dict.fromkeys(waiting, Cause.WINDOW_CLOSED)
    assert first_wave(store).phase is WavePhase.GATE
    assert night.most_down == 1


def test_a_rollback_that_a_full_limit_keeps_from_beginning_names_the_limit_and_waits_for_a_person(store: Store) -> None:
    night = Night(store, make_fleet(3), lambda name, _number: SILENT if name == "s000/t1" else Fate(seconds=5), bounds=Bounds(parallel=1))
    night.to_the_end()
    assert night.states()["s001/t1"] is TerminalState.UPGRADED
    roll_back(store, COORDINATOR, night.agenda.now, "r1", wave=1)
    night.work()
    night.to_the_end()
    stand = look(store)
    held = first_wave(store)
    exclude(store, COORDINATOR, night.agenda.now, "r1", terminals=["s000/t1"], reason="no power")
    night.work()
    ended = night.to_the_end()

    assert (held.held_by, held.taken_back_by) == (("limit:0",), COORDINATOR.code)
    assert [line.partition("Go on: ")[2] for line in waiting_lines(stand)] == ["fleet rollout exclude s000 --reason TEXT"]
    assert stand.standing is Standing.WAITING
    assert ended["s001/t1"] is TerminalState.TAKEN_BACK
    assert night.most_down == 1


def test_while_paused_a_rollback_that_a_full_limit_holds_waits_for_a_person_although_what_is_down_is_tried_again_later(
    store: Store,
) -> None:
    rule = AgainRule(on=(Trouble.LINK,), attempts=3, wait_s=3600, factor=1, jitter=0)
    bounds = Bounds(parallel=1, retry=(rule,))
    night = Night(store, make_fleet(3), lambda name, _number: SILENT if name == "s000/t1" else Fate(seconds=5), bounds=bounds)
    night.to_the_end()
    control.pause(store, COORDINATOR, night.agenda.now, "r1")
    roll_back(store, COORDINATOR, night.agenda.now, "r1", terminals=["s001/t1"])
    night.work()
    night.to_the_end()
    paused, stand = first_wave(store), look(store)
    control.resume(store, COORDINATOR, night.agenda.now, "r1")
    night.work()

    assert night.states()["s001/t1"] is TerminalState.GOING_BACK
    assert stand.standing is Standing.WAITING
    assert paused.held_by == ("limit:0",)
    assert first_wave(store).phase is WavePhase.OPEN
    assert night.most_down == 1


def test_while_paused_a_rollback_that_a_full_limit_holds_waits_for_a_person_although_what_is_down_was_retried(store: Store) -> None:
    bounds = Bounds(parallel=1)
    night = Night(store, make_fleet(3), lambda name, _number: SILENT if name == "s000/t1" else Fate(seconds=5), bounds=bounds)
    night.to_the_end()
    control.pause(store, COORDINATOR, night.agenda.now, "r1")
    control.retry(store, COORDINATOR, night.agenda.now, "r1", ["s000/t1"])
    roll_back(store, COORDINATOR, night.agenda.now, "r1", terminals=["s001/t1"])
    night.work()
    paused, stand = first_wave(store), look(store)
    control.resume(store, COORDINATOR, night.agenda.now, "r1")
    night.work()

    assert stand.standing is Standing.WAITING
    assert paused.held_by == ("limit:0",)
    assert first_wave(store).phase is WavePhase.OPEN
    assert night.running() == ["s000/t1"]


@pytest.fixture
def beside_one_down(store: Store) -> Night:
    """A paused rollout under a full limit: of one shard, s000 is to be taken back, and s002, which is down, to be upgraded."""

    night = Night(
        store,
        make_fleet(5),
        lambda name, _number: SILENT if name in {"s001/t1", "s002/t1"} else Fate(seconds=5),
        bounds=Bounds(down=2, parallel=1),
    )
    while night.states()["s002/t1"] is not TerminalState.UNKNOWN:
        night.go_on()
    control.pause(store, COORDINATOR, night.agenda.now, "r1")
    control.retry(store, COORDINATOR, night.agenda.now, "r1", ["s002/t1"])
    roll_back(store, COORDINATOR, night.agenda.now, "r1", terminals=["s000/t1"])
    night.work()
    night.to_the_end()
    return night


def test_while_paused_what_goes_back_beside_a_site_that_is_down_and_waits_is_held_by_a_full_limit_that_is_named(
    store: Store, beside_one_down: Night
) -> None:
    night = beside_one_down
    paused, stand, states = first_wave(store), look(store), night.states()
    control.resume(store, COORDINATOR, night.agenda.now, "r1")
    night.work()

    assert (states["s000/t1"], states["s002/t1"]) == (TerminalState.GOING_BACK, TerminalState.NOT_STARTED)
    assert stand.standing is Standing.WAITING
    assert paused.held_by == ("limit:0",)
    assert first_wave(store).phase is WavePhase.OPEN
    assert night.running() == ["s002/t1"]
    assert night.most_down == 2


def test_while_paused_what_goes_back_begins_beside_a_site_that_is_down_and_waits_once_the_limit_has_room(
    store: Store, beside_one_down: Night
) -> None:
    night = beside_one_down
    exclude(store, COORDINATOR, night.agenda.now, "r1", terminals=["s001/t1"], reason="no power")
    night.work()
    ended = night.to_the_end()

    assert (ended["s000/t1"], ended["s002/t1"]) == (TerminalState.TAKEN_BACK, TerminalState.NOT_STARTED)
    assert first_wave(store).held_by == ()
    assert night.most_down == 2
