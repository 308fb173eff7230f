"""Four eyes at a gate: what people took out of a wave's evidence, after it had been pushed, lets nothing through by itself. Pure.

- A terminal made by-hand is no push's any more, so how its push ended no longer counts. One person could so turn a FAIL into a PASS.
- A self-test that is typed in for a terminal by SSH takes the cause its push ended with out of what the gate counts by cause.
- What a second person confirmed to be left out is decided already. Without four eyes nobody else is asked for.
"""

from fleet.model.attempt import TerminalState
from fleet.model.playbook import GateRule
from fleet.model.rollout import Verdict
from fleet.rollout.facts import WaveFacts
from fleet.rollout.gate import Judgement


def with_second_person(judgement: Judgement, rule: GateRule, facts: WaveFacts) -> Judgement:
    """What the gate says once it is asked whether one person alone made it pass."""
    if not rule.four_eyes:
        return judgement
    by_hand = facts.evidence.made_by_hand
    tested = facts.count(TerminalState.SELF_TESTED) if rule.causes else 0
    values = judgement.values | ({"made_by_hand": by_hand} if by_hand else {}) | ({"self_tested": tested} if tested else {})
    if judgement.verdict is not Verdict.PASS or not (by_hand or tested):
        return Judgement(judgement.verdict, judgement.code, values)
    if by_hand:
        return Judgement(Verdict.INCONCLUSIVE, "made-by-hand", values)
    return Judgement(Verdict.INCONCLUSIVE, "self-tested", values)
