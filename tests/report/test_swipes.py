"""Medians of swipes in the files that are handed on."""

import json
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import openpyxl
import pytest

from fleet.model.actor import FLEET
from fleet.model.attempt import AttemptResult, TerminalState
from fleet.report.completion import Completion
from fleet.report.csv_file import write_csv
from fleet.report.json_file import write_json
from fleet.report.reading import read_completion
from fleet.report.xlsx_file import write_xlsx
from fleet.settings import Settings
from fleet.store import Store, progress

AT = datetime(2026, 3, 14, 22, 30, tzinfo=UTC)
MEASURED = {"p6": (9000, 2000), "p7": (9400, 2600), "p8": (8000, 2400)}


def upgrade(store: Store, terminal: str, facts: dict[str, int], *, number: int = 1, ending: TerminalState = TerminalState.UPGRADED) -> None:
    told = {name: str(value) for name, value in facts.items()}
    result = AttemptResult(terminal=terminal, number=number, ending=ending, facts=told, started_at=AT, finished_at=AT)
    with store.write(FLEET, AT) as tx:
        progress.record_result(tx, "r1", result)


@pytest.fixture
def measured(store: Store, workspace: Settings) -> Completion:
    """Three pharmacies and a hospital's terminal were measured both times, a fourth pharmacy only after."""
    for site, (before, after) in MEASURED.items():
        facts = {"before_swipe_ms": before, "before_swipe_card_ms": 500, "swipe_ms": after, "swipe_card_ms": 400}
        upgrade(store, f"{site}/t1", facts)
    upgrade(store, "p4/t1", {"swipe_ms": 9999}, number=2)
    upgrade(store, "h1/t1", {"before_swipe_ms": 35_000, "swipe_ms": 12_000}, number=2)
    with store.read() as snapshot:
        return read_completion(snapshot, workspace, AT)


def in_json(completion: Completion) -> Any:
    stream = BytesIO()
    write_json(completion, stream)
    return json.loads(stream.getvalue())


def test_json_has_both_medians_of_each_phase_by_kind_and_of_all(measured: Completion) -> None:
    swipes = in_json(measured)["swipes"]

    assert [(group["kind"], [tuple(phase.values()) for phase in group["phases"]]) for group in swipes] == [
        ("hospital", [("total", 1, 35_000, 12_000)]),
        ("pharmacy", [("total", 3, 9000, 2400), ("card", 3, 500, 400)]),
        (None, [("total", 4, 9000, 2400), ("card", 3, 500, 400)]),
    ]


def test_every_terminals_row_has_its_swipes_measured_or_not(measured: Completion) -> None:
    rows = {row["terminal"]: (row["swipe_before_ms"], row["swipe_after_ms"]) for row in in_json(measured)["terminals"]}

    assert rows["p7/t1"] == (9400, 2600)
    assert rows["p4/t1"] == (None, 9999)
    assert rows["p3/t1"] == (None, None)


def test_the_workbook_has_a_sheet_of_medians_in_seconds(measured: Completion) -> None:
    stream = BytesIO()
    write_xlsx(measured, stream)
    sheet = openpyxl.load_workbook(stream)["Swipes"]

    rows = [tuple(cell.value for cell in row) for row in sheet.rows]
    assert rows[0] == ("kind", "phase", "pairs", "before, s", "now, s")
    assert rows[1] == ("hospital", "whole swipe", 1, 35, 12)
    assert rows[2] == ("pharmacy", "whole swipe", 3, 9, 2.4)
    assert rows[-2] == ("all", "whole swipe", 4, 9, 2.4)


def test_csv_has_the_swipes_under_headings_that_name_their_unit(measured: Completion) -> None:
    stream = BytesIO()
    write_csv(measured, stream)
    lines = stream.getvalue().decode("utf-8-sig").splitlines()

    assert '"swipe before, ms","swipe now, ms",' in lines[0]
    assert next(line for line in lines if "p8/t1" in line).endswith(",8000,2400,,,,,,,,,")


def test_a_night_that_measured_nothing_has_no_sheet_of_swipes(completion: Completion) -> None:
    stream = BytesIO()
    write_xlsx(completion, stream)

    assert "Swipes" not in openpyxl.load_workbook(stream).sheetnames
    assert in_json(completion)["swipes"] == []
