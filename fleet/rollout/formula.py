"""What a gate is going to do, in words, before anything is pushed: the same conditions in the same order as `gate.judge`. Pure."""

from collections.abc import Iterator
from datetime import timedelta
from math import ceil

from fleet.model.gate import MEDIAN, SwipeRule
from fleet.model.inventory import Reach
from fleet.model.plan import Plan, stratum_words
from fleet.model.playbook import GateRule
from fleet.rollout.facts import WaveRule
from fleet.rollout.gate import needs_approval
from fleet.text import N_, Message


def formula(rule: GateRule) -> Iterator[Message]:
    """How every gate of a plan judges, condition by condition; the first that is met decides."""
    if rule.soak_s:
        yield N_("It judges once, {time} after the last push of its wave has ended.", time=timedelta(seconds=rule.soak_s))
    else:
        yield N_("It judges once, when the last push of its wave has ended.")
    for cause, most in rule.causes.items():
        yield N_("FAIL when more than {most} {most:terminal|terminals} ended with the cause `{cause}`.", most=most, cause=cause)
    yield N_("INCONCLUSIVE when fewer than {min_samples} {min_samples:terminal|terminals} answered.", min_samples=rule.min_samples)
    yield N_(
        "FAIL when upgraded / (upgraded + failed + rolled back + unknown) is below {success:g} %; unreachable and excluded ones do not count.",
        success=rule.success,
    )
    if rule.bindings:
        yield N_("A terminal whose key the playbook binds counts as upgraded only when its binding was read back and is the one kept here.")
    if rule.swipe:
        yield from _of_swipes(rule.swipe)
    yield N_("INCONCLUSIVE when the next wave holds a kind of terminal that no wave before it tried.")
    yield N_("PASS otherwise.")
    if rule.four_eyes:
        yield N_("Who approves is neither who made the plan nor who started its rollout.")


def _of_swipes(rule: SwipeRule) -> Iterator[Message]:
    yield N_("INCONCLUSIVE when fewer than {min_pairs} upgraded terminals were measured before and after.", min_pairs=rule.min_pairs)
    if rule.percentile == MEDIAN:
        yield N_("FAIL when the median of their swipes is now above {target:g} s.", target=rule.target_s)
    else:
        values = {"percent": rule.percentile, "target": rule.target_s}
        yield N_("FAIL when fewer than {percent:g} % of their swipes now take {target:g} s or less.", **values)


def gate_lines(plan: Plan) -> Iterator[Message]:
    """What that means for the gate of each wave: how many must be upgraded, and who is asked."""
    rule = plan.playbook.gate
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
