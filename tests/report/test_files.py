"""The files that managers hand on, opened with other people's readers."""

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from fleet.control.checkin import Report, check_in
from fleet.control.exclusions import exclude
from fleet.errors import FleetError, InputError
from fleet.model.actor import FLEET, Actor
from fleet.report.completion import Completion
from fleet.report.csv_file import write_csv
from fleet.report.details import COLUMNS, HEADINGS
from fleet.report.export import export_all, write_file
from fleet.report.json_file import write_json
from fleet.report.reading import read_completion
from fleet.report.rows import clean, harmless
from fleet.report.xlsx_file import write_xlsx
from fleet.settings import Settings
from fleet.store import Store, audit, fleets
from fleet.text import N_, render, speaking

AT = datetime(2026, 3, 14, 22, 30, tzinfo=UTC)
FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")


def written(completion: Completion, write: Callable[[Completion, BytesIO], None]) -> bytes:
    stream = BytesIO()
    write(completion, stream)
    return stream.getvalue()


def read_csv(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(data.decode("utf-8-sig"), newline="")))


def read_xlsx(data: bytes) -> Any:
    return openpyxl.load_workbook(BytesIO(data))


def sheet_rows(sheet: Any) -> list[list[Any]]:
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


def test_csv_opens_as_it_is_in_a_spreadsheet(completion: Completion) -> None:
    data = written(completion, write_csv)
    lines = data.decode("utf-8-sig").split("\r\n")

    assert data.startswith(b"\xef\xbb\xbf")
    assert lines[-1] == ""
    assert len(lines) == 1 + completion.total.terminals + 1
    assert not any("\n" in line for line in lines)


def test_csv_has_a_line_for_each_terminal_and_ties_to_the_total(completion: Completion) -> None:
    rows = read_csv(written(completion, write_csv))
    counted = {state: sum(row["state of the terminal"] == state for row in rows) for state in ("upgraded", "failed", "not started")}

    assert [row["terminal"] for row in rows] == [terminal.id for terminal in completion.record.terminals]
    assert counted == {"upgraded": 1, "failed": 1, "not started": 3}


def test_no_hostile_name_becomes_a_formula_in_csv(completion: Completion) -> None:
    rows = read_csv(written(completion, write_csv))
    names = {row["site code"]: row["site"] for row in rows}
    detail = {row["terminal"]: row["what the terminal or the technician said"] for row in rows}

    assert names["p1"] == "'=cmd|' /C calc'!A0"
    assert names["p2"] == "'\u200b+1+1"
    assert names["p3"] == "'@SUM(A1)"
    assert names["p4"] == '逗号,引号"药店'
    assert names["p5"] == "'-东门药店"
    assert detail["p2/t1"] == "'=HYPERLINK(1)"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12))
def test_a_cell_never_begins_like_a_formula(value: str) -> None:
    cell = harmless(clean(value))
    bare = cell.lstrip("\u200b\ufeff \u00a0\u3000")

    assert not cell.startswith(FORMULA_STARTS)
    assert not bare.startswith(FORMULA_STARTS)


@pytest.mark.parametrize("start", FORMULA_STARTS)
def test_a_quote_goes_in_front_of_every_character_that_begins_a_formula(start: str) -> None:
    assert harmless(f"{start}1") == f"'{start}1"


@pytest.mark.parametrize(
    "value", ["0012", "6217000012345678901", "1000000000000000", "1e5", "12E3", "3-4", "3/4", "2026-03-14", "4.2", "1,000", "5%", "00"]
)
def test_csv_marks_a_text_that_a_spreadsheet_would_change_into_another_number_or_a_date(value: str) -> None:
    assert harmless(value) == f"'{value}"


@pytest.mark.parametrize("value", ["0", "7", "999999999999999", "p1", "12/t1", "4.2.0-rc1", "2 doors", ""])
def test_csv_leaves_every_other_text_as_it_is(value: str) -> None:
    assert harmless(value) == value


def test_key_cards_keep_their_digits_in_every_file(store: Store, workspace: Settings) -> None:
    with store.write(FLEET, AT) as tx:
        fleet = fleets.read_fleet(tx)
        cards = {"h1/t1": "6217000012345678901", "p1/t1": "0012"}
        terminals = {name: each.model_copy(update={"key_card": cards.get(name)}) for name, each in fleet.terminals.items()}
        fleets.replace_fleet(tx, fleet.model_copy(update={"terminals": terminals}), {})
    with store.read() as snapshot:
        completion = read_completion(snapshot, workspace, AT)
    in_csv = {row["terminal"]: row["key card"] for row in read_csv(written(completion, write_csv))}
    in_json = {row["terminal"]: row["key_card"] for row in json.loads(written(completion, write_json))["terminals"]}
    headings, *rows = read_xlsx(written(completion, write_xlsx))["Details"].iter_rows()
    names = [cell.value for cell in headings]
    in_xlsx = {row[names.index("terminal")].value: row[names.index("key card")] for row in rows}

    assert (in_csv["h1/t1"], in_csv["p1/t1"]) == ("'6217000012345678901", "'0012")
    assert (in_json["h1/t1"], in_json["p1/t1"]) == ("6217000012345678901", "0012")
    assert (in_xlsx["h1/t1"].value, in_xlsx["h1/t1"].data_type) == ("6217000012345678901", "s")
    assert (in_xlsx["p1/t1"].value, in_xlsx["p1/t1"].data_type) == ("0012", "s")


