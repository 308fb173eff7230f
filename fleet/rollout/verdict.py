"""What a gate found, in words for people."""

from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from typing import TypeVar

from fleet.model.gate import Phase
from fleet.model.plan import stratum_words
from fleet.model.rollout import WaveState
from fleet.rollout.evidence import PhaseMedians, swipe_medians
from fleet.text import N_, Message

T = TypeVar("T", bound=Message | str)

_WORDS = {
    "enough": N_(
        "{upgraded} of {samples} {samples:terminal that answered is|terminals that answered are} upgraded ({share:g} %); {needed:g} % of them are needed"
    ),
    "below": N_(
        "only {upgraded} of {samples} {samples:terminal that answered is|terminals that answered are} upgraded ({share:g} %); {needed:g} % of them are needed"
    ),
    "enough-staged": N_(
        "{staged} of {samples} {samples:terminal that answered is|terminals that answered are} staged ({share:g} %); {needed:g} % of them are expected"
    ),
    "below-staged": N_(
        "only {staged} of {samples} {samples:terminal that answered is|terminals that answered are} staged ({share:g} %); {needed:g} % of them are expected"
    ),
    "too-few": N_("terminals that answered: {samples}; at least {min_samples} are needed to judge"),
    "rehearsal-failed": N_(
        "{upgraded} of {samples} {samples:terminal that answered is|terminals that answered are} upgraded, but the way back failed in rehearsal: {rehearsals_failed} of {rehearsed}"
    ),
    "rehearsal-lasting": N_(
        "{upgraded} of {samples} {samples:terminal that answered is|terminals that answered are} upgraded, but not everything can be rolled back: {steps}"
    ),
    "rehearsal-windows": N_(
        "{upgraded} of {samples} {samples:terminal that answered is|terminals that answered are} upgraded, but the window left no time to rehearse "
        "the way back on {lacking} {lacking:terminal|terminals} that it was needed on: {lacking_named}"
    ),
    "rehearsal-none": N_(
        "{upgraded} of {samples} {samples:terminal that answered is|terminals that answered are} upgraded, but on none of them could the way back be rehearsed"
    ),
    "taken-back": N_(
        "{upgraded} of {samples} {samples:terminal that answered is|terminals that answered are} upgraded, but people rolled back: {taken_back}; a person decides"
    ),
    "made-by-hand": N_(
        "{upgraded} of {samples} {samples:terminal that answered is|terminals that answered are} upgraded, but {made_by_hand} "
        "{made_by_hand:terminal that had been pushed was|terminals that had been pushed were} made by-hand: a second person decides"
    ),
    "self-tested": N_(
        "{upgraded} of {samples} {samples:terminal that answered is|terminals that answered are} upgraded, but {self_tested} "
        "{self_tested:terminal whose push had ended badly was|terminals whose push had ended badly were} proven by a self-test: a second person decides"
    ),
    "causes": N_("more terminals ended so than the plan allows: {over}"),
    "unbound": N_(
        "only {counted} of {samples} {samples:terminal that answered counts|terminals that answered count} as upgraded; {needed:g} % of them are needed"
    ),
    "few-pairs": N_(
        "{upgraded} of {samples} {samples:terminal that answered is|terminals that answered are} upgraded, but only {swipe_pairs} "
        "{swipe_pairs:was|were} measured before and after; {swipe_min_pairs} {swipe_min_pairs:is|are} needed"
    ),
    "slow": N_(
        "{upgraded} of {samples} {samples:terminal that answered is|terminals that answered are} upgraded, but their swipes are too slow"
    ),
    "untested": N_(
        "{upgraded} of {samples} {samples:terminal that answered is|terminals that answered are} upgraded, but wave {next} holds what was never tested: {untested}"
    ),
}
CODES = frozenset(_WORDS)
"""Every code that a verdict is kept under."""


