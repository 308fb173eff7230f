"""A large release's sums are openssl's to work out where it is, and it never has the last word on what is damaged."""

import shutil
from pathlib import Path

import pytest

from fleet.model.attempt import Cause, TerminalState
from tests.terminal.field import Far, build, client_files, upgrade_steps

pytestmark = pytest.mark.needs("openssl")

LARGE = build("2.0", client_files("2.0", extra={"lib/large.dat": bytes(range(256)) * 10_000}))


@pytest.fixture
def quick(far: Far) -> Far:
    """A terminal with openssl, whose use is noted."""
    openssl = shutil.which("openssl")
    assert openssl is not None
    script = f'#!/bin/sh\necho "$1" >>"$HOME/openssl"\nexec {openssl} "$@"\n'
    _make_tool(far.tools / "openssl", script)
    return far


def _make_tool(path: Path, script: str) -> None:
    path.write_text(script.replace("#!/bin/sh", f"#!{path.parent}/sh"))
    path.chmod(0o755)


def used(far: Far) -> list[str]:
    log = far.home / "openssl"
    return log.read_text().split() if log.exists() else []


def test_openssl_works_out_the_sums_of_a_large_release(quick: Far) -> None:
    upgraded = quick.push(upgrade_steps("2.0"), LARGE)
    again = quick.push(upgrade_steps("2.0"), LARGE)

    assert upgraded.story.ending is TerminalState.UPGRADED
    assert again.story.in_place
    assert used(quick) == ["dgst", "dgst"]


def test_a_small_release_is_not_worth_its_start(quick: Far) -> None:
    quick.push(upgrade_steps("1.0"), build("1.0"))

    assert used(quick) == []


def test_a_large_file_that_arrives_damaged_is_named_and_never_activated(quick: Far) -> None:
    def flip(data: bytes) -> bytes:
        return data[:-1] + b"\0" if len(data) > 1_000_000 else data

    pushed = quick.push(upgrade_steps("2.0"), LARGE, damage=flip)

    assert (pushed.story.ending, pushed.story.cause) == (TerminalState.FAILED, Cause.DAMAGED_FILE)
    assert "lib/large.dat" in pushed.story.detail
    assert quick.live is None


def test_a_large_release_that_is_live_and_damaged_is_not_in_place(quick: Far) -> None:
    quick.push(upgrade_steps("2.0"), LARGE)
    (quick.root / "current/lib/large.dat").write_bytes(b"damaged")

    pushed = quick.push(upgrade_steps("2.0"), LARGE)

    assert (pushed.story.ending, pushed.story.in_place) == (TerminalState.UPGRADED, False)


@pytest.mark.parametrize("script", ["#!/bin/sh\nexit 1\n", "#!/bin/sh\necho 'unknown option -r'\n"])
def test_an_openssl_that_cannot_do_it_changes_nothing(far: Far, script: str) -> None:
    _make_tool(far.tools / "openssl", script)

    pushed = far.push(upgrade_steps("2.0"), LARGE)

    assert pushed.story.ending is TerminalState.UPGRADED
