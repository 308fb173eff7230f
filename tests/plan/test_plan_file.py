"""A plan on disk."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fleet.errors import InputError
from fleet.model.actor import FLEET
from fleet.model.inventory import Fleet
from fleet.model.plan import Plan, digest_of
from fleet.model.playbook import Playbook
from fleet.model.release import Release
from fleet.plan import make_plan, read_plan, write_plan
from fleet.plan.plan_file import check_place
from fleet.settings import Settings
from fleet.store import open_store, releases


@pytest.fixture
def plan(make_fleet: Callable[..., Fleet], playbook: Playbook, release: Release) -> Plan:
    return make_plan(make_fleet(*((f"p{n}", "pharmacy", 1, {}) for n in range(9))), playbook, release)


def test_a_plan_written_down_reads_back_as_itself(plan: Plan, tmp_path: Path) -> None:
    write_plan(plan, tmp_path / "plan.json")

    assert read_plan(tmp_path / "plan.json") == plan
    assert [file.name for file in tmp_path.iterdir()] == ["plan.json"]


def _drop_a_site(data: dict[str, Any]) -> None:
    data["waves"][0]["sites"].pop()


def _loosen_the_budget(data: dict[str, Any]) -> None:
    data["waves"][0]["failures_allowed"] = 9


def _change_a_program(data: dict[str, Any]) -> None:
    next(iter(data["programs"].values()))["text"] += "reboot\n"


def _lower_the_gate(data: dict[str, Any]) -> None:
    data["playbook"]["gate"]["success"] = 1


@pytest.mark.parametrize("edit", [_drop_a_site, _loosen_the_budget, _change_a_program, _lower_the_gate])
def test_an_edited_plan_is_refused(plan: Plan, tmp_path: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    file = tmp_path / "plan.json"
    write_plan(plan, file)
    data = json.loads(file.read_text("utf-8"))
    edit(data)
    file.write_text(json.dumps(data), encoding="utf-8")

    with pytest.raises(InputError) as caught:
        read_plan(file)

    assert "the plan was edited" in str(caught.value)
    assert "fleet plan --out" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a plan file"),
        ("[1]", "not a plan file"),
        ('{"format": 9}', "not a plan file: format: `format`"),
        ('{"waves": 1', "no JSON at line 1, column 11"),
    ],
)
def test_a_file_that_is_no_plan_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "plan.json").write_text(text)

    with pytest.raises(InputError, match=said):
        read_plan(tmp_path / "plan.json")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (".", "this is a directory"),
        ("none/plan.json", "there is no such directory"),
        ("fifo", "not an ordinary file"),
        ("n" * 300, "File name too long"),
    ],
)
def test_a_place_no_plan_can_be_written_to_is_named_as_it_was_given(plan: Plan, tmp_path: Path, place: str, said: str) -> None:
    os.mkfifo(tmp_path / "fifo")

    with pytest.raises(InputError) as caught:
        write_plan(plan, tmp_path / place)

    assert f"the plan cannot be written: {said}" in str(caught.value)
    assert f"at: {tmp_path / place}" in str(caught.value)
    assert [file.name for file in tmp_path.iterdir()] == ["fifo"]
    assert not list(tmp_path.parent.glob(".*.part"))


@pytest.mark.parametrize("text", ["name: upgrade-client\n", '{"format": 1, "made_at": 0}', "SQLite format 3\0"])
def test_a_plan_never_takes_the_place_of_anything_but_a_plan(plan: Plan, tmp_path: Path, text: str) -> None:
    file = tmp_path / "precious"
    file.write_text(text)

    with pytest.raises(InputError, match="no earlier plan, so it is not replaced"):
        write_plan(plan, file)

    assert file.read_text() == text


def test_a_plan_takes_the_place_of_an_earlier_one(plan: Plan, tmp_path: Path) -> None:
    write_plan(plan, tmp_path / "plan.json")
    (tmp_path / "empty").touch()

    write_plan(plan, tmp_path / "plan.json")
    write_plan(plan, tmp_path / "empty")

    assert read_plan(tmp_path / "plan.json") == read_plan(tmp_path / "empty") == plan


def test_a_plan_is_not_written_into_the_workspace(tmp_path: Path) -> None:
    workspace = tmp_path / ".fleet"
    workspace.mkdir()
    (tmp_path / "link.json").symlink_to(workspace / "plan.json")

    for place in (workspace / "plan.json", tmp_path / "link.json"):
        with pytest.raises(InputError, match="in the workspace"):
            check_place(place, workspace)


def test_the_name_of_a_plan_may_be_as_long_as_a_name_can_be(plan: Plan, tmp_path: Path) -> None:
    write_plan(plan, tmp_path / ("n" * 255))

    assert read_plan(tmp_path / ("n" * 255)) == plan


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "plan.json")

    with pytest.raises(InputError, match="not an ordinary file"):
        read_plan(tmp_path / "plan.json")


def test_a_plan_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the plan cannot be read: No such file"):
        read_plan(tmp_path / "plan.json")


def test_a_plan_of_an_earlier_version_keeps_its_digest_when_a_playbook_may_say_more_since(plan: Plan, tmp_path: Path) -> None:
    written = plan.model_dump(mode="json")
    del written["playbook"]["push_deadline_s"]
    written["digest"] = digest_of(written)
    (tmp_path / "plan.json").write_text(json.dumps(written))
    store = open_store(Settings(workspace=tmp_path), create=True)

    read = read_plan(tmp_path / "plan.json")
    with store.write(FLEET, datetime(2026, 3, 14, tzinfo=UTC)) as tx:
        releases.keep_plan(tx, read)
    with store.read() as snapshot:
        kept = releases.read_plan(snapshot, written["digest"])
    store.close()

    assert kept == read
    assert kept.playbook.push_deadline_s == Playbook.model_fields["push_deadline_s"].default
