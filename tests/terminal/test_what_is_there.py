"""What a push looks at before it believes it: the version that is live, and what stands in the directory of the new release."""

import os

import pytest

from fleet.model.attempt import Cause, TerminalState
from fleet.model.playbook import PreflightStep, Step
from tests.terminal.field import Far, build, upgrade_steps, words

OLD = build("1.0")
NEW = build("2.0")


def steps_for(*versions: str) -> list[Step]:
    """An upgrade of these versions only."""
    look = PreflightStep(name="preflight", min_free_kb=64, version=words("cat", "share/version"), versions=versions)
    return [look, *upgrade_steps("2.0")[1:]]


@pytest.mark.parametrize("versions", [("1.0",), ("0.9", "1.*")])
def test_a_version_that_the_playbook_upgrades_is_upgraded(far: Far, versions: tuple[str, ...]) -> None:
    far.push(upgrade_steps("1.0"), OLD)

    pushed = far.push(steps_for(*versions), NEW)

    assert pushed.story.ending is TerminalState.UPGRADED


@pytest.mark.parametrize("versions", [("0.9",), ("1",), ("1.0.*",), ("11.*", "2.0")])
def test_any_other_version_is_left_as_it_is_and_said(far: Far, versions: tuple[str, ...]) -> None:
    far.push(upgrade_steps("1.0"), OLD)

    pushed = far.push(steps_for(*versions), NEW)

    assert (pushed.story.ending, pushed.story.cause) == (TerminalState.FAILED, Cause.WRONG_VERSION)
    assert pushed.story.detail == "1.0"
    assert far.live == OLD.name
    assert pushed.asked_for == ()


def test_a_terminal_without_a_client_is_not_asked_for_its_version(far: Far) -> None:
    pushed = far.push(steps_for("0.9"), NEW)

    assert pushed.story.ending is TerminalState.UPGRADED


def test_nothing_but_the_releases_own_files_is_in_it(far: Far) -> None:
    release = far.root / "releases" / NEW.name
    (release / "lib").mkdir(parents=True)
    (release / "lib/stray so.dat").write_bytes(b"stray")
    (release / "bin").mkdir()
    (release / "bin/client").symlink_to("/bin/sh")
    os.mkfifo(release / "lib/pipe")

    pushed = far.push(upgrade_steps("2.0"), NEW)

    assert pushed.story.ending is TerminalState.UPGRADED
    assert not (release / "bin/client").is_symlink()
    assert {str(path.relative_to(release)) for path in release.rglob("*") if not path.is_dir()} == {
        *(file.path for file in NEW.artifact.files),
        "etc/client.conf",
    }


@pytest.mark.parametrize("stray", ["lib/.hidden", "..two", "bin/two\nlines", "lib/cards.dat\nlib"])
def test_whatever_a_stray_file_is_called_it_goes(far: Far, stray: str) -> None:
    release = far.root / "releases" / NEW.name
    (release / stray).parent.mkdir(parents=True, exist_ok=True)
    (release / stray).write_bytes(b"stray")

    pushed = far.push(upgrade_steps("2.0"), NEW)

    assert pushed.story.ending is TerminalState.UPGRADED
    assert {str(path.relative_to(release)) for path in release.rglob("*") if not path.is_dir()} == {
        *(file.path for file in NEW.artifact.files),
        "etc/client.conf",
    }


def test_a_file_that_would_run_as_somebody_else_is_not_kept(far: Far) -> None:
    far.push(upgrade_steps("1.0"), OLD)
    held = far.root / "releases" / OLD.name / "lib/cards.dat"
    held.chmod(0o4755)

    pushed = far.push(upgrade_steps("2.0"), NEW)
    again = far.push(upgrade_steps("2.0"), NEW)

    arrived = far.root / "releases" / NEW.name / "lib/cards.dat"
    assert TerminalState.UPGRADED in (pushed.story.ending, again.story.ending)
    assert arrived.stat().st_mode & 0o7777 == 0o644
