"""A rollback that a person wants: real threads, a real database, terminals in memory."""

from collections.abc import Callable, Iterator

import pytest

from fleet.control import rollouts as control
from fleet.control.rollback import Meant, roll_back, what_would_go_back
from fleet.engine import Orchestrator
from fleet.errors import InputError
from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.inventory import Fleet
from fleet.model.playbook import Approval
from fleet.model.purpose import Errand, Only
from fleet.model.rollout import RolloutPhase, RolloutState, SiteCounts, Verdict, WavePhase
from fleet.settings import Settings
from fleet.store import Store, progress, reads, trust
from tests.engine.city import AT, COORDINATOR, STAGER, Terminals, begin, make_fleet, make_plan, set_up
from tests.engine.waiting import rest, sites_of

FAILED, UNREACHABLE, UNKNOWN = TerminalState.FAILED, TerminalState.UNREACHABLE, TerminalState.UNKNOWN


class Night:
    """A started rollout, its orchestrator and its terminals."""

    def __init__(self, store: Store, orchestrator: Orchestrator, terminals: Terminals) -> None:
        self.store, self.orchestrator, self.terminals = store, orchestrator, terminals

    def start(self, fleet: Fleet, *waves: int, failures: int = 3, approval: Approval = Approval.NEVER) -> None:
        set_up(self.store, fleet)
        begin(self.store, fleet, make_plan(fleet, *waves, failures=failures, approval=approval, program=STAGER))
        self.orchestrator.start()

    def rest(self) -> RolloutState:
        return rest(self.orchestrator)

    def roll_back(self, *terminals: str, wave: int | None = None, despite_irreversible: bool = False) -> Meant:
        return roll_back(
            self.store, COORDINATOR, AT, "r1", wave=wave, terminals=terminals, reason="too slow", despite_irreversible=despite_irreversible
        )

    @property
    def sites(self) -> SiteCounts:
        return sites_of(self.store)

    def state(self, terminal: str) -> TerminalState:
        with self.store.read() as snapshot:
            return progress.states_of(snapshot, "r1", [terminal])[terminal]

    def attempts(self, terminal: str) -> list[AttemptResult]:
        """Oldest first."""
        with self.store.read() as snapshot:
            return reads.attempts_of_terminal(snapshot, "r1", terminal)[::-1]


@pytest.fixture
def night(store: Store, orchestrator: Orchestrator, terminals: Terminals) -> Night:
    return Night(store, orchestrator, terminals)


def test_a_wave_goes_back_and_counts_apart_from_what_rolled_back_by_itself(night: Night) -> None:
    night.start(make_fleet(9), 3, 6)
    night.rest()

    meant = night.roll_back(wave=2)
    state = night.rest()

    assert len(meant.terminals) == 6
    assert (night.sites.taken_back, night.sites.rolled_back, night.sites.upgraded, night.sites.total) == (6, 0, 3, 9)
    assert state.phase is RolloutPhase.FINISHED
    assert sum(night.terminals.errands.values()) == 6


def test_attempts_are_history_and_a_rollback_has_its_own_kind(night: Night) -> None:
    night.start(make_fleet(2), 2)
    night.rest()

    night.roll_back("s000/t1")
    night.rest()

    told = [(one.number, one.errand, one.ending) for one in night.attempts("s000/t1")]
    assert told == [(1, None, TerminalState.UPGRADED), (2, Errand.ROLLBACK, TerminalState.TAKEN_BACK)]
    assert night.terminals.connections == {"s000/t1": 2, "s001/t1": 1}


def test_it_is_done_although_the_wave_has_spent_its_budget_and_what_has_not_begun_is_held(night: Night) -> None:
    fleet = make_fleet(10)
    night.terminals.endings = {name: [FAILED] for name in sorted(fleet.terminals)[4:]}
    night.start(fleet, 10, failures=2)
    held = night.rest()
    assert held.waves[0].phase is WavePhase.HELD
    upgraded = night.sites.upgraded

    meant = night.roll_back(wave=1)
    state = night.rest()

    assert night.sites.taken_back == upgraded == len(meant.terminals)
    assert (state.waves[0].phase, state.waves[0].taken_back_by) == (WavePhase.HELD, "c01")
    assert night.sites.not_started == meant.not_begun > 0


