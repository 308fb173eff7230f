"""Two pushes at once, a link that is cut, a transaction that dies: what the terminal is left with, and what heals it."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from fleet.model.attempt import Cause, TerminalState
from fleet.model.playbook import ProbeStep, RunStep
from fleet.push.conversation import HangUp, SendFile, SendLastWord
from fleet.terminal.compile import compile_program
from tests.terminal.field import ENOUGH_S, Far, Pushed, build, make_far, playbook, upgrade_steps, words

OLD = build("1.0")
NEW = build("2.0")
NEWER = build("3.0")


@pytest.fixture
def upgraded(far: Far) -> Far:
    """A terminal on the old release."""
    assert far.push(upgrade_steps("1.0"), OLD).story.ending is TerminalState.UPGRADED
    (far.home / "asked").unlink()
    return far


@contextmanager
def held_at_start(far: Far) -> Iterator[Future[Pushed]]:
    """A push of the new release that waits inside its start command until the block ends."""
    gate = far.home / "wait-start-2.0"
    os.mkfifo(gate)
    with ThreadPoolExecutor(1) as pool:
        pushed = pool.submit(far.push, upgrade_steps("2.0"), NEW, attempt="aaaa")
        # Opening waits for the other end: from here the start command is running, and it reads from us.
        opened = os.open(gate, os.O_WRONLY)
        try:
            yield pushed
        finally:
            with suppress(BrokenPipeError):  # nobody reads any more where the test ended them
                os.write(opened, b"go on\n")
            os.close(opened)
            gate.unlink(missing_ok=True)
        pushed.result(ENOUGH_S)


def transaction(far: Far) -> int:
    """Process id of the transaction that holds the lock."""
    locks = sorted((far.root / ".fleet").glob("lock.*"), key=lambda path: int(path.suffix[1:]))
    return int(locks[-1].read_text().split()[0])


def kill_transaction(far: Far) -> None:
    """What a power cut does to the processes: all of the transaction's session die at once."""
    os.killpg(os.getsid(transaction(far)), signal.SIGKILL)


def test_a_second_push_finds_the_terminal_busy_and_touches_nothing(upgraded: Far) -> None:
    with held_at_start(upgraded) as first:
        second = upgraded.push(upgrade_steps("3.0"), NEWER)

        assert (second.story.ending, second.story.cause) == (TerminalState.FAILED, Cause.BUSY)
        assert not first.done()
    assert first.result().story.ending is TerminalState.UPGRADED
    assert upgraded.live == NEW.name


def test_an_attempt_made_again_while_it_still_goes_on_waits_for_its_end_and_tells_that(upgraded: Far) -> None:
    steps = upgrade_steps("2.0")
    program = compile_program(playbook(steps), steps, NEW.artifact, "2.0")
    again = upgraded.conversation(program, NEW.artifact, attempt="aaaa")
    with held_at_start(upgraded) as first:
        process = upgraded.start(again)
        assert process.stdout is not None
        heard = b""
        while b" wait\n" not in heard:
            heard += process.stdout.read(4096)
        assert not first.done()
    with process:
        orders = again.feed(heard + process.stdout.read())

    assert orders == (HangUp(Cause.NONE),)
    assert (again.story().ending, again.story().in_place) == (TerminalState.UPGRADED, False)
    assert again.story().steps == first.result().story.steps
    assert upgraded.asked().count("2.0 start") == 1


def test_an_attempt_that_dies_while_it_is_waited_for_is_not_taken_up_without_a_last_word(upgraded: Far) -> None:
    steps = upgrade_steps("2.0")
    again = upgraded.conversation(compile_program(playbook(steps), steps, NEW.artifact, "2.0"), NEW.artifact, attempt="aaaa")
    with held_at_start(upgraded):
        process = upgraded.start(again)
        assert process.stdin is not None
        assert process.stdout is not None
        heard = b""
        while b" wait\n" not in heard:
            heard += process.stdout.read(4096)
        process.stdin.close()
        kill_transaction(upgraded)
    with process:
        again.feed(heard + process.stdout.read())

    assert again.story(exit_code=process.returncode).ending is TerminalState.FAILED
    assert upgraded.asked().count("2.0 start") == 1


