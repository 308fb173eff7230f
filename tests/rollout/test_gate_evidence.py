"""The gate over all of its evidence: causes, bindings, swipes; and the words it explains itself with."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.model.attempt import TerminalState
from fleet.model.gate import Phase, SwipeRule
from fleet.model.playbook import GateRule
from fleet.model.rollout import Verdict, WaveState
from fleet.rollout import Evidence, WaveFacts, WaveRule, verdict_words
from fleet.rollout.evidence import Pair, medians, pair_of, percentile_ms, swipe_medians, swipe_values
from fleet.rollout.gate import Judgement, judge
from fleet.rollout.verdict import share_of
from fleet.text import render

NEXT = WaveRule(2, 1, 1)
UNTESTED = WaveRule(2, 1, 1, ("hospital / acme / large",))
SWIPE = SwipeRule(target_s=4, min_pairs=3)
EVERYTHING = GateRule(success=90, min_samples=3, causes={"probe-failed": 1}, bindings=True, swipe=SWIPE)


def pairs(*after_ms: int, before_ms: int = 9_000) -> tuple[Pair, ...]:
    return tuple(Pair({Phase.TOTAL: before_ms}, {Phase.TOTAL: value}) for value in after_ms)


def facts(evidence: Evidence, **counts: int) -> WaveFacts:
    return WaveFacts(by_ssh={TerminalState(name.replace("_", "-")): n for name, n in counts.items()}, evidence=evidence)


@pytest.mark.parametrize(
    ("seen", "following", "verdict", "code"),
    [
        (facts(Evidence(pairs(3000, 3000, 3000), to_bind=10), upgraded=10), NEXT, Verdict.PASS, "enough"),
        (facts(Evidence(pairs(3000, 3000, 3000)), upgraded=10), UNTESTED, Verdict.INCONCLUSIVE, "untested"),
        (facts(Evidence(pairs(3000, 4000, 9000)), upgraded=10), NEXT, Verdict.PASS, "enough"),
        (facts(Evidence(pairs(3000, 4001, 9000)), upgraded=10), NEXT, Verdict.FAIL, "slow"),
        (facts(Evidence(pairs(3000, 3000)), upgraded=10), NEXT, Verdict.INCONCLUSIVE, "few-pairs"),
        (facts(Evidence(pairs(9000, 9000)), upgraded=10), UNTESTED, Verdict.INCONCLUSIVE, "few-pairs"),
        (facts(Evidence(pairs(3000, 3000, 3000), to_bind=10, unbound=1), upgraded=10), NEXT, Verdict.PASS, "enough"),
        (facts(Evidence(pairs(3000, 3000, 3000), to_bind=10, unbound=2), upgraded=10), NEXT, Verdict.FAIL, "unbound"),
        (facts(Evidence(pairs(3000, 3000, 3000)), upgraded=8, failed=2), NEXT, Verdict.FAIL, "below"),
        (facts(Evidence(pairs(3000, 3000, 3000)), upgraded=2), NEXT, Verdict.INCONCLUSIVE, "too-few"),
        (facts(Evidence(pairs(3000, 3000, 3000), {"probe-failed": 1}), upgraded=10), NEXT, Verdict.PASS, "enough"),
        (facts(Evidence(pairs(3000, 3000, 3000), {"probe-failed": 2}), upgraded=20, failed=2), NEXT, Verdict.FAIL, "causes"),
        (facts(Evidence((), {"probe-failed": 2}), failed=2), NEXT, Verdict.FAIL, "causes"),
        (facts(Evidence(pairs(3000, 3000, 3000), {"disk-full": 9}), upgraded=10), NEXT, Verdict.PASS, "enough"),
    ],
)
def test_the_first_condition_that_is_met_decides(seen: WaveFacts, following: WaveRule, verdict: Verdict, code: str) -> None:
    judgement = judge(EVERYTHING, seen, following)

    assert (judgement.verdict, judgement.code) == (verdict, code)


@pytest.mark.parametrize(
    ("percentile", "verdict"),
    [(50, Verdict.PASS), (80, Verdict.PASS), (81, Verdict.FAIL), (100, Verdict.FAIL)],
)
def test_so_many_percent_of_the_swipes_must_be_within_the_target(percentile: float, verdict: Verdict) -> None:
    rule = GateRule(swipe=SwipeRule(target_s=4, percentile=percentile, min_pairs=5))

    assert judge(rule, facts(Evidence(pairs(1000, 2000, 3000, 4000, 5000)), upgraded=5), NEXT).verdict is verdict


@pytest.mark.parametrize(
    ("values", "percent", "found"),
    [([5], 50, 5), ([5], 1, 5), ([1, 2], 50, 1), ([3, 1, 2], 50, 2), (list(range(1, 101)), 7, 7), (list(range(1, 101)), 99.5, 100)],
)
def test_a_percentile_is_a_value_that_was_measured(values: list[int], percent: float, found: int) -> None:
    assert percentile_ms(values, percent) == found


@given(
    counts=st.fixed_dictionaries({state: st.integers(0, 40) for state in ("upgraded", "failed", "rolled_back", "unknown", "unreachable")}),
    after=st.lists(st.integers(1, 8000), max_size=30),
    unbound=st.integers(0, 5),
    causes=st.dictionaries(st.sampled_from(["probe-failed", "disk-full"]), st.integers(0, 4)),
    success=st.floats(0, 100),
    min_samples=st.integers(1, 30),
    min_pairs=st.integers(1, 30),
    target_s=st.floats(0.1, 8),
)
def test_no_wave_passes_below_what_its_plan_asks(
    *,
    counts: Mapping[str, int],
    after: list[int],
    unbound: int,
    causes: Mapping[str, int],
    success: float,
    min_samples: int,
    min_pairs: int,
    target_s: float,
) -> None:
    swipe = SwipeRule(target_s=target_s, min_pairs=min_pairs)
    rule = GateRule(success=success, min_samples=min_samples, causes={"probe-failed": 1}, bindings=True, swipe=swipe)
    unbound = min(unbound, counts["upgraded"])

    judgement = judge(rule, facts(Evidence(pairs(*after), causes, counts["upgraded"], unbound), **counts), NEXT)

    samples = sum(counts.values()) - counts["unreachable"]
    if judgement.verdict is Verdict.PASS:
        assert samples >= min_samples
        assert len(after) >= min_pairs
        assert (counts["upgraded"] - unbound) * 100 >= success * samples
        assert 2 * sum(value <= target_s * 1000 for value in after) >= len(after)
        assert causes.get("probe-failed", 0) <= 1
    if samples < min_samples or len(after) < min_pairs:
        assert judgement.verdict is not Verdict.PASS


def test_what_was_measured_before_anything_was_touched_is_paired_with_what_came_last() -> None:
    first = {"before_swipe_ms": "9000", "before_swipe_host_ms": "800"}
    half_way = {"before_swipe_ms": "4000", "swipe_ms": "1"}
    last = {"swipe_ms": "2000", "swipe_host_ms": "700", "swipe_card_ms": "100"}

    pair = pair_of([first, half_way, last])

    assert pair == Pair({Phase.TOTAL: 9000, Phase.HOST: 800}, {Phase.TOTAL: 2000, Phase.HOST: 700, Phase.CARD: 100})
    assert [one.phase for one in medians([pair])] == [Phase.TOTAL, Phase.HOST]


@pytest.mark.parametrize(
    "attempts",
    [
        [],
        [{"swipe_ms": "2000"}],
        [{"before_swipe_ms": "9000"}],
        [{"before_swipe_ms": "9000", "swipe_ms": "2000"}, {"swipe_host_ms": "1"}],
        [{"before_swipe_host_ms": "800", "swipe_ms": "2000"}],
        [{"before_swipe_ms": "quick", "swipe_ms": "2000"}],
        [{"before_swipe_ms": "-1", "swipe_ms": "2000"}],
        [{"before_swipe_ms": "٣", "swipe_ms": "2000"}],
        [{"before_swipe_ms": "999999999", "swipe_ms": "2000"}],
    ],
)
def test_one_measurement_alone_or_one_that_is_none_makes_no_pair(attempts: list[dict[str, str]]) -> None:
    assert pair_of(attempts) is None


@given(st.lists(st.fixed_dictionaries({phase: st.tuples(st.integers(0, 9999), st.integers(0, 9999)) for phase in Phase}), min_size=1))
def test_the_medians_a_verdict_keeps_are_those_that_were_found(measured: list[dict[Phase, tuple[int, int]]]) -> None:
    found = [Pair({phase: both[0] for phase, both in one.items()}, {phase: both[1] for phase, both in one.items()}) for one in measured]

    assert swipe_medians(swipe_values(found)) == medians(found)


def said(judgement: Judgement) -> str:
    words = verdict_words(
        WaveState(number=1, verdict=judgement.verdict, verdict_code=judgement.code, verdict_values=judgement.values),
    )
    assert words is not None
    return render(words)


def test_a_verdict_explains_itself_with_both_medians_and_every_number_it_rests_on() -> None:
    seen = facts(Evidence(pairs(3000, 3100, 3200), to_bind=10, unbound=1), upgraded=10)

    assert said(judge(EVERYTHING, seen, NEXT)) == (
        "10 of 10 terminals that answered are upgraded (100 %); 90 % of them are needed; key bindings read back: 9 of 10; "
        "a swipe took 9.00 s before and takes 3.10 s now (medians of 3 terminals measured both times); "
        "50 % of them take 3.10 s or less; the target is 4 s"
    )


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (
            facts(Evidence(pairs(9000, 9000, 9000)), upgraded=10),
            "their swipes are too slow; a swipe took 9.00 s before and takes 9.00 s now",
        ),
        (
            facts(Evidence(pairs(3000)), upgraded=10),
            "10 of 10 terminals that answered are upgraded, but only 1 was measured before and after; 3 are needed",
        ),
        (
            facts(Evidence((), {"probe-failed": 2}), upgraded=9, failed=2),
            "more terminals ended so than the plan allows: `probe-failed` 2 (at most 1)",
        ),
        (
            facts(Evidence((), to_bind=10, unbound=4), upgraded=10),
            "only 6 of 10 terminals that answered count as upgraded; 90 % of them are needed",
        ),
    ],
)
def test_what_did_not_pass_says_why(seen: WaveFacts, words: str) -> None:
    assert words in said(judge(EVERYTHING, seen, NEXT))


def test_a_swipe_just_above_the_target_never_looks_as_if_it_met_it() -> None:
    judgement = judge(GateRule(swipe=SwipeRule(target_s=4, min_pairs=1)), facts(Evidence(pairs(4001)), upgraded=1), NEXT)

    assert judgement.verdict is Verdict.FAIL
    assert "50 % of them take 4.01 s or less; the target is 4 s" in said(judgement)


@pytest.mark.parametrize(("upgraded", "samples", "share"), [(45, 48, 93.7), (9496, 10000, 94.9), (19, 20, 95.0), (0, 0, 0.0)])
def test_a_share_is_rounded_down_so_that_it_never_looks_like_enough(upgraded: int, samples: int, share: float) -> None:
    assert share_of({"upgraded": upgraded, "samples": samples}) == share
