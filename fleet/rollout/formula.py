"""What a gate is going to do, in words, before anything is pushed. Pure.

- Each verdict that `gate`, `way_back`, `second_person` and `rehearsal` can give is one `Condition`, under the same code; a plan has
  those that it can meet.
- They stand in the order in which they decide: the first that is met gives the verdict.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from fleet.model.gate import MEDIAN, SwipeRule
from fleet.model.inventory import Reach
from fleet.model.plan import Plan, stratum_words
from fleet.model.playbook import GateRule, StepKind
from fleet.model.purpose import Only
from fleet.model.rollout import Verdict
from fleet.rollout.facts import Rules, WaveRule, rules_of
from fleet.rollout.gate import needs_approval
from fleet.text import N_, Message


@dataclass(frozen=True, slots=True)
class Condition:
    """What a gate may find, and what it says then."""

    code: str
    """The code that the verdict is kept under."""
    verdict: Verdict
    words: Message
    gate: int | None = None
    """The only gate that it decides at; None is at every gate."""


def conditions(plan: Plan) -> Iterator[Condition]:
    """How the gates of a plan judge; the first that is met decides."""
    rules, gate = rules_of(plan), plan.playbook.gate
    yield from _of_causes(gate)
    if rules.rehearses:
        words = N_(
            "FAIL at gate 1 when the way back fails in rehearsal on any of the terminals that go back and come again: "
            "at least one of each program, and as many as measure how long a rollback takes."
        )
        yield Condition("rehearsal-failed", Verdict.FAIL, words, gate=1)
    yield _too_few(gate)
    yield from _of_endings(gate)
    if gate.swipe:
        yield from _of_swipes(gate.swipe)
    if any(wave.untested for wave in rules.waves[1:]):
        words = N_("INCONCLUSIVE when the next wave holds a kind of terminal that no wave before it tried.")
        yield Condition("untested", Verdict.INCONCLUSIVE, words)
    words = N_("INCONCLUSIVE when people rolled back any terminal of the wave; it says so also where too few are left to judge.")
    yield Condition("taken-back", Verdict.INCONCLUSIVE, words)
    if gate.four_eyes:
        yield from _of_four_eyes(gate)
    yield from _of_rehearsal(rules, has_windows=plan.windows is not None)
    yield Condition("enough", Verdict.PASS, N_("PASS otherwise."))


def staging_conditions(plan: Plan) -> Iterator[Condition]:
    """How they judge where the rollout only stages; none where nothing can be staged."""
    if not any(step.step is StepKind.STAGE for step in plan.playbook.steps):
        return
    rule = rules_of(plan, Only.STAGE).gate
    yield _too_few(rule)
    words = N_("FAIL when staged / (staged + failed + rolled back + unknown) is below {success:g} %.", success=rule.success)
    yield Condition("below-staged", Verdict.FAIL, words)
    yield Condition("enough-staged", Verdict.PASS, N_("PASS otherwise."))


def formula(plan: Plan) -> Iterator[Message]:
    """When every gate of a plan judges, what it finds, who may approve, and how it judges a rollout that only stages."""
    rule = plan.playbook.gate
    if rule.soak_s:
        yield N_("It judges once, {time} after the last push of its wave has ended.", time=timedelta(seconds=rule.soak_s))
    else:
        yield N_("It judges once, when the last push of its wave has ended.")
    yield from (condition.words for condition in conditions(plan))
    if rule.four_eyes:
        yield N_("Who approves is neither who made the plan nor who started its rollout.")
    for number, condition in enumerate(staging_conditions(plan)):
        if not number:
            yield N_("Started with `--only stage` it judges so, and the next wave opens whatever it finds:")
        yield condition.words


def _of_causes(rule: GateRule) -> Iterator[Condition]:
    for cause, most in rule.causes.items():
        words = N_("FAIL when more than {most} {most:terminal|terminals} ended with the cause `{cause}`.", most=most, cause=cause)
        yield Condition("causes", Verdict.FAIL, words)


def _too_few(rule: GateRule) -> Condition:
    words = N_("INCONCLUSIVE when fewer than {min_samples} {min_samples:terminal|terminals} answered.", min_samples=rule.min_samples)
    return Condition("too-few", Verdict.INCONCLUSIVE, words)


def _of_endings(rule: GateRule) -> Iterator[Condition]:
    words = N_(
        "FAIL when upgraded / (upgraded + failed + rolled back + unknown) is below {success:g} %; unreachable and excluded ones do not count.",
        success=rule.success,
    )
    yield Condition("below", Verdict.FAIL, words)
    if rule.bindings:
        words = N_(
            "FAIL when it is below {success:g} % once those are left out of the upgraded whose key binding was not read back as the one kept here.",
            success=rule.success,
        )
        yield Condition("unbound", Verdict.FAIL, words)


def _of_swipes(rule: SwipeRule) -> Iterator[Condition]:
    words = N_("INCONCLUSIVE when fewer than {min_pairs} upgraded terminals were measured before and after.", min_pairs=rule.min_pairs)
    yield Condition("few-pairs", Verdict.INCONCLUSIVE, words)
    if rule.percentile == MEDIAN:
        words = N_("FAIL when the median of their swipes is now above {target:g} s.", target=rule.target_s)
    else:
        values = {"percent": rule.percentile, "target": rule.target_s}
        words = N_("FAIL when fewer than {percent:g} % of their swipes now take {target:g} s or less.", **values)
    yield Condition("slow", Verdict.FAIL, words)


def _of_four_eyes(rule: GateRule) -> Iterator[Condition]:
    """What people took out of a wave's evidence."""
    words = N_("INCONCLUSIVE when terminals that had been pushed were made by-hand: a second person decides.")
    yield Condition("made-by-hand", Verdict.INCONCLUSIVE, words)
    if rule.causes:
        words = N_("INCONCLUSIVE when a self-test proved a terminal whose push had ended badly: a second person decides.")
        yield Condition("self-tested", Verdict.INCONCLUSIVE, words)


