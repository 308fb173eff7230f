"""A terminal whose clock is right, stands in 1970 or 2040, or is missing: what has expired, and what only seems so."""

from dataclasses import replace
from datetime import timedelta

from fleet.model.attempt import Cause, TerminalState
from fleet.model.release import Release
from tests.seals import BEGAN, FOR, signature_of
from tests.terminal.field import Far
from tests.terminal.signing import DAY, NEW, NEWER, NOW, UPGRADED, end, push, resigned, with_clock, without


def test_a_release_whose_time_is_over_is_refused(far: Far) -> None:
    over = int((BEGAN + FOR).timestamp()) + 60
    with_clock(far, over)

    refused = push(far, NEW, sent_at=over)

    assert (end(refused), refused.story.detail) == ((TerminalState.FAILED, Cause.RELEASE_EXPIRED), "the release's signature has expired")


def test_a_clock_of_1970_is_no_trouble_and_is_told(far: Far) -> None:
    with_clock(far, 42)

    pushed = push(far, NEW)

    assert end(pushed) == UPGRADED
    assert pushed.story.facts == {"signature": "sshsig", "clock_ahead_s": str(42 - NOW)}


def test_a_clock_of_1970_does_not_bring_an_expired_release_back(far: Far) -> None:
    with_clock(far, 42)

    assert end(push(far, NEW, sent_at=NOW + 400 * DAY)) == (TerminalState.FAILED, Cause.RELEASE_EXPIRED)


def test_without_any_clock_a_release_that_ended_before_the_live_one_began_is_refused(far: Far) -> None:
    with_clock(far, 42)
    later = BEGAN + timedelta(days=10)
    noun = Release(version="2.0", artifacts=(NEW.artifact,))
    push(far, replace(NEW, artifact=noun.sealed(signature_of(noun, at=later), None).artifacts[0]), sent_at=None)

    refused = push(far, resigned(NEWER, valid_for=timedelta(days=9)), sent_at=None)

    assert end(refused) == (TerminalState.FAILED, Cause.RELEASE_EXPIRED)


def test_a_clock_of_2040_is_told_from_a_release_that_expired(far: Far) -> None:
    with_clock(far, 2_208_988_800)

    refused = push(far, NEW)

    assert end(refused) == (TerminalState.FAILED, Cause.CLOCK)
    assert "days ahead of ours" in refused.story.detail
    without(far, "date")
    with_clock(far, NOW)
    assert end(push(far, NEW)) == UPGRADED  # and nothing it saw then is held against it


def test_a_terminal_without_a_clock_goes_by_ours(far: Far) -> None:
    without(far, "date")

    assert end(push(far, NEW)) == UPGRADED
    assert end(push(far, NEWER, sent_at=NOW + 400 * DAY)) == (TerminalState.FAILED, Cause.RELEASE_EXPIRED)
