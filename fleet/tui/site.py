"""One site: its terminals, what each attempt did step by step, what the terminal said, and what its technician reported."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from rich.style import Style
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.strip import Strip

from fleet.control.choices import choices_for_site
from fleet.model.attempt import AttemptResult, Cause, cause_words
from fleet.model.inventory import Reach
from fleet.model.step_words import step_words
from fleet.report.terminal_words import detail_words, fact_words, key_source_words
from fleet.report.words import files_words, kind_words, reach_words
from fleet.store.reads import TerminalRow
from fleet.text import N_, _, render
from fleet.tui.board import Board, SiteDetail
from fleet.tui.cells import Span, between, fit, strip_of, width_of, wrap
from fleet.tui.choices import ChoiceDialog
from fleet.tui.frame import Alert, BoardPanel, KeyBar, Need, Ticker, Verb
from fleet.tui.header import Header
from fleet.tui.lines import Scroller
from fleet.tui.look import BAD, BAR, BOLD, DIM, GOOD, NONE, PLAIN, TITLE, site_shown, terminal_shown
from fleet.tui.screens import BoardScreen
from fleet.tui.swipes import swipe_lines
from fleet.tui.table import Column, LineTable

_MOST_TERMINALS_SHOWN = 0.4
"""Share of the screen's height that the list of terminals may take."""
_INDENT = "     "
_STEP = 18
"""Cells that a step's name has at least."""


class SiteFacts(BoardPanel):
    """Who the site is, who goes there, and when it is open."""

    is_read = False
    """Whether the board was read for this site."""

    def draw(self, width: int, height: int) -> list[Strip]:  # noqa: ARG002 - three lines
        """Three lines."""
        board = self.board
        detail = board.site if board else None
        if board is None or detail is None:
            words = _("The rollout does not hold this site.") if self.is_read else ""
            return [strip_of([(f" {words}", DIM)], width, PLAIN)]
        shown = site_shown(detail.row)
        row, site, assigned = detail.row, detail.site, detail.assignment
        kind = f"  {row.code}  {render(kind_words(row.kind))}  {board.district(row.district)}"
        state = f"{shown.mark} {render(shown.word)} {row.proven}/{row.terminals} "
        technician: list[Span] = [(" " + _("technician") + " ", DIM)]
        if assigned is None:
            technician.append((_("nobody yet"), NONE))
        else:
            technician.append((board.person(assigned.technician), BOLD))
            if assigned.distance_km is not None:
                technician.append((f" {assigned.distance_km:.1f} km", NONE))
            if assigned.reason:
                technician.append((f" ({assigned.reason})", DIM))
        place: list[Span] = []
        if site is not None:
            hours = _("24 hours") if site.open_24h else site.opening_hours
            facts = ((_("contact"), f"{site.contact} {site.phone}"), (_("opening hours"), hours), (_("address"), site.address))
            place = [span for name, value in facts if value.strip() for span in ((f" {name} ", DIM), (f"{value.strip()} ", NONE))]
        return [
            between([(f" {row.name}", BOLD), (kind, DIM)], [(state, shown.style)], width, BAR),
            strip_of(technician, width, PLAIN),
            strip_of(place, width, PLAIN),
        ]


class TerminalTable(LineTable[TerminalRow]):
    """The site's terminals."""

    COLUMNS = (
        Column(N_("State"), 13),
        Column(N_("Terminal"), 10),
        Column(N_("Why"), 0),
        Column(N_("Tries"), 5, right=True),
        Column(N_("Address"), 21, from_width=78),
        Column(N_("Key card"), 12, from_width=100),
        Column(N_("Changed"), 11, from_width=100),
    )

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.terminals: tuple[TerminalRow, ...] = ()
        self.board: Board | None = None

    def row_count(self) -> int:
        """How many terminals the site has."""
        return len(self.terminals)

    def row(self, index: int) -> TerminalRow:
        """The terminal at a place."""
        return self.terminals[index]

    def row_id(self, row: TerminalRow) -> str:
        """Its id."""
        return row.id

    def index_of(self, row_id: str) -> int | None:
        """Where a terminal is shown."""
        return next((index for index, row in enumerate(self.terminals) if row.id == row_id), None)

    def cells(self, row: TerminalRow) -> Sequence[Span]:
        """What is said about a terminal."""
        shown = terminal_shown(row.state)
        why = render(cause_words(row.cause)) if row.cause is not Cause.NONE else render(detail_words(row.detail))
        address = render(reach_words(row.reach)) if row.reach is Reach.BY_HAND else f"{row.host}:{row.port}"
        return (
            (f"{shown.mark} {render(shown.word)}", shown.style),
            (row.id.partition("/")[2], BOLD),
            (why, NONE),
            (str(row.attempts), DIM),
            (address, DIM),
            (row.key_card or "", DIM),
            (self.board.time(row.updated_at) if self.board else "", DIM),
        )


