"""What frames every screen: the alert under the header, and at the bottom the line of news and the keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from textual.strip import Strip

from fleet.model.rollout import SiteState
from fleet.text import Message, _, render
from fleet.tui.board import Board
from fleet.tui.cells import Span, strip_of, width_of
from fleet.tui.lines import Panel
from fleet.tui.look import ALERT, BAR, BOLD, BUSY, DIM, KEY, NONE

ENDED_BADLY = (SiteState.FAILED, SiteState.ROLLED_BACK, SiteState.UNKNOWN, SiteState.UNREACHABLE)
"""Never one number."""


class Need(IntEnum):
    """How much a key is needed on the bottom line now; where not all fit, the least needed go first. The help names them all."""

    SPARE = 0
    """It works, or says why not, but nothing on the screen asks for it now."""
    HANDY = 1
    USUAL = 2
    ASKED = 3
    """Something on the screen wants it: failures, silent terminals, a wave that waits."""
    ALWAYS = 4
    """The way out, and to the help."""


@dataclass(frozen=True, slots=True)
class Verb:
    """A key on the bottom line."""

    key: str
    label: Message | str
    """A plain string is shown as it is: the other language's own name."""
    enabled: bool = True
    need: Need = Need.USUAL


class BoardPanel(Panel):
    """A panel that draws a board."""

    board: Board | None = None

    def show(self, board: Board) -> None:
        """Draw this board."""
        self.board = board
        self.redraw()


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
    if board.is_alive or (board.is_over and not board.pending):
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
        """As many as fit, the most needed; in their order."""
        spans: list[Span] = []
        for verb in shown_verbs(self.verbs, width):
            key, label = _said(verb)
            spans += [(key, KEY if verb.enabled else DIM), (label, NONE if verb.enabled else DIM)]
        return [strip_of(spans, width, BAR)]


def shown_verbs(verbs: Sequence[Verb], width: int) -> list[Verb]:
    """The verbs without those that are needed least, of these the last first, until the others fit; none is cut."""
    shown = list(verbs)
    while shown and sum(width_of(text) for verb in shown for text in _said(verb)) > width:
        least = min(verb.need for verb in shown)
        shown.remove(next(verb for verb in reversed(shown) if verb.need == least))
    return shown


def _said(verb: Verb) -> tuple[str, str]:
    return f" {verb.key}", f" {render(verb.label)} "


def percent(part: int, whole: int) -> str:
    """`42 %`, rounded down, so that 100 % is only ever all of it."""
    return f"{part * 100 // whole if whole else 0}%"


LANGUAGE_NAMES = {"en": "English", "zh_CN": "中文"}
"""Each language in itself."""