def test_what_was_held_begins_after_an_approval_and_what_went_back_stays_back(night: Night) -> None:
    fleet = make_fleet(10)
    night.terminals.endings = {name: [FAILED] for name in sorted(fleet.terminals)[4:6]}
    night.start(fleet, 10, failures=2)
    night.rest()
    night.roll_back(wave=1)
    back = night.rest() and night.sites.taken_back

    control.approve(night.store, COORDINATOR, AT, "r1", 1)
    state = night.rest()

    assert night.sites.not_started == 0
    assert night.sites.taken_back == back
    assert state.waves[0].phase in {WavePhase.GATE, WavePhase.HELD}


def test_a_wave_that_people_took_something_back_of_lets_nobody_through_by_itself(night: Night) -> None:
    night.start(make_fleet(8), 5, 3, approval=Approval.ALWAYS)
    assert night.rest().waves[0].verdict is Verdict.PASS

    night.roll_back("s000/t1")
    state = night.rest()

    assert (state.waves[0].phase, state.waves[0].verdict, state.waves[0].verdict_code) == (
        WavePhase.GATE,
        Verdict.INCONCLUSIVE,
        "taken-back",
    )


def test_a_paused_rollout_goes_back_and_upgrades_nothing(night: Night) -> None:
    night.start(make_fleet(8), 4, 4, approval=Approval.ALWAYS)
    night.rest()
    control.pause(night.store, COORDINATOR, AT, "r1")
    control.approve(night.store, COORDINATOR, AT, "r1", 1)

    night.roll_back(wave=1)
    state = night.rest()

    assert (state.phase, night.sites.taken_back, night.sites.not_started) == (RolloutPhase.PAUSED, 4, 4)


def test_a_stopped_rollout_goes_back_paused_so_that_nothing_else_begins(night: Night) -> None:
    night.start(make_fleet(8), 4, 4, approval=Approval.ALWAYS)
    night.rest()
    control.stop(night.store, COORDINATOR, AT, "r1")

    meant = night.roll_back(wave=1)
    state = night.rest()

    assert meant.is_paused
    assert (state.phase, night.sites.taken_back, night.sites.not_started) == (RolloutPhase.PAUSED, 4, 4)


def test_what_is_being_upgraded_when_it_is_decided_goes_back_when_that_has_ended(night: Night) -> None:
    night.terminals.opened.clear()
    night.start(make_fleet(3), 3, failures=1)
    night.terminals.wait_for_pushes(1)

    meant = night.roll_back(wave=1)
    night.terminals.opened.set()
    night.rest()

    assert (len(meant.terminals), meant.not_begun) == (1, 2)
    assert (night.sites.taken_back, night.sites.not_started) == (1, 2)


@pytest.mark.parametrize("ending", [FAILED, UNREACHABLE])
def test_a_rollback_that_did_not_work_counts_as_that_and_a_retry_goes_on_with_it(night: Night, ending: TerminalState) -> None:
    night.start(make_fleet(2), 2)
    night.rest()
    night.terminals.endings["s000/t1"] = [ending]
    night.roll_back("s000/t1")
    night.rest()
    assert night.state("s000/t1") is ending

    control.retry(night.store, COORDINATOR, AT, "r1")
    night.rest()

    assert night.state("s000/t1") is TerminalState.TAKEN_BACK
    assert night.terminals.errands["s000/t1"] == 2
    assert night.terminals.connections["s001/t1"] == 1


def test_a_rollback_whose_link_dropped_is_asked_again_even_while_paused(night: Night) -> None:
    night.start(make_fleet(4), 2, 2, approval=Approval.ALWAYS)
    night.rest()
    night.terminals.endings["s000/t1"] = [UNKNOWN]
    control.pause(night.store, COORDINATOR, AT, "r1")

    night.roll_back("s000/t1")
    night.rest()

    assert night.state("s000/t1") is TerminalState.TAKEN_BACK
    assert night.terminals.attempts[-2:] == ["s000/t1#2", "s000/t1#2"]
    assert night.terminals.errands["s000/t1"] == 2


def test_rollbacks_that_fail_everywhere_stop_at_the_budget(night: Night) -> None:
    fleet = make_fleet(12)
    night.start(fleet, 12, failures=2)
    night.rest()
    night.terminals.endings = {name: [FAILED] for name in fleet.terminals}

    night.roll_back(wave=1)
    state = night.rest()

    assert (night.sites.failed, night.sites.going_back) == (2, 10)
    assert state.waves[0].phase is WavePhase.HELD


