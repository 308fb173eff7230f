"""Staging alone: the release is brought days before its night, nothing live is touched, and it is still there when the night comes."""

from pathlib import Path

import pytest

from fleet.model.attempt import Cause, TerminalState
from fleet.model.playbook import ProbeStep, StageStep, Step
from tests.terminal.field import VALUES, Build, Far, Pushed, build, client_files, make_far, upgrade_steps, words

ONLY_STAGE = {**VALUES, "only": "stage"}
OLD, NEW = build("1.0"), build("2.0")
SCARCE_KB = 64 + NEW.artifact.size // 1024 + 1
"""Room for the release once, beside what its preflight wants left."""


@pytest.fixture
def old(far: Far) -> Far:
    """A terminal on the old release."""
    assert far.push(upgrade_steps("1.0"), OLD).story.ending is TerminalState.UPGRADED
    return far


def stage(far: Far, release: Build = NEW, **more: str) -> Pushed:
    return far.push(upgrade_steps(release.version), release, values={**ONLY_STAGE, **more})


def upgrade(far: Far, release: Build = NEW, *, keep: int = 2) -> Pushed:
    steps: list[Step] = [
        step.model_copy(update={"keep_releases": keep}) if isinstance(step, StageStep) else step for step in upgrade_steps(release.version)
    ]
    return far.push(steps, release)


def tree(directory: Path) -> dict[str, tuple[int, int, bytes]]:
    """Everything below, as it is: inode, time of the last change, contents."""
    found = {}
    for path in [directory, *directory.rglob("*")]:
        status = path.lstat()
        data = path.readlink().as_posix().encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found[str(path)] = (status.st_ino, status.st_mtime_ns if path.is_file() else 0, data)
    return found


def live_things(far: Far) -> dict[str, tuple[int, int, bytes]]:
    """All that a running client or the boot hook has to do with."""
    fleet = far.root / ".fleet"
    places = [
        far.root / "current",
        far.root / "releases" / OLD.name,
        *(fleet / name for name in ("journal", "boot.sh", "history", "steps")),
    ]
    return {name: what for place in places if place.is_symlink() or place.exists() for name, what in tree(place).items()}


def staged(far: Far) -> list[str]:
    return sorted(path.name for path in (far.root / "releases").iterdir())


def test_staging_brings_the_release_and_touches_nothing_live(old: Far) -> None:
    before, asked = live_things(old), old.asked()

    pushed = stage(old)

    assert (pushed.story.ending, pushed.story.cause, pushed.exit_code) == (TerminalState.STAGED, Cause.NONE, 0)
    assert [step.name for step in pushed.story.steps] == ["preflight", "stage"]
    assert live_things(old) == before
    assert old.asked() == asked
    assert all((old.root / "releases" / NEW.name / file.path).read_bytes() == NEW.contents[file.sha256] for file in NEW.artifact.files)


def test_on_the_night_nothing_is_asked_for(old: Far) -> None:
    stage(old)

    pushed = upgrade(old)

    assert (pushed.story.ending, pushed.asked_for) == (TerminalState.UPGRADED, ())
    assert pushed.story.bytes_saved == NEW.artifact.size
    assert old.live == NEW.name


def test_staging_again_finds_it_in_place_and_writes_nothing(old: Far) -> None:
    stage(old)
    before = tree(old.root)

    pushed = stage(old)

    assert (pushed.story.ending, pushed.story.in_place, pushed.asked_for) == (TerminalState.STAGED, True, ())
    assert tree(old.root) == before


def test_a_release_that_is_live_needs_no_staging(old: Far) -> None:
    before = tree(old.root)

    pushed = stage(old, OLD)

    assert (pushed.story.ending, pushed.story.in_place) == (TerminalState.STAGED, True)
    assert tree(old.root) == before


def test_of_a_staged_release_that_was_damaged_since_only_the_damaged_file_is_sent(old: Far) -> None:
    stage(old)
    (old.root / "releases" / NEW.name / "share/version").write_text("2.x\n")

    pushed = stage(old)

    assert (pushed.story.ending, pushed.story.in_place, pushed.asked_for) == (TerminalState.STAGED, False, ("share/version",))
    assert upgrade(old).asked_for == ()


def test_a_file_that_arrives_damaged_is_not_staged(old: Far) -> None:
    before = live_things(old)

    pushed = old.push(upgrade_steps("2.0"), NEW, values=ONLY_STAGE, damage=lambda data: data.replace(b"2.0", b"2.1"))

    assert (pushed.story.ending, pushed.story.cause) == (TerminalState.FAILED, Cause.DAMAGED_FILE)
    assert live_things(old) == before
    assert not stage(old).story.in_place


