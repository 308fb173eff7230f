"""What the evidence of a wave says."""

import pytest

from fleet.model.attempt import TerminalState
from fleet.model.playbook import Approval, GateRule
from fleet.model.rollout import Verdict, WaveState
from fleet.rollout import WaveFacts, WaveRule, verdict_words
from fleet.rollout.gate import judge, needs_approval
from fleet.text import render

NEXT = WaveRule(2, 1, 1)
RULE = GateRule(success=90, min_samples=5)


def facts(**counts: int) -> WaveFacts:
    return WaveFacts(by_ssh={TerminalState(name.replace("_", "-")): n for name, n in counts.items()})


def test_enough_upgraded_terminals_pass() -> None:
    assert judge(RULE, facts(upgraded=9, failed=1), NEXT).verdict is Verdict.PASS


def test_one_too_many_failures_fail() -> None:
    assert judge(RULE, facts(upgraded=8, rolled_back=1, unknown=1), NEXT).verdict is Verdict.FAIL


def test_too_few_answers_are_inconclusive_even_when_all_are_good() -> None:
    assert judge(RULE, facts(upgraded=4, unreachable=20), NEXT).verdict is Verdict.INCONCLUSIVE


def test_terminals_that_are_offline_or_excluded_do_not_count_against_the_wave() -> None:
    assert judge(RULE, facts(upgraded=10, unreachable=9, excluded=9), NEXT).verdict is Verdict.PASS


def test_a_kind_of_terminal_never_tested_makes_the_gate_inconclusive() -> None:
    untested = WaveRule(2, 1, 1, ("hospital / acme / large",))

    assert judge(RULE, facts(upgraded=10), untested).verdict is Verdict.INCONCLUSIVE


def test_a_failure_weighs_more_than_an_untested_kind() -> None:
    untested = WaveRule(2, 1, 1, ("hospital / acme / large",))

    assert judge(RULE, facts(failed=10), untested).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("approval", "wave", "following", "asks"),
    [
        (Approval.CANARY, 1, NEXT, True),
        (Approval.CANARY, 2, WaveRule(3, 1, 1), False),
        (Approval.ALWAYS, 2, WaveRule(3, 1, 1), True),
        (Approval.NEVER, 1, NEXT, False),
        (Approval.ALWAYS, 3, None, False),
    ],
)
def test_a_person_is_asked_where_the_rule_says_so_and_something_is_left_to_let_through(
    approval: Approval, wave: int, following: WaveRule | None, asks: bool
) -> None:
    assert needs_approval(GateRule(approval=approval), wave, following) is asks


@pytest.mark.parametrize(
    ("seen", "following", "words"),
    [
        (facts(upgraded=9, failed=1), NEXT, "9 of 10 terminals that answered are upgraded (90 %); 90 % of them are needed"),
        (facts(upgraded=1, failed=9), NEXT, "only 1 of 10 terminals that answered are upgraded (10 %); 90 % of them are needed"),
        (facts(upgraded=2), NEXT, "terminals that answered: 2; at least 5 are needed to judge"),
        (
            facts(upgraded=9),
            WaveRule(2, 1, 1, ("hospital / acme / large",)),
            "9 of 9 terminals that answered are upgraded, but wave 2 holds what was never tested: hospital / acme / large",
        ),
    ],
)
def test_a_verdict_explains_itself_with_its_numbers(seen: WaveFacts, following: WaveRule, words: str) -> None:
    judgement = judge(RULE, seen, following)

    wave = WaveState(number=1, verdict=judgement.verdict, verdict_code=judgement.code, verdict_values=judgement.values)
    restored = WaveState.model_validate_json(wave.model_dump_json())
    assert str(verdict_words(restored)) == words


def test_a_share_that_was_not_enough_is_never_shown_as_the_one_that_would_have_been() -> None:
    judgement = judge(GateRule(success=95), facts(upgraded=9496, failed=504), NEXT)
    wave = WaveState(number=1, verdict=judgement.verdict, verdict_code=judgement.code, verdict_values=judgement.values)

    assert "(94.9 %); 95 % of them are needed" in str(verdict_words(wave))


def test_untested_strata_are_told_in_the_readers_language() -> None:
    judgement = judge(RULE, facts(upgraded=9), WaveRule(2, 1, 1, ("hospital / acme / large", "pharmacy / - / small")))
    wave = WaveState(number=1, verdict=judgement.verdict, verdict_code=judgement.code, verdict_values=judgement.values)
    words = verdict_words(wave)

    assert words is not None
    assert render(words, "zh_CN").endswith("医院 / acme / 大型；药店 / - / 小型")


def test_a_wave_that_is_not_judged_has_no_words() -> None:
    assert verdict_words(WaveState(number=1)) is None
