"""A rollout with real threads and a real database, against terminals in memory."""

from dataclasses import dataclass

import pytest

from fleet.control import rollouts as control
from fleet.control.exclusions import exclude
from fleet.engine import Orchestrator
from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.inventory import Fleet
from fleet.model.plan import Plan
from fleet.model.playbook import Approval
from fleet.model.rollout import RolloutPhase, RolloutState, SiteCounts, WavePhase
from fleet.model.trust import HostKey, HostKeyState
from fleet.store import Store, fleets, reads, trust
from tests.engine.city import AT, COORDINATOR, Terminals, begin, fingerprint, make_fleet, make_plan, set_up
from tests.engine.waiting import rest, sites_of, state_of, until

FAILED, ROLLED_BACK = TerminalState.FAILED, TerminalState.ROLLED_BACK
UNREACHABLE, UNKNOWN = TerminalState.UNREACHABLE, TerminalState.UNKNOWN


@dataclass
class Night:
    """A started rollout, its orchestrator and its terminals."""

    store: Store
    orchestrator: Orchestrator
    terminals: Terminals

    def start(self, fleet: Fleet, plan: Plan) -> None:
        set_up(self.store, fleet)
        begin(self.store, fleet, plan)
        self.orchestrator.start()

    def rest(self) -> RolloutState:
        """Wait until nobody is at work."""
        return rest(self.orchestrator)

    def phase(self) -> RolloutPhase:
        return self.rest().phase

    def waves(self) -> list[WavePhase]:
        return [wave.phase for wave in self.rest().waves]

    @property
    def sites(self) -> SiteCounts:
        return sites_of(self.store)

    def attempts(self, terminal: str) -> list[AttemptResult]:
        """Oldest first."""
        with self.store.read() as snapshot:
            return reads.attempts_of_terminal(snapshot, "r1", terminal)[::-1]

    def wait_until(self, phase: RolloutPhase) -> None:
        """Until the decision is taken in."""
        until(lambda: state_of(self.store).phase is phase)

    def wait_until_upgraded(self, sites: int) -> None:
        """Until so many sites are."""
        until(lambda: self.sites.upgraded >= sites, lambda: self.sites)


@pytest.fixture
def night(store: Store, orchestrator: Orchestrator, terminals: Terminals) -> Night:
    return Night(store, orchestrator, terminals)


def all_end(fleet: Fleet, *endings: TerminalState) -> dict[str, list[AttemptResult | TerminalState | Exception]]:
    return {name: list(endings) for name in fleet.terminals}


def test_every_wave_is_pushed_and_the_rollout_finishes(night: Night) -> None:
    fleet = make_fleet(12, terminals=2)

    night.start(fleet, make_plan(fleet, 2, 4, 6))

    assert night.phase() is RolloutPhase.FINISHED
    assert night.sites.upgraded == 12
    assert set(night.terminals.connections.values()) == {1}


def test_terminals_done_by_hand_get_no_connection_and_hold_nobody_up(night: Night) -> None:
    fleet = make_fleet(4, terminals=1, by_hand=1)

    night.start(fleet, make_plan(fleet, 2, 2))

    assert night.phase() is RolloutPhase.FINISHED
    assert night.sites.waiting_by_hand == 4
    assert not [name for name in night.terminals.connections if "/h" in name]


def test_a_fleet_that_fails_everywhere_is_held_when_its_budget_is_spent(night: Night) -> None:
    fleet = make_fleet(20)
    night.terminals.endings = all_end(fleet, FAILED, FAILED)

    night.start(fleet, make_plan(fleet, 20, failures=3))

    assert night.waves() == [WavePhase.HELD]
    assert night.sites.failed == 3
    assert night.sites.not_started == 17


def test_in_flight_never_exceeds_the_failures_still_allowed(night: Night) -> None:
    fleet = make_fleet(30)

    night.start(fleet, make_plan(fleet, 30, failures=4, unreachable=6, parallel=32))

    assert night.phase() is RolloutPhase.FINISHED
    assert night.terminals.most_at_once <= 4


