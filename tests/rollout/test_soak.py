"""A wave soaks before its gate judges: once, by a deadline that is kept, and nobody is asked before."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from fleet.model.attempt import TerminalState
from fleet.model.playbook import Approval, GateRule
from fleet.model.rollout import DecisionKind, RolloutPhase, Verdict, WavePhase
from fleet.rollout import Evidence, due_at, to_judge
from fleet.rollout.standing import Standing, standing_of
from tests.rollout.world import World, make_world

HOUR = timedelta(hours=1)
SOAKING = GateRule(approval=Approval.NEVER, soak_s=3600)


def soaking(*waves: int, gate: GateRule = SOAKING) -> World:
    """A world whose first wave has just ended."""
    world = make_world(*waves, gate=gate)
    world.run()
    return world


def wait(world: World, time: timedelta) -> None:
    world.now += time
    world.run()


def test_a_wave_that_ended_is_not_judged_before_it_has_soaked() -> None:
    world = soaking(3, 3)

    wave = world.state.waves[0]
    assert (wave.phase, wave.verdict) == (WavePhase.OPEN, None)
    assert wave.soaks_until == world.last_ended_at + HOUR
    assert world.state.waves[1].phase is WavePhase.CLOSED
    assert standing_of(world.state, world.counts(1)) is Standing.AT_WORK
    assert due_at(world.state, world.now) == wave.soaks_until


def test_at_its_deadline_the_wave_is_judged_and_the_next_one_opens() -> None:
    world = soaking(3, 3)
    deadline = world.state.waves[0].soaks_until
    assert deadline is not None

    world.now = deadline - timedelta(seconds=2)
    world.reconcile()
    before = world.state.waves[0].verdict
    wait(world, timedelta(seconds=3))

    assert before is None
    assert world.state.waves[0].verdict is Verdict.PASS
    assert world.state.waves[0].soaks_until == deadline
    assert world.state.waves[1].soaks_until is not None


def test_a_rollout_is_finished_only_after_its_last_wave_has_soaked() -> None:
    world = soaking(2)
    phase = world.state.phase

    wait(world, HOUR)

    assert phase is RolloutPhase.RUNNING
    assert world.state.phase is RolloutPhase.FINISHED
    assert due_at(world.state, world.now) is None


def test_what_is_pushed_again_begins_a_new_soak() -> None:
    world = make_world(3, 3, gate=SOAKING.model_copy(update={"success": 1.0}), unreachable=9)
    world.run(TerminalState.UNREACHABLE)
    first = world.state.waves[0].soaks_until
    assert first is not None

    world.now = first - timedelta(minutes=1)
    world.decide(DecisionKind.RETRY)
    world.run()

    assert world.state.waves[0].verdict is None
    assert world.state.waves[0].soaks_until == world.last_ended_at + HOUR
    assert world.state.waves[0].soaks_until > first


def test_a_wave_that_had_nothing_to_push_does_not_soak() -> None:
    world = make_world(2, 2, gate=SOAKING.model_copy(update={"success": 0.0}))
    world.by_hand = frozenset(site for site, wave in world.wave_of.items() if wave == 1)

    world.run()

    assert world.state.waves[0].soaks_until is None
    assert world.state.waves[0].verdict is Verdict.INCONCLUSIVE


def test_a_stopped_rollout_waits_for_no_soak() -> None:
    world = soaking(2, 2)

    world.decide(DecisionKind.STOP)
    world.reconcile()

    assert world.state.phase is RolloutPhase.STOPPED
    assert due_at(world.state, world.now) is None


def test_evidence_is_read_only_of_a_wave_that_is_about_to_be_judged() -> None:
    world = make_world(3, 3, gate=SOAKING)
    world.reconcile()
    at_work = list(to_judge(world.state, world.facts(), world.now))
    world.run()
    soaks = list(to_judge(world.state, world.facts(), world.now))

    assert at_work == []
    assert soaks == []
    assert list(to_judge(world.state, world.facts(), world.now + HOUR)) == [1]


def test_a_verdict_stands_whatever_the_evidence_becomes() -> None:
    world = make_world(3, 3, gate=GateRule(approval=Approval.CANARY, causes={"probe-failed": 0}))
    world.run()
    judged = world.state.waves[0]
    world.evidence = Evidence(causes={"probe-failed": 3})

    wait(world, HOUR)

    assert judged.phase is WavePhase.GATE
    assert world.state.waves[0] == judged


def test_an_approval_is_taken_in_once_and_stands() -> None:
    world = make_world(3, 3, gate=GateRule(approval=Approval.CANARY))
    world.run()
    world.decide(DecisionKind.APPROVE, 1)
    world.run()
    passed = world.state.waves[0]
    world.decide(DecisionKind.APPROVE, 1)
    world.evidence = Evidence(causes={"probe-failed": 3})

    wait(world, HOUR)

    assert (passed.phase, passed.approved_by) == (WavePhase.PASSED, "c01")
    assert world.state.waves[0] == passed


def test_an_approval_of_another_plan_lets_nothing_through() -> None:
    world = make_world(3, 3, gate=GateRule(approval=Approval.CANARY))
    world.run()
    world.decide(DecisionKind.APPROVE, 1)
    world.decisions[-1] = world.decisions[-1].model_copy(update={"plan_digest": "f" * 64})

    wait(world, HOUR)

    assert world.state.waves[0].phase is WavePhase.GATE


@given(soak_s=st.integers(0, 3600), waits=st.lists(st.integers(1, 2000), max_size=12))
def test_no_wave_passes_while_its_last_ending_is_younger_than_its_soak(soak_s: int, waits: list[int]) -> None:
    world = make_world(2, 2, gate=GateRule(approval=Approval.NEVER, soak_s=soak_s))
    world.run()

    for seconds in waits:
        wait(world, timedelta(seconds=seconds))

        for wave in world.state.waves:
            if wave.passed_at is not None:
                assert wave.passed_at - world.ended_at[wave.number] >= timedelta(seconds=soak_s)
