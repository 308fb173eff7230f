"""What is told about a workbook that has mistakes."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from fleet.inventory import read_fleet

Write = Callable[..., Path]
Told = Callable[..., list[str]]


@pytest.fixture
def book(write: Write, tmp_path: Path) -> Callable[[str, list[list[object]]], None]:
    """Replace the sites by a workbook with one sheet."""

    def save(title: str, rows: list[list[object]]) -> None:
        write(sites=None)
        workbook = openpyxl.Workbook()
        assert workbook.active is not None
        workbook.active.title = title
        for row in rows:
            workbook.active.append(row)
        workbook.save(tmp_path / "book.xlsx")

    return save


def rewrite(file: Path, old: bytes, new: bytes) -> None:
    """Replace bytes in every part of a workbook."""
    out = io.BytesIO()
    with zipfile.ZipFile(file) as before, zipfile.ZipFile(out, "w") as after:
        for name in before.namelist():
            after.writestr(name, before.read(name).replace(old, new))
    file.write_bytes(out.getvalue())


SITE_HEADINGS: list[object] = ["code", "kind", "name", "district", "phone"]


@pytest.mark.parametrize(
    ("row", "lines"),
    [
        (["x", "hospitl", "a", "qingwan"], ["book.xlsx[sites]:4: `kind` cannot be `hospitl`", "hint: did you mean `hospital`?"]),
        (["x", "hospital", "a", "qingwan", 1234567890123456], [
            "book.xlsx[sites]:4: the number 1234567890123456 is too long for a spreadsheet and was rounded",
            "hint: format the column as text, then type it again",
        ]),
        (["x", "hospitl", 1234567890123456, "qingwan"], [
            "book.xlsx[sites]:4: the number 1234567890123456 is too long for a spreadsheet and was rounded",
            "hint: format the column as text, then type it again",
            "book.xlsx[sites]:4: `kind` cannot be `hospitl`",
            "hint: did you mean `hospital`?",
        ]),
        (["x", "hospital", "a", "qingwan", "#N/A"], ["book.xlsx[sites]:4: a formula failed: #N/A", "hint: write the value in place of the formula"]),
    ],
)  # fmt: skip
def test_a_workbooks_mistake_is_told_with_sheet_and_row(
    book: Callable[[str, list[list[object]]], None], told: Told, row: list[object], lines: list[str]
) -> None:
    good: list[list[object]] = [["hospital-1", "hospital", "a", "qingwan"], ["pharmacy-1", "pharmacy", "b", "qingwan"]]

    book("sites", [SITE_HEADINGS, *good, row])

    assert told() == lines


def test_rows_of_a_sheet_with_unfinished_formulas_are_looked_at_all_the_same(
    book: Callable[[str, list[list[object]]], None], told: Told
) -> None:
    book("sites", [SITE_HEADINGS, ["hospital-1", "hospitl", "=1+1", "qingwan"], ["pharmacy-1", "pharmacy", "b", "qinwan"]])

    found = [line for line in told() if not line.startswith("hint")]

    assert found == [
        "book.xlsx[sites]:2: C2 holds a formula without a value (1 such cell in the sheet)",
        "book.xlsx[sites]:2: `kind` cannot be `hospitl`",
        "book.xlsx[sites]:3: `district` is `qinwan`, which is not in districts",
    ]


def test_a_formula_that_was_never_worked_out_is_not_an_empty_cell(book: Callable[[str, list[list[object]]], None], told: Told) -> None:
    book("sites", [SITE_HEADINGS, ["hospital-1", "hospital", "a", "qingwan", "=1+1"], ["pharmacy-1", "pharmacy", "b", "qingwan", "=A2"]])

    assert told() == [
        "book.xlsx[sites]:2: E2 holds a formula without a value (2 such cells in the sheet)",
        "hint: open and save it in a spreadsheet program",
    ]


@pytest.mark.parametrize(("cell", "phone"), [(b'<c r="E2"><f>1+1</f><v>2</v>', "2"), (b'<c r="E2" t="str"><f>""</f><v></v>', "")])
def test_a_formula_with_a_value_is_its_value(
    book: Callable[[str, list[list[object]]], None], tmp_path: Path, cell: bytes, phone: str
) -> None:
    book("sites", [SITE_HEADINGS, ["hospital-1", "hospital", "a", "qingwan", "=1+1"], ["pharmacy-1", "pharmacy", "b", "qingwan"]])
    rewrite(tmp_path / "book.xlsx", b'<c r="E2"><f>1+1</f><v />', cell)

    assert read_fleet([tmp_path]).sites["hospital-1"].phone == phone


def test_a_workbook_that_unpacks_to_far_more_than_an_inventory_is_refused(
    book: Callable[[str, list[list[object]]], None], told: Told, tmp_path: Path
) -> None:
    book("sites", [SITE_HEADINGS])
    with zipfile.ZipFile(tmp_path / "book.xlsx", "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("xl/more.xml", bytes(257 * 1024 * 1024))

    assert told()[:2] == ["book.xlsx: the workbook unpacks to 257 MiB; 256 is the most", "hint: is it the right file?"]


def test_a_sheet_that_is_named_after_no_table_is_refused(book: Callable[[str, list[list[object]]], None], told: Told) -> None:
    book("site list", [SITE_HEADINGS])

    assert told()[:2] == ["book.xlsx: no sheet holds a table", "hint: name the sheets: districts, sites, terminals, people"]
    assert "book.xlsx[site list]: the sheet is named after no table" in told()


def test_a_workbook_that_numbers_rows_beyond_a_sheet_is_refused(
    book: Callable[[str, list[list[object]]], None], told: Told, tmp_path: Path
) -> None:
    book("sites", [SITE_HEADINGS, ["x", "hospital", "a", "qingwan"]])
    rewrite(tmp_path / "book.xlsx", b'r="2"', b'r="999999999999"')
    rewrite(tmp_path / "book.xlsx", b"A2", b"A999999999999")

    assert told()[0] == "book.xlsx: not a readable XLSX workbook: it numbers its rows beyond the last a sheet can have"


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04rubbish", b"\xd0\xcf\x11\xe0old"])
def test_a_broken_workbook_is_one_mistake(write: Write, told: Told, data: bytes) -> None:
    (write(sites=None) / "sites.xlsx").write_bytes(data)

    found = told()

    assert found[0].startswith("sites.xlsx: not a readable XLSX workbook: ")
    assert len(found) == 2
