"""Windows files: what they mean, and what is wrong with them, told with its line."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from fleet.data import data_dir
from fleet.errors import MistakesError
from fleet.inventory import read_fleet
from fleet.model.inventory import District, Fleet, Site, SiteKind, Terminal
from fleet.model.playbook import Playbook
from fleet.model.release import Release
from fleet.model.windows import Scope, Windows
from fleet.plan import make_plan, read_windows

SHANGHAI = ZoneInfo("Asia/Shanghai")
FLEET = Fleet(
    districts={"city": District(code="city", name="海岚市"), "qw": District(code="qw", name="青湾区", parent="city")},
    sites={
        "h1": Site(code="h1", kind=SiteKind.HOSPITAL, name="中心医院", district="city", emergency=True),
        "p1": Site(code="p1", kind=SiteKind.PHARMACY, name="潮生药房", district="qw"),
    },
    terminals={
        "h1/t1": Terminal(site="h1", code="t1", host="127.0.0.1", labels={"vendor": "acme"}),
        "p1/t1": Terminal(site="p1", code="t1", host="127.0.0.2", labels={"vendor": "acme"}),
    },
)
SUSPENSION = "suspensions:\n  - {from: 2026-12-04T18:00, until: 2026-12-05T06:00}\n"


def read(tmp_path: Path, text: str, zone: ZoneInfo = SHANGHAI) -> Windows:
    file = tmp_path / "windows.yaml"
    file.write_text(text, "utf-8")
    return read_windows(file, FLEET, zone)


def mistakes(tmp_path: Path, text: str, zone: ZoneInfo = SHANGHAI) -> list[str]:
    with pytest.raises(MistakesError) as refused:
        read(tmp_path, text, zone)
    return [line.replace(f"{tmp_path}/", "") for line in refused.value.lines("en")][:-1]


def test_times_are_by_the_clock_of_the_workspace(tmp_path: Path) -> None:
    found = read(tmp_path, SUSPENSION)

    assert found.suspensions[0].begins_at == datetime(2026, 12, 4, 10, 0, tzinfo=UTC)
    assert found.zone == "Asia/Shanghai"


def test_a_time_with_an_offset_is_what_it_says(tmp_path: Path) -> None:
    found = read(tmp_path, "windows:\n  - {from: 2026-12-04T18:00+00:00, until: 2026-12-05T06:00Z}\n")

    assert found.windows[0].begins_at == datetime(2026, 12, 4, 18, 0, tzinfo=UTC)


def test_targets_are_resolved_to_sites_and_a_lower_district_is_narrower(tmp_path: Path) -> None:
    span = "from: 2026-12-04T18:00, until: 2026-12-05T06:00"
    found = read(
        tmp_path,
        f"windows:\n  - {{district: city, {span}}}\n  - {{district: qw, {span}}}\n  - {{select: 'emergency:yes', {span}}}\n  - {{site: p1, {span}}}\n",
    )

    assert [(entry.scope, entry.depth, entry.sites) for entry in found.windows] == [
        (Scope.DISTRICT, 0, ("h1", "p1")),
        (Scope.DISTRICT, 1, ("p1",)),
        (Scope.SELECT, 0, ("h1",)),
        (Scope.SITE, 0, ("p1",)),
    ]


def test_who_leaves_the_terminals_on_without_times_does_so_throughout(tmp_path: Path) -> None:
    found = read(tmp_path, SUSPENSION + "left_on:\n  - {select: 'kind:pharmacy'}\n")

    assert (found.left_on[0].begins_at, found.left_on[0].ends_at) == (found.begins_at, found.ends_at)


@pytest.mark.parametrize(("begins", "ends"), [("9999-12-31T18:00", "9999-12-31T23:59"), ("0001-01-01T00:00", "0001-01-01T06:00")])
def test_a_time_at_an_end_of_the_calendar_is_refused(tmp_path: Path, begins: str, ends: str) -> None:
    said = mistakes(tmp_path, f"suspensions:\n  - {{from: {begins}, until: {ends}}}\n")

    assert said[0] == f"windows.yaml:2: `{begins}` is in no year from 2000 to 2999"


def test_every_mistake_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    text = (
        SUSPENSION + "windows:\n"
        "  - {district: 青湾区, from: 2026-12-04T18:00, until: 2026-12-05T06:00}\n"
        "  - {site: P1, from: 2026-12-04T18:00, until: 2026-12-04T17:00}\n"
        "  - {site: p1, district: qw, from: tonight, until: 2026-02-30T06:00}\n"
        "  - {select: 'knd:pharmacy', from: 2026-12-04T18:00, until: 2026-12-05T06:00}\n"
    )

    assert mistakes(tmp_path, text) == [
        "windows.yaml:4: the inventory holds no district `青湾区`",
        "hint: did you mean `qw`?",
        "windows.yaml:5: the inventory holds no site `P1`",
        "hint: did you mean `p1`?",
        "windows.yaml:5: it ends before it begins",
        "hint: a span over midnight ends on the next day's date",
        "windows.yaml:6: both `site` and `district` are given",
        "hint: keep one of them",
        "windows.yaml:6: `tonight` is no date with a time",
        "hint: write it as `2026-12-04T18:00`",
        "windows.yaml:6: `2026-02-30T06:00` is on no calendar or clock",
        "hint: write it as `2026-12-04T18:00`",
        "windows.yaml:7: unknown field `knd`",
        "hint: did you mean `kind:`?",
    ]


def test_an_unknown_key_is_told_with_what_was_meant(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "suspension:\n  - {from: 2026-12-04T18:00, until: 2026-12-05T06:00}\n") == [
        "windows.yaml:1: unknown key `suspension`",
        "hint: did you mean `suspensions`?",
    ]


def test_a_missing_end_is_told(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "suspensions:\n  - {from: 2026-12-04T18:00}\n") == ["windows.yaml:2: `until` is missing"]


def test_a_file_that_opens_nothing_is_refused(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "blackouts: []\n")[0].endswith("neither a suspension nor a window is given")


def test_a_time_that_the_clocks_show_twice_or_never_is_refused(tmp_path: Path) -> None:
    text = "windows:\n  - {from: 2026-10-25T02:30, until: 2026-10-25T05:00}\n  - {from: 2026-03-29T02:30, until: 2026-03-29T05:00}\n"

    assert mistakes(tmp_path, text, ZoneInfo("Europe/Berlin")) == [
        "windows.yaml:2: `2026-10-25T02:30` comes twice in Europe/Berlin, for its clocks are set back",
        "hint: write which one is meant with its offset, for example `2026-10-25T00:30+00:00`",
        "windows.yaml:3: `2026-03-29T02:30` does not come in Europe/Berlin, for its clocks are set forward",
        "hint: write which one is meant with its offset, for example `2026-03-29T01:30+00:00`",
    ]


def test_windows_are_part_of_the_digest_and_a_plan_without_them_keeps_the_one_it_had(
    tmp_path: Path, playbook: Playbook, release: Release
) -> None:
    without = make_plan(FLEET, playbook, release)
    with_windows = make_plan(FLEET, playbook, release, windows=read(tmp_path, SUSPENSION))

    assert without.digest != with_windows.digest
    assert "windows" not in without.model_dump(mode="json")
    assert with_windows.model_copy(update={"windows": None}).compute_digest() == without.digest


def test_of_an_entry_only_the_sites_of_the_plan_are_frozen(tmp_path: Path, playbook: Playbook, release: Release) -> None:
    windows = read(tmp_path, SUSPENSION + "blackouts:\n  - {district: city, from: 2026-12-04T20:00, until: 2026-12-04T21:00}\n")

    plan = make_plan(FLEET, playbook, release, "kind:pharmacy", windows)

    assert plan.windows is not None
    assert plan.windows.blackouts[0].sites == ("p1",)


def test_the_file_that_ships_reads_against_the_sample_city() -> None:
    city = read_fleet([data_dir("inventory") / "city"])

    found = read_windows(data_dir("playbooks") / "windows.yaml", city, SHANGHAI)

    assert all(entry.sites for entry in (*found.windows, *found.blackouts, *found.left_on))