def test_a_district_that_keeps_every_push_waiting_holds_up_no_other(night: Night) -> None:
    fleet = make_fleet(40)
    night.terminals.silent = frozenset(("east",))
    west = {name for name, terminal in fleet.terminals.items() if fleet.sites[terminal.site].district == "west"}

    night.start(fleet, make_plan(fleet, 40, failures=40, unreachable=40, parallel=6))
    night.wait_until_upgraded(len(west))
    upgraded = {name for name in west if night.attempts(name)}
    night.terminals.let_go()

    assert upgraded == west
    assert night.phase() is RolloutPhase.FINISHED


def test_pushes_at_the_same_time_never_exceed_the_playbook(night: Night) -> None:
    fleet = make_fleet(10, terminals=5)

    night.start(fleet, make_plan(fleet, 10, failures=10, unreachable=10, parallel=3))

    assert night.phase() is RolloutPhase.FINISHED
    assert night.terminals.most_at_once <= 3


def test_the_canary_waits_for_a_person_and_goes_on_when_one_approves(night: Night) -> None:
    fleet = make_fleet(6)
    night.start(fleet, make_plan(fleet, 2, 4, approval=Approval.CANARY))
    waited = night.waves()

    control.approve(night.store, COORDINATOR, AT, "r1", 1)

    assert waited == [WavePhase.GATE, WavePhase.CLOSED]
    assert night.phase() is RolloutPhase.FINISHED


def test_approving_a_held_wave_lets_it_fail_as_often_again(night: Night) -> None:
    fleet = make_fleet(20)
    night.terminals.endings = all_end(fleet, FAILED)
    night.start(fleet, make_plan(fleet, 20, failures=3))
    night.rest()

    control.approve(night.store, COORDINATOR, AT, "r1", 1)

    assert night.waves() == [WavePhase.HELD]
    assert night.sites.failed == 6


def test_retry_pushes_the_unfinished_again_and_only_those(night: Night) -> None:
    fleet = make_fleet(6)
    night.terminals.endings = {"s000/t1": [FAILED], "s001/t1": [ROLLED_BACK], "s002/t1": [UNREACHABLE]}
    night.start(fleet, make_plan(fleet, 6))
    night.rest()

    count = control.retry(night.store, COORDINATOR, AT, "r1")

    assert count == 3
    assert night.phase() is RolloutPhase.FINISHED
    assert night.sites.upgraded == 6
    assert {name: n for name, n in night.terminals.connections.items() if n > 1} == {"s000/t1": 2, "s001/t1": 2, "s002/t1": 2}
    assert [attempt.ending for attempt in night.attempts("s001/t1")] == [ROLLED_BACK, TerminalState.UPGRADED]


def test_retry_of_named_terminals_leaves_the_others(night: Night) -> None:
    fleet = make_fleet(6)
    night.terminals.endings = {"s000/t1": [FAILED], "s001/t1": [FAILED]}
    night.start(fleet, make_plan(fleet, 6))
    night.rest()

    control.retry(night.store, COORDINATOR, AT, "r1", ["s000/t1"])
    night.rest()

    assert night.sites.failed == 1
    assert night.terminals.connections["s001/t1"] == 1


def test_an_unknown_terminal_is_asked_once_more_how_the_same_attempt_ended(night: Night) -> None:
    fleet = make_fleet(4)
    night.terminals.endings = {"s000/t1": [UNKNOWN, ROLLED_BACK]}

    night.start(fleet, make_plan(fleet, 4))
    night.rest()

    assert [name for name in night.terminals.attempts if name.startswith("s000")] == ["s000/t1#1", "s000/t1#1"]
    assert [(attempt.number, attempt.ending) for attempt in night.attempts("s000/t1")] == [(1, UNKNOWN), (2, ROLLED_BACK)]


