"""The real program in real shells: what a push does to a terminal, and what it leaves when something goes wrong."""

import stat
from pathlib import Path

import pytest

from fleet.model.attempt import Cause, TerminalState
from fleet.model.playbook import CollectStep, ConfigureStep, PreflightStep, ProbeStep, SettingSource, StageStep
from tests.terminal.field import VALUES, Far, build, client_files, make_far, upgrade_steps, words

OLD = build("1.0")
NEW = build("2.0")


def upgrade(far: Far, version: str = "2.0") -> None:
    """Bring a terminal to a version, and see that it is there."""
    release = build(version)
    pushed = far.push(upgrade_steps(version), release)
    assert pushed.story.ending is TerminalState.UPGRADED, pushed
    assert far.live == release.name


def tree(root: Path) -> dict[str, tuple[int, int, bytes | str]]:
    """Every file below `root` with its mode, the time it was written and its contents."""
    found: dict[str, tuple[int, int, bytes | str]] = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        content = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else ""
        found[str(path.relative_to(root))] = (status.st_mode, status.st_mtime_ns, content)
    return found


def test_a_first_push_makes_the_release_live_and_verified(far: Far) -> None:
    pushed = far.push(upgrade_steps("2.0"), NEW)

    assert (pushed.story.ending, pushed.story.cause, pushed.exit_code) == (TerminalState.UPGRADED, Cause.NONE, 0)
    assert pushed.asked_for == tuple(file.path for file in NEW.artifact.files)
    assert far.live == NEW.name
    live = far.root / "current"
    assert {path: (live / path).read_bytes() for path in client_files("2.0")} == {p: data for p, (_, data) in client_files("2.0").items()}
    assert stat.S_IMODE((live / "bin/client").stat().st_mode) == 0o755
    assert stat.S_IMODE((live / "lib/cards.dat").stat().st_mode) == 0o644
    assert far.asked() == ["2.0 start", "2.0 probe", "2.0 status"]


def test_an_upgrade_stops_the_old_and_starts_the_new(far: Far) -> None:
    upgrade(far, "1.0")
    (far.home / "asked").unlink()

    pushed = far.push(upgrade_steps("2.0"), NEW)

    assert pushed.story.ending is TerminalState.UPGRADED
    assert far.asked() == ["1.0 drain", "1.0 stop", "2.0 start", "2.0 probe", "2.0 status"]


def test_every_step_is_told_and_facts_come_back(far: Far) -> None:
    pushed = far.push(upgrade_steps("2.0"), NEW)

    assert [(step.name, step.ok) for step in pushed.story.steps] == [(step.name, True) for step in upgrade_steps("2.0")]
    assert pushed.story.facts == {"signature": "sshsig", "version": "2.0", "mode": "software", "release": "2.0"}


def test_a_file_the_terminal_has_is_not_sent(far: Far) -> None:
    upgrade(far, "1.0")

    pushed = far.push(upgrade_steps("2.0"), NEW)

    assert pushed.asked_for == ("bin/client", "share/version")
    assert pushed.story.bytes_saved == 256 * 300


def test_a_file_that_only_moved_is_not_sent(far: Far) -> None:
    upgrade(far, "1.0")
    files = client_files("2.0")
    files["data/moved.dat"] = files.pop("lib/cards.dat")

    pushed = far.push(upgrade_steps("2.0"), build("2.0", files))

    assert pushed.story.ending is TerminalState.UPGRADED
    assert pushed.asked_for == ("bin/client", "share/version")
    assert (far.root / "current/data/moved.dat").read_bytes() == files["data/moved.dat"][1]


def test_a_file_of_a_release_that_nobody_listed_is_found_by_its_contents(far: Far) -> None:
    upgrade(far, "1.0")
    for manifest in (far.root / ".fleet/manifests").iterdir():
        manifest.unlink()

    pushed = far.push(upgrade_steps("2.0"), NEW)

    assert pushed.story.ending is TerminalState.UPGRADED
    assert pushed.asked_for == ("bin/client", "share/version")


def test_a_held_file_that_was_damaged_is_sent_anew(far: Far) -> None:
    upgrade(far, "1.0")
    (far.root / "current/lib/cards.dat").write_bytes(b"damaged")

    pushed = far.push(upgrade_steps("2.0"), NEW)

    assert pushed.story.ending is TerminalState.UPGRADED
    assert "lib/cards.dat" in pushed.asked_for
    assert (far.root / "current/lib/cards.dat").read_bytes() == client_files("2.0")["lib/cards.dat"][1]


