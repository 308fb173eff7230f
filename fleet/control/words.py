"""What people write in their own words: a reason, a note. Checked here before it becomes part of the record."""

from fleet.errors import InputError
from fleet.model.base import unprintable
from fleet.text import N_, Message

_LONGEST = 400


def checked_text(text: str, what: Message) -> str:
    """What a person wrote, without the spaces around it.

    Raises:
        InputError: It is longer than 400 characters or holds a control character.
    """
    text = text.strip()
    if len(text) > _LONGEST:
        raise InputError(N_("{what} is longer than {limit} characters", what=what, limit=_LONGEST))
    bad = unprintable(text)
    if bad is not None:
        raise InputError(N_("{what} holds the character {character}, which is not allowed", what=what, character=f"U+{ord(bad):04X}"))
    return text