def test_after_a_push_the_next_one_finds_the_terminal_free_at_once(far: Far) -> None:
    for version in ("1.0", "2.0", "3.0", "4.0"):
        assert far.push(upgrade_steps(version), build(version)).story.ending is TerminalState.UPGRADED

    assert len(list((far.root / ".fleet").glob("lock.*"))) == 1


def test_a_lock_whose_holder_is_gone_holds_nobody_up(upgraded: Far) -> None:
    lock = next((upgraded.root / ".fleet").glob("lock.*"))
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    lock.write_text(f"{os.getpid()} 1 {boot}\n")  # this process id, but of another process: it started at another time

    assert upgraded.push(upgrade_steps("2.0"), NEW).story.ending is TerminalState.UPGRADED


def test_of_pushes_that_begin_together_one_upgrades_and_the_others_touch_nothing(upgraded: Far) -> None:
    with ThreadPoolExecutor(4) as pool:
        pushes = [pool.submit(upgraded.push, upgrade_steps("2.0"), NEW, attempt=f"aa{number}") for number in range(4)]
        stories = [pushed.result(ENOUGH_S).story for pushed in pushes]

    made = [story for story in stories if story.ending is TerminalState.UPGRADED and not story.in_place]
    assert len(made) == 1
    assert all(story.in_place or story.cause is Cause.BUSY for story in stories if story not in made)
    assert upgraded.asked().count("2.0 start") == 1


@pytest.fixture(params=[pytest.param(shell, marks=pytest.mark.needs(shell, "flock")) for shell in ("dash", "bash")])
def with_flock(tmp_path: Path, request: pytest.FixtureRequest) -> Far:
    """A terminal on the old release that has `flock`."""
    far = make_far(tmp_path, request.param)
    assert far.push(upgrade_steps("1.0"), OLD).story.ending is TerminalState.UPGRADED
    (far.home / "asked").unlink()
    return far


def test_where_there_is_flock_a_lock_file_that_lies_lets_nobody_in(with_flock: Far) -> None:
    with held_at_start(with_flock) as first:
        newest = max((with_flock.root / ".fleet").glob("lock.*"), key=lambda path: int(path.suffix[1:]))
        newest.write_text("released\n")
        second = with_flock.push(upgrade_steps("3.0"), NEWER)

        assert (second.story.ending, second.story.cause) == (TerminalState.FAILED, Cause.BUSY)
        assert not first.done()
    assert first.result().story.ending is TerminalState.UPGRADED
    assert with_flock.live == NEW.name


def test_what_a_command_leaves_running_holds_no_lock(with_flock: Far) -> None:
    gate = with_flock.home / "gate"
    os.mkfifo(gate)
    stay = words("sh", "-c", 'read -r _ <"$HOME/gate" &')
    steps = [*upgrade_steps("2.0"), RunStep(name="stay", command=stay, irreversible=True), ProbeStep(name="stay-too", command=stay)]
    assert with_flock.push(steps, NEW).story.ending is TerminalState.UPGRADED

    next_one = with_flock.push(upgrade_steps("3.0"), NEWER)
    opened = os.open(gate, os.O_WRONLY | os.O_NONBLOCK)  # fails unless somebody still reads
    os.close(opened)

    assert next_one.story.ending is TerminalState.UPGRADED


def test_where_the_file_system_knows_no_such_lock_the_lock_file_alone_decides(with_flock: Far) -> None:
    (with_flock.tools / "flock").unlink()
    (with_flock.tools / "flock").write_text("#!/bin/sh\necho 'flock: 9: Operation not supported' >&2\nexit 71\n")
    (with_flock.tools / "flock").chmod(0o755)

    assert with_flock.push(upgrade_steps("2.0"), NEW).story.ending is TerminalState.UPGRADED


def test_a_link_cut_while_files_are_sent_leaves_the_old_release_untouched(upgraded: Far) -> None:
    cut = upgraded.push(upgrade_steps("2.0"), NEW, cut_at=SendFile)

    assert (cut.story.ending, cut.story.cause) == (TerminalState.UNKNOWN, Cause.LINK_LOST)
    assert upgraded.live == OLD.name
    assert upgraded.asked() == []


