"""Where an export may be written: a new file, or in place of an earlier export; never over anything else.

An export is asked for with a path that a person typed, often as root; what stands there may be the workspace's own database, a plan or a
device, so only what is recognised as an export of the same format gives way.
"""

import os
import re
import stat
from codecs import BOM_UTF8
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from fleet.errors import InputError
from fleet.report.csv_file import heading_line
from fleet.report.details import COLUMNS
from fleet.report.xlsx_file import PROPERTY
from fleet.text import LANGUAGES, N_, Message

NEW_FILE_MODE = 0o600
"""An export holds names of people and places."""
_JSON_HEAD = re.compile(rb'\s*\{\s*"format"\s*:\s*\d+\s*,\s*"made_at"')


@dataclass(frozen=True, slots=True)
class Place:
    """A path that may be written."""

    path: Path
    """Without symlinks: what is written is what they lead to."""
    mode: int
    """Permissions the file gets: those of the file that it replaces."""


def find_place(path: Path, ending: str, workspace: Path) -> Place:
    """Where a file of format `ending` goes when `path` is asked for.

    Raises:
        InputError: It is in the workspace, or something is there that is no earlier export of this format, or is write-protected.
        OSError: It cannot be looked at.
    """
    target = Path(os.path.realpath(path))
    if target.is_relative_to(os.path.realpath(workspace)):
        raise _refused(
            path, N_("this is in the workspace, which holds only what the program keeps"), N_("name a file outside it with --out")
        )
    try:
        found = path.stat()
    except FileNotFoundError:
        return Place(target, NEW_FILE_MODE)
    if stat.S_ISDIR(found.st_mode):
        raise _refused(path, N_("this is a directory"), N_("name the file in it, too"))
    if not stat.S_ISREG(found.st_mode):
        raise _refused(path, N_("this is a device or a pipe, not a file"), N_("use `--out -` for standard output, or name a file"))
    if not found.st_mode & 0o222 or not os.access(target, os.W_OK):
        raise _refused(path, N_("this file is write-protected"), N_("name another file with --out"))
    if found.st_size and not _is_export(target, ending):
        raise _refused(
            path,
            N_("a file is there that is no earlier export as {format}, so it is not replaced", format=ending),
            N_("name another file with --out, or move that one away"),
        )
    return Place(target, found.st_mode & 0o777)


def _refused(path: Path, what: Message, hint: Message) -> InputError:
    return InputError(what, where=str(path), hint=hint)


def _is_export(path: Path, ending: str) -> bool:
    if ending == "xlsx":
        return _is_workbook(path)
    with path.open("rb") as stream:
        head = stream.read(4096)
    if ending == "json":
        return _JSON_HEAD.match(head) is not None
    # Another version of this program may have had other columns behind.
    return any(head.startswith(BOM_UTF8 + heading_line(language, COLUMNS[:5]).rstrip()) for language in LANGUAGES)


def _is_workbook(path: Path) -> bool:
    """A workbook alone is not enough: inventories are workbooks, too. The property stays when a spreadsheet saves it again."""
    try:
        with ZipFile(path) as parts:
            return PROPERTY.encode() in parts.read("docProps/custom.xml")
    except (BadZipFile, KeyError, NotImplementedError, RuntimeError):
        return False