class Story(Scroller):
    """What happened on one terminal, the newest attempt first; then its key, and what the technician reported about the site."""

    board: Board | None = None
    terminal: str | None = None

    def draw(self, width: int) -> list[Strip]:
        """The whole story, wrapped to the width."""
        board = self.board
        if board is None or board.site is None:
            return []
        return [strip_of(spans, width, PLAIN) for spans in self._story(board, board.site, width)]

    def _story(self, board: Board, detail: SiteDetail, width: int) -> Iterator[list[Span]]:
        attempts = detail.attempts.get(self.terminal or "", ())
        yield [(f" {self.terminal or ''}", TITLE), ("" if attempts else "  " + _("no attempt has ended yet"), DIM)]
        yield from swipe_lines(detail, attempts)
        for attempt in attempts:
            yield from _attempt(board, attempt, width)
        binding = detail.bindings.get(self.terminal or "")
        if binding is not None:
            yield [(" " + _("KEY"), TITLE), (f"  {render(key_source_words(binding.source))}  {board.time(binding.bound_at)}", DIM)]
            facts = ((_("key"), binding.key_id), (_("key card"), binding.key_card or ""), (_("host key"), binding.host_fingerprint))
            for name, value in facts:
                yield from _labelled(name, value, width)
        yield [(" " + _("CHECK-INS"), TITLE), ("" if detail.check_ins else "  " + _("none yet"), DIM)]
        for check_in in reversed(detail.check_ins):
            words = (_("marked complete"), GOOD) if check_in.kind == "mark" else (_("reported a problem"), BAD)
            yield [(f"   {board.time(check_in.at)}  ", DIM), (f"{board.person(check_in.technician)} ", BOLD), words]
            for line in wrap(check_in.note, width - len(_INDENT)) if check_in.note else ():
                yield [(_INDENT, NONE), (line, NONE)]
            for test in check_in.self_tests:
                mark, style = ("✓", GOOD) if test.ok else ("✗", BAD)
                yield [(f"{_INDENT}{mark} ", style), (f"{test.terminal} {test.version} {test.note}", NONE)]


