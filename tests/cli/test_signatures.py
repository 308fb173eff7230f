"""`fleet release` and signatures: signed when added, renewed, permitted; refused in time; and the key stays where it is."""

import json
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from fleet.control.releases import Signing, renew_signature
from fleet.control.rollouts import start_rollout
from fleet.control.workspace import release_key
from fleet.data import data_dir
from fleet.errors import InputError
from fleet.model.actor import Actor
from fleet.plan import make_plan, read_plan, read_playbook, write_plan
from fleet.settings import load_settings
from fleet.store import open_store
from fleet.store.fleets import read_fleet
from tests.conftest import Cli

PLAYBOOK = data_dir("playbooks") / "upgrade-client.yaml"
RELEASE = data_dir("playbooks") / "release"


@pytest.fixture
def workspace_dir(tmp_path: Path) -> Path:
    return tmp_path / "workspace"


def release(directory: Path, version: str) -> Path:
    """The sample release under another version."""
    text = (RELEASE / "release.yaml").read_text("utf-8")
    copied = copytree(RELEASE, directory / version) / "release.yaml"
    copied.write_text(text.replace("4.2.0", version), "utf-8")
    return copied


def plan(fleet: Cli, version: str, *more: object) -> Any:
    return fleet("plan", "--playbook", PLAYBOOK, "--release", version, *more)


def expire(directory: Path) -> None:
    """Time goes by; as a database's owner can play it."""
    with closing(sqlite3.connect(directory / "fleet.db")) as database, database:
        database.execute("UPDATE release_signature SET expires_at = '2020-01-01T00:00:00.000000+00:00'")


def test_releases_are_numbered_in_the_order_they_come(fleet: Cli, tmp_path: Path) -> None:
    for version in ("4.1.0", "4.3.0", "4.2.0"):
        assert fleet("release", "add", release(tmp_path, version)).code == 0

    listed = json.loads(fleet("release", "list", "--json").out)

    numbers = {one["version"]: one["signature"]["number"] for one in listed}
    assert sorted(numbers, key=lambda version: numbers[version]) == ["4.1.0", "4.3.0", "4.2.0"]
    assert len(set(numbers.values())) == 3
    assert "proofs" not in listed[0]["signature"]


def test_adding_the_same_again_does_not_sign_it_again_but_sign_does_and_keeps_its_number(fleet: Cli, workspace_dir: Path) -> None:
    def signature() -> Any:
        with closing(sqlite3.connect(workspace_dir / "fleet.db")) as database:
            return database.execute("SELECT number, proofs, expires_at FROM release_signature").fetchall()

    fleet("release", "add", RELEASE / "release.yaml")
    first = signature()
    fleet("release", "add", RELEASE / "release.yaml", "--valid-days", "7")
    again = signature()
    renewed = fleet("release", "sign", "4.2.0", "--valid-days", "200")

    assert again == first
    assert (renewed.code, signature()[0][0]) == (0, first[0][0])
    assert signature()[0][2] > first[0][2]
    assert "Plans made before keep the old signature" in renewed.err


def test_what_has_expired_or_was_changed_is_refused_before_a_plan_is_made(fleet: Cli, workspace_dir: Path) -> None:
    fleet("release", "add", RELEASE / "release.yaml")
    expire(workspace_dir)

    changed = plan(fleet, "4.2.0")
    verified = fleet("release", "verify")
    listed = fleet("release", "list")
    renewed = fleet("release", "sign", "4.2.0")

    assert (changed.code, changed.out) == (2, "")
    assert "the signature of release 4.2.0 does not hold for its artifact `hospital`\nhint: run `fleet release sign 4.2.0`" in changed.err
    assert verified.code == 1
    assert "does not hold" in verified.out
    assert "expired on 2020-01-01" in listed.out
    assert renewed.code == 0
    assert plan(fleet, "4.2.0").code == 0


