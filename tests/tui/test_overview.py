"""The first screen, as its reader sees it."""

import unicodedata
from datetime import timedelta

import pytest
from rich.cells import cell_len

from fleet.control.inventory import import_fleet
from fleet.model.attempt import TerminalState
from fleet.model.rollout import RolloutPhase, WavePhase
from fleet.text import use_language
from fleet.tui.feed import Feed
from fleet.tui.progress import Tiles, Waves
from tests.tui.conftest import COORDINATOR, HUGE, LARGE, SMALL, Screenful, Stage, play, watching

SIZES = pytest.mark.parametrize("size", [SMALL, LARGE, HUGE], ids=["80x24", "120x40", "200x60"])
LANGUAGES = pytest.mark.parametrize("language", ["en", "zh_CN"])


def some_trouble(stage: Stage) -> None:
    """The canary waits at its gate; of the second wave, every ending once."""
    stage.at_the_gate()
    codes = [site.code for site in stage.plan.waves[1].sites]
    endings = (TerminalState.FAILED, TerminalState.ROLLED_BACK, TerminalState.UNREACHABLE, TerminalState.UNKNOWN)
    for code, ending in zip(codes, endings, strict=False):
        stage.end(code, ending)
    stage.run(stage.plan.waves[2].sites[0].code)


def ambiguous(text: str) -> set[str]:
    """Glyphs whose width a Chinese terminal may count as two."""
    return {character for character in text if unicodedata.east_asian_width(character) == "A"}


@SIZES
def test_the_first_screen_answers_what_is_done_what_waits_and_where_it_is_bad(stage: Stage, size: tuple[int, int]) -> None:
    some_trouble(stage)

    async def scene() -> None:
        async with watching(stage, size) as screen:
            header = screen.lines[0]
            assert "r1 4.2.0" in header
            assert "RUNNING" in header
            assert "5/16 terminals 31%" in header
            assert "! at the gate [a]" in screen.text
            assert "100% 3/3" in screen.text
            assert "Qingwan" in screen.text
            assert "✗ failed" in screen.text
            assert "↶ rolled back" in screen.text
            assert "⊘ unreachable" in screen.text
            assert "? unknown" in screen.text
            assert "▸ running" in screen.text
            assert "12/12 sites" in screen.text
            assert "the new client did not pass its" in screen.text
            assert "a Approve" in screen.lines[-1]
            assert "q Quit" in screen.lines[-1]

    play(scene())


@SIZES
@LANGUAGES
def test_every_line_of_every_screen_is_as_wide_as_the_terminal_and_of_certain_width(
    stage: Stage, size: tuple[int, int], language: str
) -> None:
    some_trouble(stage)
    use_language(language)

    async def scene() -> None:
        async with watching(stage, size) as screen:
            for key in ("escape", "enter", "a", "p", "x", "question_mark", "slash"):
                await screen.press(key)
                assert len(screen.lines) == size[1]
                assert {cell_len(line) for line in screen.lines} == {size[0]}
                assert not ambiguous(screen.text) - {"（", "）"}
                await screen.press("escape")

    play(scene())


@LANGUAGES
def test_the_language_changes_everywhere_at_once(stage: Stage, language: str) -> None:
    use_language(language)
    names = {"en": ("Qingwan", "中文"), "zh_CN": ("青湾区", "English")}

    async def scene() -> None:
        async with watching(stage) as screen:
            here, there = names[language], names["zh_CN" if language == "en" else "en"]
            assert here[0] in screen.lines[7]
            assert f"F2 {here[1]}" in screen.lines[-1]

            await screen.press("f2")

            assert there[0] in screen.text
            assert here[0] not in "".join(line.replace("青湾区人民医院", "") for line in screen.lines)
            assert f"F2 {there[1]}" in screen.lines[-1]

    play(scene())


def test_before_the_plan_and_the_room_are_known_nothing_false_is_painted(stage: Stage) -> None:
    first = Feed(stage.store, COORDINATOR, stage.settings.zone, stage.clock).poll().board
    waves, tiles = Waves(), Tiles()
    waves.board = tiles.board = first

    assert waves.draw(120, 3) == []
    assert "more" not in "".join(segment.text for strip in tiles.draw(21, 1) for segment in strip)


def test_what_happens_is_on_the_screen_with_the_next_look(stage: Stage) -> None:
    async def scene() -> None:
        async with watching(stage) as screen:
            assert "none so far" in screen.text

            stage.end("p1", TerminalState.FAILED)
            await screen.shows("✗ failed      百姓缘药店", "✗1 failed")

            assert "none so far" not in screen.text

    play(scene())


def test_a_rollout_that_begins_later_comes_by_itself(empty_stage: Stage) -> None:
    async def scene() -> None:
        async with watching(empty_stage) as screen:
            assert "No rollout yet" in screen.lines[1]

            empty_stage.start()
            await screen.shows("RUNNING", "12/12 sites")

            assert "No rollout yet" not in screen.text

    play(scene())


