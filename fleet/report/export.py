"""Writing a report: `fleet export` and `fleet demo` come here."""

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from fleet.errors import InputError
from fleet.report.completion import Completion
from fleet.report.csv_file import write_csv
from fleet.report.json_file import write_json
from fleet.report.reading import read_completion
from fleet.report.xlsx_file import write_xlsx
from fleet.settings import Settings
from fleet.store import Store
from fleet.text import N_

NAME = "completion"
WRITERS: dict[str, Callable[[Completion, BinaryIO], None]] = {"xlsx": write_xlsx, "csv": write_csv, "json": write_json}
"""File ending -> what writes it, in the order they are offered."""


def export_all(store: Store, settings: Settings, at: datetime, directory: Path, rollout: str | None = None) -> list[Path]:
    """Write completion.xlsx, completion.csv and completion.json of one moment; returns their paths.

    Raises:
        InputError: There is no such rollout, or the directory cannot be written.
        FleetError: The numbers do not tie; nothing was written.
    """
    with store.read() as snapshot:
        completion = read_completion(snapshot, settings, at, rollout)
    return [write_file(completion, ending, directory / f"{NAME}.{ending}") for ending in WRITERS]


def write_file(completion: Completion, ending: str, path: Path) -> Path:
    """Write one file in place of what may be there; whoever reads it sees the old one or the new one, never a part. Returns `path`.

    Raises:
        InputError: It cannot be written there.
    """
    if path.is_dir():
        raise InputError(N_("this is a directory"), where=str(path), hint=N_("name the file in it, too"))
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("xb") as stream:
            WRITERS[ending](completion, stream)
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(path)
    except OSError as error:
        raise InputError(
            N_("the file cannot be written: {reason}", reason=error.strerror or type(error).__name__), where=str(path)
        ) from error
    finally:
        with suppress(OSError):
            unfinished.unlink()
    return path