def test_what_a_technician_reported_stands_in_every_file(store: Store, workspace: Settings) -> None:
    check_in(store, Actor(code="wang-lei"), AT, Report("p1", "wang-lei", problem="=door locked"))
    with store.read() as snapshot:
        completion = read_completion(snapshot, workspace, AT)
    in_csv = {row["terminal"]: row for row in read_csv(written(completion, write_csv))}["p1/t1"]
    whole = json.loads(written(completion, write_json))
    in_json = {row["terminal"]: row for row in whole["terminals"]}
    book = read_xlsx(written(completion, write_xlsx))

    assert (in_csv["last check-in"], in_csv["what the check-in says"], in_csv["check-in by"]) == (
        "problem reported",
        "'=door locked",
        "wang-lei",
    )
    assert in_json["p1/t1"]["check_in"] == "problem"
    assert in_json["p1/t1"]["check_in_note"] == "=door locked"
    assert in_json["p1/t1"]["check_in_at"] == "2026-03-15T06:30:00+08:00"
    assert (in_json["h1/t1"]["check_in"], in_json["p2/t1"]["check_in"]) == ("mark", None)
    assert whole["total"]["sites"]["problem"] == 1
    assert ["problem reported", 0, 1, 1] in sheet_rows(book["Summary"])
    assert "=door locked" in [cell for row in sheet_rows(book["Details"]) for cell in row]


@pytest.mark.parametrize("hidden", ["\x00", "\x1b", "\u202e", "\u2066", "\x85", "\u2028"])
def test_hidden_characters_are_written_as_their_code(hidden: str) -> None:
    assert clean(f"a{hidden}b") == f"a\\u{ord(hidden):04x}b"


def test_the_workbook_holds_every_table_and_every_terminal(completion: Completion) -> None:
    book = read_xlsx(written(completion, write_xlsx))
    details = sheet_rows(book["Details"])

    tables = ["Summary", "By district", "By district and kind", "By technician", "By day", "Failures by cause", "Not reached"]
    assert book.sheetnames == [*tables, "Details"]
    assert len(details) - 1 == completion.total.terminals


def test_the_workbooks_totals_tie_to_its_details(completion: Completion) -> None:
    book = read_xlsx(written(completion, write_xlsx))
    for name, keys in (("By district", 2), ("By district and kind", 2), ("By technician", 2), ("By day", 1)):
        headings, *rows, total = sheet_rows(book[name])
        sums = [sum(row[column] for row in rows) for column in range(keys, len(headings)) if not headings[column].endswith("%")]

        assert sums == [total[column] for column in range(keys, len(headings)) if not headings[column].endswith("%")]
        assert total[headings.index("Terminals: all")] == len(sheet_rows(book["Details"])) - 1


def test_numbers_are_numbers_shares_are_percent_and_times_are_times(completion: Completion) -> None:
    book = read_xlsx(written(completion, write_xlsx))
    sheet = book["By district and kind"]
    headings = [cell.value for cell in sheet[1]]
    share = sheet.cell(row=2, column=headings.index("Sites: done, %") + 1)
    details = book["Details"]
    changed = [row[[cell.value for cell in details[1]].index("last change")] for row in details.iter_rows(min_row=2)]

    assert (share.value, share.number_format) == (1, "0.0%")
    assert all(cell.data_type == "n" for cell in sheet[2][2:])
    assert datetime(2026, 3, 15, 5, 59, 59) in [cell.value for cell in changed]  # noqa: DTZ001 - a cell has no zone


def test_nothing_in_the_workbook_is_a_formula_or_a_link(completion: Completion) -> None:
    book = read_xlsx(written(completion, write_xlsx))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]

    assert "=cmd|' /C calc'!A0" in [cell.value for cell in cells]
    assert all(cell.data_type != "f" for cell in cells)
    assert all(cell.hyperlink is None for cell in cells)


def test_a_text_stays_text_when_somebody_edits_its_cell(completion: Completion) -> None:
    details = read_xlsx(written(completion, write_xlsx))["Details"]
    texts = [cell for row in details.iter_rows(min_row=2) for cell in row if isinstance(cell.value, str)]

    assert texts
    assert {cell.number_format for cell in texts} == {"@"}


