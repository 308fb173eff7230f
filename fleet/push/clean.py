"""What a terminal wrote, made safe to keep and to show: one line of printable text."""

import re

from fleet.model.base import unprintable

MAX_TEXT = 400
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)")


def clean(data: bytes) -> str:
    """The bytes as text: bad UTF-8 spelled out, no control, escape or bidi characters, at most 400 characters."""
    text = _ESCAPES.sub("", data.decode("utf-8", "backslashreplace")).replace("\t", " ")[:MAX_TEXT]
    while (bad := unprintable(text)) is not None:
        text = text.replace(bad, "")
    return text.strip()
