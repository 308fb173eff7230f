"""Inventory files -> Fleet, all or nothing: every mistake of all files is told at once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fleet.errors import system_words
from fleet.files.csv_tables import read_csv
from fleet.files.decode import read_bytes
from fleet.files.mistakes import Mistakes, all_mistakes
from fleet.files.spelling import one_of
from fleet.files.tables import Shape, Table
from fleet.files.xlsx_tables import read_xlsx
from fleet.files.yaml_tables import read_yaml
from fleet.inventory.rules import Sections, check
from fleet.inventory.sections import codes_for_names, read_section
from fleet.inventory.shapes import DISTRICTS, PEOPLE, SHAPES, SITES, TERMINALS
from fleet.model.inventory import District, Fleet, Person, Site, Terminal
from fleet.text import N_

_YAML = (".yaml", ".yml")
_SUFFIXES = (".csv", ".xlsx", *_YAML)


def read_fleet(paths: Sequence[Path]) -> Fleet:
    """The fleet that the files describe.

    Args:
        paths: Files, or directories whose CSV, XLSX and YAML files are read. A file's stem names its table (`sites.csv`, `站点.xlsx`);
            XLSX and YAML files of any other name hold a sheet or a key per table. One table may come from several files.

    Raises:
        MistakesError: Anything is wrong anywhere; every mistake with file, line and hint.
    """
    with all_mistakes() as mistakes:
        tables = [table for path in _files(paths, mistakes) for table in _tables(path, mistakes)]
        named = codes_for_names(_of(DISTRICTS, tables))
        sections = Sections(
            districts=read_section("districts", _of(DISTRICTS, tables), District, _code, mistakes, named=named),
            sites=read_section("sites", _of(SITES, tables), Site, _code, mistakes, named=named),
            terminals=read_section("terminals", _of(TERMINALS, tables), Terminal, _terminal_id, mistakes),
            people=read_section("people", _of(PEOPLE, tables), Person, _code, mistakes, named=named),
        )
        check(sections, mistakes)
    return Fleet(
        districts=sections.districts.by_code(),
        sites=sections.sites.by_code(),
        terminals=sections.terminals.by_code(),
        people=sections.people.by_code(),
    )


def _of(shape: Shape, tables: Sequence[Table]) -> list[Table]:
    return [table for table in tables if table.shape is shape]


def _code(values: dict[str, Any]) -> str | None:
    code = values.get("code")
    return code if isinstance(code, str) else None


def _terminal_id(values: dict[str, Any]) -> str | None:
    site, code = values.get("site"), _code(values)
    return f"{site}/{code}" if isinstance(site, str) and code else None


def _files(paths: Sequence[Path], mistakes: Mistakes) -> list[Path]:
    """Every file to read, once, in the order given; a directory's by name."""
    files: dict[Path, None] = {}
    for path in paths:
        try:
            found = inventory_files(path) if path.is_dir() else [path]
        except OSError as error:
            mistakes.add(str(path), 0, N_("cannot be read: {reason}", reason=system_words(error)))
            continue
        if not found:
            mistakes.add(str(path), 0, N_("the directory holds no inventory file"), _naming_hint())
        files.update(dict.fromkeys(found))
    return list(files)


def inventory_files(directory: Path) -> list[Path]:
    """The files of a directory that `read_fleet` reads, by name."""
    return sorted(file for file in directory.iterdir() if file.suffix.lower() in _SUFFIXES and not file.name.startswith((".", "~$")))


def _tables(path: Path, mistakes: Mistakes) -> list[Table]:
    """The tables of one file; a file that cannot be read counts as its tables, all rows lost."""
    file, suffix = str(path), path.suffix.lower()
    named = next((shape for shape in SHAPES if shape.is_called(path.stem)), None)
    if suffix not in _SUFFIXES and path.exists():
        mistakes.add(file, 0, N_("not a CSV, XLSX or YAML file"), N_("save it as one of: {suffixes}", suffixes=", ".join(_SUFFIXES)))
        return _lost(named)
    if suffix == ".csv" and named is None and path.exists():
        mistakes.add(file, 0, N_("the file is named after no table"), one_of(path.stem, [shape.name for shape in SHAPES]))
        return _lost(named)
    data = read_bytes(path, mistakes)
    if data is None:
        return _lost(named)
    if suffix == ".csv" and named is not None:
        return [read_csv(file, data, named, mistakes)]
    read = read_xlsx if suffix == ".xlsx" else read_yaml
    return read(file, data, SHAPES, named, mistakes)


def _lost(named: Shape | None) -> list[Table]:
    return [Table("", shape, whole=False) for shape in SHAPES if named in (None, shape)]


def _naming_hint() -> Any:
    return N_("name the files after their tables: {names}", names=", ".join(f"{shape.name}.csv" for shape in SHAPES))
