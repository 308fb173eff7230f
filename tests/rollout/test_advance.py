"""The cases a coordinator would ask about."""

from fleet.model.attempt import TerminalState
from fleet.model.playbook import Approval, GateRule
from fleet.model.rollout import DecisionKind, RolloutPhase, Verdict, WavePhase
from fleet.rollout import Dispatch, Recover
from tests.rollout.world import World, make_world


def phases(world: World) -> list[str]:
    return [wave.phase.value for wave in world.state.waves]


def test_waves_open_in_order_and_the_rollout_finishes() -> None:
    world = make_world(2, 3, 4)

    world.run()

    assert world.state.phase is RolloutPhase.FINISHED
    assert [site.partition("-")[0] for site in world.began] == ["w1"] * 2 + ["w2"] * 3 + ["w3"] * 4


def test_the_gate_after_the_canary_waits_for_a_named_person() -> None:
    world = make_world(2, 3, gate=GateRule(approval=Approval.CANARY))

    world.run()
    waited = phases(world)
    world.decide(DecisionKind.APPROVE, 1)
    world.run()

    assert waited == ["gate", "closed"]
    assert world.state.waves[0].verdict is Verdict.PASS
    assert world.state.waves[0].approved_by == "c01"
    assert world.state.phase is RolloutPhase.FINISHED


def test_a_failed_gate_keeps_the_next_wave_closed() -> None:
    world = make_world(1, 3)

    world.run(TerminalState.FAILED)

    assert phases(world) == ["gate", "closed"]
    assert world.state.waves[0].verdict is Verdict.FAIL


def test_approving_another_wave_than_the_one_that_waits_changes_nothing() -> None:
    world = make_world(1, 3)
    world.run(TerminalState.FAILED)

    world.decide(DecisionKind.APPROVE, 2)
    world.run()

    assert phases(world) == ["gate", "closed"]


def test_a_second_approval_does_not_replace_the_first() -> None:
    world = make_world(1, 3, gate=GateRule(approval=Approval.CANARY))
    world.run()
    world.decide(DecisionKind.APPROVE, 1)
    world.reconcile()
    first = world.state.waves[0]

    world.decide(DecisionKind.APPROVE, 1)
    world.reconcile()

    assert world.state.waves[0] == first


def test_a_spent_budget_holds_the_wave_and_nothing_new_starts() -> None:
    world = make_world(10, failures=3, unreachable=5)

    world.run(TerminalState.FAILED)

    assert phases(world) == ["held"]
    assert len(world.began) == 3


def test_unreachable_sites_have_a_budget_of_their_own() -> None:
    world = make_world(10, failures=3, unreachable=2)

    world.run(TerminalState.UNREACHABLE)

    assert phases(world) == ["held"]
    assert len(world.began) == 2


def test_approving_a_held_wave_grants_its_budget_anew() -> None:
    world = make_world(10, failures=3, unreachable=5)
    world.run(TerminalState.FAILED)

    world.decide(DecisionKind.APPROVE, 1)
    world.run(TerminalState.FAILED)

    assert phases(world) == ["held"]
    assert len(world.began) == 6


def test_parallelism_never_exceeds_the_smaller_budget() -> None:
    world = make_world(20, failures=4, unreachable=7, parallel=32)
    world.shard_size = 20

    world.reconcile()
    world.begin(1)

    assert len(world.in_flight[1]) == 4


def test_grants_that_one_shard_no_longer_needs_go_to_the_next() -> None:
    world = make_world(6, failures=3, unreachable=3)
    world.reconcile()
    world.begin(1)
    first = [action.shard for action in world.ordered if isinstance(action, Dispatch)]

    world.end(1, "w1-0", TerminalState.UPGRADED)
    world.reconcile()

    assert first == [1]
    assert [action.shard for action in world.ordered if isinstance(action, Dispatch)] == [1, 2]


def test_while_paused_nothing_is_dispatched_and_running_pushes_finish() -> None:
    world = make_world(6)
    world.reconcile()
    world.begin(1)
    world.decide(DecisionKind.PAUSE)
    world.run()
    paused_at = len(world.began)

    world.decide(DecisionKind.RESUME)
    world.run()

    assert paused_at == 2
    assert world.state.phase is RolloutPhase.FINISHED


