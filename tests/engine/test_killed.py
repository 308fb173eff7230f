"""Killed at any moment and started again, it goes on: nothing is lost, and nothing that is recorded is done twice."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fleet.engine import Orchestrator
from fleet.model.attempt import TerminalState
from fleet.model.rollout import RolloutPhase
from fleet.settings import Settings
from fleet.store import Store, progress, reads
from tests.engine.city import Terminals, begin, make_fleet, make_plan, set_up

ROOT = Path(__file__).parents[2]
IN_FLIGHT = 3


def run_and_kill(workspace: Settings, hold_after: int) -> list[str]:
    """Run the orchestrator in a process of its own and kill it with -9 while pushes are held; the terminals it was at."""
    command = [sys.executable, "-m", "tests.engine.scripted_run", str(workspace.workspace), str(hold_after)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        held: list[str] = []
        while len(held) < IN_FLIGHT:
            word, terminal, number = process.stdout.readline().split()
            if word == "held":
                held.append(terminal)
                assert number == "1"
        process.send_signal(signal.SIGKILL)
    return held


def proven(store: Store) -> set[str]:
    with store.read() as snapshot:
        return set(progress.terminals_in(snapshot, "r1", [TerminalState.UPGRADED]))


@pytest.mark.parametrize(("waves", "moment"), [((12,), 0), ((12,), 1), ((3, 9), 3), ((3, 9), 7)])
def test_a_killed_orchestrator_goes_on_where_it_was(
    store: Store, workspace: Settings, orchestrator: Orchestrator, terminals: Terminals, *, waves: tuple[int, ...], moment: int
) -> None:
    fleet = make_fleet(12)
    set_up(store, fleet)
    begin(store, fleet, make_plan(fleet, *waves, failures=IN_FLIGHT))

    held = run_and_kill(workspace, moment)
    recorded = proven(store)
    orchestrator.start()
    turn = orchestrator.wait_at_rest(30)

    assert turn is not None
    assert turn.state is not None
    assert turn.state.phase is RolloutPhase.FINISHED
    assert proven(store) == set(fleet.terminals)
    assert recorded.isdisjoint(terminals.connections)
    assert set(held) <= set(terminals.connections)
    assert all(name.endswith("#1") for name in terminals.attempts), "an attempt nobody heard the end of is the same attempt again"
    with store.read() as snapshot:
        assert [len(reads.attempts_of_terminal(snapshot, "r1", name)) for name in fleet.terminals] == [1] * 12


def test_killed_again_and_again_it_still_comes_to_the_end(store: Store, workspace: Settings, orchestrator: Orchestrator) -> None:
    fleet = make_fleet(15)
    set_up(store, fleet)
    begin(store, fleet, make_plan(fleet, 15, failures=IN_FLIGHT))

    for moment in (2, 3, 1):
        run_and_kill(workspace, moment)
    orchestrator.start()
    turn = orchestrator.wait_at_rest(30)

    assert turn is not None
    assert proven(store) == set(fleet.terminals)


def test_what_a_killed_orchestrator_was_at_is_unknown_once_the_rollout_is_stopped(
    store: Store, workspace: Settings, orchestrator: Orchestrator, terminals: Terminals
) -> None:
    from fleet.control import rollouts
    from tests.engine.city import AT, COORDINATOR

    fleet = make_fleet(6)
    set_up(store, fleet)
    begin(store, fleet, make_plan(fleet, 6, failures=IN_FLIGHT))
    run_and_kill(workspace, 0)

    rollouts.stop(store, COORDINATOR, AT, "r1")
    orchestrator.start()
    orchestrator.wait_at_rest(30)

    with store.read() as snapshot:
        sites = reads.read_tallies(snapshot, "r1").total.sites
    assert (sites.unknown, sites.not_started) == (3, 3)
    assert not terminals.connections
