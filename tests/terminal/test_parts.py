"""A push whose files were cut off on their way: the next one goes on at that very byte, and what is damaged never hurts."""

from pathlib import Path

import pytest

from fleet.model.attempt import Cause, TerminalState
from fleet.model.playbook import PreflightStep
from fleet.push.payload import LAST_WORD
from tests.terminal.field import VALUES, Build, Far, Pushed, build, client_files, make_far, payload_of, upgrade_steps

OLD = build("1.0")
NEW = build("2.0", client_files("2.0", extra={"tables/more.dat": b"more" * 5000, "tables/rates.dat": b"rates" * 3000}))
SENT = ("bin/client", "share/version", "tables/more.dat", "tables/rates.dat")
"""What the old release does not have, in the payload's order."""
PAYLOAD = payload_of(NEW, *SENT)


@pytest.fixture
def upgraded(far: Far) -> Far:
    """A terminal on the old release."""
    assert far.push(upgrade_steps("1.0"), OLD).story.ending is TerminalState.UPGRADED
    return far


def part(far: Far) -> Path:
    return far.root / ".fleet/part"


def cut(far: Far, after: int, attempt: str | None = None) -> Pushed:
    """A push of the new release whose link is cut after so many bytes of its payload."""
    pushed = far.push(upgrade_steps("2.0"), NEW, cut_after=after, attempt=attempt)
    assert (pushed.story.ending, pushed.story.cause) == (TerminalState.UNKNOWN, Cause.LINK_LOST)
    assert far.live in (None, OLD.name)
    return pushed


def finish(far: Far, release: Build = NEW, attempt: str | None = None) -> Pushed:
    """Push once more; it upgrades and leaves no part."""
    pushed = far.push(upgrade_steps(release.version), release, attempt=attempt)
    assert pushed.story.ending is TerminalState.UPGRADED, pushed
    assert far.live == release.name
    assert list((far.root / ".fleet").glob("part*")) == []
    assert not (far.root / "releases/part").exists()
    return pushed


@pytest.mark.parametrize("after", [1, 511, 513, 9_000, len(PAYLOAD) - len(LAST_WORD), len(PAYLOAD) - 3, len(PAYLOAD) - 2])
def test_a_push_that_was_cut_goes_on_at_that_very_byte(upgraded: Far, after: int) -> None:
    cut(upgraded, after)

    again = finish(upgraded)

    assert again.held is not None
    assert again.held.bytes == after
    assert again.sent_bytes == len(PAYLOAD) - after


def test_the_same_attempt_made_again_goes_on_too(upgraded: Far) -> None:
    cut(upgraded, 9_000, attempt="aaaa")

    again = finish(upgraded, attempt="aaaa")

    assert again.sent_bytes == len(PAYLOAD) - 9_000


def test_however_often_it_is_cut_every_byte_travels_once(upgraded: Far) -> None:
    pushes = [cut(upgraded, after) for after in (700, 9_000, 3, 12_000)]

    last = finish(upgraded)

    assert sum(pushed.sent_bytes for pushed in pushes) + last.sent_bytes == len(PAYLOAD)


def test_cut_before_it_was_said_what_follows_the_part_stays_as_it_is(upgraded: Far) -> None:
    cut(upgraded, 9_000)
    cut(upgraded, 0)

    assert part(upgraded).read_bytes() == PAYLOAD[:9_000]
    assert finish(upgraded).sent_bytes == len(PAYLOAD) - 9_000


@pytest.mark.parametrize("wrong", [b"?", b"nothing of this release" * 1000, PAYLOAD + b"and more"], ids=["short", "foreign", "too long"])
def test_a_part_of_something_else_is_replaced(upgraded: Far, wrong: bytes) -> None:
    cut(upgraded, 9_000)
    part(upgraded).write_bytes(wrong)

    assert finish(upgraded).sent_bytes == len(PAYLOAD)


def test_a_part_that_was_damaged_is_sent_anew(upgraded: Far) -> None:
    cut(upgraded, 9_000)
    data = bytearray(part(upgraded).read_bytes())
    data[5_000] ^= 1
    part(upgraded).write_bytes(data)

    assert finish(upgraded).sent_bytes == len(PAYLOAD)


def test_where_other_files_are_needed_now_those_that_came_whole_are_not_sent_again(upgraded: Far) -> None:
    cut(upgraded, len(PAYLOAD) - len(LAST_WORD) - 2_000)
    files = client_files("2.1", extra={"tables/more.dat": b"more" * 5000, "tables/rates.dat": b"rates" * 3000})

    again = finish(upgraded, build("2.1", files))

    assert again.asked_for == ("bin/client", "share/version", "tables/rates.dat")


