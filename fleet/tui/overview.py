"""The first screen: is it well, what waits for me, where is it bad; and every site."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.strip import Strip
from textual.widgets import Input

from fleet.errors import InputError
from fleet.select import Selection, parse_selection
from fleet.store.reads import SiteRow
from fleet.text import N_, _, render
from fleet.tui.board import Board
from fleet.tui.cells import Span, between, strip_of
from fleet.tui.frame import Alert, KeyBar, Need, Ticker, Verb
from fleet.tui.header import Header
from fleet.tui.held import Held
from fleet.tui.lines import Panel
from fleet.tui.look import BAR, BOLD, DIM, KEY, NONE, TALL, WARN, WIDE, site_shown
from fleet.tui.progress import Failures, Tiles, Waves, newest_failure
from fleet.tui.screens import BoardScreen
from fleet.tui.site import SiteScreen
from fleet.tui.sites import SiteList
from fleet.tui.table import Column, LineTable
from fleet.tui.ways_on import is_past, ways_on

_TROUBLE = "state:failed,rolled-back,unknown,unreachable"


class SiteTable(LineTable[SiteRow]):
    """Every site of the rollout that the filter lets through."""

    COLUMNS = (
        Column(N_("State"), 13),
        Column(N_("Site"), 0),
        Column(N_("District"), 10),
        Column(N_("Done"), 5, right=True),
        Column(N_("Wave"), 4, right=True),
        Column(N_("Technician"), 10),
        Column(N_("Code"), 14, from_width=110),
        Column(N_("Changed"), 11, from_width=96),
    )

    def __init__(self, sites: SiteList, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.sites = sites
        self.board: Board | None = None

    def rows_changed(self) -> None:
        """At the top of a flowing list the cursor stays at the top; anywhere else it stays on its site."""
        if self.sites.following:
            self.cursor, self.cursor_id = 0, None
        super().rows_changed()

    def row_count(self) -> int:
        """How many sites the filter lets through."""
        return len(self.sites)

    def row(self, index: int) -> SiteRow:
        """The site shown at a place."""
        return self.sites.row_at(index)

    def row_id(self, row: SiteRow) -> str:
        """Its code."""
        return row.code

    def index_of(self, row_id: str) -> int | None:
        """Where a site is shown."""
        return self.sites.index_of(row_id)

    def cells(self, row: SiteRow) -> Sequence[Span]:
        """What is said about a site."""
        shown = site_shown(row)
        board = self.board
        claim = "*" if row.claimed and not row.done else ""
        return (
            (f"{shown.mark} {render(shown.word)}{claim}", shown.style),
            (row.name, NONE),
            (board.district(row.district) if board else row.district, DIM),
            (f"{row.proven}/{row.terminals}", NONE),
            (str(row.wave), DIM),
            (board.person(row.technician) if board else "", NONE),
            (row.code, DIM),
            (board.time(row.updated_at) if board else "", DIM),
        )


class Count(Panel):
    """How many sites are shown, of how many, and how many would stand elsewhere by now."""

    sites: SiteList | None = None

    def draw(self, width: int, height: int) -> list[Strip]:  # noqa: ARG002 - one line
        """One line, at the right."""
        sites = self.sites
        if sites is None:
            return []
        moved: list[Span] = [(_("{count} moved: r", count=len(sites.moved)) + "  ", WARN)] if sites.moved else []
        return [between([], [*moved, (f"{len(sites)}/{len(sites.rows)} ", BOLD), (_("sites") + " ", DIM)], width, BAR)]


class Slash(Panel):
    """The key that leads into the filter."""

    def draw(self, width: int, height: int) -> list[Strip]:  # noqa: ARG002 - one line
        """One line."""
        return [strip_of([(" / ", KEY)], width, BAR)]


class Overview(BoardScreen[None]):
    """Waves, districts, failures and the site table."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", show=False),
        Binding("escape", "clear", show=False),
        Binding("f", "trouble", show=False),
        Binding("r", "arrange", show=False),
    ]

    def __init__(self, sites: SiteList) -> None:
        super().__init__()
        self.sites = sites

    def compose(self) -> ComposeResult:
        """From the top."""
        yield Header()
        yield Alert()
        yield Held()
        yield Waves()
        yield Tiles()
        with Horizontal(id="middle"):
            with Vertical(id="left"):
                with Horizontal(id="filter-line"):
                    yield Slash()
                    yield Input(id="filter", compact=True, select_on_focus=False)
                    yield Count()
                yield SiteTable(self.sites, id="sites")
            yield Failures()
        yield Ticker()
        yield KeyBar()

    def on_mount(self) -> None:
        """The table has the keys."""
        self.query_one(Count).sites = self.sites
        field = self.query_one("#filter", Input)
        field.cursor_blink = False
        self.query_one(SiteTable).focus()
        self._say_how_to_filter()
        self.show_board(self.board)

    def on_resize(self, event: events.Resize) -> None:
        """Another size, another arrangement."""
        self.query_one(Tiles).compact = event.size.height < TALL or event.size.width < WIDE
        self._size_tiles(self.board)

    def verbs(self) -> Sequence[Verb]:
        """What may be decided; then the ways to what is on the screen, those first that it asks for now."""
        app = self.fleet_app
        past = (Verb("n", N_("Go past"), need=Need.ASKED),) if is_past(self.board) and not app.why_not() else ()
        return (
            *app.verbs(),
            *past,
            Verb("Enter", N_("Open"), need=Need.HANDY),
            Verb("/", N_("Filter"), need=Need.HANDY),
            *ways_on(self.board, may_roll_back=not app.why_nobody()),
            *app.common_verbs(),
        )

    def show_board(self, board: Board) -> None:
        """Draw this board, and the rows that changed with it."""
        ticker = self.query_one(Ticker)
        is_small = self.size.width < WIDE or self.size.height < TALL
        ticker.newest = newest_failure(board) if is_small else ()
        self._size_tiles(board)
        super().show_board(board)
        table = self.query_one(SiteTable)
        if table.board is None or table.board.fleet is not board.fleet:
            table.board = board
            table.relabel()
        table.board = board
        self.rows_changed()

    def rows_changed(self) -> None:
        """The list of sites is another one."""
        self.query_one(SiteTable).rows_changed()
        self.query_one(Count).redraw()

    def relabel(self) -> None:
        """The language is another one."""
        self._say_how_to_filter()
        super().relabel()

    def action_filter(self) -> None:
        """Let the reader type a filter."""
        self.query_one("#filter", Input).focus()

    def action_clear(self) -> None:
        """Out of the filter, and without it."""
        self._set_filter("")
        self.query_one(SiteTable).focus()

    def action_trouble(self) -> None:
        """Only what ended badly; the same key again shows everything."""
        self._set_filter("" if self.query_one("#filter", Input).value == _TROUBLE else _TROUBLE)

    def action_arrange(self) -> None:
        """Every row to its place; the cursor stays on its site."""
        self.sites.arrange()
        self.rows_changed()

    @on(LineTable.Moved)
    def stop_following(self) -> None:
        """Whoever walks the table wants it to stand still; at its top it may flow again."""
        self.sites.following = self.query_one(SiteTable).cursor == 0
        if self.sites.following and self.sites.moved:
            self.sites.arrange()
            self.rows_changed()

    @on(LineTable.Opened)
    def open_site(self, event: "LineTable.Opened") -> None:
        """The site's own screen."""
        self.app.push_screen(SiteScreen(event.row_id))

    @on(Input.Submitted, "#filter")
    def leave_filter(self) -> None:
        """Back to the table; the filter stays."""
        self.query_one(SiteTable).focus()

    @on(Input.Changed, "#filter")
    def apply_filter(self, event: Input.Changed) -> None:
        """Show what the text means; while it means nothing yet, everything."""
        try:
            selection = parse_selection(event.value)
        except InputError as error:
            selection = Selection()
            self.fleet_app.say("  ".join(render(part) for part in (error.what, error.hint) if part), is_bad=True)
        else:
            self.fleet_app.say("")
        self._select(selection)

    def on_click(self, event: events.Click) -> None:
        """A district's tile filters by it; again, and all are back."""
        tiles = self.query_one(Tiles)
        if event.widget is not tiles:
            return
        code = tiles.district_at(event.x, event.y)
        if code is not None:
            text = f"district:{code}"
            self._set_filter("" if self.query_one("#filter", Input).value == text else text)

    def _set_filter(self, text: str) -> None:
        field = self.query_one("#filter", Input)
        field.value = text
        field.cursor_position = len(text)

    def _select(self, selection: Selection) -> None:
        self.sites.following = True
        self.sites.select(selection)
        self.rows_changed()

    def _size_tiles(self, board: Board) -> None:
        tiles = self.query_one(Tiles)
        tiles.styles.height = tiles.height_for(board, self.size.width)

    def _say_how_to_filter(self) -> None:
        self.query_one("#filter", Input).placeholder = _("state:failed kind:pharmacy, or part of a name")