@pytest.mark.parametrize("answer", [UNKNOWN, UNREACHABLE])
def test_an_unknown_terminal_that_stays_silent_stays_unknown(night: Night, answer: TerminalState) -> None:
    fleet = make_fleet(4)
    night.terminals.endings = {"s000/t1": [UNKNOWN, answer]}

    night.start(fleet, make_plan(fleet, 4))
    night.rest()

    assert night.sites.unknown == 1
    assert night.terminals.connections["s000/t1"] == 2


def test_a_paused_rollout_finishes_what_runs_and_begins_nothing(night: Night) -> None:
    fleet = make_fleet(12)
    night.terminals.opened.clear()
    night.start(fleet, make_plan(fleet, 12, failures=3))
    night.terminals.wait_for_pushes(3)

    control.pause(night.store, COORDINATOR, AT, "r1")
    night.wait_until(RolloutPhase.PAUSED)
    night.terminals.opened.set()
    paused = night.phase()
    upgraded = night.sites.upgraded
    control.resume(night.store, COORDINATOR, AT, "r1")

    assert paused is RolloutPhase.PAUSED
    assert upgraded == 3
    assert night.phase() is RolloutPhase.FINISHED
    assert night.sites.upgraded == 12


def test_stopping_ends_running_pushes_early_and_begins_nothing(night: Night) -> None:
    fleet = make_fleet(12)
    night.terminals.opened.clear()
    night.start(fleet, make_plan(fleet, 12, failures=3))
    night.terminals.wait_for_pushes(3)

    control.stop(night.store, COORDINATOR, AT, "r1")
    phase = night.phase()

    assert phase is RolloutPhase.STOPPED
    assert night.sites.not_started == 9
    assert {attempt.cause for name in night.terminals.connections for attempt in night.attempts(name)} == {Cause.STOPPED}


def test_retry_takes_a_stopped_rollout_to_its_end(night: Night) -> None:
    fleet = make_fleet(12)
    night.terminals.opened.clear()
    night.start(fleet, make_plan(fleet, 12, failures=3))
    night.terminals.wait_for_pushes(3)
    control.stop(night.store, COORDINATOR, AT, "r1")
    night.phase()
    night.terminals.opened.set()

    control.retry(night.store, COORDINATOR, AT, "r1")

    assert night.phase() is RolloutPhase.FINISHED
    assert night.sites.upgraded == 12


def test_an_excluded_terminal_gets_no_connection_and_does_not_count(night: Night) -> None:
    fleet = make_fleet(4)
    set_up(night.store, fleet)
    begin(night.store, fleet, make_plan(fleet, 2, 2))
    exclude(night.store, COORDINATOR, AT, "r1", ["s003/t1"], reason="closed for renovation")

    night.orchestrator.start()

    assert night.phase() is RolloutPhase.FINISHED
    assert night.sites.excluded == 1
    assert "s003/t1" not in night.terminals.connections


def test_excluding_all_that_is_left_of_a_held_wave_brings_it_to_its_gate(night: Night) -> None:
    fleet = make_fleet(4)
    night.terminals.endings = all_end(fleet, FAILED)
    night.start(fleet, make_plan(fleet, 4, failures=2))
    night.rest()

    exclude(night.store, COORDINATOR, AT, "r1", sorted(set(fleet.terminals) - set(night.terminals.connections)), reason="closed")

    assert night.waves() == [WavePhase.GATE]


def test_a_terminal_whose_host_key_nobody_confirmed_gets_no_connection(night: Night) -> None:
    fleet = make_fleet(4)
    unvouched = fleet.terminals["s000/t1"].model_copy(update={"host_key": None})
    fleet = fleet.model_copy(update={"terminals": {**fleet.terminals, "s000/t1": unvouched}})

    night.start(fleet, make_plan(fleet, 4))
    night.rest()

    assert "s000/t1" not in night.terminals.connections
    assert [(attempt.ending, attempt.cause) for attempt in night.attempts("s000/t1")] == [(UNREACHABLE, Cause.HOST_KEY_UNCONFIRMED)]