def test_the_same_release_with_other_needs_keeps_what_came_whole(upgraded: Far) -> None:
    cut(upgraded, len(PAYLOAD) - len(LAST_WORD) - 2_000)
    (upgraded.root / "releases" / OLD.name / "lib/cards.dat").write_bytes(b"damaged")
    (upgraded.root / "releases" / NEW.name / "lib/cards.dat").write_bytes(b"damaged")

    assert finish(upgraded).asked_for == ("lib/cards.dat", "tables/rates.dat")


@pytest.mark.parametrize("contents", [PAYLOAD, PAYLOAD[: len(PAYLOAD) // 2] + b"go\n"], ids=["whole", "by chance"])
def test_a_last_word_of_an_earlier_push_is_not_heeded(upgraded: Far, contents: bytes) -> None:
    cut(upgraded, 9_000)
    part(upgraded).write_bytes(contents)

    cut(upgraded, 0)
    again = finish(upgraded)

    assert again.held is None
    assert again.sent_bytes < len(PAYLOAD)


def test_a_part_that_nothing_is_needed_of_is_removed(upgraded: Far) -> None:
    cut(upgraded, 9_000)

    pushed = upgraded.push(upgrade_steps("1.0"), OLD, values={**VALUES, "key_card": "KC-4711"})

    assert (pushed.story.ending, pushed.asked_for) == (TerminalState.UPGRADED, ())
    assert not part(upgraded).exists()


def test_what_an_earlier_push_left_of_looking_into_its_part_goes_although_the_upgrade_fails(upgraded: Far) -> None:
    (upgraded.root / "releases/part").mkdir()
    (upgraded.root / "releases/part/left").write_bytes(b"left")
    upgraded.fail("probe", "2.0")

    pushed = upgraded.push(upgrade_steps("2.0"), NEW)

    assert pushed.story.ending is TerminalState.ROLLED_BACK
    assert not (upgraded.root / "releases/part").exists()


def test_preflight_counts_a_part_as_room(upgraded: Far) -> None:
    room = (NEW.artifact.size + 1023) // 1024
    (upgraded.tools / "df").unlink()
    (upgraded.tools / "df").write_text(f"#!/bin/sh\nprintf 'Filesystem\\n/dev/x 65536 0 {room - 10} 99%% /\\n'\n")
    (upgraded.tools / "df").chmod(0o755)
    steps = [PreflightStep(name="preflight", min_free_kb=0), *upgrade_steps("2.0")[1:]]
    refused = upgraded.push(steps, NEW)
    cut_off = upgraded.push(upgrade_steps("2.0")[1:], NEW, cut_after=20_000)

    pushed = upgraded.push(steps, NEW)

    assert (refused.story.ending, refused.story.cause) == (TerminalState.FAILED, Cause.DISK_FULL)
    assert cut_off.story.ending is TerminalState.UNKNOWN
    assert pushed.story.ending is TerminalState.UPGRADED


@pytest.mark.needs("dash")
def test_a_part_that_the_disk_had_no_room_for_is_not_kept(tmp_path: Path) -> None:
    far = make_far(tmp_path, "dash")
    cat = (far.tools / "cat").readlink()
    (far.tools / "cat").unlink()
    (far.tools / "cat").write_text(
        f'#!/bin/sh\n[ $# -eq 0 ] || exec {cat} "$@"\nhead -c 9000\necho "No space left on device" >&2\nexit 1\n'
    )
    (far.tools / "cat").chmod(0o755)

    pushed = far.push(upgrade_steps("2.0"), NEW)

    assert (pushed.story.ending, pushed.story.cause) == (TerminalState.FAILED, Cause.DISK_FULL)
    assert list((far.root / ".fleet").glob("part*")) == []


def test_files_arrive_where_there_is_no_timeout_and_a_part_is_gone_on_with(upgraded: Far) -> None:
    (upgraded.tools / "timeout").unlink()
    (upgraded.tools / "timeout").touch()

    cut(upgraded, 9_000)

    assert finish(upgraded).sent_bytes == len(PAYLOAD) - 9_000


def test_a_push_that_is_not_cut_knows_no_part(upgraded: Far) -> None:
    pushed = finish(upgraded)

    assert pushed.held is None
    assert pushed.sent_bytes == len(PAYLOAD)
