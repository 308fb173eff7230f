"""`fleet init`."""

import grp
import os
import subprocess
import tomllib
from pathlib import Path

import pytest

from fleet.control.workspace import make_workspace, settings_text
from fleet.errors import ConflictError, FleetError, InputError
from fleet.settings import load_settings
from fleet.store import open_store
from tests.conftest import Cli


def contents(directory: Path) -> dict[str, bytes]:
    return {str(file.relative_to(directory)): file.read_bytes() for file in directory.rglob("*") if file.is_file()}


def test_a_workspace_holds_settings_key_database_and_only_its_owner_enters(cli: Cli, tmp_path: Path) -> None:
    ran = cli("init")

    workspace = tmp_path / "workspace"
    assert (ran.code, ran.out) == (0, f"{workspace}\n")
    keys = ["id_ed25519", "id_ed25519.pub", "release_key", "release_key.pub"]
    assert sorted(path.name for path in workspace.iterdir()) == ["fleet.db", "fleet.toml", *keys, "releases"]
    assert workspace.stat().st_mode & 0o777 == 0o700
    assert {(workspace / key).stat().st_mode & 0o777 for key in keys[::2]} == {0o600}


def test_a_shared_workspace_is_its_groups_except_for_the_private_keys(cli: Cli, tmp_path: Path) -> None:
    ran = cli("init", "--group", grp.getgrgid(os.getegid()).gr_name)

    workspace = tmp_path / "workspace"
    modes = {path.name: oct(path.stat().st_mode & 0o7777) for path in (workspace, *workspace.iterdir())}
    assert ran.code == 0
    assert modes == {
        "workspace": "0o2770",
        "releases": "0o2770",
        "fleet.db": "0o660",
        "fleet.toml": "0o640",
        "id_ed25519": "0o600",
        "id_ed25519.pub": "0o640",
        "release_key": "0o600",
        "release_key.pub": "0o640",
    }


def test_a_group_that_is_not_there_is_refused_and_nothing_made(cli: Cli, tmp_path: Path) -> None:
    ran = cli("init", "--group", "no-such-group-here")

    assert ran.code == 2
    assert "there is no group `no-such-group-here`" in ran.err
    assert list(tmp_path.iterdir()) == []


def test_the_database_of_a_new_workspace_can_be_opened(tmp_path: Path) -> None:
    store = open_store(make_workspace(tmp_path / "workspace"))

    assert store.version() == 0
    store.close()


def test_every_setting_stands_in_the_file_and_is_a_comment_until_it_is_wanted(tmp_path: Path) -> None:
    text = settings_text()
    wanted = "\n".join(line[1:] for line in text.splitlines() if line.startswith("#") and not line.startswith("# "))
    (tmp_path / "fleet.toml").write_text(wanted, "utf-8")

    settings = load_settings(tmp_path)

    assert tomllib.loads(text) == {}
    assert settings.model_fields_set <= set(type(settings).model_fields)
    assert set(tomllib.loads(wanted)) == set(type(settings).model_fields) - {"workspace"}


def test_an_existing_workspace_is_refused_and_not_touched(cli: Cli, tmp_path: Path) -> None:
    cli("init")
    before = contents(tmp_path)

    ran = cli("init")

    assert (ran.code, ran.out) == (2, "")
    assert "there is a workspace already; nothing was changed" in ran.err
    assert contents(tmp_path) == before


def test_a_directory_with_other_files_is_refused_and_not_touched(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters/a.txt").write_text("dear")

    with pytest.raises(ConflictError, match="something else"):
        make_workspace(tmp_path / "letters")

    assert contents(tmp_path) == {"letters/a.txt": b"dear"}


def test_an_empty_directory_becomes_a_workspace(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    make_workspace(tmp_path / "empty")

    assert (tmp_path / "empty/fleet.db").exists()


def test_a_place_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not there"):
        make_workspace(tmp_path / "absent/workspace")


def test_nothing_is_left_behind_when_it_fails_half_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET_DATABASE_URL", f"sqlite:///{tmp_path}/absent/fleet.db")

    with pytest.raises(FleetError, match="unable to open"):
        make_workspace(tmp_path / "workspace")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.needs("ssh-keygen")
def test_openssh_reads_the_key_that_is_made(tmp_path: Path) -> None:
    settings = make_workspace(tmp_path / "workspace")

    derived = subprocess.run(["ssh-keygen", "-y", "-f", settings.user_key], capture_output=True, text=True, check=True).stdout

    assert Path(f"{settings.user_key}.pub").read_text("ascii").split() == [*derived.split(), "fleet"]