def test_a_confirmed_host_key_goes_before_the_inventory(night: Night) -> None:
    fleet = make_fleet(1)
    confirmed = HostKey(terminal="s000/t1", fingerprint=fingerprint("confirmed"), state=HostKeyState.CONFIRMED, seen_at=AT)
    with night.store.write(COORDINATOR, AT) as tx:
        trust.save_host_keys(tx, [confirmed], "host-keys.confirmed")

    night.start(fleet, make_plan(fleet, 1))
    night.rest()

    assert night.attempts("s000/t1")[0].host_fingerprint == fingerprint("confirmed")


def test_a_changed_host_key_is_noted_and_the_terminal_left_alone_from_then_on(night: Night) -> None:
    fleet = make_fleet(2)
    seen = AttemptResult(
        terminal="s000/t1",
        number=1,
        ending=UNREACHABLE,
        cause=Cause.HOST_KEY_CHANGED,
        host_fingerprint=fingerprint("somebody else"),
        started_at=AT,
        finished_at=AT,
    )
    pinned = HostKey(terminal="s000/t1", fingerprint=fingerprint("pinned"), state=HostKeyState.CONFIRMED, seen_at=AT)
    with night.store.write(COORDINATOR, AT) as tx:
        trust.save_host_keys(tx, [pinned], "host-keys.confirmed")
    night.terminals.endings = {"s000/t1": [seen]}
    night.start(fleet, make_plan(fleet, 2))
    night.rest()

    control.retry(night.store, COORDINATOR, AT, "r1")
    night.rest()

    with night.store.read() as snapshot:
        key = trust.read_host_keys(snapshot, ["s000/t1"])["s000/t1"]
    assert (key.state, key.seen_fingerprint) == (HostKeyState.CHANGED, fingerprint("somebody else"))
    assert night.terminals.connections["s000/t1"] == 1
    assert night.attempts("s000/t1")[-1].cause is Cause.HOST_KEY_CHANGED


def test_what_an_upgraded_terminal_shows_is_kept_as_its_binding(night: Night) -> None:
    fleet = make_fleet(2)

    night.start(fleet, make_plan(fleet, 2))
    night.rest()

    with night.store.read() as snapshot:
        binding = trust.read_binding(snapshot, "s000/t1")
    assert binding is not None
    assert (binding.key_card, binding.key_id) == ("card-s000-1", "key-of-s000-t1")


def test_a_key_that_is_bound_elsewhere_makes_the_terminal_failed(night: Night) -> None:
    fleet = make_fleet(2)
    night.terminals.keys = {"s000/t1": "the-same", "s001/t1": "the-same"}

    night.start(fleet, make_plan(fleet, 1, 1))
    night.rest()

    (attempt,) = night.attempts("s001/t1")
    assert (attempt.ending, attempt.cause, attempt.detail) == (FAILED, Cause.KEY_CONFLICT, "s000/t1")


def test_an_error_of_ours_over_one_terminal_does_not_cost_the_others(night: Night) -> None:
    fleet = make_fleet(6)
    night.terminals.endings = {"s000/t1": [RuntimeError("a bug"), RuntimeError("a bug")]}

    night.start(fleet, make_plan(fleet, 6))
    night.rest()

    assert night.sites.upgraded == 5
    assert {(attempt.ending, attempt.cause) for attempt in night.attempts("s000/t1")} == {(UNKNOWN, Cause.OUR_FAULT)}


def test_a_terminal_that_left_the_inventory_is_unreachable_and_says_why(night: Night) -> None:
    fleet = make_fleet(3)
    set_up(night.store, fleet)
    begin(night.store, fleet, make_plan(fleet, 3))
    smaller = {name: terminal for name, terminal in fleet.terminals.items() if name != "s001/t1"}
    with night.store.write(COORDINATOR, AT) as tx:
        fleets.replace_fleet(tx, fleet.model_copy(update={"terminals": smaller}), {})

    night.orchestrator.start()
    night.rest()

    assert [attempt.cause for attempt in night.attempts("s001/t1")] == [Cause.NAME_UNKNOWN]
