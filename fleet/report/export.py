"""Writing a report: `fleet export` and `fleet demo` come here."""

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from fleet.errors import FleetError, InputError, is_disk_trouble, system_words
from fleet.report.completion import Completion
from fleet.report.csv_file import write_csv
from fleet.report.json_file import write_json
from fleet.report.place import Place, find_place
from fleet.report.reading import read_completion
from fleet.report.xlsx_file import write_xlsx
from fleet.settings import Settings
from fleet.store import Store
from fleet.text import N_, Message

NAME = "completion"
WRITERS: dict[str, Callable[[Completion, BinaryIO], None]] = {"xlsx": write_xlsx, "csv": write_csv, "json": write_json}
"""File ending -> what writes it, in the order they are offered."""


def export_all(store: Store, settings: Settings, at: datetime, directory: Path, rollout: str | None = None) -> list[Path]:
    """Write completion.xlsx, completion.csv and completion.json of one moment; returns their paths.

    Raises:
        InputError: There is no such rollout, or the directory cannot be written.
        FleetError: The record was changed or the numbers do not tie, and nothing was written; or the disk is full or refuses.
    """
    paths = {ending: directory / f"{NAME}.{ending}" for ending in WRITERS}
    for ending, path in paths.items():
        check_place(settings, ending, path)
    with store.read() as snapshot:
        completion = read_completion(snapshot, settings, at, rollout)
    return [write_file(completion, ending, path) for ending, path in paths.items()]


def check_place(settings: Settings, ending: str, path: Path) -> Place:
    """Where a file of format `ending` goes when `path` is asked for; nothing is written yet.

    Raises:
        InputError: It cannot or may not be written there.
    """
    with _explained(path):
        return find_place(path, ending, settings.workspace)


def write_file(completion: Completion, ending: str, path: Path) -> Path:
    """Write one file in place of an earlier one; whoever reads it sees the old one or the new one, never a part. Returns `path`.

    Raises:
        InputError: It cannot or may not be written there.
        FleetError: The disk is full or refuses; what was there before is whole.
    """
    place = check_place(completion.record.settings, ending, path)
    with _explained(path):
        # The name is short whatever the file's own is, for that may be as long as a name can be.
        handle, unfinished = tempfile.mkstemp(prefix=".fleet-", dir=place.path.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                os.fchmod(handle, place.mode)
                WRITERS[ending](completion, stream)
                stream.flush()
                os.fsync(handle)
            Path(unfinished).replace(place.path)
        finally:
            with suppress(OSError):
                Path(unfinished).unlink()
    return path


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = N_("the file cannot be written: {reason}", reason=system_words(error))
        kind = FleetError if is_disk_trouble(error) else InputError
        raise kind(what, where=str(path), hint=_how_to_mend(error, path)) from error


def _how_to_mend(error: OSError, path: Path) -> Message:
    if is_disk_trouble(error):
        return N_("make room there, or name a file on another disk with --out; an earlier file there is as it was")
    if error.errno == errno.ENOENT:
        return N_("make its directory first: `mkdir -p {directory}`", directory=str(path.parent))
    return N_("name another file with --out")
