"""The evidence of a wave, put together from the store: the engine judges by it, and views show it while nothing is judged yet."""

from collections.abc import Set as AbstractSet

from fleet.model.plan import Plan
from fleet.model.playbook import ProbeStep, StepKind, When
from fleet.rollout.evidence import Evidence, pair_of
from fleet.store import Snapshot, evidence


def read_evidence(snapshot: Snapshot, plan: Plan, rollout: str, wave: int) -> Evidence:
    """What the terminals of a wave showed, as far as the plan asks: one bounded read each of swipes with bindings, and of causes."""
    gate = plan.playbook.gate
    causes = evidence.causes_of_wave(snapshot, rollout, wave) if gate.causes else {}
    by_hand = evidence.made_by_hand(snapshot, rollout, wave) if gate.four_eyes else 0
    if not (gate.bindings or measures_swipes(plan)):
        return Evidence(causes=causes, made_by_hand=by_hand)
    binding = {step.name for step in plan.playbook.steps if step.step is StepKind.BIND_KEY}
    pairs, to_bind, unbound = [], 0, 0
    for shown in evidence.upgraded(snapshot, rollout, wave):
        if (pair := pair_of(shown.facts)) is not None:
            pairs.append(pair)
        if _binds(plan, shown.terminal, binding):
            to_bind += 1
            unbound += not shown.is_bound
    return Evidence(tuple(pairs), causes, to_bind, unbound, by_hand)


def measures_swipes(plan: Plan) -> bool:
    """Whether any terminal of the plan is measured before it is upgraded, or its gates ask for that."""
    return plan.playbook.gate.swipe is not None or any(
        isinstance(step, ProbeStep) and step.when is When.BEFORE for step in plan.playbook.steps
    )


def _binds(plan: Plan, terminal: str, binding: AbstractSet[str]) -> bool:
    program = plan.program_of.get(terminal)
    return program is not None and not binding.isdisjoint(program.steps)
