"""What a plan says of its gates is what they do: every verdict there is has its line, and the lines decide in their order."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest

import fleet.rollout
from fleet.model.attempt import TerminalState
from fleet.model.gate import Phase, SwipeRule
from fleet.model.inventory import Fleet
from fleet.model.plan import Plan
from fleet.model.playbook import GateRule, Playbook
from fleet.model.purpose import Only
from fleet.model.release import Release
from fleet.model.rollout import Verdict, WaveState
from fleet.model.windows import Entry, Windows
from fleet.plan import make_plan
from fleet.rollout import Evidence, Rehearsal, WaveFacts, formula, gate_lines, rules_of
from fleet.rollout.evidence import Pair
from fleet.rollout.formula import conditions, staging_conditions
from fleet.rollout.gate import Judgement, judge
from fleet.rollout.rehearsal import with_rehearsal
from fleet.rollout.second_person import with_second_person
from fleet.rollout.verdict import CODES
from fleet.rollout.way_back import with_taken_back
from fleet.text import render

AT = datetime(2026, 12, 4, 20, 0, tzinfo=UTC)
ASKS = GateRule(success=90, min_samples=5, causes={"key-conflict": 0}, bindings=True, swipe=SwipeRule(target_s=4, min_pairs=4))
FOUR_EYES = ASKS.model_copy(update={"four_eyes": True})
NIGHT = Windows(zone="Asia/Shanghai", suspensions=(Entry(begins_at=AT, ends_at=AT + timedelta(hours=8)),))
Making = Callable[..., Plan]


@pytest.fixture
def planned(make_fleet: Callable[..., Fleet], playbook: Playbook, release: Release) -> Making:
    """A plan of a small fleet with this gate: `planned(GateRule(), rollback_rehearsal=False)`; with `untested` its canary cannot try everything."""

    def make(rule: GateRule, *, untested: bool = False, lasting: bool = False, dated: bool = False, **keys: object) -> Plan:
        vendors = ("acme", "bolt", "crux") if untested else ("acme",)
        fleet = make_fleet(*((f"p{n}", "pharmacy", 1, {"vendor": vendors[n % len(vendors)]}) for n in range(18)))
        waves = playbook.waves.model_copy(update={"canary_at_most": 2}) if untested else playbook.waves
        steps = tuple(
            step.model_copy(update={"undo": None, "irreversible": True}) if lasting and step.name == "software-encryption" else step
            for step in playbook.steps
        )
        asked = playbook.model_copy(update={"gate": rule, "waves": waves, "steps": steps, **keys})
        return make_plan(fleet, asked, release, windows=NIGHT if dated else None)

    return make


def codes_given() -> Iterator[str]:
    """The codes that stand beside a verdict anywhere in the source of the gates."""
    for file in Path(fleet.rollout.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            given: list[ast.expr] = []
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Judgement":
                given = node.args
            elif isinstance(node, ast.Yield) and isinstance(node.value, ast.Tuple):
                given = node.value.elts
            match given:
                case [ast.Attribute(value=ast.Name(id="Verdict")), ast.Constant(value=str(code)), *_]:
                    yield code


def test_every_code_that_a_gate_gives_has_its_words() -> None:
    assert set(codes_given()) == CODES


def test_every_verdict_there_is_stands_in_the_formula_of_a_plan_that_can_meet_it(planned: Making) -> None:
    plans = [planned(FOUR_EYES, untested=True), planned(ASKS, lasting=True), planned(ASKS, dated=True)]

    stated = {condition.code for plan in plans for condition in (*conditions(plan), *staging_conditions(plan))}
    printed = [[render(line) for line in formula(plan)] for plan in plans]

    assert stated == CODES
    for plan, lines in zip(plans, printed, strict=True):
        assert [each for each in (*conditions(plan), *staging_conditions(plan)) if render(each.words) not in lines] == []


def test_a_condition_says_its_verdict_first(planned: Making) -> None:
    for plan in (planned(FOUR_EYES, untested=True), planned(ASKS, lasting=True), planned(ASKS, dated=True)):
        for condition in (*conditions(plan), *staging_conditions(plan)):
            assert render(condition.words).split()[0] == condition.verdict.value.upper()


def test_the_formula_says_every_condition_in_the_order_in_which_it_decides(planned: Making) -> None:
    rule = FOUR_EYES.model_copy(update={"soak_s": 1800})

    assert [render(line) for line in formula(planned(rule, untested=True))] == [
        "It judges once, 0:30:00 after the last push of its wave has ended.",
        "FAIL when more than 0 terminals ended with the cause `key-conflict`.",
        (
            "FAIL at gate 1 when the way back fails in rehearsal on any of the terminals that go back and come again: "
            "at least one of each program, and as many as measure how long a rollback takes."
        ),
        "INCONCLUSIVE when fewer than 5 terminals answered.",
        "FAIL when upgraded / (upgraded + failed + rolled back + unknown) is below 90 %; unreachable and excluded ones do not count.",
        "FAIL when it is below 90 % once those are left out of the upgraded whose key binding was not read back as the one kept here.",
        "INCONCLUSIVE when fewer than 4 upgraded terminals were measured before and after.",
        "FAIL when the median of their swipes is now above 4 s.",
        "INCONCLUSIVE when the next wave holds a kind of terminal that no wave before it tried.",
        "INCONCLUSIVE when people rolled back any terminal of the wave; it says so also where too few are left to judge.",
        "INCONCLUSIVE when terminals that had been pushed were made by-hand: a second person decides.",
        "INCONCLUSIVE when a self-test proved a terminal whose push had ended badly: a second person decides.",
        "INCONCLUSIVE at gate 1 when the way back could be rehearsed on none of its terminals.",
        "PASS otherwise.",
        "Who approves is neither who made the plan nor who started its rollout.",
        "Started with `--only stage` it judges so, and the next wave opens whatever it finds:",
        "INCONCLUSIVE when fewer than 1 terminal answered.",
        "FAIL when staged / (staged + failed + rolled back + unknown) is below 90 %.",
        "PASS otherwise.",
    ]


def test_a_formula_holds_only_what_its_plan_asks_for(planned: Making) -> None:
    plain = planned(GateRule(), rollback_rehearsal=False)

    assert [condition.code for condition in conditions(plain)] == ["too-few", "below", "taken-back", "enough"]
    assert next(render(line) for line in formula(plain)) == "It judges once, when the last push of its wave has ended."
    swipes = planned(GateRule(swipe=SwipeRule(target_s=4, percentile=95)))
    assert "FAIL when fewer than 95 % of their swipes now take 4 s or less." in [render(line) for line in formula(swipes)]


def test_a_plan_that_has_nothing_behind_its_canary_rehearses_nothing_and_says_nothing_of_it(planned: Making) -> None:
    plan = planned(ASKS)
    canary = plan.model_copy(update={"waves": plan.waves[:1]})

    assert [condition.code for condition in conditions(plan) if condition.gate] == ["rehearsal-failed", "rehearsal-none"]
    assert [condition.code for condition in conditions(canary) if condition.gate] == []


def test_a_gate_that_cannot_pass_because_something_lasts_says_so_before_the_night(planned: Making) -> None:
    lines = [render(line) for line in gate_lines(planned(ASKS.model_copy(update={"swipe": None}), lasting=True))]

    assert lines[1] == "Gate 1 cannot pass: not everything can be rolled back (software-encryption); a person is asked."
    assert [line for line in lines[2:] if "cannot pass" in line] == []


def found(plan: Plan, facts: WaveFacts) -> Judgement:
    """What gate 1 says of these facts, put together as `advance` does."""
    rules = rules_of(plan)
    said = with_taken_back(judge(rules.gate, facts, rules.waves[1], rules.only), facts)
    said = with_second_person(said, rules.gate, facts)
    return with_rehearsal(said, rules, WaveState(number=1, rehearsed_at=AT if rules.rehearses else None), facts)


def met(plan: Plan, facts: WaveFacts) -> dict[str, bool]:
    """Whether these facts meet each condition, by what its words say."""
    upgraded, rule, seen = facts.count(TerminalState.UPGRADED), plan.playbook.gate, facts.rehearsal or Rehearsal()
    answered = upgraded + facts.count(TerminalState.FAILED)
    swipes = sorted(pair.after[Phase.TOTAL] for pair in facts.evidence.pairs)
    return {
        "causes": facts.evidence.causes.get("key-conflict", 0) > 0,
        "rehearsal-failed": seen.failed > 0,
        "too-few": answered < rule.min_samples,
        "below": upgraded * 100 < rule.success * answered,
        "unbound": (upgraded - facts.evidence.unbound) * 100 < rule.success * answered,
        "few-pairs": len(swipes) < 4,
        "slow": bool(swipes) and swipes[(len(swipes) - 1) // 2] > 4000,
        "untested": bool(plan.waves[1].untested),
        "taken-back": facts.count(TerminalState.TAKEN_BACK) > 0,
        "made-by-hand": facts.evidence.made_by_hand > 0,
        "self-tested": facts.count(TerminalState.SELF_TESTED) > 0,
        "rehearsal-lasting": True,
        "rehearsal-windows": bool(seen.lacking),
        "rehearsal-none": not seen.tried,
        "enough": True,
    }


def every_kind_of_evidence(*, dated: bool) -> Iterator[WaveFacts]:
    """What a canary may have shown; only windows leave a terminal no time for its rehearsal."""
    rehearsals = [Rehearsal(), Rehearsal(tried=2), Rehearsal(tried=2, failed=1)]
    if dated:
        rehearsals += [replace(each, lacking=("p0/t00",)) for each in rehearsals]
    endings = [(20, 0), (20, 1), (10, 10), (3, 0), (1, 3)]
    people = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 1, 1)]
    for (upgraded, failed), (back, by_hand, tested), cause, unbound in product(endings, people, (0, 1), (0, 3)):
        states = {
            TerminalState.UPGRADED: upgraded,
            TerminalState.FAILED: failed,
            TerminalState.TAKEN_BACK: back,
            TerminalState.SELF_TESTED: tested,
        }
        for swipes, rehearsed in product(((), (1000,) * 5, (5000,) * 5, (5000,)), rehearsals):
            pairs = tuple(Pair({Phase.TOTAL: 6000}, {Phase.TOTAL: after}) for after in swipes)
            evidence = Evidence(pairs, {"key-conflict": cause}, upgraded, min(unbound, upgraded), by_hand)
            yield WaveFacts(by_ssh=states, evidence=evidence, rehearsal=rehearsed)


@pytest.mark.parametrize("rule", [ASKS, FOUR_EYES], ids=["two eyes", "four eyes"])
@pytest.mark.parametrize("how", [{}, {"untested": True}, {"lasting": True}, {"dated": True}, {"rollback_rehearsal": False}])
def test_the_first_condition_that_is_met_gives_the_verdict_whatever_else_is(planned: Making, how: dict[str, bool], rule: GateRule) -> None:
    plan = planned(rule, **how)
    stated, verdicts = list(conditions(plan)), set()

    for facts in every_kind_of_evidence(dated=plan.windows is not None):
        holds, judgement = met(plan, facts), found(plan, facts)
        first = next(condition for condition in stated if holds[condition.code])
        assert judgement.verdict is first.verdict, facts
        assert judgement.code in {condition.code for condition in stated if holds[condition.code]}
        verdicts.add(judgement.verdict)

    assert verdicts >= {Verdict.FAIL, Verdict.INCONCLUSIVE}


def test_a_rollout_that_only_stages_judges_by_the_conditions_that_the_plan_states_for_it(planned: Making) -> None:
    plan = planned(ASKS)
    rules = rules_of(plan, Only.STAGE)

    said = [
        judge(rules.gate, WaveFacts(by_ssh={TerminalState.STAGED: well, TerminalState.FAILED: bad}), rules.waves[1], rules.only)
        for well, bad in ((0, 0), (1, 1), (20, 1))
    ]

    assert [(each.code, each.verdict) for each in said] == [(each.code, each.verdict) for each in staging_conditions(plan)]
