"""What can stop *us*. A failing terminal is a result, never one of these.

    FleetError                 what, where, how to mend                         exit 1
    ├── InputError             the request itself was wrong; nothing changed    exit 2
    │   └── MistakesError      every mistake of the files that were read        exit 2
    ├── NotAllowedError        this person may not do that                      exit 2
    ├── ConflictError          somebody else did it first, or is doing it       exit 2
    ├── WaitingError           it waits for a person                            exit 3
    └── InternalError          our own fault                                    exit 70

Each carries marked messages and values and is put into words at the door (`fleet.text.render`).
"""

import errno
from collections.abc import Iterable
from dataclasses import dataclass

from fleet.text import N_, Message, render

_SYSTEM = {
    errno.ENOENT: N_("No such file or directory"),
    errno.EACCES: N_("Permission denied"),
    errno.EPERM: N_("Operation not permitted"),
    errno.EISDIR: N_("Is a directory"),
    errno.ENOTDIR: N_("Not a directory"),
    errno.EEXIST: N_("File exists"),
    errno.ENOSPC: N_("No space left on device"),
    errno.EDQUOT: N_("Disk quota exceeded"),
    errno.EROFS: N_("Read-only file system"),
    errno.ENAMETOOLONG: N_("File name too long"),
    errno.ELOOP: N_("Too many levels of symbolic links"),
    errno.EIO: N_("Input/output error"),
    errno.EFBIG: N_("File too large"),
}
_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS})


def system_words(error: OSError) -> Message | str:
    """Why the system refused, in the reader's language where it is a usual reason; else as the system says it."""
    return _SYSTEM.get(error.errno or 0) or error.strerror or str(error) or type(error).__name__


def is_disk_trouble(error: OSError) -> bool:
    """Whether the disk refused what was asked for rightly, because it is full or broken or can only be read; that ends with 1, not 2."""
    return error.errno in _DISK


class FleetError(Exception):
    """What happened, where, and how to mend it."""

    exit_code = 1

    def __init__(self, what: Message, *, where: Message | str | None = None, hint: Message | None = None) -> None:
        """Keep the parts unformatted: the reader's language is known only at the door."""
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def lines(self, language: str | None = None) -> list[str]:
        """What, then `at:` and `hint:` lines where there are any, in `language`."""
        lines = [render(self.what, language)]
        if self.where is not None:
            lines.append("  " + render(N_("at: {where}", where=self.where), language))
        if self.hint is not None:
            lines.append(render(N_("hint: {hint}", hint=self.hint), language))
        return lines

    def __str__(self) -> str:
        """The English form, for logs and tests."""
        return "\n".join(self.lines("en"))


class InputError(FleetError):
    """The request itself was wrong: an option, a selection, a plan. Nothing was changed."""

    exit_code = 2


class NotAllowedError(InputError):
    """The actor may look but not do this."""


class ConflictError(InputError):
    """Somebody else already did it, or is doing it now; the message names who."""


class WaitingError(FleetError):
    """Nothing is wrong; a person has to decide first."""

    exit_code = 3


class InternalError(FleetError):
    """A state that our own code should have made impossible."""

    exit_code = 70


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong in one file. `line` counts from 1; 0 is the file as a whole."""

    file: str
    line: int
    what: Message
    hint: Message | None = None

    def lines(self, language: str | None = None) -> list[str]:
        """`file:line: what`, and a `hint:` line where there is one."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        lines = [f"{place}: {render(self.what, language)}"]
        if self.hint is not None:
            lines.append(render(N_("hint: {hint}", hint=self.hint), language))
        return lines


class MistakesError(InputError):
    """Every mistake of all files at once, in file and line order. Nothing was changed."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        """Sort the mistakes by file and line."""
        self.mistakes = tuple(sorted(mistakes, key=lambda mistake: (mistake.file, mistake.line)))
        super().__init__(N_("{count} {count:mistake|mistakes}; nothing was changed", count=len(self.mistakes)))

    def lines(self, language: str | None = None) -> list[str]:
        """Each mistake's lines, then the count."""
        shown = [line for mistake in self.mistakes for line in mistake.lines(language)]
        return [*shown, render(self.what, language)]
