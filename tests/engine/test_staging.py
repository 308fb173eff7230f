"""A rollout that only stages, and the night's after it: real threads, a real database, terminals in memory."""

from fleet.engine import Orchestrator
from fleet.model.attempt import TerminalState
from fleet.model.inventory import Fleet
from fleet.model.playbook import Approval
from fleet.model.purpose import Only
from fleet.model.rollout import RolloutPhase, RolloutState, Verdict, WavePhase
from fleet.store import Store, reads
from tests.engine.city import STAGER, Terminals, begin, make_fleet, make_plan, set_up
from tests.engine.waiting import rest


def all_end(fleet: Fleet, *endings: TerminalState) -> Terminals:
    return Terminals(endings={name: list(endings) for name in fleet.terminals})


def carry_out(orchestrator: Orchestrator, terminals: Terminals, scripted: Terminals) -> RolloutState:
    terminals.endings = scripted.endings
    orchestrator.start()
    return rest(orchestrator)


def test_it_waits_for_nobody_and_counts_nothing_as_upgraded_or_done(store: Store, orchestrator: Orchestrator, terminals: Terminals) -> None:
    fleet = make_fleet(9)
    set_up(store, fleet)
    begin(store, fleet, make_plan(fleet, 2, 3, 4, approval=Approval.ALWAYS, program=STAGER), only=Only.STAGE)

    state = carry_out(orchestrator, terminals, all_end(fleet, TerminalState.STAGED))

    with store.read() as snapshot:
        tally = reads.read_tallies(snapshot, "r1").total
    assert state.phase is RolloutPhase.FINISHED
    assert (tally.sites.staged, tally.sites.upgraded, tally.done, tally.proven, tally.staged) == (9, 0, 0, 0, 9)


def test_a_town_that_fails_everywhere_is_tried_once_everywhere_and_every_wave_says_so(
    store: Store, orchestrator: Orchestrator, terminals: Terminals
) -> None:
    fleet = make_fleet(9)
    set_up(store, fleet)
    begin(store, fleet, make_plan(fleet, 2, 3, 4, failures=1, unreachable=1, program=STAGER), only=Only.STAGE)

    state = carry_out(orchestrator, terminals, all_end(fleet, TerminalState.FAILED))

    assert state.phase is RolloutPhase.FINISHED
    assert [wave.phase for wave in state.waves] == [WavePhase.PASSED] * 3
    assert [wave.verdict for wave in state.waves] == [Verdict.FAIL] * 3
    assert set(terminals.connections.values()) == {1}


def test_a_town_that_nobody_answers_in_is_inconclusive_and_goes_on(store: Store, orchestrator: Orchestrator, terminals: Terminals) -> None:
    fleet = make_fleet(5)
    set_up(store, fleet)
    begin(store, fleet, make_plan(fleet, 2, 3, failures=1, unreachable=1, program=STAGER), only=Only.STAGE)

    state = carry_out(orchestrator, terminals, all_end(fleet, TerminalState.UNREACHABLE))

    assert state.phase is RolloutPhase.FINISHED
    assert [wave.verdict for wave in state.waves] == [Verdict.INCONCLUSIVE] * 2


def test_links_that_drop_everywhere_are_asked_once_more_and_hold_nobody(
    store: Store, orchestrator: Orchestrator, terminals: Terminals
) -> None:
    fleet = make_fleet(3)
    set_up(store, fleet)
    begin(store, fleet, make_plan(fleet, 1, 2, failures=1, program=STAGER), only=Only.STAGE)

    state = carry_out(orchestrator, terminals, all_end(fleet, TerminalState.UNKNOWN, TerminalState.STAGED))

    with store.read() as snapshot:
        assert reads.read_tallies(snapshot, "r1").total.sites.staged == 3
    assert state.phase is RolloutPhase.FINISHED


def test_the_nights_rollout_of_the_same_plan_keeps_its_own_gates(store: Store, orchestrator: Orchestrator, terminals: Terminals) -> None:
    fleet = make_fleet(5)
    set_up(store, fleet)
    plan = make_plan(fleet, 2, 3, approval=Approval.ALWAYS, program=STAGER)
    begin(store, fleet, plan, only=Only.STAGE)
    carry_out(orchestrator, terminals, all_end(fleet, TerminalState.STAGED, TerminalState.UPGRADED))

    begin(store, fleet, plan, "r2")
    state = rest(orchestrator)

    assert state.id == "r2"
    assert [wave.phase for wave in state.waves] == [WavePhase.GATE, WavePhase.CLOSED]
    with store.read() as snapshot:
        tallies = reads.read_tallies(snapshot, "r2")
    assert (tallies.by_wave[1].sites.upgraded, tallies.total.sites.staged) == (2, 0)
