"""What every screen has: a way to take news in, to change language, and the keys of its bottom line."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from textual.screen import Screen

from fleet.tui.board import Board
from fleet.tui.frame import BoardPanel, KeyBar, Verb
from fleet.tui.lines import Panel, Scroller
from fleet.tui.table import LineTable

if TYPE_CHECKING:
    from fleet.tui.app import FleetApp

T = TypeVar("T")


class BoardScreen(Screen[T], Generic[T]):
    """A screen that shows a board."""

    AUTO_FOCUS = ""

    @property
    def fleet_app(self) -> "FleetApp":
        """The app, with its own type."""
        return cast("FleetApp", self.app)

    @property
    def board(self) -> Board:
        """What is shown now."""
        return self.fleet_app.board

    def verbs(self) -> Sequence[Verb]:
        """The keys of the bottom line."""
        return ()

    def show_board(self, board: Board) -> None:
        """Draw this board everywhere on the screen."""
        for panel in self.query(BoardPanel):
            panel.show(board)
        self.show_verbs()

    def show_verbs(self) -> None:
        """Draw the keys again: what can be done may be something else now."""
        for bar in self.query(KeyBar):
            bar.verbs = self.verbs()
            bar.redraw()

    def relabel(self) -> None:
        """Say everything again: the language is another one."""
        for table in self.query(LineTable):
            table.relabel()
        for panel in self.query(Panel):
            panel.redraw()
        for scroller in self.query(Scroller):
            scroller.redraw()
        self.show_board(self.board)
