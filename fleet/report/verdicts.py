"""What a gate found, as every view says it: the verdict's word, then its numbers."""

from fleet.model.rollout import Verdict, WaveState
from fleet.rollout import verdict_in_brief, verdict_words
from fleet.text import N_, Message

_WORDS = {
    Verdict.PASS: N_("pass"),
    Verdict.FAIL: N_("fail"),
    Verdict.INCONCLUSIVE: N_("inconclusive"),
}


def verdict_word(verdict: Verdict) -> Message:
    """`pass`, `fail` or `inconclusive`."""
    return _WORDS[verdict]


def verdict_line(wave: WaveState) -> Message | None:
    """What the gate of a wave found, with all the numbers it rests on; None while it has said nothing."""
    why = verdict_words(wave)
    return None if wave.verdict is None or why is None else N_("{verdict}: {why}", verdict=verdict_word(wave.verdict), why=why)


def verdict_line_in_brief(wave: WaveState) -> Message | None:
    """The same, with only the numbers that decided."""
    return None if wave.verdict is None else N_("{verdict}: {why}", verdict=verdict_word(wave.verdict), why=verdict_in_brief(wave))
