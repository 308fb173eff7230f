"""Four eyes at a gate: what people took out of its evidence, and what the gate says for it."""

import pytest

from fleet.model.attempt import TerminalState
from fleet.model.playbook import GateRule
from fleet.model.rollout import Verdict, WaveState
from fleet.rollout import Evidence, WaveFacts, verdict_words
from fleet.rollout.gate import Judgement, judge
from fleet.rollout.second_person import with_second_person
from fleet.text import render

FOUR_EYES = GateRule(success=90, min_samples=2, four_eyes=True)


def judged(rule: GateRule, made_by_hand: int = 0, **counts: int) -> Judgement:
    by_ssh = {TerminalState(name.replace("_", "-")): n for name, n in counts.items()}
    facts = WaveFacts(by_ssh=by_ssh, evidence=Evidence(made_by_hand=made_by_hand))
    return with_second_person(judge(rule, facts, None), rule, facts)


def words(judgement: Judgement) -> str:
    wave = WaveState(number=1, verdict=judgement.verdict, verdict_code=judgement.code, verdict_values=judgement.values)
    said = verdict_words(wave)
    assert said is not None
    return render(said)


def test_what_would_pass_is_inconclusive_once_something_was_made_by_hand_after_a_push() -> None:
    found = judged(FOUR_EYES, made_by_hand=2, upgraded=10)

    assert (found.verdict, found.code) == (Verdict.INCONCLUSIVE, "made-by-hand")
    assert words(found) == (
        "10 of 10 terminals that answered are upgraded, but 2 terminals that had been pushed were made by-hand: a second person decides"
    )


@pytest.mark.parametrize(
    ("counts", "verdict", "code"),
    [({"upgraded": 1, "failed": 9}, Verdict.FAIL, "below"), ({"upgraded": 1}, Verdict.INCONCLUSIVE, "too-few")],
)
def test_what_waits_for_a_person_anyway_keeps_its_reason_and_names_the_number_beside(
    counts: dict[str, int], verdict: Verdict, code: str
) -> None:
    found = judged(FOUR_EYES, made_by_hand=3, **counts)

    assert (found.verdict, found.code) == (verdict, code)
    assert words(found).endswith("; made by-hand after they had been pushed: 3")


def test_without_four_eyes_it_passes_as_it_did() -> None:
    rule = FOUR_EYES.model_copy(update={"four_eyes": False})

    assert judged(rule, made_by_hand=2, upgraded=10) == judged(rule, upgraded=10)


def test_a_self_test_counts_only_where_the_gate_caps_causes() -> None:
    caps = FOUR_EYES.model_copy(update={"causes": {"ssh-too-old": 0}})

    assert judged(FOUR_EYES, upgraded=10, self_tested=1).verdict is Verdict.PASS
    assert judged(caps, upgraded=10, self_tested=1).code == "self-tested"
    assert judged(caps, made_by_hand=1, upgraded=10, self_tested=1).code == "made-by-hand"