def test_a_link_cut_after_the_last_word_does_not_stop_the_upgrade(upgraded: Far) -> None:
    cut = upgraded.push(upgrade_steps("2.0"), NEW, attempt="aaaa", cut_at=SendLastWord)
    again = upgraded.push(upgrade_steps("2.0"), NEW, attempt="bbbb")

    assert cut.story.ending is TerminalState.UNKNOWN
    assert (again.story.ending, again.story.in_place) == (TerminalState.UPGRADED, True)
    assert upgraded.asked().count("2.0 start") == 1


@pytest.mark.parametrize("cut_at", [SendFile, SendLastWord])
def test_a_push_cut_anywhere_and_made_again_ends_on_the_new_release(upgraded: Far, cut_at: type[SendFile | SendLastWord]) -> None:
    upgraded.push(upgrade_steps("2.0"), NEW, cut_at=cut_at)

    assert upgraded.push(upgrade_steps("2.0"), NEW).story.ending is TerminalState.UPGRADED
    assert upgraded.live == NEW.name


def test_the_same_attempt_made_again_tells_how_it_ended_and_does_nothing(upgraded: Far) -> None:
    upgraded.fail("probe", "2.0")
    cut = upgraded.push(upgrade_steps("2.0"), NEW, attempt="aaaa", cut_at=SendLastWord)
    asked = upgraded.asked()

    again = upgraded.push(upgrade_steps("2.0"), NEW, attempt="aaaa")

    assert cut.story.ending is TerminalState.UNKNOWN
    assert (again.story.ending, again.story.cause, again.story.step) == (TerminalState.ROLLED_BACK, Cause.PROBE_FAILED, "activate")
    assert again.asked_for == ()
    assert upgraded.asked() == asked


def test_another_attempt_after_a_rollback_is_made(upgraded: Far) -> None:
    upgraded.fail("probe", "2.0")
    upgraded.push(upgrade_steps("2.0"), NEW)
    (upgraded.home / "break-probe-2.0").unlink()

    assert upgraded.push(upgrade_steps("2.0"), NEW).story.ending is TerminalState.UPGRADED


def test_a_transaction_that_dies_in_the_middle_of_an_activation_is_healed_by_the_next_push(upgraded: Far) -> None:
    with held_at_start(upgraded) as first:
        kill_transaction(upgraded)
        died = first.result(ENOUGH_S)
        (upgraded.home / "wait-start-2.0").unlink()
        healed = upgraded.push(upgrade_steps("2.0"), NEW)

        assert died.story.ending is TerminalState.UNKNOWN
        assert (healed.story.ending, healed.story.in_place) == (TerminalState.UPGRADED, False)


def test_after_a_death_in_the_middle_the_way_back_is_still_the_old_release(upgraded: Far) -> None:
    with held_at_start(upgraded) as first:
        kill_transaction(upgraded)
        first.result(ENOUGH_S)
        upgraded.fail("probe", "3.0")

        back = upgraded.push(upgrade_steps("3.0"), NEWER)

        assert back.story.ending is TerminalState.ROLLED_BACK
        assert upgraded.live == OLD.name


def test_a_push_that_looked_before_another_ended_does_not_do_its_work_again(upgraded: Far) -> None:
    # The second push looks while the first is held; its way to the lock leads through a `setsid` that waits for us.
    gate = upgraded.home / "gate"
    os.mkfifo(gate)
    with ThreadPoolExecutor(1) as pool:
        with held_at_start(upgraded) as first:
            (upgraded.tools / "setsid").unlink()
            (upgraded.tools / "setsid").write_text(f'#!/bin/sh\nread -r _ <"{gate}"\nexec "$@"\n')
            (upgraded.tools / "setsid").chmod(0o755)
            second = pool.submit(upgraded.push, upgrade_steps("2.0"), NEW)
            opened = os.open(gate, os.O_WRONLY)
        os.write(opened, b"go on\n")
        os.close(opened)

        assert first.result().story.ending is TerminalState.UPGRADED
        assert (second.result(ENOUGH_S).story.ending, second.result().story.in_place) == (TerminalState.UPGRADED, True)
    assert upgraded.asked().count("2.0 start") == 1
