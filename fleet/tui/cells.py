"""Text that fits its place on the screen, counted in cells: Chinese is two wide, and nothing is markup or an escape.

- Everything that came from a file, a terminal or a person passes `clean` before it is shown; what could be obeyed is shown as its code.
- A wide character is never cut in half; a text that had to be cut ends in `~` (the usual dots have no certain width in Chinese terminals).
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

CUT = "~"
Span = tuple[str, Style]
"""A piece of a line and how it looks."""
_OBEYED = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufe00-\ufe0f\ufff9-\ufffb\ud800-\udfff]"
)
"""Controls, bidi, zero-width and variation characters, half surrogates: what a terminal obeys, or does not count as we do."""


def clean(text: str) -> str:
    """`text` with every character that a terminal would obey shown as its code; spaces of all kinds become spaces."""
    if text.isascii() and text.isprintable():
        return text
    shown = _OBEYED.sub(lambda match: match[0].encode("unicode_escape", "surrogatepass").decode("ascii"), text)
    return "".join(" " if character.isspace() else character for character in shown)


@lru_cache(maxsize=16_384)
def fit(text: str, width: int, *, right: bool = False) -> str:
    """`text` cleaned, and cut or padded to exactly `width` cells; `right` pads on the left."""
    if width <= 0:
        return ""
    text = _base_first(clean(text))
    length = cell_len(text)
    if length > width:
        kept = set_cell_size(text, width - 1).rstrip() if width > 1 else ""
        text = kept + CUT
        length = cell_len(text)
    space = " " * (width - length)
    return space + text if right else text + space


def crop(text: str, width: int) -> str:
    """`text` cleaned, and cut without a sign or padded to exactly `width` cells: for names that their first characters tell apart."""
    return set_cell_size(_base_first(clean(text)), width)


def width_of(text: str) -> int:
    """Cells that `text` takes once it is cleaned."""
    return cell_len(_base_first(clean(text)))


def wrap(text: str, width: int) -> list[str]:
    """`text`, cleaned, in lines of at most `width` cells; breaks at spaces, a longer word anywhere. At least one line."""
    lines: list[str] = []
    line = ""
    for word in _base_first(clean(text)).split(" "):
        joined = f"{line} {word}" if line else word
        if cell_len(joined) <= width:
            line = joined
            continue
        if line and (word.isascii() or cell_len(line) >= width):
            lines.append(line)
            joined = word
        *full, line = chop_cells(joined, max(width, 2)) or [""]
        lines.extend(full)
    return [*lines, line]


def strip_of(spans: Iterable[Span], width: int, base: Style) -> Strip:
    """One line of exactly `width` cells: the spans, cut where the line ends, on `base`."""
    segments: list[Segment] = []
    left = width
    for text, style in spans:
        shown = _base_first(clean(text))
        length = cell_len(shown)
        if length > left:
            shown, length = fit(shown, left), left
        if shown:
            segments.append(Segment(shown, base + style))
        left -= length
        if left <= 0:
            break
    if left > 0:
        segments.append(Segment(" " * left, base))
    return Strip(segments, width).simplify()


def between(left: Sequence[Span], right: Sequence[Span], width: int, base: Style) -> Strip:
    """A line with `left` at its start and `right` at its end; `right` goes when there is no room for both."""
    ends = sum(width_of(text) for text, _style in right)
    begins = sum(width_of(text) for text, _style in left)
    if begins + ends + 1 > width:
        return strip_of(left, width, base)
    return strip_of([*left, (" " * (width - begins - ends), base), *right], width, base)


def _base_first(text: str) -> str:
    # A combining mark at the very start would join whatever stands to its left on the screen.
    return " " + text if text and unicodedata.combining(text[0]) else text
