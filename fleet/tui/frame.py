"""What frames every screen: the header, the alert under it, and at the bottom the line of news and the keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from textual.strip import Strip

from fleet.model.rollout import RolloutPhase, SiteState
from fleet.text import Message, _, render
from fleet.tui.board import Board
from fleet.tui.cells import Span, between, strip_of, width_of
from fleet.tui.lines import Panel
from fleet.tui.look import ALERT, BAD, BADGE, BAR, BOLD, BUSY, DIM, KEY, NONE, WARN, rollout_badge, site_state_shown

ENDED_BADLY = (SiteState.FAILED, SiteState.ROLLED_BACK, SiteState.UNKNOWN, SiteState.UNREACHABLE)
"""Never one number."""
_SECONDS_COUNT = 600


@dataclass(frozen=True, slots=True)
class Verb:
    """A key on the bottom line."""

    key: str
    label: Message | str
    """A plain string is shown as it is: the other language's own name."""
    enabled: bool = True


class BoardPanel(Panel):
    """A panel that draws a board."""

    board: Board | None = None

    def show(self, board: Board) -> None:
        """Draw this board."""
        self.board = board
        self.redraw()


class Header(BoardPanel):
    """Which rollout, how far, and what went wrong."""

    def draw(self, width: int, height: int) -> list[Strip]:  # noqa: ARG002 - one line
        """One line; what does not fit is left out from the right."""
        board = self.board
        if board is None or board.rollout is None:
            return [strip_of([(" FLEET ", BADGE)], width, BAR)]
        narrow = width < 100
        left: list[Span] = [] if narrow and _clock_of(board) else [(" FLEET ", BADGE)]
        badge, style = rollout_badge(board.rollout.phase)
        left += [(f" {board.rollout.id} {board.plan.release if board.plan else ''} ", BOLD), (f" {render(badge).upper()} ", style)]
        for piece in self._pieces(board, narrow=narrow):
            if sum(width_of(text) for text, _style in [*left, *piece]) < width - 6:
                left += piece
        now = board.at.astimezone(board.zone).strftime("%H:%M ")
        return [between(left, [(now, DIM)], width, BAR)]

    def _pieces(self, board: Board, *, narrow: bool) -> list[list[Span]]:
        if board.tallies is None:
            return []
        total = board.tallies.total
        well, whole = board.share(total)
        pieces: list[list[Span]] = [
            [
                (f"  {well}/{whole} ", BOLD),
                ("" if narrow and _clock_of(board) else (_("terminals staged") if board.only_stages else _("terminals")) + " ", DIM),
                (percent(well, whole), BOLD + BUSY),
            ],
        ]
        for state in ENDED_BADLY:
            shown, n = site_state_shown(state), getattr(total.sites, state.name.lower())
            if n:
                pieces.append([(f"  {shown.mark}{n}" + ("" if narrow else f" {render(shown.word)}"), shown.style)])
        pieces[1:1] = _ahead(board)
        if board.only_stages:
            pieces.insert(0, [("  " + _("stages only, nothing live is touched"), WARN)])
        else:
            pieces.append([(f"  {total.done}/{total.sites.total} ", BOLD), (_("sites done"), DIM)])
        return pieces


def _ahead(board: Board) -> list[list[Span]]:
    """The point of no return as a clock, and when it will be finished."""
    ahead, pieces = board.outlook, list[list[Span]]()
    if ahead is not None and ahead.clock is not None:
        is_past = ahead.clock.is_past(board.at)
        left = _("passed") if is_past else _("{left} left", left=time_left(ahead.clock.last_safe_at - board.at))
        style = BAD if is_past else WARN
        pieces.append([("  " + _("last safe rollback") + " ", DIM), (board.clock(ahead.clock.last_safe_at), style), (f" {left}", style)])
    if ahead is not None and ahead.forecast is not None and board.rollout is not None and board.rollout.phase is RolloutPhase.RUNNING:
        finish = ahead.forecast
        pieces.append([("  " + _("finish") + " ", DIM), (f"{board.clock(finish.p50_at)}-{board.clock(finish.p80_at)}", BUSY)])
    return pieces


def _clock_of(board: Board) -> bool:
    return board.outlook is not None and board.outlook.clock is not None


def time_left(left: timedelta) -> str:
    """What is left of a time: `1h42`, in the last ten minutes `9m59`."""
    seconds = max(0, int(left.total_seconds()))
    if seconds < _SECONDS_COUNT:
        return f"{seconds // 60}m{seconds % 60:02}"
    return f"{seconds // 3600}h{seconds // 60 % 60:02}"


class Alert(BoardPanel):
    """A line that is there only when something must be known before anything else."""

    def show(self, board: Board) -> None:
        """Draw this board; take no room when nothing is amiss."""
        self.display = bool(alert_of(board))
        super().show(board)

    def draw(self, width: int, height: int) -> list[Strip]:  # noqa: ARG002 - one line
        """One line."""
        text = alert_of(self.board) if self.board else ""
        return [strip_of([(f" {text}", NONE)], width, ALERT)]


def alert_of(board: Board) -> str:
    """What must be known before anything else; empty when all is well."""
    if board.trouble is not None:
        return _("No news since {time}: {reason}", time=board.time(board.at), reason=render(board.trouble.what))
    if board.rollout is None:
        return _("No rollout yet: make a plan (fleet plan), then start it (fleet rollout start)")
    if board.is_alive or board.is_over:
        held = board.rollout.is_past_return and not board.is_over
        return "" if not held else _("Past the point of no return: nothing more begins. Go on all the same: n")
    last = board.orchestrator
    if last is None:
        return _("No orchestrator has run here yet. Start one: fleet run")
    if last.stopped_at is not None:
        return _("No orchestrator since {time}. Start one: fleet run", time=board.time(last.stopped_at))
    return _(
        "No orchestrator since {time}. Start one: fleet run   (pid {pid} on {host} is silent)",
        time=board.time(last.beat_at),
        pid=last.pid,
        host=last.host,
    )


class Ticker(Panel):
    """One line: what a key just did, or what the program has to say, or else the newest trouble."""

    message: tuple[str, bool] = ("", False)
    """Text, and whether it is bad news."""
    notice: str = ""
    newest: Sequence[Span] = ()

    def draw(self, width: int, height: int) -> list[Strip]:  # noqa: ARG002 - one line
        """One line."""
        text, is_bad = self.message
        if text:
            return [strip_of([(f" {text}", NONE)], width, ALERT if is_bad else BAR + BOLD)]
        if self.notice:
            return [strip_of([(f" {self.notice}", BUSY)], width, BAR)]
        return [strip_of([(" ", NONE), *self.newest], width, BAR)]


class KeyBar(Panel):
    """What can be done here, one line; a verb that cannot be done now is dim, and says why when its key is pressed."""

    verbs: Sequence[Verb] = ()

    def draw(self, width: int, height: int) -> list[Strip]:  # noqa: ARG002 - one line
        """One line."""
        spans: list[Span] = []
        for verb in self.verbs:
            style = (KEY, NONE) if verb.enabled else (DIM, DIM)
            spans += [(f" {verb.key}", style[0]), (f" {render(verb.label)} ", style[1])]
        return [strip_of(spans, width, BAR)]


def percent(part: int, whole: int) -> str:
    """`42 %`, rounded down, so that 100 % is only ever all of it."""
    return f"{part * 100 // whole if whole else 0}%"


LANGUAGE_NAMES = {"en": "English", "zh_CN": "中文"}
"""Each language in itself."""