def test_stop_is_final_and_what_had_not_begun_stays_not_started() -> None:
    world = make_world(6)
    world.reconcile()
    world.begin(1)

    world.decide(DecisionKind.STOP)
    world.run()
    world.decide(DecisionKind.RESUME)
    world.run()

    assert world.state.phase is RolloutPhase.STOPPED
    assert world.counts(1).not_started == 4


def test_retry_starts_the_unfinished_of_a_stopped_rollout_and_only_those() -> None:
    world = make_world(6)
    world.reconcile()
    world.begin(1)
    world.decide(DecisionKind.STOP)
    world.run()

    world.decide(DecisionKind.RETRY)
    world.run()

    assert world.state.phase is RolloutPhase.FINISHED
    assert sorted(world.began) == sorted(set(world.began))


def test_retry_of_a_finished_rollout_asks_no_gate_twice() -> None:
    world = make_world(4, 4, gate=GateRule(success=0, approval=Approval.CANARY), failures=9, unreachable=9)
    world.run(TerminalState.FAILED)
    world.decide(DecisionKind.APPROVE, 1)
    world.run()
    passed_at = world.state.waves[0].passed_at

    world.decide(DecisionKind.RETRY, sites=["w1-0"])
    world.run()

    assert world.state.phase is RolloutPhase.FINISHED
    assert world.state.waves[0].passed_at == passed_at
    assert world.began.count("w1-0") == 2
    assert world.began.count("w1-1") == 1


def test_retry_at_the_gate_has_it_judged_again() -> None:
    world = make_world(1, 1)
    world.run(TerminalState.FAILED)

    world.decide(DecisionKind.RETRY)
    world.run()

    assert world.state.phase is RolloutPhase.FINISHED


def test_an_unknown_terminal_is_asked_once_more_when_the_rest_is_done() -> None:
    world = make_world(3, failures=3, unreachable=3)
    world.reconcile()
    world.begin(1)
    world.end(1, "w1-0", TerminalState.UNKNOWN)
    world.end(1, "w1-1", TerminalState.UPGRADED)
    world.begin(1)
    asked_early = world.began.count("w1-0")

    world.run()

    assert asked_early == 1
    assert world.began.count("w1-0") == 2
    assert world.counts(1).upgraded == 3


def test_an_unknown_terminal_that_stays_silent_stays_unknown() -> None:
    world = make_world(1, 1)

    world.run(TerminalState.UNKNOWN)

    assert world.began == ["w1-0", "w1-0"]
    assert world.counts(1).unknown == 1


def test_a_lost_worker_is_replaced_and_its_terminals_are_pushed_again() -> None:
    world = make_world(3, failures=3, unreachable=3)
    world.reconcile()
    world.begin(1)
    world.end(1, "w1-0", TerminalState.UPGRADED)

    world.lost.add(1)
    world.run()

    assert Recover(1) in world.ordered
    assert world.began.count("w1-0") == 1
    assert world.counts(1).upgraded == 3


def test_what_a_lost_worker_was_at_in_a_stopped_rollout_is_unknown() -> None:
    world = make_world(3, failures=3, unreachable=3)
    world.reconcile()
    world.begin(1)
    world.decide(DecisionKind.STOP)

    world.lost.add(1)
    world.run()

    assert world.counts(1).unknown == 3


def test_a_wave_done_by_hand_waits_for_nobody_but_a_person_at_the_gate() -> None:
    world = make_world(2, 2)
    world.by_hand = frozenset(("w1-0", "w1-1"))

    world.run()

    assert phases(world) == ["gate", "closed"]
    assert world.state.waves[0].verdict is Verdict.INCONCLUSIVE
    assert world.began == []


def test_sites_waiting_for_a_technician_do_not_block_the_gate() -> None:
    world = make_world(3, 2)
    world.by_hand = frozenset(("w1-0",))

    world.run()

    assert world.state.phase is RolloutPhase.FINISHED
    assert world.counts(1).waiting_by_hand == 1


def test_excluded_terminals_are_not_begun() -> None:
    world = make_world(3)

    world.decide(DecisionKind.EXCLUDE, sites=["w1-1"])
    world.run()

    assert world.state.waves[0].phase is WavePhase.PASSED
    assert sorted(world.began) == ["w1-0", "w1-2"]
