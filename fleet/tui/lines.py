"""Widgets made of whole lines, which repaint only the lines that changed: bytes are what a slow link feels.

- `Panel` is a fixed area; `Scroller` is a longer text behind a window.
- A line is a Strip of exactly the widget's width, so nothing here can be markup.
"""

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBarRender
from textual.strip import Strip
from textual.widget import Widget

from fleet.tui.look import PLAIN


class PlainScrollBar(ScrollBarRender):
    """A scroll bar of background colour only; the usual part-blocks have no certain width in Chinese terminals."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "] * 8
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "] * 8


def repaint_changed(widget: Widget, old: Sequence[Strip], new: Sequence[Strip]) -> None:
    """Ask for the lines of `widget` that differ to be painted again."""
    if len(old) != len(new):
        widget.refresh()
        return
    width = widget.size.width
    changed = [Region(0, y, width, 1) for y, (before, after) in enumerate(zip(old, new, strict=True)) if before != after]
    if changed:
        widget.refresh(*changed)


class Panel(Widget):
    """An area of lines that its subclass draws."""

    can_focus = False
    _lines: Sequence[Strip] = ()

    def draw(self, width: int, height: int) -> list[Strip]:
        """The lines, from the top; missing ones are blank."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Draw again, and repaint what became different."""
        new = self.draw(*self.size)[: self.size.height]
        old, self._lines = self._lines, new
        repaint_changed(self, old, new)

    def on_resize(self) -> None:
        """Another size, other lines."""
        self.redraw()

    def render_line(self, y: int) -> Strip:
        """One line for the compositor."""
        return self._lines[y] if y < len(self._lines) else Strip.blank(self.size.width, PLAIN)


class Scroller(ScrollView, can_focus=True):
    """A text longer than its window; `lines` gives it for a width."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", show=False),
        Binding("down,j", "scroll_down", show=False),
        Binding("pageup", "page_up", show=False),
        Binding("pagedown,space", "page_down", show=False),
        Binding("home,g", "scroll_home", show=False),
        Binding("end,G", "scroll_end", show=False),
    ]
    _lines: Sequence[Strip] = ()

    def draw(self, width: int) -> list[Strip]:
        """The whole text."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """The scroll bar is ours."""
        self.vertical_scrollbar.renderer = PlainScrollBar  # type: ignore[misc]

    def redraw(self) -> None:
        """Draw again, and repaint what became different."""
        width = self.scrollable_content_region.width
        new = self.draw(width)
        old, self._lines = self._lines, new
        self.virtual_size = Size(width, len(new))
        if len(old) == len(new) and self.scroll_offset.y == 0:
            repaint_changed(self, old[: self.size.height], new[: self.size.height])
        elif old != new:
            self.refresh()

    def on_resize(self) -> None:
        """Another width, other lines."""
        self.redraw()

    def render_line(self, y: int) -> Strip:
        """One line for the compositor."""
        y += self.scroll_offset.y
        return self._lines[y] if y < len(self._lines) else Strip.blank(self.size.width, PLAIN)
