"""Where something stands in a YAML file that was read before: for findings that are made after the model was validated."""

from collections.abc import Sequence
from pathlib import Path

from fleet.files.decode import read_bytes
from fleet.files.mistakes import Mistakes
from fleet.files.nodes import read_nodes


def line_at(path: Path, place: Sequence[str | int]) -> int:
    """The line of the value at `place` (keys and list positions from the root), or of the nearest thing around it; 0 when unreadable."""
    unheard = Mistakes()
    data = read_bytes(path, unheard)
    node = read_nodes(str(path), data, unheard) if data is not None else None
    line = node.line if node is not None else 0
    for part in place:
        if node is None:
            break
        inside = node.value
        if isinstance(inside, dict) and isinstance(part, str) and part in inside:
            line, node = node.line_of(part), inside[part]
        elif isinstance(inside, list) and isinstance(part, int) and part < len(inside):
            node = inside[part]
            line = node.line
        else:
            break
    return line