def verdict_words(wave: WaveState) -> Message | None:
    """Why the gate of a wave says what it says, for people, with the numbers; None while it has said nothing."""
    if wave.verdict is None:
        return None
    return _joined([verdict_in_brief(wave), *_by_hand(wave), *_more(wave.verdict_values)])


def verdict_in_brief(wave: WaveState) -> Message:
    """What decided at the gate of a wave that was judged, without what else was measured."""
    values = dict(wave.verdict_values)
    shown = {"share": share_of(values), "untested": _strata(str(values.get("untested", ""))), "over": _over(str(values.get("over", "")))}
    return Message(_WORDS[wave.verdict_code].text, values | shown)


def _by_hand(wave: WaveState) -> Iterator[Message]:
    """What people made by-hand after it had been pushed, where something else decided."""
    if wave.verdict_code != "made-by-hand" and (made := wave.verdict_values.get("made_by_hand")):
        yield N_("made by-hand after they had been pushed: {made}", made=made)


def _more(values: Mapping[str, str | int | float]) -> Iterator[Message]:
    """What was asked of a wave beyond how its pushes ended, and what was measured."""
    if values.get("to_bind"):
        bound = int(values["to_bind"]) - int(values["unbound"])
        yield N_("key bindings read back: {bound} of {all}", bound=bound, all=values["to_bind"])
    for one in swipe_medians(values):
        if one.phase is Phase.TOTAL:
            yield swipe_words(one)
    if "swipe_at_ms" in values:
        yield N_(
            "{percent:g} % of them take {found} s or less; the target is {target:g} s",
            percent=values["swipe_percentile"],
            found=seconds(int(values["swipe_at_ms"])),
            target=values["swipe_target_s"],
        )


def swipe_words(measured: PhaseMedians) -> Message:
    """Both medians of a whole swipe, and over how many terminals."""
    return N_(
        "a swipe took {before} s before and takes {after} s now (medians of {n} {n:terminal|terminals} measured both times)",
        before=seconds(measured.before_ms),
        after=seconds(measured.after_ms),
        n=measured.n,
    )


def phase_words(phase: Phase) -> Message:
    """A phase of a swipe."""
    return _PHASES[phase]


def seconds(milliseconds: int) -> str:
    """`3.2`, or `0.21` and `0.02` where a tenth would hide the difference; rounded up, so that nothing looks as if it met a target it misses."""
    if milliseconds >= _TENTHS_FROM_MS:
        return f"{ceil(milliseconds / 100) / 10:.1f}"
    return f"{ceil(milliseconds / 10) / 100:.2f}"


_TENTHS_FROM_MS = 10_000
_PHASES = {
    Phase.TOTAL: N_("whole swipe"),
    Phase.CARD: N_("card"),
    Phase.ENCRYPTION: N_("encryption"),
    Phase.NETWORK: N_("network"),
    Phase.HOST: N_("host"),
}


def _over(joined: str) -> Message | str:
    """Causes as the verdict keeps them, with how often each was met and may be."""
    met = (one.replace("=", "/").split("/") for one in joined.split("; ") if one)
    parts = [N_("`{cause}` {n} (at most {most})", cause=cause, n=n, most=most) for cause, n, most in met]
    return _joined(parts) if parts else ""


def _joined(parts: Sequence[T]) -> T | Message:
    """Parts of a sentence, one behind the other; the only one as it is."""
    said: T | Message = parts[0]
    for part in parts[1:]:
        said = N_("{first}; {second}", first=said, second=part)
    return said


def _strata(joined: str) -> Message | str:
    """Strata as the verdict keeps them, each in words."""
    return _joined([stratum_words(stratum) for stratum in joined.split("; ")])


def share_of(values: dict[str, str | int | float]) -> float:
    """Percent of the terminals that answered, rounded down: 94.96 is never shown as the 95 that would have been enough."""
    well, samples = int(values.get("upgraded", values.get("staged", 0))), int(values.get("samples", 0))
    return well * 1000 // samples / 10 if samples else 0.0
