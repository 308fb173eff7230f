"""Collects every mistake of all files that one request reads, so that they are told at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from fleet.errors import Mistake, MistakesError
from fleet.text import Message


class Mistakes:
    """A growing list of mistakes."""

    def __init__(self) -> None:
        self._all: list[Mistake] = []

    def __len__(self) -> int:
        return len(self._all)

    def add(self, file: str, line: int, what: Message, hint: Message | None = None) -> None:
        """Note a mistake; `line` counts from 1, 0 is the file as a whole."""
        self._all.append(Mistake(file, line, what, hint))

    def stop_if_any(self) -> None:
        """Raise MistakesError with all that were noted; nothing was changed."""
        if self._all:
            raise MistakesError(self._all)


@contextmanager
def all_mistakes() -> Iterator[Mistakes]:
    """A collector that raises MistakesError at the end of the block when anything was noted."""
    mistakes = Mistakes()
    yield mistakes
    mistakes.stop_if_any()