def _attempt(board: Board, attempt: AttemptResult, width: int) -> Iterator[list[Span]]:
    shown = terminal_shown(attempt.ending)
    seconds = (attempt.finished_at - attempt.started_at).total_seconds()
    yield [
        (" " + _("ATTEMPT {number}", number=attempt.number) + "  ", TITLE),
        (f"{shown.mark} {render(shown.word)}  ", shown.style),
        (board.time(attempt.finished_at) + "  " + _("{seconds:.1f} s", seconds=seconds), DIM),
        ("  " + _("was in place already") if attempt.in_place else "", DIM),
    ]
    if attempt.bytes_sent or attempt.bytes_saved:
        yield from _wrapped(render(files_words(attempt.bytes_sent, attempt.bytes_saved)), width, DIM)
    if attempt.cause is not Cause.NONE:
        yield from _wrapped(render(cause_words(attempt.cause)), width, shown.style)
    if attempt.detail:
        yield from _wrapped(render(detail_words(attempt.detail)), width, NONE)
    names = max(_STEP, min(max((width_of(render(step_words(step.name))) for step in attempt.steps), default=0), width // 2))
    for step in attempt.steps:
        mark, style = ("✓", GOOD) if step.ok else ("✗", BAD)
        took = _("{seconds:.1f} s", seconds=step.duration_ms / 1000)
        name, said = fit(render(step_words(step.name)), names), render(detail_words(step.detail))
        yield [(f"   {mark} ", style), (name, NONE), (f" {fit(took, 8, right=True)}  ", DIM), (said, NONE)]
    for name, value in attempt.facts.items():
        yield from _labelled(render(fact_words(name)), value, width)
    if attempt.log:
        yield [("   " + _("log"), TITLE)]
    for line in attempt.log:
        yield from _wrapped(line, width, DIM)


def _wrapped(text: str, width: int, style: Style) -> Iterator[list[Span]]:
    for line in wrap(text, max(1, width - len(_INDENT))):
        yield [(_INDENT, NONE), (line, style)]


def _labelled(name: str, value: str, width: int) -> Iterator[list[Span]]:
    label = f"{_INDENT}{name} "
    first, *more = wrap(value, max(1, width - width_of(label)))
    yield [(label, DIM), (first, NONE)]
    for line in more:
        yield [(" " * width_of(label), NONE), (line, NONE)]


class SiteScreen(BoardScreen[None]):
    """One site, with all that is known about it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,backspace", "back", show=False), Binding("d", "choose", show=False)]

    def __init__(self, code: str) -> None:
        super().__init__()
        self.code = code
        self._opened_with: Board | None = None

    def compose(self) -> ComposeResult:
        """From the top."""
        yield Header()
        yield Alert()
        yield SiteFacts()
        yield TerminalTable(id="terminals")
        yield Story()
        yield Ticker()
        yield KeyBar()

    def on_mount(self) -> None:
        """The terminals have the keys; Tab goes to their story."""
        self._opened_with = self.board
        self.query_one(TerminalTable).focus()
        self.show_board(self.board)
        self.fleet_app.open_site(self.code)

    def on_unmount(self) -> None:
        """Nobody looks any more."""
        self.fleet_app.open_site(None)

    def verbs(self) -> Sequence[Verb]:
        """The overview's, with the way back."""
        app = self.fleet_app
        return (
            Verb("Esc", N_("Back"), need=Need.ALWAYS),
            Verb("Tab", N_("Story"), need=Need.HANDY),
            Verb("d", N_("Decide"), need=Need.ASKED),
            *app.verbs(),
            *app.common_verbs(),
        )

    def show_board(self, board: Board) -> None:
        """Draw this board; the site's own part comes with the first poll after the screen opened."""
        self.query_one(SiteFacts).is_read = board is not self._opened_with
        super().show_board(board)
        table = self.query_one(TerminalTable)
        table.board, table.terminals = board, board.site.terminals if board.site else ()
        most = max(3, int(self.size.height * _MOST_TERMINALS_SHOWN))
        table.styles.height = min(len(table.terminals) + 1, most)
        table.rows_changed()
        self.show_story()

    @on(LineTable.Moved)
    def show_story(self) -> None:
        """The story of the terminal under the cursor."""
        table, story = self.query_one(TerminalTable), self.query_one(Story)
        if story.terminal != table.cursor_id:
            story.scroll_home(animate=False)
        story.board, story.terminal = self.board, table.cursor_id
        story.redraw()

    @on(LineTable.Opened)
    def read_story(self) -> None:
        """Enter on a terminal: its story has the keys."""
        self.query_one(Story).focus()

    async def action_choose(self) -> None:
        """The card of what may be done about this site now; the step is that of the terminal under the cursor."""
        rollout, app, detail = self.board.rollout, self.fleet_app, self.board.site
        if reason := app.why_read_only():
            app.say(reason, is_bad=True)
        elif rollout is not None and detail is not None:
            at = self.query_one(TerminalTable).cursor_id
            card = await app.look(lambda snapshot, actor: choices_for_site(snapshot, actor, rollout, self.code, at))
            app.push_screen(ChoiceDialog(_("{name}: what now?", name=detail.row.name), card, rollout.id))

    def action_back(self) -> None:
        """From the story to the terminals, from there to all sites."""
        if self.query_one(Story).has_focus:
            self.query_one(TerminalTable).focus()
        else:
            self.app.pop_screen()
