"""Boxes in front of a screen where a person decides: pause and resume, stop. The gate has its own module.

- What cannot be taken back wants words typed, never a single key.
- A box asks `control`; what control answers (somebody else was first, this person may not) is shown in the box.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import ClassVar

from rich.style import Style
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widgets import Input

from fleet.control import rollouts
from fleet.errors import FleetError
from fleet.model.actor import Actor
from fleet.model.rollout import RolloutPhase
from fleet.select import fold
from fleet.store import Store
from fleet.text import _
from fleet.tui.board import Board
from fleet.tui.cells import Span, strip_of, wrap
from fleet.tui.lines import Panel
from fleet.tui.look import BAD, BAR, BOLD, DIM, KEY, NONE, WARN
from fleet.tui.screens import BoardScreen

Act = Callable[[Store, Actor, datetime], object]
"""What control is asked to do."""


class Words(Panel):
    """Lines that take as much room as they need."""

    make: Callable[[int], list[list[Span]]] = staticmethod(lambda _width: [])

    def draw(self, width: int, height: int) -> list[Strip]:  # noqa: ARG002 - as high as it needs
        """The lines."""
        return [strip_of(spans, width, BAR) for spans in self.make(width)]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002 - Textual's signature
        """As many as there are."""
        return len(self.make(width))

    def redraw(self) -> None:
        """Draw again; ask for room when there are more lines, or fewer."""
        if self.is_mounted and self.size.width and len(self.make(self.size.width)) != self.size.height:
            self.refresh(layout=True)
        super().redraw()


class Dialog(ModalScreen[None], BoardScreen[None]):
    """A box with words, fields where something must be typed, and a line for the answer."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("f2", "app.language", show=False),
    ]
    fields: tuple[str, ...] = ()
    """Ids of the fields, in their order."""
    answer = ""

    def compose(self) -> ComposeResult:
        """The words, the fields each under its own, the answer."""
        with Vertical(id="dialog"):
            yield Words(id="words")
            for name in self.fields:
                yield Words(id=f"about-{name}")
                yield Input(id=name, compact=True, select_on_focus=False)
            yield Words(id="answer")

    def on_mount(self) -> None:
        """The first field has the keys."""
        self.query_one("#words", Words).make = self.words
        self.query_one("#answer", Words).make = self._answer
        for name in self.fields:
            self.query_one(f"#about-{name}", Words).make = partial(self._about, name)
            self.query_one(f"#{name}", Input).cursor_blink = False
        if self.fields:
            self.query_one(f"#{self.fields[0]}", Input).focus()
        self.show_board(self.board)

    def words(self, width: int) -> list[list[Span]]:
        """What the box says."""
        raise NotImplementedError

    def about(self, name: str) -> str:
        """What to type into a field."""
        raise NotImplementedError

    def show_board(self, board: Board) -> None:
        """The numbers may be others now."""
        super().show_board(board)
        for words in self.query(Words):
            words.redraw()

    def typed(self, name: str) -> str:
        """What stands in a field."""
        return self.query_one(f"#{name}", Input).value.strip()

    def reply(self, text: str) -> None:
        """Answer in the box."""
        self.answer = text
        self.query_one("#answer", Words).redraw()

    async def decide(self, act: Act, done: str) -> None:
        """Ask control; leave when it was done and say so, else show its answer. Control says False to what is so already."""
        try:
            answer = await self.fleet_app.decide(act)
        except FleetError as error:
            self.reply("  ".join(line.strip() for line in error.lines()))
            return
        self.fleet_app.say(_("That is so already; the orchestrator takes it in.") if answer is False else done)
        self.dismiss()

    def action_leave(self) -> None:
        """Nothing was decided."""
        self.dismiss()

    def _about(self, name: str, width: int) -> list[list[Span]]:
        return [[], *([(line, NONE)] for line in wrap(self.about(name), width))]

    def _answer(self, width: int) -> list[list[Span]]:
        closing: list[list[Span]] = [[], [("Esc", KEY), (" " + _("leave everything as it is"), DIM)]]
        return [*([[]] if self.answer else []), *([(line, BAD)] for line in (wrap(self.answer, width) if self.answer else ())), *closing]


def paragraph(text: str, width: int, style: Style = NONE) -> list[list[Span]]:
    """A text, wrapped, one style."""
    return [[(line, style)] for line in wrap(text, width)]


def number_in(text: str) -> int | None:
    """The number that somebody typed; None where it is none."""
    return int(text) if text.isascii() and text.isdigit() else None


class PauseDialog(Dialog):
    """One confirmation: pausing can be taken back."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,y", "confirm", show=False)]

    def words(self, width: int) -> list[list[Span]]:
        """What happens to what runs."""
        if self._is_paused:
            title, text = _("Resume the rollout?"), _("New pushes start again within a few seconds.")
        else:
            title, text = _("Pause the rollout?"), _("Nothing new starts. What runs now goes on to its end; resume takes the pause back.")
        return [[(title, WARN)], [], *paragraph(text, width), [], [("Enter", KEY), (f" {title.rstrip('?？')}", BOLD)]]

    async def action_confirm(self) -> None:
        """Do it."""
        rollout = self.board.rollout
        if rollout is None:
            return
        if self._is_paused:
            await self.decide(lambda store, actor, at: rollouts.resume(store, actor, at, rollout.id), _("Resumed."))
        else:
            await self.decide(lambda store, actor, at: rollouts.pause(store, actor, at, rollout.id), _("Paused. Press p again to resume."))

    @property
    def _is_paused(self) -> bool:
        return self.board.rollout is not None and self.board.rollout.phase is RolloutPhase.PAUSED


class StopDialog(Dialog):
    """The rollout's name and a reason, both typed."""

    fields = ("name", "reason")

    def words(self, width: int) -> list[list[Span]]:
        """What stopping means."""
        text = _(
            "What has not begun stays as it is. What runs now finishes, or stops before it activates. "
            "Later, `fleet rollout retry` goes on with what is unfinished."
        )
        return [[(_("Stop the rollout?"), BAD)], [], *paragraph(text, width)]

    def about(self, name: str) -> str:
        """What to type."""
        if name == "reason":
            return _("Why? Everybody will read it.")
        return _("Type {name} to confirm.", name=self.board.rollout.id if self.board.rollout else "")

    @on(Input.Submitted)
    async def submit(self) -> None:
        """The name must be the rollout's, and there must be a reason."""
        rollout = self.board.rollout
        if rollout is None:
            return
        if fold(self.typed("name")) != fold(rollout.id):
            self.reply(_("That is not the rollout's name; nothing was stopped."))
            self.query_one("#name", Input).focus()
        elif not self.typed("reason"):
            self.reply("")
            self.query_one("#reason", Input).focus()
        else:
            reason = self.typed("reason")
            await self.decide(lambda store, actor, at: rollouts.stop(store, actor, at, rollout.id, reason), _("Stopped."))
