"""Keys, run steps, limits and retries: each kind of step, in real shells."""

import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from fleet.model.attempt import Cause, TerminalState
from fleet.model.playbook import BindKeyStep, Command, KeySource, ProbeStep, RetryOn, RetryPolicy, RunStep, Step
from tests.terminal.field import ENOUGH_S, Far, build, make_far, upgrade_steps, words

NEW = build("2.0")
BORN_HERE = BindKeyStep(name="bind-key", key=KeySource.BORN_HERE)


@pytest.mark.needs("ssh-keygen")
def test_a_key_is_born_on_the_terminal_and_its_private_half_stays_there(far: Far) -> None:
    pushed = far.push([BORN_HERE])

    key = pushed.story.key
    assert key is not None
    assert key.source is KeySource.BORN_HERE
    shown = subprocess.run(["ssh-keygen", "-y", "-f", far.root / "keys/terminal"], check=True, capture_output=True, text=True)
    assert key.public_key == shown.stdout.strip()
    assert len(key.number) == 64
    assert stat.S_IMODE((far.root / "keys/terminal").stat().st_mode) == 0o600
    assert stat.S_IMODE((far.root / "keys").stat().st_mode) == 0o700


@pytest.mark.needs("ssh-keygen")
def test_a_key_that_was_born_is_never_born_again(far: Far) -> None:
    first = far.push(upgrade_steps("2.0"), NEW).story.key
    again = far.push(upgrade_steps("2.0"), NEW).story.key
    after_upgrade = far.push(upgrade_steps("2.1"), build("2.1")).story.key

    assert first is not None
    assert first == again == after_upgrade


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl command is not installed")
@pytest.mark.parametrize("shell", [pytest.param(shell, marks=pytest.mark.needs(shell)) for shell in ("dash", "busybox", "bash")])
def test_a_terminal_without_ssh_keygen_bears_its_key_with_openssl(tmp_path: Path, shell: str) -> None:
    far = make_far(tmp_path, shell)
    (far.tools / "ssh-keygen").unlink(missing_ok=True)
    (far.tools / "openssl").symlink_to(str(shutil.which("openssl")))

    key = far.push([BORN_HERE]).story.key
    again = far.push([BORN_HERE]).story

    assert key is not None
    assert load_ssh_public_key(key.public_key.encode())
    assert (again.key, again.in_place) == (key, True)
    assert (far.root / "keys/terminal").read_text().startswith("-----BEGIN EC PRIVATE KEY-----")


def test_a_terminal_that_can_make_no_key_says_what_it_lacks(far: Far) -> None:
    (far.tools / "ssh-keygen").unlink(missing_ok=True)

    pushed = far.push([BORN_HERE])

    assert (pushed.story.ending, pushed.story.cause) == (TerminalState.FAILED, Cause.TOOL_MISSING)
    assert pushed.story.detail == "ssh-keygen or openssl"


@pytest.mark.parametrize("source", [KeySource.ALREADY_THERE, KeySource.TOKEN])
def test_of_a_key_that_others_keep_only_number_and_check_value_are_read(far: Far, source: KeySource) -> None:
    said = "printf 'pin=123456\\nnumber=UK-0042\\nsecret=do not tell\\ncheck=9f2c\\n'"
    step = BindKeyStep(name="bind-key", key=source, read=words("sh", "-c", said))

    pushed = far.push([step])

    key = pushed.story.key
    assert key is not None
    assert (key.source, key.number, key.check_value, key.public_key) == (source, "UK-0042", "9f2c", "")
    assert "do not tell" not in str(pushed)
    assert not (far.root / "keys").exists()


def marking(name: str) -> Command:
    """A command that leaves a mark in the account's home."""
    return words("sh", "-c", f'printf "{name}\\n" >>"$HOME/marks"')


def marks(far: Far) -> list[str]:
    path = far.home / "marks"
    return path.read_text().split() if path.exists() else []


def run_step(name: str) -> RunStep:
    return RunStep(name=name, command=marking(name), check=words("sh", "-c", f'[ -e "$HOME/{name}" ]'), undo=marking(f"undo-{name}"))


def test_a_run_step_that_its_check_finds_in_place_is_not_run(far: Far) -> None:
    (far.home / "first").touch()

    pushed = far.push([run_step("first"), run_step("second")])

    assert pushed.story.ending is TerminalState.UPGRADED
    assert marks(far) == ["second"]


def test_when_a_later_step_fails_what_was_run_is_undone_newest_first(far: Far) -> None:
    (far.home / "second").touch()
    steps: list[Step] = [
        run_step("first"),
        run_step("second"),
        run_step("third"),
        ProbeStep(name="probe", command=words("sh", "-c", "exit 1")),
    ]

    pushed = far.push(steps)

    assert (pushed.story.ending, pushed.story.step) == (TerminalState.FAILED, "probe")
    assert marks(far) == ["first", "third", "undo-third", "undo-first"]


