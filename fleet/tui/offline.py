"""Terminals that nobody answers at: for how long, what comes next for each, and making one a technician's job."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.strip import Strip

from fleet.control.choices import Choice, What, choices_for_site
from fleet.model.rollout import RolloutState
from fleet.store.again import Job, Offline
from fleet.text import N_, Message, _, render
from fleet.tui.board import Board
from fleet.tui.cells import Span, strip_of
from fleet.tui.choices import ChoiceDialog, ConfirmDialog
from fleet.tui.frame import Alert, BoardPanel, KeyBar, Need, Ticker, Verb
from fleet.tui.header import Header
from fleet.tui.look import BAR, BOLD, BUSY, DIM, NONE, WARN
from fleet.tui.screens import BoardScreen
from fleet.tui.table import Column, LineTable

_NOBODY = N_("No terminal that was tried is offline.")


@dataclass(frozen=True, slots=True)
class Silent:
    """A line of the table; a value, which is another one when its words are."""

    offline: Offline
    site: str
    district: str
    age: str
    technician: str
    job: Job | None
    then: Message
    """What comes next, or why it is a technician's job."""


class OfflineTable(LineTable[Silent]):
    """The queue, the longest silent first."""

    COLUMNS = (
        Column(N_("Silent for"), 12, right=True),
        Column(N_("Site"), 0),
        Column(N_("Terminal"), 8),
        Column(N_("District"), 10, from_width=100),
        Column(N_("Tries"), 5, right=True),
        Column(N_("Technician"), 10),
        Column(N_("What next"), 22),
    )

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.queue: tuple[Silent, ...] = ()

    def row_count(self) -> int:
        """How many there are."""
        return len(self.queue)

    def row(self, index: int) -> Silent:
        """The terminal at a place."""
        return self.queue[index]

    def row_id(self, row: Silent) -> str:
        """Its id."""
        return row.offline.terminal

    def index_of(self, row_id: str) -> int | None:
        """Where a terminal is shown."""
        return next((index for index, row in enumerate(self.queue) if row.offline.terminal == row_id), None)

    def cells(self, row: Silent) -> Sequence[Span]:
        """What is said about a terminal."""
        return (
            (row.age, BOLD),
            (row.site, NONE),
            (row.offline.terminal.partition("/")[2], BOLD),
            (row.district, DIM),
            (str(row.offline.tries), DIM),
            (row.technician, NONE),
            (render(row.then), WARN if row.job else BUSY),
        )


class OfflineCount(BoardPanel):
    """How many there are, and how many of them are a technician's job."""

    queue: tuple[Silent, ...] = ()

    def draw(self, width: int, height: int) -> list[Strip]:  # noqa: ARG002 - one line
        """One line."""
        if not self.queue:
            return [strip_of([(f" {render(_NOBODY)}", DIM)], width, BAR)]
        jobs = sum(row.job is not None for row in self.queue)
        text = _("Nobody answers at terminals: {count}; a technician's job: {jobs}", count=len(self.queue), jobs=jobs)
        return [strip_of([(f" {text}", BOLD)], width, BAR)]


class OfflineScreen(BoardScreen[None]):
    """The queue of terminals that nobody answers at."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace", "back", show=False),
        Binding("t", "send", show=False),
        Binding("d", "choose", show=False),
    ]

    def compose(self) -> ComposeResult:
        """From the top."""
        yield Header()
        yield Alert()
        yield OfflineCount()
        yield OfflineTable(id="offline")
        yield Ticker()
        yield KeyBar()

    def on_mount(self) -> None:
        """The table has the keys."""
        self.query_one(OfflineTable).focus()
        self.show_board(self.board)
        self.fleet_app.open_offline(is_open=True)

    def on_unmount(self) -> None:
        """Nobody looks any more."""
        self.fleet_app.open_offline(is_open=False)

    def verbs(self) -> Sequence[Verb]:
        """Sending somebody, everything else that may be done, and the way back."""
        has_one = bool(self.board.offline)
        job = Verb("t", N_("Send technician"), has_one and not self.fleet_app.why_read_only())
        return (Verb("Esc", N_("Back"), need=Need.ALWAYS), job, Verb("d", N_("Decide"), has_one), *self.fleet_app.common_verbs())

    def show_board(self, board: Board) -> None:
        """Draw this board."""
        table, queue = self.query_one(OfflineTable), queue_of(board)
        table.queue = self.query_one(OfflineCount).queue = queue
        table.rows_changed()
        super().show_board(board)

    @on(LineTable.Opened)
    async def open_card(self) -> None:
        """Enter is the same as d."""
        await self.action_choose()

    async def action_send(self) -> None:
        """Make the terminal under the cursor a technician's job: who goes to its site, and why."""
        found, app = await self._card(), self.fleet_app
        if found is None:
            return
        row, rollout, card = found
        choice = next(one for one in card if one.what is What.TECHNICIAN)
        if choice.refusal is not None:
            app.say("  ".join(render(part) for part in (choice.refusal, choice.hint) if part), is_bad=True)
        else:
            app.push_screen(ConfirmDialog(choice, rollout.id, row.offline.technician or ""))

    async def action_choose(self) -> None:
        """The card of what may be done about the terminal under the cursor and its site."""
        found = await self._card()
        if found is not None:
            row, rollout, card = found
            self.fleet_app.push_screen(ChoiceDialog(_("{name}: what now?", name=row.site), card, rollout.id))

    def action_back(self) -> None:
        """To all sites."""
        self.app.pop_screen()

    async def _card(self) -> tuple[Silent, RolloutState, list[Choice]] | None:
        """What may be done about the terminal under the cursor; None, and why, where there is nothing."""
        table, rollout, app = self.query_one(OfflineTable), self.board.rollout, self.fleet_app
        if not table.queue or rollout is None:
            app.say(render(_NOBODY), is_bad=True)
            return None
        if reason := app.why_read_only():
            app.say(reason, is_bad=True)
            return None
        row = table.queue[table.cursor]
        card = await app.look(lambda snapshot, actor: choices_for_site(snapshot, actor, rollout, row.offline.site, row.offline.terminal))
        return row, rollout, card


def queue_of(board: Board) -> tuple[Silent, ...]:
    """The queue as it is shown at the board's moment."""
    return tuple(_silent(board, one) for one in board.offline)


def _silent(board: Board, one: Offline) -> Silent:
    minutes = int(one.age(board.at).total_seconds()) // 60
    site = board.fleet.sites.get(one.site)
    after_h = board.plan.playbook.offline_after_h if board.plan else None
    job = one.job(board.at, after_h)
    return Silent(
        offline=one,
        site=site.name if site else one.site,
        district=board.district(one.district),
        age=_("{hours} h {minutes} min", hours=minutes // 60, minutes=minutes % 60),
        technician=board.person(one.technician),
        job=job,
        then=_then(job, board.clock(one.due_at) if one.due_at else "", after_h or 0),
    )


def _then(job: Job | None, due: str, after_h: float) -> Message:
    """What comes next; in as few words as its column has room for."""
    match job:
        case Job.SENT:
            return N_("job; next try {time}", time=due) if due else N_("job: one was sent")
        case Job.NO_TRY_LEFT:
            return N_("job: no try is left")
        case Job.SILENT_FOR_LONG:
            return N_("job: silent for {hours:g} h", hours=after_h)
        case None:
            return N_("next try {time}", time=due)