def test_another_release_that_goes_live_in_between_leaves_the_staged_one_alone(old: Far) -> None:
    stage(old)

    upgrade(old, build("1.1"), keep=1)
    upgrade(old, build("1.2"), keep=1)

    assert staged(old) == [build("1.2").name, NEW.name]
    assert upgrade(old).asked_for == ()


def test_a_release_that_was_live_in_between_can_be_staged_again_and_stays(old: Far) -> None:
    upgrade(old)

    again = OLD.permitted_from("2.1")
    pushed = stage(old, again)
    upgrade(old, build("2.1"), keep=1)

    assert (pushed.story.ending, pushed.asked_for) == (TerminalState.STAGED, ())
    assert upgrade(old, again).asked_for == ()


def test_a_staged_release_that_is_wanted_no_more_goes_when_another_goes_live(old: Far) -> None:
    stage(old, build("1.9"))
    stage(old)

    upgrade(old, build("1.1"), keep=1)

    assert staged(old) == [build("1.1").name, NEW.name]


def test_once_it_was_live_a_staged_release_goes_as_any_other(old: Far) -> None:
    stage(old)
    upgrade(old)

    upgrade(old, build("2.1"), keep=1)

    assert staged(old) == [build("2.1").name]


def test_on_the_night_no_room_is_asked_for_a_second_time(old: Far) -> None:
    df = old.tools / "df"
    df.unlink()

    def leave(kilobytes: int) -> None:
        df.write_text(f"#!/bin/sh\necho heading\necho disk 0 0 {kilobytes} 0 /\n")
        df.chmod(0o755)

    leave(SCARCE_KB)
    assert stage(old).story.ending is TerminalState.STAGED

    leave(SCARCE_KB - NEW.artifact.size // 1024)
    assert upgrade(old, build("3.0")).story.cause is Cause.DISK_FULL
    assert upgrade(old).story.ending is TerminalState.UPGRADED


def test_staging_leaves_an_activation_that_was_cut_as_it_is(old: Far) -> None:
    upgrade(old)
    journal = old.root / ".fleet/journal"
    journal.write_text("".join(journal.read_text().splitlines(keepends=True)[:-1]))
    before, asked = live_things(old), old.asked()

    pushed = stage(old, build("3.0"))

    assert pushed.story.ending is TerminalState.STAGED
    assert live_things(old) == before
    assert old.asked() == asked
    assert upgrade(old, build("3.0")).asked_for == ()


def test_staging_leaves_a_client_that_was_never_adopted_an_ordinary_directory(far: Far) -> None:
    for path, (mode, data) in client_files("1.0").items():
        file = far.root / "current" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        file.chmod(int(mode, 8))
    before = live_things(far)

    assert stage(far).story.ending is TerminalState.STAGED
    assert live_things(far) == before
    assert upgrade(far).asked_for == ()


def test_a_terminal_that_nothing_was_ever_put_on_can_be_staged(far: Far) -> None:
    assert stage(far).story.ending is TerminalState.STAGED
    assert far.live is None
    assert upgrade(far).asked_for == ()


def test_a_program_that_stages_nothing_does_nothing_when_it_is_told_to_stage(old: Far) -> None:
    before, asked = live_things(old), old.asked()

    pushed = old.push([ProbeStep(name="probe", command=words("current/bin/client", "status"))], values=ONLY_STAGE)

    assert pushed.story.ending is TerminalState.FAILED
    assert live_things(old) == before
    assert old.asked() == asked


@pytest.mark.parametrize("value", [{"only": "activate"}, {"patience": "soon"}, {"patience": ""}])
def test_a_value_that_makes_no_sense_ends_before_anything_is_looked_at(old: Far, value: dict[str, str]) -> None:
    pushed = old.push(upgrade_steps("2.0"), NEW, values={**VALUES, **value})

    assert pushed.exit_code == 64
    assert old.live == OLD.name


@pytest.mark.needs("dash")
def test_a_client_that_sends_slower_on_purpose_is_waited_for(tmp_path: Path) -> None:
    far = make_far(tmp_path, "dash")
    limits, timeout = far.home / "limits", far.tools / "timeout"
    timeout.rename(far.tools / "real-timeout")
    timeout.write_text(f'#!/bin/sh\n[ "$1" = --help ] || echo "$3" >>{limits}\nexec real-timeout "$@"\n')
    timeout.chmod(0o755)
    steps: list[Step] = [
        step.model_copy(update={"timeout_s": 1.0}) if isinstance(step, StageStep) else step for step in upgrade_steps("2.0")
    ]

    pushed = far.push(steps, NEW, values={**ONLY_STAGE, "patience": "90"})

    assert pushed.story.ending is TerminalState.STAGED
    assert "91" in limits.read_text().split()
