from datetime import UTC, datetime

from fleet.model.rollout import Decision, DecisionKind, RolloutPhase, RolloutState, SiteCounts, WavePhase, WaveState
from fleet.rollout.standing import Standing, standing_of, waiting_waves

AT = datetime(2026, 11, 28, 22, 0, tzinfo=UTC)
AT_THE_GATE = RolloutState(
    id="r1", plan_digest="0" * 64, waves=(WaveState(number=1, phase=WavePhase.GATE), WaveState(number=2)), started_at=AT
)


def decided(kind: DecisionKind, wave: int | None = None) -> Decision:
    return Decision(id=1, rollout="r1", kind=kind, wave=wave, actor="li-na", at=AT)


def test_a_wave_at_its_gate_waits_for_a_person() -> None:
    assert standing_of(AT_THE_GATE, SiteCounts(upgraded=1)) is Standing.WAITING


def test_a_wave_that_is_approved_waits_for_the_orchestrator_and_for_nobody_else() -> None:
    pending = [decided(DecisionKind.APPROVE, 1)]

    assert waiting_waves(AT_THE_GATE, pending) == ()
    assert standing_of(AT_THE_GATE, SiteCounts(upgraded=1), pending) is Standing.AT_WORK


def test_a_rollout_whose_stop_is_not_taken_in_yet_waits_for_nobody() -> None:
    pending = [decided(DecisionKind.STOP)]

    assert waiting_waves(AT_THE_GATE, pending) == ()
    assert standing_of(AT_THE_GATE, SiteCounts(upgraded=1, not_started=1), pending) is Standing.INCOMPLETE


def test_a_finished_rollout_with_an_unreachable_site_is_incomplete() -> None:
    finished = AT_THE_GATE.model_copy(update={"phase": RolloutPhase.FINISHED})

    assert standing_of(finished, SiteCounts(upgraded=1, unreachable=1)) is Standing.INCOMPLETE
    assert standing_of(finished, SiteCounts(upgraded=2)) is Standing.SUCCEEDED


def test_a_way_back_that_a_spent_budget_keeps_from_beginning_waits_for_a_person() -> None:
    held = WaveState(number=1, phase=WavePhase.HELD, held_by=("failures",))
    state = AT_THE_GATE.model_copy(update={"waves": (held, WaveState(number=2))})
    wanted = WaveState(number=1, phase=WavePhase.HELD, taken_back_by="li-na")
    going = state.model_copy(update={"waves": (wanted, WaveState(number=2))})
    limited = state.model_copy(update={"waves": (wanted.model_copy(update={"held_by": ("limit:0",)}), WaveState(number=2))})

    assert standing_of(state, SiteCounts(failed=3, going_back=1)) is Standing.WAITING
    assert standing_of(limited, SiteCounts(failed=3, going_back=1)) is Standing.WAITING
    assert standing_of(going, SiteCounts(failed=3, going_back=1)) is Standing.AT_WORK
