"""Terminals that a person had done by hand, in the details of an export."""

import json

from fleet.control.by_hand import make_by_hand
from fleet.model.actor import Actor
from fleet.report.completion import Completion
from fleet.report.counts import day_of
from fleet.report.json_file import write_json
from fleet.report.reading import read_completion
from fleet.settings import Settings
from fleet.store import Store
from tests.report.test_files import AT, written


def test_a_row_says_who_had_its_terminal_done_by_hand_when_why_and_after_what(store: Store, workspace: Settings) -> None:
    with store.read() as snapshot:
        before = {row["terminal"]: row["cause"] for row in rows_of(read_completion(snapshot, workspace, AT))}
    make_by_hand(store, Actor(code="li-na"), AT, "r1", ["p2/t1"], reason="磁盘满")
    with store.read() as snapshot:
        rows = {row["terminal"]: row for row in rows_of(read_completion(snapshot, workspace, AT))}
    keys = ("by_hand_by", "by_hand_by_name", "by_hand_at", "by_hand_reason", "by_hand_after")

    assert before["p2/t1"] != "none"
    assert [rows["p2/t1"][key] for key in keys] == ["li-na", "李娜", "2026-03-15T06:30:00+08:00", "磁盘满", before["p2/t1"]]
    assert [rows["p7/t1"][key] for key in keys] == [None, None, None, "", None]


def rows_of(completion: Completion) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(written(completion, write_json))["terminals"]
    return found


def test_what_people_took_off_the_pushes_waits_for_a_technician_since_the_day_they_did(store: Store, workspace: Settings) -> None:
    with store.read() as snapshot:
        before = read_completion(snapshot, workspace, AT)
    make_by_hand(store, Actor(code="li-na"), AT, "r1", ["p2/t1", "p7/t1"], reason="磁盘满")
    with store.read() as snapshot:
        after = read_completion(snapshot, workspace, AT)
    day = day_of(AT, workspace.zone, workspace.day_boundary)

    assert (before.total.waiting_by_hand, after.total.waiting_by_hand) == (0, 2)
    assert after.by_day[day].waiting_by_hand == 2
    assert after.by_day[None].terminals == 2
    assert sum(counts.waiting_by_hand for counts in after.by_technician.values()) == 2