def test_the_workbook_tells_causes_without_commands(completion: Completion) -> None:
    book = read_xlsx(written(completion, write_xlsx))
    causes = {row[1] for row in sheet_rows(book["Failures by cause"])[1:]}

    assert "not enough room on its disk" in causes
    assert not any("`fleet " in str(cell) for sheet in book for row in sheet_rows(sheet) for cell in row)


def test_a_day_is_a_date(completion: Completion) -> None:
    sheet = read_xlsx(written(completion, write_xlsx))["By day"]

    assert (sheet["A2"].is_date, sheet["A2"].number_format) == (True, "yyyy-mm-dd")


def test_a_row_says_who_recorded_a_check_in_for_the_technician(store: Store, workspace: Settings) -> None:
    check_in(store, Actor(code="li-na"), AT, Report("p1", "wang-lei", note="by phone"))
    with store.read() as snapshot:
        completion = read_completion(snapshot, workspace, AT)
    row = next(row for row in json.loads(written(completion, write_json))["terminals"] if row["terminal"] == "p1/t1")

    assert (row["check_in_by"], row["check_in_by_name"]) == ("wang-lei", "王磊")
    assert (row["check_in_recorded_by"], row["check_in_recorded_by_name"]) == ("li-na", "李娜")


def test_a_row_says_who_left_its_terminal_out_when_and_why(store: Store, workspace: Settings) -> None:
    exclude(store, Actor(code="li-na"), AT, "r1", ["p8/t1"], reason="being rebuilt")
    with store.read() as snapshot:
        completion = read_completion(snapshot, workspace, AT)
    rows = {row["terminal"]: row for row in json.loads(written(completion, write_json))["terminals"]}
    keys = ("excluded_by", "excluded_by_name", "excluded_at", "excluded_reason")

    assert [rows["p8/t1"][key] for key in keys] == ["li-na", "李娜", "2026-03-15T06:30:00+08:00", "being rebuilt"]
    assert [rows["p7/t1"][key] for key in keys] == [None, None, None, ""]
    assert read_csv(written(completion, write_csv))[-1]["why it is excluded"] == "being rebuilt"


def test_headings_stay_in_sight_and_every_page_says_what_it_proves(completion: Completion, store: Store) -> None:
    book = read_xlsx(written(completion, write_xlsx))
    with store.read() as snapshot:
        seq, digest = audit.read_head(snapshot)

    assert book["Details"].freeze_panes == "A2"
    assert book["By technician"].freeze_panes == "C2"
    assert all(sheet.print_title_rows == "$1:$1" for sheet in book if sheet.title != "Summary")
    for sheet in book:
        assert "release 4.2.0" in sheet.oddHeader.left.text
        assert completion.record.rollout.plan_digest in sheet.oddFooter.left.text
        assert f"last event {seq} {digest}" in sheet.oddFooter.left.text


def test_a_wide_sheet_prints_readably_on_several_pages_with_its_keys_on_each(completion: Completion) -> None:
    book = read_xlsx(written(completion, write_xlsx))
    counts, details = book["By district and kind"], book["Details"]

    assert all(sheet.page_setup.paperSize == 9 for sheet in book)
    assert (counts.print_title_cols, details.print_title_cols) == ("$A:$B", "$I:$I")
    assert [counts.cell(1, each.id + 1).value for each in counts.col_breaks.brk] == ["Terminals: all"]
    for sheet in (counts, details):
        assert not sheet.sheet_properties.pageSetUpPr.fitToPage
        assert 60 <= sheet.page_setup.scale <= 100
        assert max(dimension.width for dimension in sheet.column_dimensions.values()) <= 45


def test_a_narrow_sheet_prints_on_one_page_and_no_digest_widens_the_summary(completion: Completion) -> None:
    book = read_xlsx(written(completion, write_xlsx))
    summary = book["Summary"]

    assert all(sheet.sheet_properties.pageSetUpPr.fitToPage for sheet in (summary, book["Failures by cause"]))
    assert (summary.page_setup.fitToHeight, book["Failures by cause"].page_setup.fitToHeight) == (None, 0)
    assert summary.column_dimensions["B"].width < 25


def test_the_summary_can_be_signed(completion: Completion) -> None:
    rows = sheet_rows(read_xlsx(written(completion, write_xlsx))["Summary"])
    about = {row[0]: row[1] for row in rows}

    assert about["release"] == "4.2.0"
    assert about["plan digest"] == completion.record.rollout.plan_digest
    assert about["hash of the last event"] == completion.record.chain[1]
    assert about["time zone"] == "Asia/Shanghai"
    assert (about["files sent, MB"], about["files the terminals had already, MB"]) == (5.2, 41.6)
    assert {"Checked by", "Date", "Signature"} <= set(about)


