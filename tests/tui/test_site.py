"""One site's screen."""

import pytest

from fleet.model.actor import FLEET
from fleet.model.attempt import Cause, StepResult, TerminalState
from fleet.model.crew import CheckIn, SelfTest
from fleet.model.playbook import KeySource
from fleet.model.trust import KeyBinding
from fleet.store import crew, progress, trust
from tests.tui.conftest import LARGE, SMALL, Stage, play, watching


def two_attempts(stage: Stage) -> None:
    """Its first terminal failed, then went well and was bound; its technician came by."""
    stage.end(
        "h1",
        TerminalState.ROLLED_BACK,
        steps=(
            StepResult(name="stage", ok=True, duration_ms=900),
            StepResult(name="activate", ok=False, duration_ms=3000, detail="exit 3"),
        ),
        cause=Cause.PROBE_FAILED,
        detail="health: no answer on port 8443",
        log=("starting client", "client died"),
    )
    with stage.store.write(FLEET, stage.now) as tx:
        progress.record_result(tx, "r1", stage.result("h1/t01", TerminalState.UPGRADED, number=2, facts={"client_version": "4.2.0"}))
        trust.save_binding(
            tx,
            KeyBinding(
                terminal="h1/t01",
                key_card="KC0001",
                source=KeySource.BORN_HERE,
                key_id="a" * 64,
                host_fingerprint="SHA256:" + "b" * 43,
                bound_at=stage.now,
            ),
        )
        test = SelfTest(terminal="h1/t02", version="4.2.0", ok=True, note="swiped twice")
        crew.add_check_in(
            tx,
            "r1",
            CheckIn(site="h1", technician="liu-yang", self_tests=(test,), note="the queue was long", actor="liu-yang", at=stage.now),
        )


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x40"])
def test_a_site_shows_its_terminals_their_attempts_and_its_technician(stage: Stage, size: tuple[int, int]) -> None:
    two_attempts(stage)

    async def scene() -> None:
        async with watching(stage, size) as screen:
            await screen.press("enter")
            await screen.shows("海棠清水中医医院", "h1/t01", "ATTEMPT 2", "ATTEMPT 1")
            assert "刘洋" in screen.text
            assert "1.5 km" in screen.text
            assert "08:00-20:00" in screen.text
            assert "▪ upgraded" in screen.text
            assert "client_version 4.2.0" in screen.text
            assert "health: no answer on port 8443" in screen.text
            assert "✗ activate" in screen.text

            await screen.press("tab", "G")

            assert "KC0001" in screen.text
            assert "SHA256:" in screen.text
            assert "marked complete" in screen.text
            assert "the queue was long" in screen.text
            assert "✓ h1/t02 4.2.0 swiped twice" in screen.text

    play(scene())


def test_a_steps_name_is_whole_where_there_is_room(stage: Stage) -> None:
    name = "software-encryption-by-the-card"
    stage.end("h1", steps=(StepResult(name=name, ok=True, duration_ms=900),))

    async def scene() -> None:
        async with watching(stage, SMALL) as screen:
            await screen.press("enter")
            await screen.shows(f"✓ {name} ")

    play(scene())


def test_the_story_is_that_of_the_terminal_under_the_cursor(stage: Stage) -> None:
    two_attempts(stage)

    async def scene() -> None:
        async with watching(stage) as screen:
            await screen.press("enter")
            await screen.shows("ATTEMPT 2")

            await screen.press("j")

            assert " h1/t02" in screen.text
            assert "ATTEMPT 2" not in screen.text
            assert "client died" in screen.text

    play(scene())


def test_a_site_changes_while_it_is_looked_at(stage: Stage) -> None:
    async def scene() -> None:
        async with watching(stage) as screen:
            await screen.press("enter")
            await screen.shows("no attempt has ended yet")

            stage.run("h1")
            await screen.shows("▸ running")
            stage.end("h1")

            await screen.shows("▪ upgraded 2/2", "ATTEMPT 1", "42.0 s")

    play(scene())


