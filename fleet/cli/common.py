"""What every command shares: the door with its workspace and person, and how facts, words and errors reach the screen.

- Facts go to stdout (`show`, `print_table`, `print_json`); everything else goes to stderr (`say`).
- Nothing from a file or a terminal is ever an escape or markup: a control character is shown as its code.
- A command returns None (exit code 0) or its exit code, and raises a FleetError for what it could not do.
- This module imports nothing heavy; what needs the store or the settings imports it when it is asked.
"""

import json
import os
import pwd
import re
import sys
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field, is_dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fleet.errors import InternalError, NotAllowedError
from fleet.text import N_, Message

if TYPE_CHECKING:
    from fleet.model.actor import Actor
    from fleet.model.inventory import Person
    from fleet.settings import Settings
    from fleet.store import Store

RELEASES = "releases"
"""Directory of the contents of release files inside the workspace."""
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_LONGEST = 200
"""Characters of a value that an error says back."""
_door: ContextVar["Door | None"] = ContextVar("door", default=None)


@dataclass
class Door:
    """One command's way in: its workspace, its store and the person who asks."""

    workspace: Path
    _stores: list["Store"] = field(default_factory=list)

    @cached_property
    def settings(self) -> "Settings":
        """The workspace's settings, read once."""
        from fleet.settings import load_settings

        return load_settings(self.workspace)

    def open_store(self) -> "Store":
        """The workspace's store; it is closed when the command ends."""
        from fleet.store import open_store

        store = open_store(self.settings)
        self._stores.append(store)
        return store

    def person(self, store: "Store") -> "Person | None":
        """Who asks: the person that the inventory matches to the OS user, if there is one."""
        from fleet.store.fleets import person_of_os_user

        with store.read() as snapshot:
            return person_of_os_user(snapshot, os_user())

    def actor(self, store: "Store") -> "Actor":
        """The authenticated person, who may be recorded as the one who did it.

        Before any inventory is imported nobody is known; then it is the OS user, and control says what that one may do.

        Raises:
            NotAllowedError: The OS user is nobody in the inventory. Unknown people may look, not act.
        """
        from fleet.model.actor import Actor
        from fleet.store.fleets import read_people

        person = self.person(store)
        if person is not None:
            return Actor(code=person.code)
        with store.read() as snapshot:
            nobody_is_known = not read_people(snapshot)
        if nobody_is_known:
            return Actor(code=os_user().strip("_") or "owner")
        raise NotAllowedError(
            N_("the OS user `{user}` is nobody in the inventory; unknown people may look, not act", user=os_user()),
            hint=N_("have `{user}` entered as `os_user` of a person and import the inventory again", user=os_user()),
        )

    def close(self) -> None:
        """Close every store that was opened through this door."""
        while self._stores:
            self._stores.pop().close()

    def enter(self) -> "Door":
        """Make this the door that `current_door` gives; returns it."""
        _door.set(self)
        return self


def current_door() -> Door:
    """The door of the command that is running."""
    door = _door.get()
    if door is None:
        raise InternalError(N_("no command is running"))
    return door


def os_user() -> str:
    """Name of the OS user this process belongs to; the environment is not asked, for anyone can set it."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid-{os.getuid()}"


def printable(text: str) -> str:
    """`text` with every control, bidi and unpaired character shown as its code instead of obeyed."""
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape", "surrogatepass").decode("ascii"), text)


def brief(message: Message) -> Message:
    """A message whose values stay on its line: line ends as codes, and cut where somebody typed a book."""
    values = {name: _in_line(value) if isinstance(value, str) else value for name, value in message.values.items()}
    return Message(message.text, values)


def _in_line(text: str) -> str:
    line = printable(text[:_LONGEST]).replace("\n", "\\n").replace("\t", "\\t")
    return f"{line}..." if len(text) > _LONGEST else line


def show(text: str = "") -> None:
    """Print a fact on stdout."""
    sys.stdout.write(printable(text) + "\n")


def say(text: str = "") -> None:
    """Print anything that is not the answer itself on stderr: progress, advice, errors."""
    sys.stderr.write(printable(text) + "\n")
    sys.stderr.flush()


def print_json(value: Any) -> None:
    """Print nouns, dataclasses, times and the plain types as JSON on stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=plain_value) + "\n")


def print_table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows under their headings on stdout; numbers to the right, Chinese two columns wide, nothing cut off."""
    from rich.cells import cell_len

    rows = list(rows)
    cells = [[_cell(value) for value in row] for row in (headings, *rows)]
    numeric = [bool(rows) and all(isinstance(row[column], int | float) for row in rows) for column in range(len(headings))]
    widths = [max(cell_len(row[column]) for row in cells) for column in range(len(headings))]
    for row in cells:
        padded = (
            " " * (width - cell_len(cell)) + cell if right else cell + " " * (width - cell_len(cell))
            for cell, width, right in zip(row, widths, numeric, strict=True)
        )
        sys.stdout.write("  ".join(padded).rstrip() + "\n")


def _cell(value: Any) -> str:
    return "" if value is None else printable(str(value)).replace("\n", " ")


def plain_value(value: Any) -> Any:
    """What JSON makes of nouns, dataclasses, times and sets."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)
