"""The gate after a wave: what its evidence says. `verdict` puts it into words.

- Judged are the terminals reached by SSH that answered. Excluded ones do not count; unreachable ones have a budget of their own;
  what is done by hand waits for a technician and holds nobody up.
- Inconclusive is a verdict of its own and always waits for a named person.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fleet.model.attempt import TerminalState
from fleet.model.gate import Phase, SwipeRule
from fleet.model.playbook import Approval, GateRule
from fleet.model.purpose import Only
from fleet.model.rollout import Verdict
from fleet.rollout.evidence import Evidence, percentile_ms, swipe_values
from fleet.rollout.facts import WaveFacts, WaveRule


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its reason as a code, and the numbers it rests on."""

    verdict: Verdict
    code: str
    values: dict[str, str | int | float]


def judge(rule: GateRule, facts: WaveFacts, following: WaveRule | None, only: Only | None = None) -> Judgement:
    """What the evidence of an ended wave says about opening the following one (None after the last); `formula` says the same in words."""
    if only is Only.STAGE:
        return _judge_staging(rule, facts)
    upgraded, evidence = facts.count(TerminalState.UPGRADED), facts.evidence
    counted = upgraded - evidence.unbound if rule.bindings else upgraded
    samples = upgraded + facts.count(TerminalState.FAILED, TerminalState.ROLLED_BACK, TerminalState.UNKNOWN)
    values: dict[str, str | int | float] = {
        "upgraded": upgraded,
        "samples": samples,
        "needed": rule.success,
        "min_samples": rule.min_samples,
        **({"to_bind": evidence.to_bind, "unbound": evidence.unbound, "counted": counted} if rule.bindings else {}),
        **swipe_values(evidence.pairs),
        **(_swipe_asked(rule.swipe, evidence) if rule.swipe else {}),
    }
    found = next(_against(rule, facts, following, values), None)
    if found is None:
        return Judgement(Verdict.PASS, "enough", values)
    verdict, code, more = found
    return Judgement(verdict, code, values | more)


_Found = tuple[Verdict, str, dict[str, str | int | float]]


def _against(rule: GateRule, facts: WaveFacts, following: WaveRule | None, values: Mapping[str, str | int | float]) -> Iterator[_Found]:
    """What keeps a gate from passing, what decides first."""
    if over := [f"{cause}={n}/{most}" for cause, most in rule.causes.items() if (n := facts.evidence.causes.get(cause, 0)) > most]:
        yield Verdict.FAIL, "causes", {"over": "; ".join(over)}
    samples, upgraded = int(values["samples"]), int(values["upgraded"])
    needed = rule.success * samples
    if samples < rule.min_samples:
        yield Verdict.INCONCLUSIVE, "too-few", {}
    if upgraded * 100 < needed:
        yield Verdict.FAIL, "below", {}
    if int(values.get("counted", upgraded)) * 100 < needed:
        yield Verdict.FAIL, "unbound", {}
    if rule.swipe is not None and len(facts.evidence.pairs) < rule.swipe.min_pairs:
        yield Verdict.INCONCLUSIVE, "few-pairs", {}
    if rule.swipe is not None and float(values.get("swipe_at_ms", 0)) > rule.swipe.target_ms:
        yield Verdict.FAIL, "slow", {}
    if following is not None and following.untested:
        yield Verdict.INCONCLUSIVE, "untested", {"untested": "; ".join(following.untested), "next": following.number}


def _swipe_asked(rule: SwipeRule, evidence: Evidence) -> dict[str, int | float]:
    """What is asked of swipes, and what was found."""
    after = [pair.after[Phase.TOTAL] for pair in evidence.pairs]
    asked = {"swipe_target_s": rule.target_s, "swipe_percentile": rule.percentile, "swipe_min_pairs": rule.min_pairs}
    found = {"swipe_pairs": len(after)} | ({"swipe_at_ms": percentile_ms(after, rule.percentile)} if after else {})
    return asked | found


def _judge_staging(rule: GateRule, facts: WaveFacts) -> Judgement:
    """What a wave of a rollout that only stages came to. Nobody is asked; whoever looks sees it."""
    staged = facts.count(TerminalState.STAGED)
    samples = staged + facts.count(TerminalState.FAILED, TerminalState.ROLLED_BACK, TerminalState.UNKNOWN)
    values: dict[str, str | int | float] = {
        "staged": staged,
        "samples": samples,
        "needed": rule.success,
        "min_samples": rule.min_samples,
    }
    if samples < rule.min_samples:
        return Judgement(Verdict.INCONCLUSIVE, "too-few", values)
    if staged * 100 < rule.success * samples:
        return Judgement(Verdict.FAIL, "below-staged", values)
    return Judgement(Verdict.PASS, "enough-staged", values)


def needs_approval(rule: GateRule, wave: int, following: WaveRule | None) -> bool:
    """Whether a passed gate still waits for a named person. After the last wave nothing is left to let through."""
    if following is None or rule.approval is Approval.NEVER:
        return False
    return rule.approval is Approval.ALWAYS or wave == 1