def test_columns_are_as_wide_as_chinese_needs(completion: Completion) -> None:
    sheet = read_xlsx(written(completion, write_xlsx))["Details"]
    column = [cell.value for cell in sheet[1]].index("site")

    assert sheet.column_dimensions["ABCDEFGH"[column]].width >= len("=cmd|' /C calc'!A0")


def test_the_same_record_gives_the_same_bytes(completion: Completion) -> None:
    assert all(written(completion, write) == written(completion, write) for write in (write_xlsx, write_csv, write_json))


def test_districts_are_named_in_the_readers_language(completion: Completion) -> None:
    english = read_csv(written(completion, write_csv))
    with speaking("zh_CN"):
        chinese = written(completion, write_csv).decode("utf-8-sig")

    assert english[0]["district"] == "Qingwan"
    assert "青湾区" in chinese
    assert "Qingwan" not in chinese


def test_a_chinese_reader_gets_chinese_headings_and_sheets(completion: Completion) -> None:
    with speaking("zh_CN"):
        book = read_xlsx(written(completion, write_xlsx))
        rows = list(csv.reader(StringIO(written(completion, write_csv).decode("utf-8-sig"), newline="")))

    chinese = [render(HEADINGS[name], "zh_CN") for name in COLUMNS]
    assert rows[0] == chinese
    assert sheet_rows(book[render(N_("Details"), "zh_CN")])[0] == chinese
    assert all(len(name) <= 31 for name in book.sheetnames)


def test_json_keeps_its_keys_and_codes_in_every_language(completion: Completion) -> None:
    english = json.loads(written(completion, write_json))
    with speaking("zh_CN"):
        chinese = json.loads(written(completion, write_json))

    assert english == chinese
    assert english["format"] == 1
    assert english["bytes"] == {"sent": 5_200_000, "saved": 41_600_000}
    assert english["total"]["sites"]["total"] == 9
    assert english["total"]["terminals"]["rolled-back"] == 1
    assert english["by_technician"][-1]["technician"] is None
    assert english["by_day"][0]["day"] == "2026-03-14"
    assert english["failures_by_cause"][0].keys() == {"ending", "cause", "sites", "terminals"}
    assert english["chain"] == {"seq": completion.record.chain[0], "hash": completion.record.chain[1]}
    assert english["inventory"]["sites"] == {"inventory": 9, "in_rollout": 9, "removed_since": 0, "not_in_rollout": 0, "late": 0}


def test_json_names_every_terminal_with_its_codes(completion: Completion) -> None:
    rows = {row["terminal"]: row for row in json.loads(written(completion, write_json))["terminals"]}

    assert len(rows) == completion.total.terminals
    assert rows["h1/t2"]["state"] == "self-tested"
    assert rows["h1/t2"]["reach"] == "by-hand"
    assert rows["p1/t1"]["claimed"] is True
    assert rows["p1/t1"]["site_name"] == "=cmd|' /C calc'!A0"
    assert rows["h1/t1"]["changed_at"] == "2026-03-15T05:59:59+08:00"


def test_all_three_files_are_written_where_asked(store: Store, workspace: Settings, tmp_path: Path) -> None:
    paths = export_all(store, workspace, AT, tmp_path)

    assert [path.name for path in paths] == ["completion.xlsx", "completion.csv", "completion.json"]
    assert all(path.stat().st_size for path in paths)


def test_numbers_that_do_not_tie_leave_no_file(store: Store, workspace: Settings, tmp_path: Path) -> None:
    directory = tmp_path / "out"
    directory.mkdir()
    with store.write(FLEET, AT) as tx:
        tx.connection.execute(text("UPDATE tally SET n = n + 1"))

    with pytest.raises(FleetError, match="do not tie"):
        export_all(store, workspace, AT, directory)
    assert list(directory.iterdir()) == []


def test_a_file_that_breaks_half_way_leaves_the_old_one_whole(
    completion: Completion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_file(completion, "csv", tmp_path / "completion.csv")
    before = path.read_bytes()

    def disk_full(_: Completion, stream: BytesIO) -> None:
        stream.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(write_file.__globals__["WRITERS"], "csv", disk_full)
    with pytest.raises(FleetError, match="the file cannot be written: No space left on device"):
        write_file(completion, "csv", path)

    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["completion.csv"]


def test_a_directory_or_a_place_that_is_not_there_is_refused(completion: Completion, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="this is a directory"):
        write_file(completion, "csv", tmp_path)
    with pytest.raises(InputError, match="the file cannot be written: No such file or directory"):
        write_file(completion, "csv", tmp_path / "not-there" / "x.csv")