def test_nothing_is_painted_while_nothing_happens(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        async with watching(stage) as screen:
            painted: list[object] = []
            monkeypatch.setattr(screen.app, "_display", lambda _screen, renderable: painted.append(renderable))

            await screen.news()
            await screen.news()

            assert painted == []

    play(scene())


def test_an_orchestrator_that_is_gone_is_missed_on_every_screen(stage: Stage) -> None:
    async def scene() -> None:
        async with watching(stage) as screen:
            assert "orchestrator" not in screen.text

            stage.now += timedelta(minutes=2)
            await screen.shows("No orchestrator since 22:03:27. Start one: fleet run")
            await screen.press("enter")

            await screen.shows("No orchestrator since 22:03:27. Start one: fleet run")

    play(scene())


def test_the_rows_stand_still_under_the_cursor(stage: Stage) -> None:
    async def scene() -> None:
        async with watching(stage) as screen:
            await screen.press("j", "j")
            before = cursor_line(screen)

            stage.end("p8", TerminalState.FAILED)
            await screen.shows("1 moved: r")
            assert cursor_line(screen) == before

            await screen.press("r")
            assert cursor_line(screen)[5:] == before[5:]
            assert "moved" not in screen.text
            rows = [line for line in screen.lines if "✗ failed  " in line]
            assert "新城药店" in rows[0]

    play(scene())


def cursor_line(screen: Screenful) -> str:
    """The row under the cursor, without its place."""
    return next(line for line in screen.lines if line.startswith(">"))[:78]


def test_a_filter_shows_what_it_means_and_escape_shows_everything(stage: Stage) -> None:
    async def scene() -> None:
        async with watching(stage) as screen:
            await screen.press("slash")
            await screen.type("dsyy")
            assert "1/12 sites" in screen.text
            assert "东山医院" in screen.text
            assert "柳林药房" not in screen.text

            await screen.press("enter", "enter")
            await screen.shows("h4/t01")
            await screen.press("escape", "escape")

            assert "12/12 sites" in screen.text

    play(scene())


def test_a_filter_that_means_nothing_says_why_and_hides_nothing(stage: Stage) -> None:
    async def scene() -> None:
        async with watching(stage) as screen:
            await screen.press("slash")
            await screen.type("stat:x")

            assert "12/12 sites" in screen.text
            assert "state" in screen.lines[-2]

    play(scene())


def test_one_key_shows_only_what_ended_badly(stage: Stage) -> None:
    stage.end("p8", TerminalState.FAILED)

    async def scene() -> None:
        async with watching(stage) as screen:
            await screen.press("f")
            assert "1/12 sites" in screen.text

            stage.end("p7", TerminalState.UNREACHABLE)
            await screen.shows("2/12 sites")
            await screen.press("f")

            assert "12/12 sites" in screen.text

    play(scene())


def test_a_click_on_a_district_filters_by_it(stage: Stage) -> None:
    async def scene() -> None:
        async with watching(stage) as screen:
            await screen.pilot.click("Tiles", offset=(5, 1))
            await screen.pilot.pause()

            assert "district:qingwan" in screen.text
            assert "6/12 sites" in screen.text

    play(scene())


def test_the_waves_follow_the_one_that_is_at_work(stage: Stage) -> None:
    stage.at_the_gate()
    stage.set_wave(1, phase=WavePhase.PASSED)
    stage.set_wave(2, phase=WavePhase.OPEN)

    async def scene() -> None:
        async with watching(stage) as screen:
            assert "✓ passed" in screen.text
            assert "▸ open" in screen.text
            assert "closed" in screen.text

    play(scene())


def test_the_app_leaves_when_the_rollout_is_over_and_it_was_told_to(stage: Stage) -> None:
    async def scene() -> None:
        async with watching(stage, leave_when_finished=True) as screen:
            stage.set_phase(RolloutPhase.FINISHED)
            await screen.until(lambda: not screen.app.is_running)

    play(scene())


def test_a_notice_stands_on_the_bottom_line(stage: Stage) -> None:
    async def scene() -> None:
        async with watching(stage, notice=lambda: "demo-coordinator approves in 14 s") as screen:
            assert "demo-coordinator approves in 14 s" in screen.lines[-2]

    play(scene())


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x40"])
@LANGUAGES
def test_who_came_late_stands_beside_the_fixed_number(stage: Stage, size: tuple[int, int], language: str) -> None:
    use_language(language)
    extra = stage.fleet.terminals["p1/t01"].model_copy(update={"code": "t09", "port": 3999, "key_card": None})
    grown = stage.fleet.model_copy(update={"terminals": {**stage.fleet.terminals, extra.id: extra}})
    import_fleet(stage.store, COORDINATOR, stage.now, grown, {})

    async def scene() -> None:
        async with watching(stage, size) as screen:
            assert "0/16 +1" in screen.lines[0]

    play(scene())
