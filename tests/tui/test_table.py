"""A table of any length does bounded work."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from textual.app import App, ComposeResult

from fleet.text import N_
from fleet.tui.cells import Span
from fleet.tui.look import NONE
from fleet.tui.table import Column, LineTable

ROWS, HEIGHT = 100_000, 24


@dataclass(frozen=True)
class Row:
    number: int
    word: str = "waiting"


class BigTable(LineTable[Row]):
    COLUMNS = (Column(N_("State"), 10), Column(N_("Site"), 0))

    def __init__(self) -> None:
        super().__init__()
        self.rows = [Row(number) for number in range(ROWS)]

    def row_count(self) -> int:
        return len(self.rows)

    def row(self, index: int) -> Row:
        return self.rows[index]

    def row_id(self, row: Row) -> str:
        return str(row.number)

    def index_of(self, row_id: str) -> int | None:
        return next((index for index, row in enumerate(self.rows) if row.number == int(row_id)), None)

    def cells(self, row: Row) -> Sequence[Span]:
        return (row.word, NONE), (f"site {row.number}", NONE)


class BigApp(App[None]):
    CSS = "LineTable { height: 1fr; overflow-y: scroll; }"

    def compose(self) -> ComposeResult:
        yield BigTable()

    def on_mount(self) -> None:
        table = self.query_one(BigTable)
        table.focus()
        table.rows_changed()

    @property
    def lines(self) -> list[str]:
        return ["".join(segment.text for segment in strip).rstrip() for strip in self.screen._compositor.render_strips()]


def test_only_the_rows_in_the_window_are_ever_drawn() -> None:
    async def scene() -> None:
        app = BigApp()
        async with app.run_test(size=(60, HEIGHT)) as pilot:
            table = app.query_one(BigTable)
            await pilot.pause()
            assert table.lines_drawn <= 2 * HEIGHT

            before = table.lines_drawn
            await pilot.press("G")
            await pilot.pause()

            assert "site 99999" in app.lines[-1]
            assert table.lines_drawn - before <= HEIGHT + 1

    asyncio.run(scene())


def test_a_thousand_changes_draw_only_those_in_the_window() -> None:
    async def scene() -> None:
        app = BigApp()
        async with app.run_test(size=(60, HEIGHT)) as pilot:
            table = app.query_one(BigTable)
            await pilot.pause()
            before = table.lines_drawn

            for number in [3, *range(50_000, 51_000)]:
                table.rows[number] = replace(table.rows[number], word="failed")
            table.rows_changed()
            await pilot.pause()

            assert table.lines_drawn - before == 1
            assert app.lines[4].startswith(" failed")

    asyncio.run(scene())


def test_the_cursor_stays_on_its_row_when_the_rows_move() -> None:
    async def scene() -> None:
        app = BigApp()
        async with app.run_test(size=(60, HEIGHT)) as pilot:
            table = app.query_one(BigTable)
            await pilot.press("j", "j", "j")

            table.rows.insert(0, Row(ROWS))
            table.rows_changed()
            await pilot.pause()

            assert table.cursor_id == "3"
            assert app.lines[5].startswith(">waiting    site 3")

    asyncio.run(scene())


def test_the_keys_move_the_cursor_and_the_window_follows() -> None:
    async def scene() -> None:
        app = BigApp()
        async with app.run_test(size=(60, HEIGHT)) as pilot:
            table = app.query_one(BigTable)
            places = []
            for key in ("down", "up", "pagedown", "pageup", "end", "home", "k"):
                await pilot.press(key)
                places.append(table.cursor)

            assert places == [1, 0, HEIGHT - 2, 0, ROWS - 1, 0, 0]
            assert app.lines[1].startswith(">waiting    site 0")

    asyncio.run(scene())


def test_a_table_without_rows_is_shown_and_its_keys_do_nothing() -> None:
    async def scene() -> None:
        app = BigApp()
        async with app.run_test(size=(60, HEIGHT)) as pilot:
            table = app.query_one(BigTable)
            table.rows = []
            table.rows_changed()
            await pilot.press("down", "end", "enter", "pagedown")

            assert table.cursor_id is None
            assert app.lines[0].startswith(" State")
            assert app.lines[1] == ""

    asyncio.run(scene())
