"""Where an export goes, and what it never replaces."""

import json
import os
from pathlib import Path

import openpyxl
import pytest

from fleet.errors import InputError
from fleet.report.completion import Completion
from fleet.report.export import WRITERS, write_file
from fleet.settings import Settings
from fleet.text import speaking


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize("name", ["fleet.db", "fleet.toml", "new.csv", "releases/new.csv"])
def test_nothing_in_the_workspace_is_replaced_or_added(completion: Completion, workspace: Settings, name: str) -> None:
    (workspace.workspace / "releases").mkdir(exist_ok=True)
    before = {path: path.stat().st_size for path in workspace.workspace.rglob("*")}

    with pytest.raises(InputError, match="this is in the workspace") as refusal:
        write_file(completion, "csv", workspace.workspace / name)
    assert refusal.value.exit_code == 2
    assert {path: path.stat().st_size for path in workspace.workspace.rglob("*")} == before


def test_a_link_into_the_workspace_is_refused(completion: Completion, workspace: Settings, tmp_path: Path) -> None:
    (tmp_path / "out.csv").symlink_to(workspace.workspace / "fleet.db")

    with pytest.raises(InputError, match="this is in the workspace"):
        write_file(completion, "csv", tmp_path / "out.csv")


@pytest.mark.parametrize("ending", WRITERS)
def test_a_device_or_a_pipe_stays_what_it_is(completion: Completion, tmp_path: Path, ending: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (Path("/dev/null"), tmp_path / "pipe"):
        with pytest.raises(InputError, match=r"this is a device or a pipe, not a file\n.*\nhint: use `--out -`"):
            write_file(completion, ending, path)

    assert Path("/dev/null").is_char_device()
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize("ending", WRITERS)
@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_an_earlier_export_of_the_same_format_is_replaced(completion: Completion, tmp_path: Path, ending: str, language: str) -> None:
    path = tmp_path / "out"
    with speaking(language):
        write_file(completion, ending, path)
    first = path.stat().st_ino

    write_file(completion, ending, path)

    assert path.stat().st_ino != first


def test_a_workbook_that_was_saved_again_is_still_known_as_an_export(completion: Completion, tmp_path: Path) -> None:
    path = write_file(completion, "xlsx", tmp_path / "out.xlsx")
    openpyxl.load_workbook(path).save(path)

    assert write_file(completion, "xlsx", path) == path


@pytest.mark.parametrize("ending", WRITERS)
@pytest.mark.parametrize("content", ["code,kind,name\n", '{"plan": 1}', "PK\x03\x04 and no more", "\ufeffcode,kind\n", "x"])
def test_a_file_that_is_no_earlier_export_is_not_replaced(completion: Completion, tmp_path: Path, ending: str, content: str) -> None:
    path = tmp_path / "mine"
    path.write_text(content, encoding="utf-8")

    with pytest.raises(InputError, match=f"a file is there that is no earlier export as {ending}, so it is not replaced"):
        write_file(completion, ending, path)
    assert path.read_text("utf-8") == content


def test_somebodys_own_workbook_is_not_replaced(completion: Completion, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.save(tmp_path / "inventory.xlsx")

    with pytest.raises(InputError, match="no earlier export as xlsx"):
        write_file(completion, "xlsx", tmp_path / "inventory.xlsx")


def test_a_write_protected_file_is_not_replaced(completion: Completion, tmp_path: Path) -> None:
    path = write_file(completion, "csv", tmp_path / "out.csv")
    path.chmod(0o400)

    with pytest.raises(InputError, match="this file is write-protected"):
        write_file(completion, "csv", path)


def test_a_new_file_is_for_its_owner_and_an_earlier_one_keeps_its_mode(completion: Completion, tmp_path: Path) -> None:
    path = write_file(completion, "csv", tmp_path / "out.csv")
    new = mode_of(path)
    path.chmod(0o640)
    write_file(completion, "csv", path)

    assert (new, mode_of(path)) == (0o600, 0o640)


def test_a_link_is_followed_and_stays_a_link(completion: Completion, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    link = tmp_path / "latest.json"
    link.symlink_to(shared / "night.json")
    for _ in range(2):
        write_file(completion, "json", link)

    assert link.is_symlink()
    assert json.loads((shared / "night.json").read_bytes())["format"] == 1
    assert [each.name for each in shared.iterdir()] == ["night.json"]


def test_an_empty_file_gives_way_to_an_export(completion: Completion, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.touch()

    assert write_file(completion, "csv", path).stat().st_size > 0


def test_a_name_as_long_as_a_name_can_be_is_written_and_a_longer_one_refused(completion: Completion, tmp_path: Path) -> None:
    longest = tmp_path / ("x" * 251 + ".csv")

    assert write_file(completion, "csv", longest).stat().st_size > 0
    with pytest.raises(InputError, match="the file cannot be written: File name too long"):
        write_file(completion, "csv", tmp_path / ("x" * 296 + ".csv"))
