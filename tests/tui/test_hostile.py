"""Names that would be markup, escapes or a wrong width somewhere else."""

from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.tui.conftest import SMALL, Stage, make_stage, plan_for, play, small_fleet, watching

NAMES = {
    "h1": "[bold red]医院[/] [@click=app.quit]",
    "h2": "海" * 60,
    "h3": "a" + "海" * 60,
    "h4": "𠮷野家é́ 医院",
    "p1": "\u0301combining first",
    "p2": "%s {name} $variable :smile:",
    "p3": "家\u200d\u200d族\ufe0f药店",
}


@pytest.mark.parametrize("size", [(80, 24), (81, 24), (97, 30), (120, 40)], ids=str)
def test_hostile_names_are_shown_as_they_are_and_move_nothing(tmp_path: Path, size: tuple[int, int]) -> None:
    fleet = small_fleet(NAMES)
    stage = make_stage(tmp_path, fleet, plan_for(fleet))
    stage.start()
    stage.at_the_gate()

    async def scene() -> None:
        async with watching(stage, size) as screen:
            assert {cell_len(line) for line in screen.lines} == {size[0]}
            assert "[bold red]医院[/] " in screen.text
            assert "%s {name} $variable :sm" in screen.text
            assert "海~" in screen.text
            assert "\u200d" not in screen.text
            assert "\x1b" not in screen.text

    play(scene())
    stage.store.close()


def test_an_escape_in_what_is_said_is_shown_as_its_code(stage: Stage) -> None:
    async def scene() -> None:
        async with watching(stage, SMALL) as screen:
            screen.app.say("evil\x1b[2Jname\u202e", is_bad=True)
            await screen.pilot.pause()

            assert "evil\\x1b[2Jname\\u202e" in screen.lines[-2]

    play(scene())
