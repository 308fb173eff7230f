"""Adoption, state, journal and boot hook: what an activation promises beyond one push that goes well."""

import subprocess

import pytest

from fleet.model.attempt import Cause, TerminalState
from fleet.model.playbook import ActivateStep, Step
from tests.terminal.field import Far, build, client_files, upgrade_steps, words

OLD = build("1.0")
NEW = build("2.0")


@pytest.fixture
def untouched(far: Far) -> Far:
    """A terminal whose client is an ordinary directory, as it was before this program came."""
    for path, (mode, data) in client_files("1.0").items():
        file = far.root / "current" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        file.chmod(int(mode, 8))
    return far


def migrating_steps(*command: str) -> list[Step]:
    """An upgrade to the new release that migrates the state."""
    return [
        step.model_copy(update={"migrate": words(*command)}) if isinstance(step, ActivateStep) else step for step in upgrade_steps("2.0")
    ]


def keep_state(far: Far, text: str) -> None:
    """The live client keeps this."""
    (far.root / "current/state").mkdir()
    (far.root / "current/state/with space").write_text(text)


def boot(far: Far) -> int:
    """What `@reboot` does; the working directory and HOME are none of the client's."""
    return subprocess.run([far.tools / "sh", far.root / ".fleet/boot.sh"], cwd="/", env={"PATH": str(far.tools)}, check=False).returncode


def journal(far: Far) -> list[str]:
    """The states of the journal's records."""
    return [line.split()[0] for line in (far.root / ".fleet/journal").read_text().splitlines() if line]


def interrupt(far: Far) -> None:
    """Leave the terminal as a power cut does right after the flip: the last record is gone."""
    file = far.root / ".fleet/journal"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-1]))


def test_the_client_that_was_there_before_becomes_the_release_legacy(untouched: Far) -> None:
    pushed = untouched.push(upgrade_steps("2.0"), NEW)

    assert pushed.story.ending is TerminalState.UPGRADED
    assert untouched.live == NEW.name
    assert (untouched.root / "releases/legacy/share/version").read_text() == "1.0\n"
    assert untouched.asked()[:2] == ["1.0 drain", "1.0 stop"]


def test_a_new_client_that_does_not_work_goes_back_to_legacy(untouched: Far) -> None:
    untouched.fail("probe", "2.0")

    pushed = untouched.push(upgrade_steps("2.0"), NEW)

    assert (pushed.story.ending, pushed.story.cause) == (TerminalState.ROLLED_BACK, Cause.PROBE_FAILED)
    assert untouched.live == "legacy"
    assert untouched.asked()[-1] == "1.0 start"


def test_a_client_that_does_not_stop_is_not_adopted_yet(untouched: Far) -> None:
    untouched.fail("stop", "1.0")

    pushed = untouched.push(upgrade_steps("2.0"), NEW)

    assert pushed.story.ending is TerminalState.FAILED
    assert not (untouched.root / "current").is_symlink()
    assert (untouched.root / "current/share/version").read_text() == "1.0\n"


def test_an_adoption_cut_between_its_two_renames_is_taken_back_at_boot(untouched: Far) -> None:
    untouched.push(upgrade_steps("2.0"), NEW)
    interrupt(untouched)
    (untouched.root / "current").unlink()

    assert boot(untouched) == 0

    assert untouched.live == "legacy"
    assert untouched.push(upgrade_steps("2.0"), NEW).story.ending is TerminalState.UPGRADED


def test_state_goes_with_the_client_and_is_migrated_in_the_new_release_only(far: Far) -> None:
    far.push(upgrade_steps("1.0"), OLD)
    keep_state(far, "old")

    pushed = far.push(migrating_steps("sh", "-c", 'printf " and new" >>"state/with space"'), NEW)

    assert pushed.story.ending is TerminalState.UPGRADED
    assert (far.root / "current/state/with space").read_text() == "old and new"
    assert (far.root / "releases" / OLD.name / "state/with space").read_text() == "old"


def test_a_migration_that_fails_leaves_the_old_release_live_with_its_state(far: Far) -> None:
    far.push(upgrade_steps("1.0"), OLD)
    keep_state(far, "old")

    pushed = far.push(migrating_steps("sh", "-c", 'rm "state/with space"; exit 1'), NEW)

    assert (pushed.story.ending, pushed.story.cause) == (TerminalState.ROLLED_BACK, Cause.COMMAND_FAILED)
    assert (far.root / "current/state/with space").read_text() == "old"


def test_the_boot_hook_takes_back_a_flip_that_was_never_committed(far: Far) -> None:
    far.push(upgrade_steps("1.0"), OLD)
    far.push(upgrade_steps("2.0"), NEW)
    interrupt(far)

    assert boot(far) == 0

    assert far.live == OLD.name
    assert journal(far)[-3:] == ["activating", "back", "restored"]


def test_the_boot_hook_takes_back_a_first_release_too(far: Far) -> None:
    far.push(upgrade_steps("2.0"), NEW)
    interrupt(far)

    assert boot(far) == 0

    assert far.live is None
    assert far.push(upgrade_steps("2.0"), NEW).story.ending is TerminalState.UPGRADED


def test_the_boot_hook_leaves_what_was_committed(far: Far) -> None:
    far.push(upgrade_steps("1.0"), OLD)
    far.push(upgrade_steps("2.0"), NEW)
    before = {path: path.lstat().st_mtime_ns for path in far.root.rglob("*")}

    assert boot(far) == 0

    assert far.live == NEW.name
    assert {path: path.lstat().st_mtime_ns for path in far.root.rglob("*")} == before


def test_a_client_that_is_started_by_a_push_does_not_take_the_push_back(far: Far) -> None:
    far.push(upgrade_steps("1.0"), OLD)
    starts_with_hook = [
        step.model_copy(update={"start": words("sh", "../../.fleet/boot.sh")}) if isinstance(step, ActivateStep) else step
        for step in upgrade_steps("2.0")
    ]

    assert far.push(starts_with_hook, NEW).story.ending is TerminalState.UPGRADED

    assert far.live == NEW.name
    assert journal(far)[-1] == "committed"


@pytest.mark.parametrize("torn", ["comm", "committed - x y - - = committed - x y", "committed - x y - -", "\n\n", "é\0"])
def test_a_record_that_was_torn_does_not_count(far: Far, torn: str) -> None:
    far.push(upgrade_steps("1.0"), OLD)
    far.push(upgrade_steps("2.0"), NEW)
    with (far.root / ".fleet/journal").open("a") as file:
        file.write(torn)

    assert far.push(upgrade_steps("2.0"), NEW).story.in_place
    assert far.push(upgrade_steps("3.0"), build("3.0")).story.ending is TerminalState.UPGRADED
    assert journal(far)[-2:] == ["activating", "committed"]


def test_the_hook_is_found_wherever_the_client_lives(far: Far) -> None:
    far.push(upgrade_steps("2.0"), NEW)
    interrupt(far)
    moved = far.root.rename(far.home / "elsewhere")

    ran = subprocess.run([far.tools / "sh", moved / ".fleet/boot.sh"], env={"PATH": str(far.tools)}, check=False)

    assert ran.returncode == 0
    assert not (moved / "current").is_symlink()
