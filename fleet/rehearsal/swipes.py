"""What simulated clients answer when the playbook swipes a card: slower than the target before, within it afterwards, or as is planted.

Only a program that measures is answered, so that a gate which asks for pairs of a playbook that makes none stays as inconclusive as it will be.
"""

from random import Random

from fleet.model.gate import BEFORE, Phase
from fleet.model.plan import Plan, Program
from fleet.model.playbook import ProbeStep, When

ASSUMED_TARGET_S = 4.0
"""Of a plan whose gate sets none; nothing is judged by it."""
_AFTER = (0.4, 0.8)
"""Of the target, from and to."""
_TOO_SLOW = (1.2, 2.0)
"""Of the target likewise, where that is planted."""
_BEFORE = (1.5, 3.0)
"""Of the target likewise, on the client that is replaced."""


def swipe_facts(plan: Plan, program: Program, terminal: str, seed: int, *, too_slow: bool = False) -> dict[str, str]:
    """The facts of a push that upgraded a terminal: what a swipe took before and after, of those that the program measures."""
    rule = plan.playbook.gate.swipe
    target_ms = rule.target_ms if rule is not None else ASSUMED_TARGET_S * 1000
    dice = Random(f"{seed} swipe {terminal}")  # noqa: S311 - reproducible on purpose, no secret
    before, after = (str(max(1, int(target_ms * dice.uniform(*span)))) for span in (_BEFORE, _TOO_SLOW if too_slow else _AFTER))
    probes = {step.when for step in plan.playbook.steps if isinstance(step, ProbeStep) and step.name in program.steps}
    told = {When.BEFORE: (BEFORE + Phase.TOTAL.fact, before), When.AFTER: (Phase.TOTAL.fact, after)}
    return dict(told[when] for when in When if when in probes)


def are_assumed(plan: Plan) -> bool:
    """Whether anything of the plan swipes a card, so that a rehearsal has to make up what that takes."""
    used = {step for program in plan.programs.values() for step in program.steps}
    return any(isinstance(step, ProbeStep) and step.name in used for step in plan.playbook.steps)