def test_a_terminal_that_went_back_is_upgraded_again_only_when_it_is_named(night: Night) -> None:
    night.start(make_fleet(3), 3)
    night.rest()
    night.roll_back("s000/t1", "s001/t1")
    night.rest()

    with pytest.raises(InputError, match="nothing that a push could retry"):
        control.retry(night.store, COORDINATOR, AT, "r1")
    control.retry(night.store, COORDINATOR, AT, "r1", ["s000/t1"])
    night.rest()

    assert [night.state(f"s00{n}/t1") for n in range(3)] == [TerminalState.UPGRADED, TerminalState.TAKEN_BACK, TerminalState.UPGRADED]


def test_deciding_it_twice_is_deciding_it_once(night: Night) -> None:
    night.start(make_fleet(4), 4)
    night.rest()
    night.roll_back(wave=1)
    night.rest()

    with pytest.raises(InputError, match="nothing to roll back"):
        night.roll_back(wave=1)
    assert set(night.terminals.connections.values()) == {2}


def test_a_key_binding_says_which_release_showed_it_and_since_when_that_is_taken_back(night: Night) -> None:
    night.start(make_fleet(1), 1)
    night.rest()
    with night.store.read() as snapshot:
        bound = trust.read_binding(snapshot, "s000/t1")
    night.roll_back(wave=1)
    night.rest()
    with night.store.read() as snapshot:
        aside = trust.read_binding(snapshot, "s000/t1")
    control.retry(night.store, COORDINATOR, AT, "r1", ["s000/t1"])
    night.rest()
    with night.store.read() as snapshot:
        again = trust.read_binding(snapshot, "s000/t1")

    assert bound is not None
    assert aside is not None
    assert again is not None
    assert (bound.release, bound.set_aside_at) == ("4.2.0", None)
    assert aside.set_aside_at is not None
    assert (aside.key_id, again.set_aside_at) == (bound.key_id, None)


def test_a_terminal_that_failed_after_it_went_live_goes_back_too(night: Night) -> None:
    night.terminals.keys = {"s000/t1": "twin", "s001/t1": "twin"}
    night.start(make_fleet(2), 2, failures=1)
    night.rest()
    conflict = next(name for name in ("s000/t1", "s001/t1") if night.state(name) is FAILED)
    assert night.attempts(conflict)[-1].cause is Cause.KEY_CONFLICT

    night.roll_back(conflict)
    night.rest()

    assert night.state(conflict) is TerminalState.TAKEN_BACK


def test_an_orchestrator_that_died_over_it_is_followed_by_one_that_goes_on_with_it(
    night: Night, next_one: Callable[[], Orchestrator]
) -> None:
    night.start(make_fleet(3), 3)
    night.rest()
    night.terminals.opened.clear()
    night.roll_back(wave=1)
    night.terminals.wait_for_pushes(1)
    night.orchestrator.stop(hurry=True)
    night.terminals.opened.set()
    night.orchestrator.join(20)

    night.orchestrator = next_one()
    night.orchestrator.start()
    night.rest()
    if night.sites.failed:  # the push was told to stop before it had begun
        control.retry(night.store, COORDINATOR, AT, "r1")
        night.rest()

    assert night.sites.taken_back == 3


@pytest.fixture
def next_one(workspace: Settings, store: Store, terminals: Terminals) -> Iterator[Callable[[], Orchestrator]]:
    made: list[Orchestrator] = []

    def make() -> Orchestrator:
        made.append(Orchestrator(workspace, store, push=terminals))
        return made[-1]

    yield make
    for one in made:
        one.stop()
        one.join(20)


def test_what_only_stages_is_refused_with_words(store: Store) -> None:
    fleet = make_fleet(2)
    set_up(store, fleet)
    begin(store, fleet, make_plan(fleet, 2, program=STAGER), only=Only.STAGE)

    with pytest.raises(InputError, match="only stages its release"):
        what_would_go_back(store, "r1", wave=1)


def test_a_wave_that_is_not_there_is_refused(night: Night) -> None:
    night.start(make_fleet(2), 2)
    night.rest()

    with pytest.raises(InputError, match="no wave 7"):
        night.roll_back(wave=7)
