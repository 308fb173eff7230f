"""A workspace that can only be read, and one on a full disk: looking works, and what does not says why."""

import json
from pathlib import Path

import pytest

from fleet.cli.common import os_user
from tests.cli.conftest import Within, write_tables
from tests.conftest import Cli

TABLES = {
    "districts": "code,name\nqingwan,青湾区\n",
    "sites": "code,kind,name,district\np1,pharmacy,东门药店,qingwan\n",
    "terminals": "site,code,host\np1,t1,127.0.0.1\n",
    "people": f"code,name,role,os_user\nli-na,李娜,coordinator,{os_user()}\n",
}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A small inventory."""
    return write_tables(tmp_path / "files", TABLES)


def read_only(place: Path) -> str:
    return f"mount --bind {place} {place}\nmount -o remount,bind,ro {place}"


@pytest.fixture
def place(cli: Cli, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with that inventory, in a directory of its own."""
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.setenv("FLEET_WORKSPACE", str(place / "workspace"))
    assert cli("init").code == 0
    assert cli("inventory", "import", files, "--apply").code == 0
    return place


@pytest.mark.parametrize("words", [("inventory", "show"), ("audit", "verify"), ("hosts", "show"), ("assign",)])
def test_whoever_may_only_read_the_workspace_may_look(place: Path, within: Within, words: tuple[str, ...]) -> None:
    before = {path.name for path in (place / "workspace").iterdir()}

    writable = within(":", "--workspace", place / "workspace", *words)
    looked = within(read_only(place), "--workspace", place / "workspace", *words)

    assert (looked.returncode, looked.stdout) == (writable.returncode, writable.stdout), looked.stderr
    assert looked.stdout
    assert {path.name for path in (place / "workspace").iterdir()} == before


def test_what_was_written_last_is_seen_while_another_holds_the_database_open(place: Path, files: Path, cli: Cli, within: Within) -> None:
    from fleet.settings import load_settings
    from fleet.store import open_store

    store = open_store(load_settings(place / "workspace"))
    with store.read():
        (files / "people.csv").write_text(TABLES["people"] + "wang,王磊,technician,\n", "utf-8")
        assert cli("inventory", "import", files, "--apply").code == 0
        assert (place / "workspace" / "fleet.db-wal").stat().st_size > 0
        looked = within(read_only(place), "--workspace", place / "workspace", "inventory", "show", "--json")
    store.close()

    assert looked.returncode == 0, looked.stderr
    assert "wang" in looked.stdout


@pytest.mark.parametrize("words", [("run",), ("inventory", "import", "files", "--apply")])
def test_what_would_write_says_that_the_workspace_can_only_be_read(
    place: Path, files: Path, within: Within, words: tuple[str, ...]
) -> None:
    (files / "people.csv").write_text(TABLES["people"] + "wang,王磊,technician,\n", "utf-8")

    refused = within(read_only(place), "--workspace", place / "workspace", *words)

    assert refused.returncode == 1
    assert "the database can only be read" in refused.stderr
    assert "hint: " in refused.stderr


@pytest.mark.parametrize("words", [("audit", "verify"), ("inventory", "import", "files", "--apply")])
def test_a_full_disk_is_said_to_be_full(place: Path, files: Path, within: Within, words: tuple[str, ...]) -> None:
    (files / "people.csv").write_text(TABLES["people"] + "wang,王磊,technician,\n", "utf-8")
    disk = "\n".join(
        (
            "mount -t tmpfs -o size=2m tmpfs /mnt",
            f"cp -a {place}/workspace /mnt/workspace",
            "dd if=/dev/zero of=/mnt/full bs=1k 2>/dev/null || :",
        )
    )

    refused = within(disk, "--workspace", "/mnt/workspace", *words)

    assert refused.returncode == 1
    assert "the disk of the workspace is full" in refused.stderr
    assert "hint: make room" in refused.stderr


def test_doctor_names_a_disk_that_is_mounted_read_only_and_no_other_cause(place: Path, within: Within) -> None:
    well = within(":", "--workspace", place / "workspace", "doctor", "--json")
    ran = within(read_only(place), "--workspace", place / "workspace", "doctor", "--json")

    before, found = ({each["what"] for each in json.loads(each.stdout)["findings"]} for each in (well, ran))
    assert found - before == {"the workspace's disk is mounted read-only: you may look, but nothing can be written"}
    assert "journal mode" not in ran.stdout


def test_a_workspace_that_cannot_be_made_is_named_itself_and_not_a_file_on_the_way(tmp_path: Path, within: Within) -> None:
    (tmp_path / "place").mkdir()

    refused = within(read_only(tmp_path / "place"), "--workspace", tmp_path / "place" / "workspace", "init")

    assert refused.returncode == 1
    assert refused.stderr.splitlines()[:2] == [
        "the workspace cannot be made: Read-only file system",
        f"  at: {tmp_path}/place/workspace",
    ]
    assert "hint: " in refused.stderr