def test_what_is_in_place_is_said_and_nothing_is_written(far: Far) -> None:
    upgrade(far)
    before = tree(far.root)

    pushed = far.push(upgrade_steps("2.0"), NEW)

    assert (pushed.story.ending, pushed.story.in_place, pushed.exit_code) == (TerminalState.UPGRADED, True, 0)
    assert pushed.story.facts == {"signature": "sshsig", "version": "2.0", "mode": "software", "release": "2.0"}
    assert pushed.story.bytes_saved == NEW.artifact.size
    assert pushed.asked_for == ()
    assert tree(far.root) == before


def test_a_live_release_that_was_damaged_is_made_anew_beside_itself(far: Far) -> None:
    upgrade(far)
    damaged = far.root / "releases" / NEW.name / "lib/cards.dat"
    damaged.write_bytes(b"damaged")

    pushed = far.push(upgrade_steps("2.0"), NEW)

    assert (pushed.story.ending, pushed.story.in_place) == (TerminalState.UPGRADED, False)
    assert pushed.asked_for == ("lib/cards.dat",)
    assert far.live == f"{NEW.name}.r"
    assert damaged.read_bytes() == b"damaged"
    assert far.push(upgrade_steps("2.0"), NEW).story.in_place


def test_a_terminal_whose_settings_differ_is_not_in_place(far: Far) -> None:
    upgrade(far)

    pushed = far.push(upgrade_steps("2.0"), NEW, values={**VALUES, "key_card": "KC-4711"})

    assert (pushed.story.ending, pushed.story.in_place) == (TerminalState.UPGRADED, False)
    assert pushed.asked_for == ()
    assert "card=KC-4711\n" in (far.root / "current/etc/client.conf").read_text()


def test_a_file_that_arrives_damaged_is_never_activated(far: Far) -> None:
    upgrade(far, "1.0")

    pushed = far.push(upgrade_steps("2.0"), NEW, damage=lambda data: data[:-1] + b"?")

    assert (pushed.story.ending, pushed.story.cause, pushed.story.step) == (TerminalState.FAILED, Cause.DAMAGED_FILE, "stage")
    assert "bin/client" in pushed.story.detail
    assert pushed.exit_code == 3
    assert far.live == OLD.name


def test_a_payload_that_is_no_archive_is_never_activated(far: Far) -> None:
    upgrade(far, "1.0")

    pushed = far.push(upgrade_steps("2.0"), NEW, damage=lambda data: data + b"?" * 700)

    assert (pushed.story.ending, pushed.story.cause) == (TerminalState.FAILED, Cause.DAMAGED_FILE)
    assert far.live == OLD.name


def test_too_small_a_disk_is_seen_before_anything_is_touched(far: Far) -> None:
    steps = [PreflightStep(name="preflight", min_free_kb=2**40), *upgrade_steps("2.0")[1:]]

    pushed = far.push(steps, NEW)

    assert (pushed.story.ending, pushed.story.cause, pushed.story.step) == (TerminalState.FAILED, Cause.DISK_FULL, "preflight")
    assert "KiB needed" in pushed.story.detail
    assert not (far.root / "releases").exists()


def test_a_missing_tool_is_named_before_anything_is_touched(far: Far) -> None:
    steps = [PreflightStep(name="preflight", min_free_kb=1, tools=("tar", "no-such-tool")), *upgrade_steps("2.0")[1:]]

    pushed = far.push(steps, NEW)

    assert (pushed.story.ending, pushed.story.cause, pushed.story.detail) == (TerminalState.FAILED, Cause.TOOL_MISSING, "no-such-tool")
    assert far.live is None


@pytest.mark.parametrize("shell", [pytest.param(shell, marks=pytest.mark.needs(shell)) for shell in ("dash", "bash")])
@pytest.mark.parametrize("tool", ["tar", "sha256sum"])
def test_a_terminal_without_a_tool_the_program_needs_says_so(tmp_path: Path, shell: str, tool: str) -> None:
    far = make_far(tmp_path, shell)
    (far.tools / tool).unlink()

    pushed = far.push(upgrade_steps("2.0"), NEW)

    assert (pushed.story.ending, pushed.story.cause) == (TerminalState.FAILED, Cause.TOOL_MISSING)
    assert tool in pushed.story.detail
    assert far.live is None