def test_without_a_key_a_release_is_taken_in_and_waits_to_be_signed(fleet: Cli, workspace_dir: Path, tmp_path: Path) -> None:
    (workspace_dir / "fleet.toml").write_text(f'release_key_file = "{tmp_path}/elsewhere"\n')

    added = fleet("release", "add", RELEASE / "release.yaml")
    refused = plan(fleet, "4.2.0")
    not_signed = fleet("release", "sign", "4.2.0")
    (workspace_dir / "release_key").rename(tmp_path / "elsewhere")
    signed = fleet("release", "sign", "4.2.0")

    assert added.code == 3
    assert "It is not signed yet. Whoever has the release key runs: fleet release sign 4.2.0" in added.err
    assert (refused.code, "release 4.2.0 is not signed" in refused.err) == (2, True)
    assert (not_signed.code, "no release key" in not_signed.err) == (2, True)
    assert signed.code == plan(fleet, "4.2.0").code == 0
    assert not (workspace_dir / "release_key").exists()


def test_a_workspace_from_before_there_were_keys_gets_one_when_it_is_needed(fleet: Cli, workspace_dir: Path) -> None:
    for name in ("release_key", "release_key.pub"):
        (workspace_dir / name).unlink()

    assert fleet("release", "add", RELEASE / "release.yaml").code == 0
    assert (workspace_dir / "release_key").stat().st_mode & 0o777 == 0o600


def test_a_lost_private_key_is_not_replaced_behind_anybody_s_back(fleet: Cli, workspace_dir: Path) -> None:
    (workspace_dir / "release_key").unlink()

    assert fleet("release", "add", RELEASE / "release.yaml").code == 3
    assert not (workspace_dir / "release_key").exists()


def test_a_key_that_terminals_know_is_not_replaced_before_somebody_says_that_it_is_lost(
    fleet: Cli, workspace_dir: Path, tmp_path: Path
) -> None:
    fleet("release", "add", release(tmp_path, "4.1.0"))
    known = fleet("release", "verify").out.split("signed by ")[1].split()[0]
    for name in ("release_key", "release_key.pub"):
        (workspace_dir / name).unlink()
    contents = set((workspace_dir / "releases").iterdir())

    refused = [fleet("release", "add", RELEASE / "release.yaml"), fleet("release", "sign", "4.1.0")]
    unknown = fleet("release", "sign", "4.9.9", "--new-key")
    untouched = not (workspace_dir / "release_key").exists(), set((workspace_dir / "releases").iterdir()) == contents
    made = fleet("release", "add", RELEASE / "release.yaml", "--new-key")
    again = fleet("release", "sign", "4.2.0", "--new-key")

    for ran in refused:
        assert (ran.code, ran.out) == (2, "")
        assert f"the release key is gone; terminals take no other than {known}, which signed before" in ran.err
        assert "--new-key" in ran.err
    assert unknown.code == 2
    assert untouched == (True, True)
    assert (made.code, "A new release key was made, SHA256:" in made.err) == (0, True)
    assert (again.code, "there is a release key already" in again.err) == (2, True)


def test_a_release_that_another_key_signed_than_the_present_one_says_so_everywhere(fleet: Cli, workspace_dir: Path, tmp_path: Path) -> None:
    fleet("release", "add", release(tmp_path, "4.1.0"))
    for name in ("release_key", "release_key.pub"):
        (workspace_dir / name).unlink()
    fleet("release", "add", RELEASE / "release.yaml", "--new-key")
    note = "Release 4.1.0 is signed by another key (SHA256:"

    listed, verified = fleet("release", "list"), fleet("release", "verify")
    planned, well = plan(fleet, "4.1.0"), plan(fleet, "4.2.0")
    signed = fleet("release", "sign", "4.1.0")

    assert listed.out.count("by another key than the present one") == 1
    assert (verified.err.count(note), planned.err.count(note), well.err.count("another key")) == (1, 1, 0)
    assert planned.code == signed.code == 0
    assert "another key" not in plan(fleet, "4.1.0").err


