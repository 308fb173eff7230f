"""`fleet release` and `fleet plan`, from the files that ship to a plan on disk."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree

import pytest

from fleet.data import data_dir
from fleet.model.actor import FLEET
from fleet.model.rollout import WavePhase
from fleet.plan import read_plan
from fleet.settings import Settings
from fleet.store import open_store, rollouts
from tests.conftest import Cli

PLAYBOOK = str(data_dir("playbooks") / "upgrade-client.yaml")
RELEASE = str(data_dir("playbooks") / "release" / "release.yaml")


def test_a_release_is_added_listed_and_verified(fleet: Cli, tmp_path: Path) -> None:
    assert fleet("release", "verify", "4.2.0").code == 2
    added = fleet("release", "add", RELEASE)
    again = fleet("release", "add", RELEASE)

    assert added.code == again.code == 0
    assert "pharmacy-osprey  kind:pharmacy vendor:osprey" in added.out
    assert re.search(r"4\.2\.0    20\d{6}01  until 20..-..-..  hospital, pharmacy, pharmacy-osprey", fleet("release", "list").out)
    said = fleet("release", "verify").out.splitlines()
    assert said[0] == "Release 4.2.0: every file is as it was added"
    assert re.fullmatch(r"Release 4\.2\.0: number 20\d{6}01, signed by SHA256:[A-Za-z0-9+/]{43} until 20..-..-..", said[1])
    content = min((tmp_path / "workspace" / "releases").iterdir())
    content.chmod(0o644)
    content.write_text("changed")
    ran = fleet("release", "verify")
    assert (ran.code, ran.out.splitlines()[0]) == (1, "Release 4.2.0: files missing or damaged: 1")
    assert "is damaged" in ran.err


@pytest.mark.parametrize("how", ["lost", "short", "changed"])
def test_a_release_whose_files_are_not_whole_is_neither_planned_nor_started(fleet: Cli, tmp_path: Path, how: str) -> None:
    fleet("release", "add", RELEASE)
    plan = ("plan", "--playbook", PLAYBOOK, "--release", "4.2.0", "--out")
    assert fleet(*plan, tmp_path / "plan.json").code == 0
    content = min((tmp_path / "workspace" / "releases").iterdir())
    whole = content.read_bytes()
    content.unlink()
    if how != "lost":
        content.write_bytes(whole[:-1] if how == "short" else whole[:-1] + bytes((whole[-1] ^ 1,)))

    planned = fleet(*plan, tmp_path / "another.json")
    started = fleet("rollout", "start", tmp_path / "plan.json", "--count", 20)
    status = fleet("status")
    fleet("release", "add", RELEASE)

    for ran in (planned, started):
        assert (ran.code, ran.out) == (2, "")
        assert str(content) in ran.err
        assert "add the release again" in ran.err
    assert not (tmp_path / "another.json").exists()
    assert "no rollout" in (status.out + status.err).lower()
    assert fleet("rollout", "start", tmp_path / "plan.json", "--count", 20).code == 0


def test_a_version_that_is_there_with_other_contents_is_refused(fleet: Cli, tmp_path: Path) -> None:
    other = copytree(Path(RELEASE).parent, tmp_path / "other")
    (other / "common" / "share" / "version").write_text("4.2.0-hotfix\n")
    fleet("release", "add", RELEASE)

    ran = fleet("release", "add", str(other / "release.yaml"))

    assert ran.code == 2
    assert "release 4.2.0 is there already, with other contents" in ran.err


def test_a_plan_is_shown_before_anything_is_touched_and_written_when_asked(fleet: Cli, tmp_path: Path) -> None:
    fleet("release", "add", RELEASE)

    ran = fleet("plan", "--playbook", PLAYBOOK, "--release", "4.2.0", "--select", "类型：药店", "--out", tmp_path / "plan.json")

    assert ran.code == 0
    assert "Plan: playbook upgrade-client, release 4.2.0" in ran.out
    assert "Selection: 类型：药店" in ran.out
    assert "The canary, and why these sites" in ran.out
    assert "The canary tries every kind, vendor and size there is." in ran.out
    assert "Steps that nobody gets: bind-hospital-key" in ran.out
    assert f"Digest: {read_plan(tmp_path / 'plan.json').digest}" in ran.out
    assert f"fleet rollout start {tmp_path}/plan.json" in ran.err


@pytest.mark.parametrize(("select", "count"), [("", " --count 20"), ("-vendor:nosuch", " --count 20"), ("kind:pharmacy", "")])
def test_a_plan_that_means_every_site_prints_the_count_that_its_start_asks_for(fleet: Cli, tmp_path: Path, select: str, count: str) -> None:
    fleet("release", "add", RELEASE)

    ran = fleet("plan", "--playbook", PLAYBOOK, "--release", "4.2.0", f"--select={select}", "--out", tmp_path / "plan.json")

    assert ran.err.rstrip().endswith(f"fleet rollout start {tmp_path}/plan.json{count}")


def test_a_plan_speaks_chinese_of_its_waves_strata_and_steps(fleet: Cli) -> None:
    fleet("release", "add", RELEASE)

    out = fleet("plan", "--playbook", PLAYBOOK, "--release", "4.2.0", "--lang", "zh_CN").out

    assert "先行批" in out
    assert re.search(r"(医院|药店) / [\w-]+ / (小|中|大)型", out)
    assert "预检 > swipe-test-before > 暂存" in out
    assert "hospital /" not in out


def test_the_preview_is_the_same_as_data(fleet: Cli) -> None:
    fleet("release", "add", RELEASE)

    ran = fleet("plan", "--playbook", PLAYBOOK, "--release", "4.2.0", "--push-seconds", "5", "--json")

    shown = json.loads(ran.out)
    assert ran.code == 0
    assert (shown["sites"], shown["push_s"]) == (20, 5.0)
    assert sum(wave["sites"] for wave in shown["waves"]) == 20
    assert "Nothing was written" in ran.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--playbook", PLAYBOOK, "--release", "4.2"), "there is no release 4.2 in the workspace\nhint: did you mean `4.2.0`?"),
        (("--playbook", PLAYBOOK, "--release", "4.2.0", "--select", "knd:x"), "unknown field `knd`"),
        (("--playbook", PLAYBOOK, "--release", "4.2.0", "--select", "site:x"), "means no terminal of the inventory"),
        (("--playbook", "nowhere.yaml", "--release", "4.2.0"), "nowhere.yaml: no such file"),
    ],
)
def test_a_request_that_cannot_be_planned_is_refused_and_writes_nothing(
    fleet: Cli, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    fleet("release", "add", RELEASE)

    ran = fleet("plan", *words, "--out", tmp_path / "plan.json")

    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert not (tmp_path / "plan.json").exists()


def test_a_wave_that_can_get_no_verdict_is_told(fleet: Cli, tmp_path: Path) -> None:
    fleet("release", "add", RELEASE)
    text = Path(PLAYBOOK).read_text("utf-8")
    assert "min_samples: " in text
    (tmp_path / "playbook.yaml").write_text(re.sub("min_samples: .*", "min_samples: 1000", text), "utf-8")

    ran = fleet("plan", "--playbook", tmp_path / "playbook.yaml", "--release", "4.2.0")

    assert "Wave 1 can get no verdict: " in ran.out
    assert "`min_samples` is 1000. A person will be asked." in ran.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--out", ""), "--out needs the name of a file"),
        (("--out", "."), "the plan cannot be written: this is a directory\n  at: .\n"),
        (("--out", "/none/plan.json"), "the plan cannot be written: there is no such directory\n  at: /none/plan.json\n"),
        (("--release", ""), "--release needs a version"),
        (("--select", "-site:" + "x" * 400), "the selection is longer than 400 characters"),
        (("--select", "-\x07"), "character U+0007 is not allowed in a selection"),
        (("--push-seconds", "inf"), "--push-seconds must be a number from 0.1 to 86400"),
        (("--push-seconds", "1e308"), "--push-seconds must be a number from 0.1 to 86400"),
        (("--push-seconds", "nan"), "--push-seconds must be a number from 0.1 to 86400"),
        (("--push-seconds", "0"), "--push-seconds must be a number from 0.1 to 86400"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(fleet: Cli, words: tuple[str, ...], said: str) -> None:
    fleet("release", "add", RELEASE)

    ran = fleet("plan", "--playbook", PLAYBOOK, "--release", "4.2.0", *words)

    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


def test_the_plan_says_how_its_gates_judge_in_words_with_its_numbers(fleet: Cli) -> None:
    fleet("release", "add", RELEASE)

    said = fleet("plan", "--playbook", PLAYBOOK, "--release", "4.2.0").out
    facts = json.loads(fleet("plan", "--playbook", PLAYBOOK, "--release", "4.2.0", "--json").out)

    assert "How each gate judges; the first that is so decides:" in said
    assert "  FAIL when the median of their swipes is now above 4 s." in said
    assert re.search(r"Gate 1: if all \d+ terminals by SSH answer, \d+ of them must be upgraded\.", said)
    assert facts["gate"]["swipe"] == {"target_s": 4.0, "percentile": 50.0, "min_pairs": 5}
    assert [line for line in facts["formula"] if f"  {line}\n" not in said] == []
    assert [each for each in facts["conditions"] if each["words"] not in facts["formula"]] == []
    told = {each["code"]: (each["verdict"], each["gate"], each["only"]) for each in facts["conditions"]}
    assert told["rehearsal-failed"] == ("fail", 1, None)
    assert told["taken-back"] == ("inconclusive", None, None)
    assert told["below-staged"] == ("fail", None, "stage")


def test_who_made_a_plan_that_wants_four_eyes_is_recorded_and_may_not_approve_it(fleet: Cli, tmp_path: Path) -> None:
    fleet("release", "add", RELEASE)
    playbook = tmp_path / "four.yaml"
    playbook.write_text(Path(PLAYBOOK).read_text("utf-8").replace("four_eyes: false", "four_eyes: true"), "utf-8")
    made = fleet("plan", "--playbook", playbook, "--release", "4.2.0", "--out", tmp_path / "plan.json")

    started = fleet("rollout", "start", tmp_path / "plan.json", "--count", len(read_plan(tmp_path / "plan.json").wave_of))
    store = open_store(Settings(workspace=tmp_path / "workspace"))
    with store.write(FLEET, datetime.now(UTC)) as tx:
        state = rollouts.newest_rollout(tx)
        assert state is not None
        waves = (state.waves[0].model_copy(update={"phase": WavePhase.GATE}), *state.waves[1:])
        rollouts.save_rollout(tx, state.model_copy(update={"waves": waves}))
    store.close()
    ran = fleet("rollout", "approve", "1")
    other = fleet("rollout", "approve", "1", "--plan", "0" * 64)

    assert (made.code, started.code) == (0, 0)
    assert ran.code == 2
    assert "演示协调员 made this plan, and it wants somebody else to approve" in ran.err
    assert "hint: 戈晚舟 may" in ran.err
    assert other.code == 2
    assert f"carries out plan {state.plan_digest[:12]}, not 000000000000; nothing was approved" in other.err
