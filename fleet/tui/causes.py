"""Failures by cause: each once, with how many sites stand there; a choice about one is about exactly these."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.strip import Strip

from fleet.control.choices import choices_for_failure
from fleet.model.attempt import cause_words
from fleet.model.step_words import step_words
from fleet.report.terminal_words import detail_words
from fleet.store.failures import FailureGroup, members_of_group
from fleet.text import N_, _, render
from fleet.tui.board import Board
from fleet.tui.cells import Span, strip_of, wrap
from fleet.tui.choices import ChoiceDialog
from fleet.tui.frame import Alert, BoardPanel, KeyBar, Need, Ticker, Verb
from fleet.tui.header import Header
from fleet.tui.look import BOLD, DIM, NONE, PLAIN, TITLE, terminal_shown
from fleet.tui.screens import BoardScreen
from fleet.tui.table import Column, LineTable

_DETAIL_LINES = 8


class CauseTable(LineTable[FailureGroup]):
    """The failures, the most sites first."""

    COLUMNS = (
        Column(N_("State"), 13),
        Column(N_("Sites"), 6, right=True),
        Column(N_("Terminals"), 9, right=True),
        Column(N_("Step"), 12),
        Column(N_("Why"), 0),
        Column(N_("Failure"), 16, from_width=100),
    )

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.groups: tuple[FailureGroup, ...] = ()

    def row_count(self) -> int:
        """How many failures there are."""
        return len(self.groups)

    def row(self, index: int) -> FailureGroup:
        """The failure at a place."""
        return self.groups[index]

    def row_id(self, row: FailureGroup) -> str:
        """Its fingerprint."""
        return row.fingerprint

    def index_of(self, row_id: str) -> int | None:
        """Where a failure is shown."""
        return next((index for index, row in enumerate(self.groups) if row.fingerprint == row_id), None)

    def cells(self, row: FailureGroup) -> Sequence[Span]:
        """What is said about a failure."""
        shown = terminal_shown(row.ending)
        return (
            (f"{shown.mark} {render(shown.word)}", shown.style),
            (str(row.sites), BOLD),
            (str(row.terminals), NONE),
            (render(step_words(row.step)), NONE),
            (render(cause_words(row.cause)), NONE),
            (row.fingerprint, DIM),
        )


class CauseDetail(BoardPanel):
    """The failure under the cursor: why in full, an example, where."""

    group: FailureGroup | None = None

    def draw(self, width: int, height: int) -> list[Strip]:
        """As many lines as there is room for."""
        board, group = self.board, self.group
        if board is None:
            return []
        if group is None:
            return [strip_of([(" " + _("Nothing stands at a failure now."), DIM)], width, PLAIN)]
        where = ", ".join(f"{board.district(code)} {n}" for code, n in group.districts.items())
        said = render(detail_words(group.detail))
        paragraphs = (
            (render(cause_words(group.cause)), BOLD),
            (where, NONE),
            (_("for example {terminal}", terminal=group.example), DIM),
            (said, NONE),
        )
        lines: list[Strip] = [strip_of([(" " + _("FAILURE {fingerprint}", fingerprint=group.fingerprint), TITLE)], width, PLAIN)]
        for text, style in paragraphs:
            lines += [strip_of([(" ", NONE), (line, style)], width, PLAIN) for line in (wrap(text, max(1, width - 2)) if text else ())]
        return lines[:height]


class CauseScreen(BoardScreen[None]):
    """All failures of the rollout by cause."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace", "back", show=False),
        Binding("d", "choose", show=False),
    ]

    def compose(self) -> ComposeResult:
        """From the top."""
        yield Header()
        yield Alert()
        yield CauseTable(id="causes")
        yield CauseDetail()
        yield Ticker()
        yield KeyBar()

    def on_mount(self) -> None:
        """The table has the keys."""
        self.query_one(CauseDetail).styles.height = _DETAIL_LINES
        self.query_one(CauseTable).focus()
        self.show_board(self.board)
        self.fleet_app.open_causes(is_open=True)

    def on_unmount(self) -> None:
        """Nobody looks any more."""
        self.fleet_app.open_causes(is_open=False)

    def verbs(self) -> Sequence[Verb]:
        """What to do about the failure, and the way back."""
        has_one = bool(self.board.groups)
        return (Verb("Esc", N_("Back"), need=Need.ALWAYS), Verb("d", N_("Decide"), has_one), *self.fleet_app.common_verbs())

    def show_board(self, board: Board) -> None:
        """Draw this board."""
        table = self.query_one(CauseTable)
        table.groups = board.groups
        table.rows_changed()
        self.query_one(CauseDetail).group = self._group
        super().show_board(board)

    @on(LineTable.Moved)
    def show_detail(self) -> None:
        """The failure under the cursor."""
        detail = self.query_one(CauseDetail)
        detail.group = self._group
        detail.redraw()

    @on(LineTable.Opened)
    async def open_card(self) -> None:
        """Enter is the same as d."""
        await self.action_choose()

    async def action_choose(self) -> None:
        """The card of what may be done about the failure under the cursor."""
        group, rollout, app = self._group, self.board.rollout, self.fleet_app
        if group is None or rollout is None:
            app.say(_("Nothing stands at a failure now."), is_bad=True)
            return
        if reason := app.why_read_only():
            app.say(reason, is_bad=True)
            return
        card = await app.look(
            lambda snapshot, actor: choices_for_failure(snapshot, actor, rollout, members_of_group(snapshot, rollout.id, group.fingerprint))
        )
        title = _("{sites} {sites:site|sites}, one cause: {why}", sites=group.sites, why=cause_words(group.cause))
        app.push_screen(ChoiceDialog(title, card, rollout.id))

    def action_back(self) -> None:
        """To all sites."""
        self.app.pop_screen()

    @property
    def _group(self) -> FailureGroup | None:
        table = self.query_one(CauseTable)
        return table.groups[table.cursor] if table.groups else None
