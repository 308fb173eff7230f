"""YAML as nodes with line numbers.

- A scalar stays the text that was written; the model says whether it is a number. So `4.20` stays a version, `no` a word and `08:00` a time.
- A plain `null`, `~` or nothing is None.
- Doubled keys, aliases, tags, several documents and absurd depth are mistakes, not surprises.
- Events are taken one by one: no recursion in the library that hostile nesting could exhaust.
"""

import re
from dataclasses import dataclass
from typing import Any

import yaml

from fleet.files.decode import decode
from fleet.files.mistakes import Mistakes
from fleet.files.reasons import shown
from fleet.text import N_, Message

MAX_DEPTH = 32
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\ufffe\uffff\ud800-\udfff]")


@dataclass(slots=True)
class Node:
    """A value and the line it begins on."""

    line: int
    value: "str | list[Node] | dict[str, Node] | None"
    key_lines: dict[str, int] | None = None
    """For a mapping: the line of each key."""
    unread: bool = False
    """What stands here was noted as a mistake; nothing more is said of it."""

    def plain(self) -> Any:
        """The value without lines."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def line_of(self, key: str) -> int:
        """The line of a mapping's key; the mapping's own where it has no such key."""
        return (self.key_lines or {}).get(key, self.line)


def read_nodes(file: str, data: bytes, mistakes: Mistakes) -> Node | None:
    """The one document in `data`, or None after noting why there is none."""
    text = decode(file, data, mistakes)
    if text is None:
        return None
    bad = _CONTROL.search(text)
    if bad is not None:
        what = N_("character {character} is not allowed", character=shown(bad.group()))
        mistakes.add(file, text.count("\n", 0, bad.start()) + 1, what, N_("delete it and type the text again"))
        return None
    try:
        loader = yaml.CSafeLoader(text)
        try:
            return _Composer(file, loader, mistakes).document()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        mistakes.add(file, line, N_("not YAML: {reason}", reason=error.problem or str(error)), _hint_for(text, line))
    except (yaml.YAMLError, UnicodeError) as error:
        mistakes.add(file, 0, N_("not YAML: {reason}", reason=str(error).splitlines()[0]))
    except _RefusedError as refused:
        mistakes.add(file, refused.line, refused.what, refused.hint)
    return None


def _hint_for(text: str, line: int) -> Message:
    lines = text.splitlines()
    written = lines[line - 1] if 0 < line <= len(lines) else ""
    if "\t" in written[: len(written) - len(written.lstrip())]:
        return N_("indent with spaces, not with a tab")
    return N_("check colons, quotes and indentation here and in the line above")


class _RefusedError(Exception):
    """YAML that is legal but not taken here, where the rest of the document makes no sense without it."""

    def __init__(self, line: int, what: Message, hint: Message) -> None:
        super().__init__(what)
        self.line = line
        self.what = what
        self.hint = hint


class _Composer:
    """Builds nodes from the parser's events."""

    def __init__(self, file: str, loader: yaml.CSafeLoader, mistakes: Mistakes) -> None:
        self._file = file
        self._loader = loader
        self._mistakes = mistakes

    def document(self) -> Node:
        self._next()
        if isinstance(self._next(), yaml.StreamEndEvent):
            return Node(1, None)
        root = self._node(self._next(), 0)
        self._next()
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            raise _RefusedError(_line(event), N_("a second document begins"), N_("keep one document in a file; delete the `---`"))
        return root

    def _next(self) -> Any:
        return self._loader.get_event()

    def _node(self, event: Any, depth: int) -> Node:
        line = _line(event)
        if depth > MAX_DEPTH:
            raise _RefusedError(line, N_("nested deeper than {limit} levels", limit=MAX_DEPTH), N_("is a bracket left open?"))
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            hint = N_("write the value out; put quotes around a text that begins with one of them")
            self._mistakes.add(self._file, line, N_("anchors and aliases (`&`, `*`) are not taken"), hint)
        if isinstance(event, yaml.AliasEvent):
            return Node(line, None, unread=True)
        if event.tag is not None and event.tag != "!":
            what = N_("tag `{tag}` is not taken", tag=shown(event.tag))
            self._mistakes.add(self._file, line, what, N_("write the value without a tag"))
        if isinstance(event, yaml.ScalarEvent):
            plain_null = event.implicit[0] and event.value in _NULLS
            return Node(line, None if plain_null else event.value)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(line, depth)
        return self._mapping(line, depth)

    def _sequence(self, line: int, depth: int) -> Node:
        items: list[Node] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return Node(line, items)

    def _mapping(self, line: int, depth: int) -> Node:
        values: dict[str, Node] = {}
        key_lines: dict[str, int] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(self._next(), depth + 1)
            if not isinstance(key.value, str):
                if not key.unread:
                    hint = N_("put quotes around a text that begins with a bracket")
                    self._mistakes.add(self._file, key.line, N_("a key must be a word"), hint)
                continue
            if key.value in values:
                self._mistakes.add(
                    self._file,
                    key.line,
                    N_("`{key}` is given twice", key=shown(key.value)),
                    N_("the first is in line {line}; keep one", line=key_lines[key.value]),
                )
                continue
            values[key.value] = value
            key_lines[key.value] = key.line
        return Node(line, values, key_lines)


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
