"""What comes from a terminal, in the reader's language: its facts, and what the program says of a step that failed.

Only the program's own sentences are translated (`fleet/terminal/*.sh`). What a command of the playbook said is data and stays as it came,
and so does the name of a step that the playbook gives it (`fleet/model/step_words.py`).
"""

import re

from fleet.model.playbook import KeySource
from fleet.text import N_, Message

_KEYS = {
    KeySource.BORN_HERE: N_("born-here"),
    KeySource.ALREADY_THERE: N_("already-there"),
    KeySource.TOKEN: N_("token"),
}
_FACTS = {"signature": N_("signature"), "clock_ahead_s": N_("clock ahead, s")}
SENTENCES = (
    N_("{free} KiB free, {needed} KiB needed"),
    N_("current points outside releases"),
    N_("releases/legacy is there already"),
    N_("current is an ordinary file"),
    N_("the program ended in the middle"),
    N_("the last word did not arrive"),
    N_("the files did not arrive in time"),
    N_("this clock is {days} days ahead of ours"),
    N_("its number is {number}, and {floor} was live here"),
)
"""As the program says them; what stands in a place is one word."""


def _pattern(sentence: Message) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", sentence.text)
    return re.compile("".join(re.escape(part) if number % 2 == 0 else rf"(?P<{part}>\S+)" for number, part in enumerate(parts)))


_PATTERNS = tuple((_pattern(sentence), sentence) for sentence in SENTENCES)


def key_source_words(source: KeySource) -> Message:
    """Where a terminal's key is from."""
    return _KEYS[source]


def fact_words(name: str) -> Message | str:
    """The name of a fact; those that the playbook asks for have the name it gives them."""
    return _FACTS.get(name, name)


def detail_words(detail: str) -> Message | str:
    """What a terminal said; the program's own sentences in the reader's language."""
    for pattern, sentence in _PATTERNS:
        if found := pattern.fullmatch(detail):
            return Message(sentence.text, found.groupdict())
    return detail