def test_a_downgrade_is_permitted_by_a_person_and_is_part_of_the_plan(fleet: Cli, tmp_path: Path) -> None:
    for version in ("4.1.0", "4.2.0"):
        fleet("release", "add", release(tmp_path, version))
    before = json.loads(plan(fleet, "4.1.0", "--json").out)["digest"]

    permitted = fleet("release", "permit", "4.1.0", "--from", "4.2.0")
    after = json.loads(plan(fleet, "4.1.0", "--json").out)["digest"]

    assert permitted.code == 0
    assert permitted.out.startswith("Terminals may go from 4.2.0 or older to 4.1.0 until ")
    assert "; permitted from 4.2.0" in fleet("release", "list").out
    assert before != after
    assert json.loads(plan(fleet, "4.1.0", "--json").out)["digest"] == after
    assert fleet("audit", "verify").code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("permit", "4.2.0", "--from", "4.1.0"), "release 4.2.0 needs no permit: its number"),
        (("permit", "4.2.0", "--from", "4.1.0"), "the number counts, not the version"),
        (("permit", "4.2.0", "--from", "4.2.0"), "is not older than"),
        (("permit", "4.1.0", "--from", "4.9.9"), "there is no release 4.9.9 in the workspace"),
        (("permit", "4.1.0", "--from", "4.2.0", "--valid-days", "0"), "--valid-days must be a number from 1 to 3650"),
        (("sign", "4.2"), "there is no release 4.2 in the workspace\nhint: did you mean `4.2.0`?"),
        (("sign", "4.2.0", "--valid-days", "99999"), "--valid-days must be a number from 1 to 3650"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(fleet: Cli, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    for version in ("4.1.0", "4.2.0"):
        fleet("release", "add", release(tmp_path, version))
    listed = fleet("release", "list", "--json").out

    ran = fleet("release", *words)

    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert fleet("release", "list", "--json").out == listed


def test_a_plan_whose_release_has_expired_since_is_not_started(fleet: Cli, workspace_dir: Path, tmp_path: Path) -> None:
    fleet("release", "add", RELEASE / "release.yaml", "--valid-days", "1")
    plan(fleet, "4.2.0", "--out", tmp_path / "plan.json")
    tomorrow = datetime.now(UTC) + timedelta(days=1, minutes=1)

    with closing(open_store(load_settings(workspace_dir))) as store, pytest.raises(InputError) as refused:
        start_rollout(store, Actor(code="demo-coordinator"), tomorrow, read_plan(tmp_path / "plan.json"))

    assert "the signature of release 4.2.0 expired on " in str(refused.value)
    assert "run `fleet release sign 4.2.0`, then make the plan again" in str(refused.value)
    assert fleet("rollout", "start", tmp_path / "plan.json", "--count", 20).code == 0


def test_the_day_of_an_expiry_is_the_workspace_s_own_everywhere(fleet: Cli, workspace_dir: Path, tmp_path: Path) -> None:
    fleet("release", "add", RELEASE / "release.yaml")
    evening = datetime(2026, 1, 10, 20, 30, tzinfo=UTC)  # the next morning in Shanghai
    settings, actor = load_settings(workspace_dir), Actor(code="demo-coordinator")
    with closing(open_store(settings)) as store:
        signing = Signing(release_key(settings), settings.zone, timedelta(days=1))
        expired = renew_signature(store, actor, evening, "4.2.0", signing)
        with store.read() as snapshot:
            made = make_plan(read_fleet(snapshot), read_playbook(PLAYBOOK), expired)
    write_plan(made, tmp_path / "plan.json")

    said = [fleet("release", "list").out, fleet("release", "verify").out, plan(fleet, "4.2.0").err]
    said.append(fleet("rollout", "start", tmp_path / "plan.json", "--count", 20).err)

    assert ["expired on 2026-01-12" in words for words in said] == [True] * 4, said


def test_the_private_key_is_in_its_own_file_and_nowhere_else(fleet: Cli, workspace_dir: Path, tmp_path: Path) -> None:
    secret = (workspace_dir / "release_key").read_text().splitlines()[1][:40]
    said = [fleet("release", "add", RELEASE / "release.yaml"), plan(fleet, "4.2.0", "--out", tmp_path / "plan.json")]
    said += [fleet("release", "list", "--json"), fleet("release", "verify"), fleet("release", "sign", "4.2.0")]

    holders = [path for path in tmp_path.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]

    assert holders == [workspace_dir / "release_key"]
    assert not any(secret in ran.out + ran.err for ran in said)
    assert secret not in "".join(os.environ.values())
