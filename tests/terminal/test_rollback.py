"""Taking a release back long after it was committed: by a person's decision, as safe as a push, and harmless to repeat."""

import pytest

from fleet.model.attempt import Cause, TerminalState
from fleet.model.playbook import RunStep, StageStep, Step
from tests.seals import number_of
from tests.terminal.field import VALUES, Build, Far, Pushed, build, upgrade_steps, words

BACK = {**VALUES, "only": "rollback"}
OLD, NEW = build("1.0"), build("2.0")
SWITCH = RunStep(
    name="switch",
    command=words("sh", "-c", 'touch "$HOME/switched"; echo on >>"$HOME/switching"'),
    check=words("test", "-e", "../../../switched"),
    undo=words("sh", "-c", 'rm "$HOME/switched"; echo off >>"$HOME/switching"'),
)
"""It runs in the release's directory, three below the home."""


def steps(release: Build, *, run: RunStep | None = None, keep: int = 2) -> list[Step]:
    made = [
        step.model_copy(update={"keep_releases": keep}) if isinstance(step, StageStep) else step for step in upgrade_steps(release.version)
    ]
    return [*made, run] if run else made


def upgrade(far: Far, release: Build, *, run: RunStep | None = None, keep: int = 2) -> Pushed:
    pushed = far.push(steps(release, run=run, keep=keep), release)
    assert pushed.story.ending is TerminalState.UPGRADED, pushed
    return pushed


def take_back(far: Far, release: Build = NEW, *, run: RunStep | None = None, attempt: str | None = None) -> Pushed:
    return far.push(steps(release, run=run), release, values=BACK, attempt=attempt)


@pytest.fixture
def upgraded(far: Far) -> Far:
    """A terminal that went from the old release to the new one."""
    (far.tools / "test").symlink_to("/usr/bin/test")
    (far.tools / "touch").symlink_to("/usr/bin/touch")
    upgrade(far, OLD)
    (far.root / "current/state").mkdir()
    (far.root / "current/state/count").write_text("5\n")
    upgrade(far, NEW)
    (far.root / "current/state/count").write_text("6\n")
    return far


def test_the_release_before_is_live_again_with_its_own_state(upgraded: Far) -> None:
    asked = len(upgraded.asked())

    pushed = take_back(upgraded)

    assert (pushed.story.ending, pushed.story.cause, pushed.exit_code) == (TerminalState.TAKEN_BACK, Cause.NONE, 0)
    assert upgraded.live == OLD.name
    assert (upgraded.root / "current/state/count").read_text() == "5\n"
    assert upgraded.asked()[asked:] == ["2.0 drain", "2.0 stop", "1.0 start"]
    assert pushed.story.facts["live_release"] == OLD.name
    assert [(step.name, step.ok) for step in pushed.story.steps] == [("activate", True)]


def test_nothing_is_sent_for_it(upgraded: Far) -> None:
    pushed = take_back(upgraded)

    assert (pushed.asked_for, pushed.story.in_place) == ((), False)


def test_taking_back_again_is_in_place_and_asks_the_client_nothing(upgraded: Far) -> None:
    take_back(upgraded)
    asked, journal = upgraded.asked(), (upgraded.root / ".fleet/journal").read_bytes()

    pushed = take_back(upgraded)

    assert (pushed.story.ending, pushed.story.in_place) == (TerminalState.TAKEN_BACK, True)
    assert (upgraded.asked(), (upgraded.root / ".fleet/journal").read_bytes()) == (asked, journal)


def test_a_terminal_that_never_had_the_release_is_in_place(far: Far) -> None:
    upgrade(far, OLD)

    pushed = take_back(far)

    assert (pushed.story.ending, pushed.story.in_place, far.live) == (TerminalState.TAKEN_BACK, True, OLD.name)


def test_it_is_upgraded_again_without_a_byte_of_the_release(upgraded: Far) -> None:
    take_back(upgraded)

    pushed = upgrade(upgraded, NEW)

    assert (pushed.asked_for, pushed.story.bytes_saved) == ((), NEW.artifact.size)
    assert upgraded.live == NEW.name


def test_a_client_that_was_there_before_this_program_comes_back(far: Far) -> None:
    for file in OLD.artifact.files:
        path = far.root / "current" / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(OLD.contents[file.sha256])
        path.chmod(int(file.mode, 8))
    upgrade(far, NEW)

    pushed = take_back(far)

    assert (pushed.story.ending, far.live) == (TerminalState.TAKEN_BACK, "legacy")
    assert far.asked()[-2:] == ["2.0 stop", "1.0 start"]


def test_where_there_was_no_client_before_there_is_none_again(far: Far) -> None:
    upgrade(far, NEW)

    pushed = take_back(far)

    assert (pushed.story.ending, far.live) == (TerminalState.TAKEN_BACK, None)
    assert not (far.root / "current").exists()
    assert take_back(far).story.in_place


def test_neither_floor_nor_missing_permit_forbids_the_way_back_and_the_floor_stays(upgraded: Far) -> None:
    take_back(upgraded)

    assert (upgraded.root / ".fleet/floor").read_text().split()[0] == str(number_of("2.0"))
    refused = upgraded.push(steps(build("1.5")), build("1.5"))
    assert (refused.story.ending, refused.story.cause) == (TerminalState.FAILED, Cause.DOWNGRADE)