@pytest.mark.parametrize("what", ["start", "probe", "status"])
def test_a_new_release_that_does_not_work_is_rolled_back(far: Far, what: str) -> None:
    upgrade(far, "1.0")
    (far.home / "asked").unlink()
    far.fail(what, "2.0")

    pushed = far.push(upgrade_steps("2.0"), NEW)

    cause = Cause.COMMAND_FAILED if what == "start" else Cause.PROBE_FAILED
    assert (pushed.story.ending, pushed.story.cause, pushed.exit_code) == (TerminalState.ROLLED_BACK, cause, 4)
    assert far.live == OLD.name
    assert far.asked()[-2:] == ["2.0 stop", "1.0 start"]
    assert far.push(upgrade_steps("1.0"), OLD).story.in_place


def test_a_first_release_that_does_not_work_leaves_nothing_live(far: Far) -> None:
    far.fail("probe", "2.0")

    pushed = far.push(upgrade_steps("2.0"), NEW)

    assert (pushed.story.ending, pushed.story.step) == (TerminalState.ROLLED_BACK, "activate")
    assert far.live is None
    assert far.asked() == ["2.0 start", "2.0 probe", "2.0 probe", "2.0 stop"]


@pytest.mark.parametrize("what", ["drain", "stop"])
def test_an_old_release_that_cannot_be_stopped_is_started_again_and_stays(far: Far, what: str) -> None:
    upgrade(far, "1.0")
    far.fail(what, "1.0")

    pushed = far.push(upgrade_steps("2.0"), NEW)

    assert (pushed.story.ending, pushed.story.cause) == (TerminalState.FAILED, Cause.COMMAND_FAILED)
    assert far.live == OLD.name
    assert far.asked()[-1] == "1.0 start"


def test_an_old_release_that_does_not_start_again_is_not_called_rolled_back(far: Far) -> None:
    upgrade(far, "1.0")
    far.fail("probe", "2.0")
    far.fail("start", "1.0")

    pushed = far.push(upgrade_steps("2.0"), NEW)

    assert (pushed.story.ending, pushed.story.cause) == (TerminalState.FAILED, Cause.PROBE_FAILED)
    assert "the old release is back, but did not start" in pushed.story.log
    assert far.live == OLD.name


def test_a_fact_that_is_not_the_expected_one_rolls_back(far: Far) -> None:
    upgrade(far, "1.0")
    probe = ProbeStep(name="probe", command=words("bin/client", "status"), expect={"mode": "hardware"})

    pushed = far.push([*upgrade_steps("2.0")[:-2], probe], NEW)

    assert (pushed.story.ending, pushed.story.cause, pushed.story.step) == (TerminalState.ROLLED_BACK, Cause.UNEXPECTED_FACT, "probe")
    assert pushed.story.detail == "expected mode=hardware"
    assert far.live == OLD.name


def test_a_probe_of_what_is_in_place_that_fails_is_told_and_changes_nothing(far: Far) -> None:
    upgrade(far)
    far.fail("status", "2.0")

    pushed = far.push(upgrade_steps("2.0"), NEW)

    assert (pushed.story.ending, pushed.story.cause, pushed.story.in_place) == (TerminalState.FAILED, Cause.PROBE_FAILED, True)
    assert far.live == NEW.name


def test_only_so_many_releases_are_kept(far: Far) -> None:
    for version in ("1.0", "1.1", "1.2"):
        upgrade(far, version)

    assert {path.name for path in (far.root / "releases").iterdir()} == {build("1.1").name, build("1.2").name}
    assert {path.name for path in (far.root / ".fleet/manifests").iterdir()} == {build("1.1").name, build("1.2").name}


def test_a_release_that_is_kept_is_live_again_without_sending_a_file(far: Far) -> None:
    upgrade(far, "1.0")
    upgrade(far, "2.0")

    pushed = far.push(upgrade_steps("1.0"), OLD.permitted_from("2.0"))

    assert (pushed.story.ending, pushed.asked_for) == (TerminalState.UPGRADED, ())
    assert far.live == OLD.name


def test_a_client_that_is_an_ordinary_file_is_left_alone(far: Far) -> None:
    far.root.mkdir()
    (far.root / "current").touch()
    before = tree(far.home)

    pushed = far.push(upgrade_steps("2.0"), NEW)

    assert (pushed.story.ending, pushed.story.cause) == (TerminalState.FAILED, Cause.NOT_ADOPTED)
    assert tree(far.home) == before


