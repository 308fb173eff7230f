"""Pinyin initials, so that `dsyy` finds 东山医院 without an input method."""

from functools import cache


def initials(text: str) -> str:
    """The first letter of every character's usual reading, lower case; what is no Chinese character stays as it is.

    A character is read alone, so that a hundred thousand names take no longer than their few thousand different characters.
    """
    return "".join(map(_initial, text))


@cache
def _initial(character: str) -> str:
    if character < "\u2e80":
        return character.lower()
    from pypinyin import Style, lazy_pinyin  # noqa: PLC0415 - its dictionary takes 0.3 s to load, and most people never filter

    return lazy_pinyin(character, style=Style.FIRST_LETTER)[0]
