"""The nearest spelling of a word, for hints."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

from fleet.text import N_, Message


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate a person most likely meant by `word`, or None when none is near."""
    by_folded: dict[str, str] = {}
    for candidate in candidates:
        by_folded.setdefault(candidate.casefold(), candidate)
    folded = word.casefold()
    same = (each for each in by_folded if _bare(each) == _bare(folded))
    found = next(same, None) or next(iter(get_close_matches(folded, by_folded, n=1, cutoff=0.6)), None)
    return None if found is None else by_folded[found]


def _bare(word: str) -> str:
    """Without the zeros in front of its numbers: `technician-4` is the way people write `technician-04`."""
    return re.sub(r"(?<![0-9])0+(?=[0-9])", "", word)


def did_you_mean(word: str, candidates: Iterable[str]) -> Message | None:
    """The hint with the nearest spelling, or None when none is near."""
    found = nearest(word, candidates)
    return None if found is None else N_("did you mean `{nearest}`?", nearest=found)


def one_of(word: str, candidates: Iterable[str]) -> Message:
    """The hint with the nearest spelling; with every candidate when none is near."""
    names = list(candidates)
    return did_you_mean(word, names) or N_("one of: {names}", names=", ".join(names))