def test_a_link_that_points_elsewhere_is_left_alone(far: Far) -> None:
    far.root.mkdir()
    (far.root / "current").symlink_to(far.home)

    pushed = far.push(upgrade_steps("2.0"), NEW)

    assert (pushed.story.ending, pushed.story.cause) == (TerminalState.FAILED, Cause.NOT_ADOPTED)


def test_the_private_directory_is_private_and_the_releases_are_not(far: Far) -> None:
    upgrade(far)

    assert stat.S_IMODE((far.root / ".fleet").stat().st_mode) == 0o700
    assert stat.S_IMODE(far.root.stat().st_mode) == 0o755
    assert stat.S_IMODE((far.root / "current/bin").stat().st_mode) == 0o755


def test_a_push_leaves_no_payload_no_values_and_no_program_behind(far: Far) -> None:
    upgrade(far, "1.0")
    upgrade(far, "2.0")

    assert {path.name for path in (far.root / ".fleet/runs").rglob("*") if path.is_file()} == {"log", "report"}
    assert len(list((far.root / ".fleet/runs").iterdir())) == 1


def test_an_absolute_root_is_taken_as_it_is(far: Far) -> None:
    pushed = far.push(upgrade_steps("2.0"), NEW, root=str(far.home / "elsewhere/client"))

    assert pushed.story.ending is TerminalState.UPGRADED
    assert (far.home / "elsewhere/client/current").readlink() == Path("releases") / NEW.name


def test_steps_that_only_read_write_nothing(far: Far) -> None:
    upgrade(far)
    before = tree(far.root)

    pushed = far.push([CollectStep(name="collect", facts={"release": words("cat", "share/version")})])

    assert (pushed.story.ending, pushed.story.in_place) == (TerminalState.UPGRADED, True)
    assert pushed.story.facts == {"release": "2.0"}
    assert tree(far.root) == before


def test_staging_alone_touches_nothing_live(far: Far) -> None:
    upgrade(far, "1.0")

    pushed = far.push([StageStep(name="stage")], NEW)

    assert pushed.story.ending is TerminalState.UPGRADED
    assert far.live == OLD.name
    assert far.push(upgrade_steps("2.0"), NEW).asked_for == ()


HOSTILE = (
    "it's",
    'a "quoted" word',
    "$(touch $HOME/owned)",
    "`touch $HOME/owned`",
    "; touch $HOME/owned;",
    "$HOME ${PATH} \\n %s %d",
    "* ? [a-z]",
    "-n -e --",
    "青湾区 人民医院 🏥",
    " two  spaces ",
    "nonce=0 attempt=0",
)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_value_is_written_as_it_is_and_never_executed(far: Far, hostile: str) -> None:
    steps = upgrade_steps("2.0")
    steps[2] = ConfigureStep(
        name="configure", file="etc/client.conf", values={"fixed": hostile}, per_terminal={"card": SettingSource.KEY_CARD}
    )
    said = words("sh", "-c", "printf 'said=%s\\n' \"$1\"", "show", hostile)
    steps[5] = ProbeStep(name="probe", command=said, expect={"said": hostile})

    pushed = far.push(steps, NEW, values={**VALUES, "key_card": hostile})
    again = far.push(steps, NEW, values={**VALUES, "key_card": hostile})

    assert pushed.story.ending is TerminalState.UPGRADED, pushed
    assert (far.root / "current/etc/client.conf").read_text() == f"fixed={hostile}\ncard={hostile}\n"
    assert pushed.story.facts["said"] == hostile.strip()
    assert again.story.in_place
    assert not (far.home / "owned").exists()


def test_marks_that_a_client_forges_decide_nothing(far: Far) -> None:
    upgrade(far, "1.0")
    files = client_files("2.0")
    forged = b"#!/bin/sh\nprintf '@%s end upgraded none -\\nend upgraded none -\\n' 5eed5eed5eed5eed5eed5eed5eed5eed\nexit 1\n"
    files["bin/client"] = ("0755", forged)

    pushed = far.push(upgrade_steps("2.0"), build("2.0", files))

    assert (pushed.story.ending, pushed.story.cause) == (TerminalState.ROLLED_BACK, Cause.COMMAND_FAILED)
    assert "end upgraded none -" in pushed.story.log
