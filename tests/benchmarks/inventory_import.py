"""How long reading an inventory takes: `python tests/benchmarks/inventory_import.py [TERMINALS]` prints one line for each form.

Limits of a province, on two cores: 100,000 terminals from CSV 20 s, from XLSX 40 s; 20,000 from YAML 20 s; the sample city 1 s.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import openpyxl
import yaml

from fleet.data import data_dir
from fleet.errors import MistakesError
from fleet.inventory import read_fleet

Tables = dict[str, Sequence[tuple[str, ...]]]
DISTRICTS = 100
HEADINGS = {
    "districts": ("code", "name", "parent"),
    "sites": ("code", "kind", "name", "district", "address", "latitude", "longitude", "contact", "phone", "opening_hours", "labels"),
    "terminals": ("site", "code", "host", "port", "gateway", "key_card", "reach", "labels"),
}


def make_rows(terminals: int) -> Tables:
    """A province: two terminals a site, a hundred districts."""
    districts = [("p", "海岚省", ""), *((f"d{n}", f"第{n}区", "p") for n in range(DISTRICTS))]
    sites = [
        (
            f"s{n}",
            "pharmacy",
            f"潮生大药房第{n}店",
            f"d{n % DISTRICTS}",
            f"望潮路{n}号",
            f"27.{n:06}",
            "122.5",
            "店长",
            "0000-5550123",
            "08:00-20:00",
            "chain=a",
        )
        for n in range(terminals // 2)
    ]
    machines = [
        (
            f"s{n // 2}",
            f"t{n % 2}",
            f"127.{n >> 16}.{n >> 8 & 255}.{n & 255}",
            "22",
            "gw.invalid",
            f"KC{n:08}",
            "ssh",
            "vendor=heron;arch=arm64",
        )
        for n in range(terminals)
    ]
    return {"districts": districts, "sites": sites, "terminals": machines}


def write_csv(directory: Path, tables: Tables) -> None:
    """One CSV file per table."""
    for name, rows in tables.items():
        (directory / f"{name}.csv").write_text("\n".join(",".join(row) for row in (HEADINGS[name], *rows)), encoding="gb18030")


def write_xlsx(directory: Path, tables: Tables) -> None:
    """One workbook, a sheet per table."""
    book = openpyxl.Workbook(write_only=True)
    for name, rows in tables.items():
        sheet = book.create_sheet(name)
        for row in (HEADINGS[name], *rows):
            sheet.append(row)
    book.save(directory / "fleet.xlsx")


def write_yaml(directory: Path, tables: Tables) -> None:
    """One file, a key per table."""
    data = {name: [dict(zip(HEADINGS[name], row, strict=True)) for row in rows] for name, rows in tables.items()}
    with (directory / "fleet.yaml").open("w", encoding="utf-8") as file:
        yaml.dump(data, file, Dumper=yaml.CSafeDumper, allow_unicode=True)


def report(what: str, directory: Path, limit_s: float) -> None:
    """Read the directory and print what it took."""
    began = time.perf_counter()
    try:
        result = f"{len(read_fleet([directory]).terminals)} terminals"
    except MistakesError as error:
        result = f"{len(error.mistakes)} mistakes"
    took = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{what:28} {result:>18} {took:7.2f} s  (limit {limit_s:g} s)  peak so far {peak} MB")


def main(terminals: int) -> None:
    """Print the figures of every form."""
    report("sample city", data_dir("inventory") / "city", 1)
    for what, write, count, limit_s in (
        ("YAML", write_yaml, terminals // 5, 20),
        ("CSV, GB18030", write_csv, terminals, 20),
        ("XLSX", write_xlsx, terminals, 40),
    ):
        with tempfile.TemporaryDirectory() as directory:
            write(Path(directory), make_rows(count))
            report(what, Path(directory), limit_s)
    with tempfile.TemporaryDirectory() as directory:
        rows = make_rows(terminals)
        rows["sites"] = [(f"x{row[0]}", *row[1:]) for row in rows["sites"]]
        write_csv(Path(directory), rows)
        report("CSV, every site unknown", Path(directory), 20)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
