"""Laws over random fleets that end at random, up to 100 %: real threads, real SQLite, sites with several terminals."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.control import rollouts as control
from fleet.engine import Orchestrator
from fleet.model.attempt import ENDINGS, TerminalState
from fleet.model.rollout import RolloutPhase, RolloutState, WavePhase
from fleet.settings import Settings
from fleet.store import Store, open_store, reads
from fleet.store.audit import check_chain, check_tables
from tests.engine.city import AT, COORDINATOR, Terminals, begin, make_fleet, make_plan, set_up

_SCRIPTS = st.lists(st.lists(st.sampled_from(sorted(ENDINGS)), max_size=3), min_size=12, max_size=12)


@settings(max_examples=12)
@given(sites=st.integers(1, 6), scripts=_SCRIPTS, failures=st.integers(1, 3), unreachable=st.integers(1, 3), parallel=st.integers(1, 4))
def test_whatever_happens_budgets_hold_and_the_rollout_ends(
    sites: int, scripts: list[list[TerminalState]], failures: int, unreachable: int, parallel: int
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        workspace = Settings(workspace=Path(directory))
        store = open_store(workspace, create=True)
        fleet = make_fleet(sites, terminals=2, by_hand=1)
        terminals = Terminals(endings={name: list(script) for name, script in zip(fleet.terminals, scripts, strict=False)})
        set_up(store, fleet)
        plan = make_plan(fleet, *([1, sites - 1] if sites > 1 else [1]), failures=failures, unreachable=unreachable, parallel=parallel)
        begin(store, fleet, plan)

        with Orchestrator(workspace, store, push=terminals) as running:
            state = _to_the_end(running, store, failures=failures, unreachable=unreachable)

        with store.read() as snapshot:
            total = reads.read_tallies(snapshot, "r1").total
            problems = [*check_chain(snapshot)[2], *check_tables(snapshot, "r1")]
        store.close()
    assert state.phase is RolloutPhase.FINISHED
    assert total.sites.total == sites
    assert total.sites.not_started == total.sites.running == 0
    assert terminals.most_at_once <= parallel
    assert [str(problem) for problem in problems] == []


def _to_the_end(running: Orchestrator, store: Store, *, failures: int, unreachable: int) -> RolloutState:
    """Approve whatever waits; at every rest no wave has spent more than it was granted."""
    for _ in range(40):
        turn = running.wait_at_rest(30)
        assert turn is not None
        assert turn.state is not None
        with store.read() as snapshot:
            by_wave = reads.read_tallies(snapshot, "r1").by_wave
        for wave in turn.state.waves:
            spent = by_wave[wave.number].sites
            assert spent.spent_failures <= failures + wave.failures_accepted
            assert spent.unreachable <= unreachable + wave.unreachable_accepted
        waiting = [wave for wave in turn.state.waves if wave.phase in {WavePhase.GATE, WavePhase.HELD}]
        if not waiting:
            return turn.state
        control.approve(store, COORDINATOR, AT, "r1", waiting[0].number)
    raise AssertionError("it never comes to its end")
