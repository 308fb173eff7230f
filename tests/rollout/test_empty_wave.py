"""`advance` with a wave that has not a single terminal: nothing is ordered for it, and it lets nothing through."""

import pytest

from fleet.model.playbook import Approval, GateRule
from fleet.model.purpose import Only
from fleet.model.rollout import RolloutPhase, RolloutState, Verdict, WavePhase, WaveState
from fleet.rollout import Action, Facts, Rules, WaveFacts, WaveRule, advance, verdict_words
from fleet.text import render
from tests.rollout.world import NOW

LENIENT = GateRule(success=0, approval=Approval.NEVER)
"""A gate that asks for nothing but an answer."""


def at_rest(facts: Facts, only: Only | None = None) -> tuple[RolloutState, list[Action]]:
    """Where a rollout of two waves comes to with these facts, and all that was ordered on the way."""
    rules = Rules(gate=LENIENT, parallel=8, waves=(WaveRule(1, 3, 3), WaveRule(2, 3, 3)), only=only)
    state = RolloutState(id="r1", plan_digest="0" * 64, waves=(WaveState(number=1), WaveState(number=2)), started_at=NOW)
    ordered: list[Action] = []
    while True:
        after, actions = advance(state, rules, facts, (), NOW)
        ordered += actions
        if after == state:
            return state, ordered
        state = after


@pytest.mark.parametrize("facts", [Facts({}), Facts({1: WaveFacts(), 2: WaveFacts()})])
def test_an_empty_wave_never_passes_its_gate_by_itself_and_says_why(facts: Facts) -> None:
    state, ordered = at_rest(facts)

    first, second = state.waves
    assert ordered == []
    assert (first.phase, first.verdict, first.verdict_code) == (WavePhase.GATE, Verdict.INCONCLUSIVE, "too-few")
    assert second.phase is WavePhase.CLOSED
    words = verdict_words(first)
    assert words
    assert render(words) == "terminals that answered: 0; at least 1 are needed to judge"
    assert state.phase is RolloutPhase.RUNNING


def test_an_empty_wave_of_a_rollout_that_only_stages_is_told_though_it_holds_nobody_up() -> None:
    state, ordered = at_rest(Facts({}), Only.STAGE)

    assert ordered == []
    assert {(wave.phase, wave.verdict, wave.verdict_code) for wave in state.waves} == {(WavePhase.PASSED, Verdict.INCONCLUSIVE, "too-few")}