def test_what_was_run_before_and_after_the_flip_is_undone_around_it(far: Far) -> None:
    steps = upgrade_steps("2.0")
    steps = [*steps[:2], run_step("before"), steps[4], run_step("after"), ProbeStep(name="probe", command=words("sh", "-c", "exit 1"))]

    pushed = far.push(steps, NEW)

    assert pushed.story.ending is TerminalState.ROLLED_BACK
    assert marks(far) == ["before", "after", "undo-after", "undo-before"]
    assert far.live is None


def test_an_irreversible_step_is_run_once_with_a_release(far: Far) -> None:
    wipe = RunStep(name="wipe", command=marking("wipe"), irreversible=True)

    first = far.push([*upgrade_steps("2.0"), wipe], NEW)
    again = far.push([*upgrade_steps("2.0"), wipe], NEW)

    assert first.story.ending is TerminalState.UPGRADED
    assert again.story.in_place
    assert marks(far) == ["wipe"]


@pytest.mark.parametrize("without_timeout", [False, True])
def test_a_command_that_takes_too_long_is_ended(far: Far, without_timeout: bool) -> None:
    if without_timeout:
        (far.tools / "timeout").unlink()
        (far.tools / "timeout").touch()

    pushed = far.push([RunStep(name="wait", command=words("sleep", "60", timeout_s=1), irreversible=True)])

    assert (pushed.story.ending, pushed.story.cause, pushed.story.step) == (TerminalState.FAILED, Cause.COMMAND_TIMEOUT, "wait")


def test_where_there_is_no_timeout_a_command_s_exit_still_counts(far: Far) -> None:
    (far.tools / "timeout").unlink()
    (far.tools / "timeout").touch()

    good = far.push([RunStep(name="good", command=marking("good"), irreversible=True)])
    bad = far.push([RunStep(name="bad", command=words("sh", "-c", "exit 1"), irreversible=True)])

    assert (good.story.ending, marks(far)) == (TerminalState.UPGRADED, ["good"])
    assert (bad.story.ending, bad.story.cause, bad.story.log) == (TerminalState.FAILED, Cause.COMMAND_FAILED, ())
    assert bad.story.detail == "exit 1"


def failing_until(third: str) -> Command:
    """A command that succeeds at the third try."""
    return words("sh", "-c", f'printf x >>"$HOME/{third}"; [ "$(cat "$HOME/{third}")" = xxx ]')


def test_a_command_is_tried_as_often_as_the_playbook_says(far: Far) -> None:
    enough = RunStep(name="enough", command=failing_until("a"), irreversible=True, retry=RetryPolicy(attempts=3, wait_s=0))
    too_few = RunStep(name="few", command=failing_until("b"), irreversible=True, retry=RetryPolicy(attempts=2, wait_s=0))

    assert far.push([enough]).story.ending is TerminalState.UPGRADED
    assert far.push([too_few]).story.ending is TerminalState.FAILED


def test_a_command_is_not_tried_again_after_trouble_the_playbook_does_not_name(far: Far) -> None:
    policy = RetryPolicy(attempts=3, wait_s=0, on=(RetryOn.TIMEOUT,))
    step = RunStep(name="once", command=failing_until("a"), irreversible=True, retry=policy)

    pushed = far.push([step])

    assert pushed.story.ending is TerminalState.FAILED
    assert (far.home / "a").read_text() == "x"


def test_what_a_failing_command_said_travels_as_log(far: Far) -> None:
    said = words("sh", "-c", "printf 'first\\n'; printf 'last words\\n' >&2; exit 9")

    pushed = far.push([RunStep(name="say", command=said, irreversible=True)])

    assert pushed.story.log == ("first", "last words")
    assert pushed.story.detail == "last words"
    assert [(step.name, step.ok, step.detail) for step in pushed.story.steps] == [("say", False, "last words")]


def test_a_probe_that_never_stops_talking_is_ended_and_fills_no_disk(far: Far) -> None:
    endless = ProbeStep(name="probe", command=words("sh", "-c", "while :; do printf 'endless words\\n'; done", timeout_s=1))
    steps: list[Step] = [run_step("first"), endless]

    pushed = far.push(steps)

    assert pushed.story.ending is TerminalState.FAILED
    assert max(path.stat().st_size for path in (far.root / ".fleet").rglob("*")) <= 32 * 1024


def test_a_process_that_a_command_leaves_behind_does_not_hold_the_push(far: Far) -> None:
    daemon = words("sh", "-c", f"sleep {ENOUGH_S * 2} & printf '%s' $! >\"$HOME/pid\"")

    pushed = far.push([RunStep(name="start", command=daemon, irreversible=True)])

    subprocess.run(["kill", (far.home / "pid").read_text()], check=True)  # still there: had the push waited, the kill would fail
    assert pushed.story.ending is TerminalState.UPGRADED
