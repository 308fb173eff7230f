"""The nearest spelling of a word, for hints."""

from collections.abc import Iterable
from difflib import get_close_matches

from fleet.text import N_, Message


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate a person most likely meant by `word`, or None when none is near."""
    by_folded: dict[str, str] = {}
    for candidate in candidates:
        by_folded.setdefault(candidate.casefold(), candidate)
    found = get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None


def did_you_mean(word: str, candidates: Iterable[str]) -> Message | None:
    """The hint with the nearest spelling, or None when none is near."""
    found = nearest(word, candidates)
    return None if found is None else N_("did you mean `{nearest}`?", nearest=found)


def one_of(word: str, candidates: Iterable[str]) -> Message:
    """The hint with the nearest spelling; with every candidate when none is near."""
    names = list(candidates)
    return did_you_mean(word, names) or N_("one of: {names}", names=", ".join(names))