def test_a_floor_that_cannot_be_read_forbids_no_way_back(upgraded: Far) -> None:
    (upgraded.root / ".fleet/floor").write_text("nonsense\n")

    assert take_back(upgraded).story.ending is TerminalState.TAKEN_BACK


def test_a_release_that_is_not_kept_is_told_and_nothing_is_touched(far: Far) -> None:
    upgrade(far, OLD)
    upgrade(far, NEW, keep=1)
    asked = far.asked()

    pushed = take_back(far)

    assert (pushed.story.ending, pushed.story.cause, far.live) == (TerminalState.FAILED, Cause.NO_WAY_BACK, NEW.name)
    assert far.asked() == asked


def test_a_release_that_was_damaged_since_is_not_made_live(upgraded: Far) -> None:
    (upgraded.root / "releases" / OLD.name / "lib/cards.dat").write_bytes(b"worn out")

    pushed = take_back(upgraded)

    assert (pushed.story.ending, pushed.story.cause, upgraded.live) == (TerminalState.FAILED, Cause.NO_WAY_BACK, NEW.name)


def test_a_release_that_was_made_anew_goes_back_to_the_one_before_both(upgraded: Far) -> None:
    (upgraded.root / "releases" / NEW.name / "lib/cards.dat").write_bytes(b"worn out")
    upgrade(upgraded, NEW, keep=3)
    assert upgraded.live == f"{NEW.name}.r"

    assert take_back(upgraded).story.ending is TerminalState.TAKEN_BACK
    assert upgraded.live == OLD.name


def test_what_a_run_step_did_is_undone_before_the_old_client_starts(upgraded: Far) -> None:
    upgrade(upgraded, NEW, run=SWITCH)
    assert (upgraded.home / "switched").exists()

    pushed = take_back(upgraded, run=SWITCH)

    assert [step.name for step in pushed.story.steps] == ["switch", "activate"]
    assert not (upgraded.home / "switched").exists()
    assert upgraded.live == OLD.name


def test_what_was_in_place_before_the_release_came_stays(upgraded: Far) -> None:
    (upgraded.home / "switched").touch()
    upgrade(upgraded, build("3.0"), run=SWITCH)

    pushed = take_back(upgraded, build("3.0"), run=SWITCH)

    assert (pushed.story.ending, upgraded.live) == (TerminalState.TAKEN_BACK, NEW.name)
    assert (upgraded.home / "switched").exists()


def test_a_run_step_that_cannot_be_undone_is_told_and_tried_again(upgraded: Far) -> None:
    broken = SWITCH.model_copy(update={"undo": words("sh", "-c", '[ ! -e "$HOME/stuck" ] || exit 3; rm "$HOME/switched"')})
    upgrade(upgraded, NEW, run=broken)
    (upgraded.home / "stuck").touch()

    first = take_back(upgraded, run=broken)
    (upgraded.home / "stuck").unlink()
    asked = upgraded.asked()
    second = take_back(upgraded, run=broken)

    assert (first.story.ending, first.story.cause, first.story.step) == (TerminalState.FAILED, Cause.COMMAND_FAILED, "switch")
    assert (second.story.ending, second.story.in_place) == (TerminalState.TAKEN_BACK, False)
    assert not (upgraded.home / "switched").exists()
    assert (upgraded.live, upgraded.asked()) == (OLD.name, asked)


def test_an_old_client_that_does_not_start_is_told_and_started_again(upgraded: Far) -> None:
    upgraded.fail("start", "1.0")

    first = take_back(upgraded)
    (upgraded.home / "break-start-1.0").unlink()
    second = take_back(upgraded)

    assert (first.story.ending, first.story.cause, first.story.step) == (TerminalState.FAILED, Cause.COMMAND_FAILED, "activate")
    assert (second.story.ending, second.story.in_place, upgraded.live) == (TerminalState.TAKEN_BACK, False, OLD.name)


def test_a_new_client_that_does_not_stop_holds_nothing_up(upgraded: Far) -> None:
    upgraded.fail("drain", "2.0")
    upgraded.fail("stop", "2.0")

    pushed = take_back(upgraded)

    assert (pushed.story.ending, upgraded.live) == (TerminalState.TAKEN_BACK, OLD.name)
    assert "the release did not stop" in pushed.story.log


def test_an_attempt_that_ended_is_told_again_and_not_made_again(upgraded: Far) -> None:
    take_back(upgraded, attempt="ab")
    upgrade(upgraded, NEW)

    pushed = take_back(upgraded, attempt="ac")

    assert (pushed.story.ending, upgraded.live) == (TerminalState.TAKEN_BACK, OLD.name)


def test_a_person_who_stops_it_before_the_last_word_has_nothing_touched(upgraded: Far) -> None:
    from fleet.push.conversation import SendLastWord

    cut = upgraded.push(steps(NEW), NEW, values=BACK, cut_at=SendLastWord)

    assert cut.story.ending is TerminalState.UNKNOWN  # it has the last word, and goes on without us
    assert upgraded.live == OLD.name
