"""A table of any length: only the rows in the window are ever drawn, and only those that changed are painted again.

- Subclasses give the rows by number and a row's cells; a row is a value, so a drawn line is kept until its row is another one.
- The cursor belongs to a row's id, not to its place: when the rows move it moves along.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message as TextualMessage
from textual.scroll_view import ScrollView
from textual.strip import Strip

from fleet.text import Message, render
from fleet.tui.cells import Span, fit, strip_of
from fleet.tui.lines import PlainScrollBar, repaint_changed
from fleet.tui.look import BAR, CURSOR, NONE, PLAIN, TITLE

R = TypeVar("R")
_KEPT_LINES = 2_000


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    title: Message
    width: int
    """Cells; 0 for the one column that takes what the others leave."""
    right: bool = False
    from_width: int = 0
    """Shown when the table has at least this many cells."""


class LineTable(ScrollView, Generic[R], can_focus=True):
    """A window onto any number of rows, with a cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown,space", "page(1)", show=False),
        Binding("home,g", "top", show=False),
        Binding("end,G", "bottom", show=False),
        Binding("enter", "open", show=False),
    ]
    COLUMNS: ClassVar[tuple[Column, ...]] = ()

    class Opened(TextualMessage):
        """Enter was pressed on a row, or it was clicked twice."""

        def __init__(self, table: "LineTable[Any]", row_id: str) -> None:
            super().__init__()
            self.table = table
            self.row_id = row_id

        @property
        def control(self) -> "LineTable[Any]":
            """The table."""
            return self.table

    class Moved(TextualMessage):
        """The reader moved the cursor."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.cursor_id: str | None = None
        self.cursor = 0
        self._window: list[Strip] = []
        self._drawn: dict[tuple[str, bool], tuple[R, Strip]] = {}
        self.lines_drawn = 0
        """How many row lines were ever formatted; for tests of bounded work."""

    def row_count(self) -> int:
        """How many rows there are."""
        raise NotImplementedError

    def row(self, index: int) -> R:
        """The row at a place."""
        raise NotImplementedError

    def row_id(self, row: R) -> str:
        """What stays the same when the row changes."""
        raise NotImplementedError

    def index_of(self, row_id: str) -> int | None:
        """The place of a row, or None when it is not shown."""
        raise NotImplementedError

    def cells(self, row: R) -> Sequence[Span]:
        """A row's cells, one for each of COLUMNS."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """The scroll bar is ours."""
        self.vertical_scrollbar.renderer = PlainScrollBar  # type: ignore[misc]

    def rows_changed(self) -> None:
        """Rows changed, moved, came or went: find the cursor's row again and repaint what became different."""
        count = self.row_count()
        found = self.index_of(self.cursor_id) if self.cursor_id is not None else None
        self.cursor = found if found is not None else max(0, min(self.cursor, count - 1))
        self.cursor_id = self.row_id(self.row(self.cursor)) if count else None
        self.virtual_size = Size(self.scrollable_content_region.width, count + 1)
        if self.cursor == 0:
            self._show_cursor()
        self._repaint()

    def relabel(self) -> None:
        """Forget every drawn line: the language is another one, or what a cell means."""
        self._drawn.clear()
        self._repaint()

    def on_resize(self) -> None:
        """Another width, other lines."""
        self._drawn.clear()
        self.virtual_size = Size(self.scrollable_content_region.width, self.row_count() + 1)
        self._show_cursor()
        self._repaint()

    def render_line(self, y: int) -> Strip:
        """One line for the compositor: the headings stay on top."""
        width = self.scrollable_content_region.width
        index = self.scroll_offset.y + y - 1
        if y == 0:
            titles = [(render(column.title), TITLE) for column in self.COLUMNS]
            return strip_of(self._spread(titles, width), width, BAR)
        if index >= self.row_count():
            return Strip.blank(width, PLAIN)
        return self._line(self.row(index), width, selected=index == self.cursor)

    def move_to(self, index: int) -> None:
        """Put the cursor on a row and bring it into the window."""
        if not self.row_count():
            return
        self.cursor = max(0, min(index, self.row_count() - 1))
        self.cursor_id = self.row_id(self.row(self.cursor))
        self._show_cursor()
        self._repaint()
        self.post_message(self.Moved())

    def action_move(self, step: int) -> None:
        """One row up or down."""
        self.move_to(self.cursor + step)

    def action_page(self, step: int) -> None:
        """One window up or down."""
        self.move_to(self.cursor + step * max(1, self._height - 1))

    def action_top(self) -> None:
        """To the first row."""
        self.move_to(0)

    def action_bottom(self) -> None:
        """To the last row."""
        self.move_to(self.row_count() - 1)

    def action_open(self) -> None:
        """Open the row under the cursor."""
        if self.cursor_id is not None:
            self.post_message(self.Opened(self, self.cursor_id))

    def on_click(self, event: events.Click) -> None:
        """One click moves the cursor, two open."""
        index = self.scroll_offset.y + event.y - 1
        if event.y == 0 or index >= self.row_count():
            return
        self.move_to(index)
        if event.chain == 2:
            self.action_open()

    @property
    def _height(self) -> int:
        return max(1, self.scrollable_content_region.height - 1)

    def _show_cursor(self) -> None:
        top = self.scroll_offset.y
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, force=True)
        elif self.cursor >= top + self._height:
            self.scroll_to(y=self.cursor - self._height + 1, animate=False, force=True)

    def _repaint(self) -> None:
        new = [self.render_line(y) for y in range(self.scrollable_content_region.height)]
        old, self._window = self._window, new
        repaint_changed(self, old, new)

    def _line(self, row: R, width: int, *, selected: bool) -> Strip:
        key = (self.row_id(row), selected)
        kept = self._drawn.get(key)
        if kept is not None and kept[0] == row:
            return kept[1]
        if len(self._drawn) >= _KEPT_LINES:
            self._drawn.clear()
        self.lines_drawn += 1
        spans = [(text, NONE if selected else style) for text, style in self.cells(row)]
        strip = strip_of(self._spread(spans, width, ">" if selected else " "), width, CURSOR if selected else PLAIN)
        self._drawn[key] = (row, strip)
        return strip

    def _spread(self, cells: Sequence[Span], width: int, margin: str = " ") -> list[Span]:
        """The cells in their columns' widths, behind a margin of one."""
        shown = [(column, cell) for column, cell in zip(self.COLUMNS, cells, strict=True) if width >= column.from_width]
        rest = width - 1 - sum(column.width + 1 for column, _cell in shown)
        spans: list[Span] = [(margin, NONE)]
        for column, (text, style) in shown:
            spans.append((fit(text, column.width or max(rest, 1), right=column.right) + " ", style))
        return spans
