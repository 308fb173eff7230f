"""The gate after a wave: what its evidence says, and how that is put into words.

- Judged are the terminals reached by SSH that answered. Excluded ones do not count; unreachable ones have a budget of their own;
  what is done by hand waits for a technician and holds nobody up.
- Inconclusive is a verdict of its own and always waits for a named person.
"""

from dataclasses import dataclass
from functools import reduce

from fleet.model.attempt import TerminalState
from fleet.model.plan import stratum_words
from fleet.model.playbook import Approval, GateRule
from fleet.model.purpose import Only
from fleet.model.rollout import Verdict, WaveState
from fleet.rollout.facts import WaveFacts, WaveRule
from fleet.text import N_, Message


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its reason as a code, and the numbers it rests on."""

    verdict: Verdict
    code: str
    values: dict[str, str | int | float]


def judge(rule: GateRule, facts: WaveFacts, following: WaveRule | None, only: Only | None = None) -> Judgement:
    """What the evidence of an ended wave says about opening the following one (None after the last)."""
    if only is Only.STAGE:
        return _judge_staging(rule, facts)
    upgraded = facts.count(TerminalState.UPGRADED)
    samples = upgraded + facts.count(TerminalState.FAILED, TerminalState.ROLLED_BACK, TerminalState.UNKNOWN)
    values: dict[str, str | int | float] = {
        "upgraded": upgraded,
        "samples": samples,
        "needed": rule.success,
        "min_samples": rule.min_samples,
    }
    if samples < rule.min_samples:
        return Judgement(Verdict.INCONCLUSIVE, "too-few", values)
    if upgraded * 100 < rule.success * samples:
        return Judgement(Verdict.FAIL, "below", values)
    if following is not None and following.untested:
        values |= {"untested": "; ".join(following.untested), "next": following.number}
        return Judgement(Verdict.INCONCLUSIVE, "untested", values)
    return Judgement(Verdict.PASS, "enough", values)


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


_WORDS = {
    "enough": N_("{upgraded} of {samples} terminals that answered are upgraded ({share:g} %); {needed:g} % of them are needed"),
    "below": N_("only {upgraded} of {samples} terminals that answered are upgraded ({share:g} %); {needed:g} % of them are needed"),
    "enough-staged": N_("{staged} of {samples} terminals that answered are staged ({share:g} %); {needed:g} % of them are expected"),
    "below-staged": N_("only {staged} of {samples} terminals that answered are staged ({share:g} %); {needed:g} % of them are expected"),
    "too-few": N_("terminals that answered: {samples}; at least {min_samples} are needed to judge"),
    "taken-back": N_(
        "{upgraded} of {samples} terminals that answered are upgraded, but people rolled back: {taken_back}; a person decides"
    ),
    "untested": N_("{upgraded} of {samples} terminals that answered are upgraded, but wave {next} holds what was never tested: {untested}"),
}


def verdict_words(wave: WaveState) -> Message | None:
    """Why the gate of a wave says what it says, for people; None while it has said nothing."""
    if wave.verdict is None:
        return None
    values = dict(wave.verdict_values)
    shown = {"share": _share(values), "untested": _strata(str(values.get("untested", "")))}
    return Message(_WORDS[wave.verdict_code].text, values | shown)


def _strata(joined: str) -> Message | str:
    """Strata as the verdict keeps them, each in words."""
    first, *others = (stratum_words(stratum) for stratum in joined.split("; "))
    return reduce(lambda said, stratum: N_("{first}; {second}", first=said, second=stratum), others, first)


def _share(values: dict[str, str | int | float]) -> float:
    """Percent of the terminals that answered, rounded down: 94.96 is never shown as the 95 that would have been enough."""
    well, samples = int(values.get("upgraded", values.get("staged", 0))), int(values.get("samples", 0))
    return well * 1000 // samples / 10 if samples else 0.0