def _of_rehearsal(rules: Rules, *, has_windows: bool) -> Iterator[Condition]:
    """What keeps the gate after the canary from passing although no rehearsal failed."""
    if rules.rehearses and rules.lasting:
        words = N_("INCONCLUSIVE at gate 1, for not everything can be rolled back: {steps}.", steps=", ".join(rules.lasting))
        yield Condition("rehearsal-lasting", Verdict.INCONCLUSIVE, words, gate=1)
    elif rules.rehearses:
        if has_windows:
            words = N_(
                "INCONCLUSIVE at gate 1 when its windows leave no time to rehearse the way back of a program, or of a terminal chosen for it."
            )
            yield Condition("rehearsal-windows", Verdict.INCONCLUSIVE, words, gate=1)
        words = N_("INCONCLUSIVE at gate 1 when the way back could be rehearsed on none of its terminals.")
        yield Condition("rehearsal-none", Verdict.INCONCLUSIVE, words, gate=1)


def gate_lines(plan: Plan) -> Iterator[Message]:
    """What that means for the gate of each wave: how many must be upgraded, and who is asked."""
    rule, rules = plan.playbook.gate, rules_of(plan)
    for wave in plan.waves:
        answering = sum(terminal.reach is Reach.SSH for terminal in wave.terminals)
        following = next((other for other in plan.waves if other.number == wave.number + 1), None)
        values = {"number": wave.number, "all": answering, "least": ceil(round(rule.success * answering / 100, 9))}
        yield N_(
            "Gate {number}: if all {all} {all:terminal by SSH answers|terminals by SSH answer}, {least} of them must be upgraded.", **values
        )
        if following is None:
            yield N_("Gate {number} is the last one; nothing opens behind it.", number=wave.number)
        elif rule.swipe is not None and answering < rule.swipe.min_pairs:
            yield N_(
                "Gate {number} cannot pass: {all} {all:terminal by SSH is|terminals by SSH are} fewer than the {min_pairs} pairs it wants; a person is asked.",
                number=wave.number,
                all=answering,
                min_pairs=rule.swipe.min_pairs,
            )
        elif wave.number == 1 and rules.lasting:
            yield N_(
                "Gate {number} cannot pass: not everything can be rolled back ({steps}); a person is asked.",
                number=wave.number,
                steps=", ".join(rules.lasting),
            )
        elif following.untested:
            yield N_(
                "Gate {number} cannot pass: wave {next} holds what was never tried ({strata} and {more} more); a person is asked.",
                number=wave.number,
                next=following.number,
                strata=stratum_words(str(following.untested[0])),
                more=len(following.untested) - 1,
            )
        elif needs_approval(rule, wave.number, WaveRule(following.number, following.failures_allowed, following.unreachable_allowed)):
            yield N_("Gate {number} asks a named person even when it passes.", number=wave.number)
        else:
            yield N_(
                "Gate {number} asks a named person when it fails or is inconclusive; when it passes, wave {next} opens.",
                number=wave.number,
                next=following.number,
            )
