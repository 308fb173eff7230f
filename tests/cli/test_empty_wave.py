"""A plan with nothing in one of its waves is refused where it is started, although its digest is right."""

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fleet.data import data_dir
from fleet.model.plan import digest_of
from fleet.settings import Settings
from fleet.store import open_store
from tests.conftest import Cli

Editing = Callable[[Callable[[dict[str, Any]], None]], Path]


@pytest.fixture
def editing(fleet: Cli, tmp_path: Path) -> Editing:
    """The plan of the sample town after an edit, with the digest of what it holds now."""
    fleet("release", "add", data_dir("playbooks") / "release" / "release.yaml")
    playbook = data_dir("playbooks") / "upgrade-client.yaml"
    assert fleet("plan", "--playbook", playbook, "--release", "4.2.0", "--out", tmp_path / "plan.json").code == 0

    def edit(change: Callable[[dict[str, Any]], None]) -> Path:
        file = tmp_path / "plan.json"
        data = json.loads(file.read_text("utf-8"))
        change(data)
        file.write_text(json.dumps(data | {"digest": digest_of(data)}), "utf-8")
        return file

    return edit


def _is_left_whole(data: dict[str, Any]) -> None:
    assert data["waves"]


def _loses_its_second_wave(data: dict[str, Any]) -> None:
    data["waves"][1]["sites"] = []


def _loses_the_terminals_of_a_site(data: dict[str, Any]) -> None:
    data["waves"][1]["sites"][0]["terminals"] = []


def _loses_every_wave(data: dict[str, Any]) -> None:
    data["waves"] = []


@pytest.mark.parametrize(
    ("change", "said", "chinese"),
    [
        (_loses_its_second_wave, "wave 2 of the plan has no site, so there is nothing to push in it", "计划的第2批次没有站点"),
        (
            _loses_the_terminals_of_a_site,
            "site 1 of wave 2 of the plan has no terminal, so there is nothing to push",
            "计划的第2批次第 1 个站点没有终端",
        ),
        (_loses_every_wave, "the plan has no wave, so there is nothing to push", "计划中没有批次"),
    ],
)
def test_a_plan_with_an_empty_wave_is_refused_in_one_message_and_nothing_is_changed(
    *, fleet: Cli, editing: Editing, tmp_path: Path, change: Callable[[dict[str, Any]], None], said: str, chinese: str
) -> None:
    file = editing(change)
    with closing(open_store(Settings(workspace=tmp_path / "workspace"))) as store:
        before = store.version()

        ran = fleet("rollout", "start", file, "--count", 20)

        assert (ran.code, ran.out) == (2, "")
        assert ran.err.splitlines() == [said, f"  at: {file}", "hint: make the plan again with `fleet plan --out`"]
        assert store.version() == before
    assert "no rollout has been started yet" in fleet("status").err
    assert chinese in fleet("rollout", "start", file, "--count", 20, "--lang", "zh_CN").err


def test_the_same_plan_with_all_of_its_waves_is_started(fleet: Cli, editing: Editing) -> None:
    assert fleet("rollout", "start", editing(_is_left_whole), "--count", 20).code == 0