@pytest.mark.parametrize(
    ("sent", "saved", "said"),
    [
        (5_200_000, 41_600_000, "Files: 5.2 MB sent, 41.6 MB were on the terminals already"),
        (0, 4_034, "Files: 0 KB sent, 4.034 KB were on the terminals already"),
    ],
)
def test_an_attempt_says_what_was_sent_and_what_was_there_already(stage: Stage, sent: int, saved: int, said: str) -> None:
    stage.end("h1", bytes_sent=sent, bytes_saved=saved)

    async def scene() -> None:
        async with watching(stage) as screen:
            await screen.press("enter")
            await screen.shows(said)

    play(scene())


def test_what_a_terminal_says_is_never_markup_and_never_obeyed(stage: Stage) -> None:
    hostile = "[red]x[/red] [@click=app.quit]go[/] :warning: {name} %s"
    stage.end("h1", TerminalState.FAILED, detail=hostile, log=(hostile,), steps=(StepResult(name="stage", ok=False, detail=hostile),))

    async def scene() -> None:
        async with watching(stage) as screen:
            await screen.press("enter")
            await screen.shows("ATTEMPT 1")

            assert screen.text.count(hostile) == 3

    play(scene())


def test_escape_leads_back_from_the_story_to_the_terminals_to_the_sites(stage: Stage) -> None:
    async def scene() -> None:
        async with watching(stage) as screen:
            await screen.press("enter")
            await screen.shows("h1/t01")
            await screen.press("enter", "escape")
            assert "h1/t01" in screen.text

            await screen.press("escape")

            await screen.shows("12/12 sites")

    play(scene())


def test_a_site_shows_each_terminals_swipe_before_and_now_and_its_own_medians(stage: Stage) -> None:
    for number, terminal in enumerate(("h1/t01", "h1/t02")):
        told = {
            "before_swipe_ms": 9000 + 500 * number,
            "before_swipe_encryption_ms": 7000,
            "swipe_ms": 2000 + 100 * number,
            "swipe_encryption_ms": 20,
        }
        with stage.store.write(FLEET, stage.now) as tx:
            facts = {name: str(value) for name, value in told.items()}
            progress.record_result(tx, "r1", stage.result(terminal, TerminalState.UPGRADED, facts=facts))

    async def scene() -> None:
        async with watching(stage, LARGE) as screen:
            await screen.press("enter")
            await screen.shows("SWIPE", "site: medians of 2 terminals measured both times")
            rows = [line.split() for line in screen.lines]
            assert ["whole", "swipe", "9.00", "2.00", "9.00", "2.00"] in rows
            assert ["encryption", "7.00", "0.02", "7.00", "0.02"] in rows

            await screen.press("j")
            await screen.shows("h1/t02")

            assert ["whole", "swipe", "9.50", "2.10", "9.00", "2.00"] in [line.split() for line in screen.lines]

    play(scene())


def test_a_site_where_nothing_was_measured_says_nothing_of_swipes(stage: Stage) -> None:
    stage.end("h1")

    async def scene() -> None:
        async with watching(stage, LARGE) as screen:
            await screen.press("enter")
            await screen.shows("ATTEMPT 1")
            assert "SWIPE" not in screen.text

    play(scene())


def test_a_terminal_that_measured_nothing_beside_one_that_did_has_its_story(stage: Stage) -> None:
    facts = {"before_swipe_ms": "9000", "swipe_ms": "2000"}
    with stage.store.write(FLEET, stage.now) as tx:
        progress.record_result(tx, "r1", stage.result("h1/t01", TerminalState.FAILED, cause=Cause.DISK_FULL, step="preflight"))
        progress.record_result(tx, "r1", stage.result("h1/t02", TerminalState.UPGRADED, facts=facts))

    async def scene() -> None:
        async with watching(stage, LARGE) as screen:
            await screen.press("enter")
            await screen.shows("ATTEMPT 1", "h1/t01")
            assert "SWIPE" not in screen.text

            await screen.press("j")
            await screen.shows("SWIPE", "h1/t02")

    play(scene())


def test_a_fault_of_ours_is_kept_for_the_door_and_no_local_of_it_is_drawn(stage: Stage) -> None:
    async def scene() -> None:
        async with watching(stage) as screen:
            fault = ValueError("planted")
            screen.app._handle_exception(fault)
            assert screen.app.fault is fault
            assert screen.app._exit_renderables == []

    with pytest.raises(ValueError, match="planted"):
        play(scene())
