"""Failures by cause: the same trouble on another terminal, path, number or time has the same fingerprint.

- A fingerprint is of the ending, the cause, the step, and what the terminal said with everything that is its own taken out.
- Endings are never one number, so each has fingerprints of its own.
- What people write (the note of a self-test) is theirs and no fingerprint: such failures are one group for each cause and step.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from hashlib import sha256

from fleet.model.attempt import SPENDS_FAILURES, Cause, TerminalState

DIGITS = 16
"""Hexadecimal digits of a fingerprint."""
GROUPED = SPENDS_FAILURES | {TerminalState.UNREACHABLE}
"""Endings that have a fingerprint: somebody has to look into them."""
_LONGEST = 400
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+")
_TIME = re.compile(
    r"\b\d{4}-\d\d-\d\d(?:[t ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:z|[+-]\d\d:?\d\d)?)?"
    r"|\b(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? )?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]* +\d{1,2}(?:,? \d{4})?\b"
    r"|\b\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)?\b"
    r"|\d{1,4}年(?:\d{1,2}月)?(?:\d{1,2}日)?|\d{1,2}月\d{1,2}日|\d{1,2}[时点](?:\d{1,2}分)?(?:\d{1,2}秒)?"
)
_IPV4 = re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b")
"""Before the times, for which its port and the number before that could be taken."""
_IPV6 = re.compile(r"\[?\b(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}\b\]?(?::\d+)?")
_PATH = re.compile(r"(?:[a-z]:\\|~?/|\.{1,2}/)[^\s:;,'\"()<>，。；：（）]*|[\w.+@-]+(?:/[\w.+@-]+)+/?")
_DIGEST = re.compile(r"\b(?:sha\d+:)?(?=[0-9a-f]*\d)[0-9a-f]{8,}\b|\b0x[0-9a-f]+\b|\bsha256:[a-z0-9+/=]{20,}")
_HOST = re.compile(r"\b[a-z0-9_][a-z0-9_-]*(?:\.[a-z0-9_][a-z0-9_-]*)+(?::\d+)?\b")
_NUMBERED = re.compile(r"[a-z0-9_-]*\d[a-z0-9_.%-]*", re.ASCII)
_ROW = re.compile(r"#(?:[ :/]*#)+")
"""What a terminal calls itself may be one part or several."""
_ERROR = re.compile(
    r"error|fail|cannot|can't|could not|denied|refused|no such|not found|no space|unable|invalid|missing|timed? ?out|broken|full|fatal|panic"
    r"|错误|失败|无法|不能|拒绝|找不到|不存在|超时|已满|缺少|异常"
)


def fingerprint_of(
    ending: TerminalState, cause: Cause, step: str, detail: str, *, log: Sequence[str] = (), names: Iterable[str] = ()
) -> str | None:
    """The fingerprint of how an attempt ended; None where it ended well.

    Args:
        ending: How it ended.
        cause: Why.
        step: The step that decided it.
        detail: What the terminal said about it.
        log: What it wrote besides, oldest line first; the last line that speaks of trouble counts.
        names: What the terminal and its site are called: codes, names, addresses. Taken out wherever they stand.
    """
    if ending not in GROUPED:
        return None
    said = said_of(cause, detail, log=log, names=names)
    return sha256(f"1|{ending.value}|{cause.value}|{step}|{said}".encode()).hexdigest()[:DIGITS]


def said_of(cause: Cause, detail: str, *, log: Sequence[str] = (), names: Iterable[str] = ()) -> str:
    """What a fingerprint takes from what the terminal said, normalised; empty where people wrote it, or it said nothing."""
    return "" if cause is Cause.SELF_TEST else "|".join(part for part in (normalised(detail, names), _trouble_in(log, names)) if part)


def normalised(text: str, names: Iterable[str] = ()) -> str:
    """What stays of a text when names, addresses, paths, digests, numbers and times each become `#`; words stay."""
    text = _fold(text)
    for name in sorted({_fold(name) for name in names}, key=lambda name: (-len(name), name)):
        if name:
            text = _named(name).sub(" # ", text)
    for pattern in (_URL, _IPV4, _TIME, _IPV6, _DIGEST, _PATH, _HOST, _NUMBERED):
        text = pattern.sub(" # ", text)
    return _ROW.sub("#", " ".join(text.split()))[:_LONGEST].strip()


def _trouble_in(log: Sequence[str], names: Iterable[str]) -> str:
    """The last line of a log that speaks of trouble, normalised; empty where none does."""
    line = next((line for line in reversed(log) if _ERROR.search(_fold(line))), "")
    return normalised(line, names)


def _named(name: str) -> re.Pattern[str]:
    """A name where it stands as a word of its own; Chinese has no spaces between words."""
    before = r"(?<![\w-])" if name[0].isascii() else ""
    after = r"(?![\w-])" if name[-1].isascii() else ""
    return re.compile(before + re.escape(name) + after, re.ASCII)


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()
