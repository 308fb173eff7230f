"""A fleet as the CSV files that `read_fleet` reads: UTF-8 with a byte order mark, so that spreadsheets open them as they are."""

import csv
from collections.abc import Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from fleet.files.tables import Shape
from fleet.inventory.shapes import SHAPES
from fleet.model.base import Noun
from fleet.model.inventory import Fleet


def write_fleet(fleet: Fleet, directory: Path) -> list[Path]:
    """Write the four tables into `directory`, which is made where it is missing; gives their paths. Files of the same name are replaced."""
    directory.mkdir(parents=True, exist_ok=True)
    return [_write(directory / f"{shape.name}.csv", shape, getattr(fleet, shape.name).values()) for shape in SHAPES]


def _write(path: Path, shape: Shape, nouns: Iterable[Noun]) -> Path:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(shape.columns)
        writer.writerows([_cell(getattr(noun, column)) for column in shape.columns] for noun in nouns)
    return path


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, Mapping):
        return ";".join(f"{key}={text}" for key, text in value.items())
    if isinstance(value, tuple):
        return " ".join(value)
    return str(value.value if isinstance(value, Enum) else value)
