"""The whole-screen view of a rollout: wires feed, screens and control together. It decides nothing itself.

- One loop reads the store in a thread, hands the news to the screens, and waits; a decision wakes it at once.
- Unknown people see everything; what a person may not do, and why, is said when they try.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import ClassVar, TypeVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.worker import WorkerFailed

from fleet.errors import FleetError
from fleet.model.actor import Actor
from fleet.model.rollout import RolloutPhase
from fleet.settings import Settings
from fleet.store import Snapshot, Store, open_store
from fleet.text import LANGUAGES, N_, Message, _, current_language, render, use_language
from fleet.tui.board import READ_ONLY, Board
from fleet.tui.causes import CauseScreen
from fleet.tui.dialogs import Act, PauseDialog, StopDialog
from fleet.tui.feed import Feed, News, utc_now
from fleet.tui.frame import LANGUAGE_NAMES, Need, Ticker, Verb
from fleet.tui.gate import GateDialog
from fleet.tui.go_past import GoPastDialog
from fleet.tui.help import HelpScreen
from fleet.tui.look import BACKGROUND, RAISED, SELECTED, TALL, WIDE
from fleet.tui.offline import OfflineScreen
from fleet.tui.overview import Overview
from fleet.tui.screens import BoardScreen
from fleet.tui.sites import SiteList
from fleet.tui.wave_back import WaveBackDialog

T = TypeVar("T")
POLL_S, SLOW_POLL_S = 0.25, 1.0
_MESSAGE_S = 10.0


class FleetApp(App[None]):
    """`fleet watch`."""

    CSS_PATH = "fleet.tcss"
    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (TALL, "-tall")]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "gate", show=False),
        Binding("p", "pause", show=False),
        Binding("x", "stop", show=False),
        Binding("c", "causes", show=False),
        Binding("o", "offline", show=False),
        Binding("u", "roll_back", show=False),
        Binding("n", "go_past", show=False),
        Binding("f2", "language", show=False),
        Binding("question_mark", "help", show=False),
        Binding("q,ctrl+c,ctrl+q", "quit", show=False, priority=False),
    ]

    def __init__(
        self,
        store: Store,
        actor: Actor,
        settings: Settings,
        *,
        readonly: bool = False,
        pace_s: float = POLL_S,
        clock: Callable[[], datetime] = utc_now,
        notice: Callable[[], str] | None = None,
        leave_when_finished: bool = False,
    ) -> None:
        super().__init__()
        self.animation_level = "none"
        self.board = Board(at=clock(), zone=settings.zone)
        self.sites = SiteList()
        self.fault: BaseException | None = None
        """What went wrong inside the screens, for the door to explain."""
        self._store, self._actor, self._clock = store, actor, clock
        self._feed = Feed(store, actor, settings.zone, clock)
        self._readonly, self._pace_s = readonly, pace_s
        self._notice, self._leave_when_finished = notice, leave_when_finished
        self._site: str | None = None
        self._gate: int | None = None
        self._message_number = 0
        self._wake = asyncio.Event()

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The palette, for the style sheet."""
        return {"ground": BACKGROUND, "raised": RAISED, "selected": SELECTED}

    def get_default_screen(self) -> Overview:
        """The overview."""
        return Overview(self.sites)

    def on_mount(self) -> None:
        """Begin to read."""
        self.run_worker(self._follow())

    async def decide(self, act: Act) -> object:
        """Ask control to do something in this person's name; what control answers.

        Raises:
            FleetError: Control refused, and says why.
        """
        answer = await asyncio.to_thread(act, self._store, self._actor, self._clock())
        self._wake.set()
        return answer

    def open_site(self, code: str | None) -> None:
        """Read this site whole from now on; None when no site is open."""
        self._site = code

    def open_gate(self, wave: int | None) -> None:
        """Read the evidence of this wave too, from the next poll on."""
        self._gate = wave
        self._wake.set()

    def open_causes(self, *, is_open: bool) -> None:
        """Read the failures by cause from now on, or no longer."""
        self._feed.causes = is_open
        self._wake.set()

    def open_offline(self, *, is_open: bool) -> None:
        """Read the queue of terminals that nobody answers at from now on, or no longer."""
        self._feed.offline = is_open
        self._wake.set()

    async def look(self, read: Callable[[Snapshot, Actor], T]) -> T:
        """Ask the store something in this person's name, apart from the polls."""

        def ask() -> T:
            with self._store.read() as snapshot:
                return read(snapshot, self._actor)

        return await asyncio.to_thread(ask)

    def why_read_only(self) -> str:
        """Why nobody decides here; empty when who may, may."""
        return render(READ_ONLY) if self._readonly else ""

    def say(self, text: str, *, is_bad: bool = False) -> None:
        """Say something on the bottom line for a while; an empty text takes it back."""
        self._message_number += 1
        number = self._message_number
        self._tell((text, is_bad))
        if text:
            self.set_timer(_MESSAGE_S, lambda: self._tell(("", False)) if number == self._message_number else None)

    def verbs(self) -> Sequence[Verb]:
        """What a person may decide, dim where they cannot now; of a rollout that is over only the evidence is left to look at."""
        if self.board.is_over or self.board.is_stopping:
            return (Verb("a", N_("Evidence")),)
        pause = N_("Resume") if self.board.rollout and self.board.rollout.phase is RolloutPhase.PAUSED else N_("Pause")
        may = not self.why_not()
        can_approve = may and self.board.waiting is not None
        return (
            Verb("a", N_("Approve"), can_approve, Need.ASKED if can_approve else Need.SPARE),
            Verb("p", pause, may, Need.USUAL if may else Need.SPARE),
            Verb("x", N_("Stop"), may, Need.USUAL if may else Need.SPARE),
        )

    def common_verbs(self) -> Sequence[Verb]:
        """What every screen offers."""
        return (self.language_verb(), Verb("?", N_("Help"), need=Need.ALWAYS), Verb("q", N_("Quit"), need=Need.ALWAYS))

    def language_verb(self) -> Verb:
        """The key that changes the language, named in the other one."""
        return Verb("F2", LANGUAGE_NAMES[_other_language()], need=Need.HANDY)

    def why_not(self) -> str:
        """Why nothing can be decided now; empty when something can."""
        if reason := self.why_nobody():
            return reason
        if self.board.is_stopping:
            return _("the rollout is stopped; an orchestrator takes it up: fleet run")
        return _("the rollout is over; `fleet rollout retry` goes on with what is unfinished") if self.board.is_over else ""

    def action_gate(self) -> None:
        """The gate that waits, or the evidence so far."""
        rollout = self.board.rollout
        if rollout is None:
            self.say(self.why_not(), is_bad=True)
            return
        waiting = self.board.waiting
        wave = waiting or rollout.current or rollout.waves[-1]
        nothing = "" if waiting else _("Nothing waits for an approval now.")
        self.push_screen(GateDialog(wave.number, self.why_not() or nothing))

    def action_causes(self) -> None:
        """Failures by cause."""
        if not isinstance(self.screen, CauseScreen):
            self.push_screen(CauseScreen())

    def action_offline(self) -> None:
        """Terminals that nobody answers at."""
        if not isinstance(self.screen, OfflineScreen):
            self.push_screen(OfflineScreen())

    def action_roll_back(self) -> None:
        """Roll a wave back; a stopped rollout can be taken back too."""
        reason = self.why_nobody()
        if reason:
            self.say(reason, is_bad=True)
        else:
            self.push_screen(WaveBackDialog())

    def action_go_past(self) -> None:
        """Go on past the point of no return, where there is one."""
        rollout, plan = self.board.rollout, self.board.plan
        reason = self.why_not()
        if not reason and rollout is not None and (rollout.only is not None or plan is None or plan.windows is None):
            reason = _("rollout {rollout} has no windows, and so no point of no return", rollout=rollout.id)
        if reason:
            self.say(reason, is_bad=True)
        else:
            self.push_screen(GoPastDialog())

    def action_pause(self) -> None:
        """Pause, or resume."""
        self._ask(PauseDialog)

    def action_stop(self) -> None:
        """Stop for good."""
        self._ask(StopDialog)

    def action_help(self) -> None:
        """Keys and marks."""
        self.push_screen(HelpScreen())

    def action_language(self) -> None:
        """The other language, everywhere and at once."""
        use_language(_other_language())
        for screen in self._board_screens():
            screen.relabel()

    def why_nobody(self) -> str:
        """Why this person decides nothing here, whether or not the rollout is over."""
        reason: Message | None = READ_ONLY if self._readonly else self.board.refusal
        if reason is None and self.board.rollout is None:
            reason = N_("there is no rollout yet")
        return render(reason) if reason else ""

    def _ask(self, dialog: Callable[[], PauseDialog | StopDialog]) -> None:
        reason = self.why_not()
        if reason:
            self.say(reason, is_bad=True)
        else:
            self.push_screen(dialog())

    async def _follow(self) -> None:
        while True:
            try:
                news = await asyncio.to_thread(self._feed.poll, self._site, self._gate)
            except FleetError as error:
                news = News(replace(self.board, trouble=error), (), anew=False)
            if not self.is_running:
                return
            self._take(news)
            if self._feed.is_whole or news.board.trouble:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._pace_s)
            self._wake.clear()

    def _take(self, news: News) -> None:
        if news.anew:
            self.sites.replace(news.rows, news.board.fleet)
        else:
            self.sites.update(news.rows)
        self._show(news.board)
        if self._leave_when_finished and self.board.is_over:
            self.exit()

    def _show(self, board: Board) -> None:
        self.board = board
        notice = self._notice() if self._notice else ""
        for screen in self._board_screens():
            for ticker in screen.query(Ticker):
                ticker.notice = notice
                ticker.redraw()
            screen.show_board(board)

    def _tell(self, message: tuple[str, bool]) -> None:
        for screen in self._board_screens():
            for ticker in screen.query(Ticker):
                ticker.message = message
                ticker.redraw()

    def _board_screens(self) -> list[BoardScreen[None]]:
        return [screen for screen in self.screen_stack if isinstance(screen, BoardScreen) and screen.is_mounted]

    def _handle_exception(self, error: Exception) -> None:
        # Textual would print the whole traceback with its locals over the screen; the door has better words.
        self.fault = self.fault or (error.error if isinstance(error, WorkerFailed) else error)
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        # Drawing every local takes minutes once a city is on the screen, which stands still meanwhile.
        self._close_messages_no_wait()

    def _print_error_renderables(self) -> None:
        self._exit_renderables.clear()


def run_tui(
    settings: Settings,
    actor: Actor,
    *,
    readonly: bool = False,
    slow: bool = False,
    notice: Callable[[], str] | None = None,
    leave_when_finished: bool = False,
) -> None:
    """Show the workspace's newest rollout on the whole screen until the person leaves.

    Args:
        settings: Names the workspace.
        actor: Who decides; somebody the inventory does not know sees everything and may decide nothing.
        readonly: Let nobody decide here.
        slow: Look once a second instead of four times: for a slow link.
        notice: Asked at every look; what it returns stands on the bottom line while nothing else does. Must be quick.
        leave_when_finished: End as soon as the rollout is finished or stopped.

    Raises:
        FleetError: The workspace cannot be opened.
    """
    store = open_store(settings)
    try:
        app = FleetApp(
            store,
            actor,
            settings,
            readonly=readonly,
            pace_s=SLOW_POLL_S if slow else POLL_S,
            notice=notice,
            leave_when_finished=leave_when_finished,
        )
        app.run()
    finally:
        store.close()
    if app.fault is not None:
        raise app.fault


def _other_language() -> str:
    return next(language for language in LANGUAGES if language != current_language())
