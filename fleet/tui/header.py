"""The first line of every screen: which rollout, how far, what went wrong, and until when everything could still go back.

What went wrong is always there. Where a line is too narrow the other parts are said more briefly, the least needed first; then they go.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from rich.style import Style
from textual.strip import Strip

from fleet.model.rollout import RolloutPhase
from fleet.text import _, render
from fleet.tui.board import Board
from fleet.tui.cells import Span, between, strip_of, width_of
from fleet.tui.frame import ENDED_BADLY, BoardPanel, percent
from fleet.tui.look import BAD, BADGE, BAR, BOLD, BUSY, DIM, WARN, rollout_badge, site_state_shown

_NOW = 6
"""Cells of the time of day, at the right end."""
_SECONDS_COUNT = 600


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the line in all its forms, the longest first; an empty one leaves the part out."""

    name: str
    forms: tuple[tuple[Span, ...], ...]


_BRIEFER = ("badge", "serves", "clock", "finish", "share", "done", "counts", "clock", "done")
"""Which part is said more briefly next, as long as the line is too long."""


class Header(BoardPanel):
    """One line."""

    def draw(self, width: int, height: int) -> list[Strip]:  # noqa: ARG002 - one line
        """Each part in the longest form for which there is room."""
        board = self.board
        if board is None or board.rollout is None:
            return [strip_of([(" FLEET ", BADGE)], width, BAR)]
        now = board.at.astimezone(board.zone).strftime("%H:%M ")
        return [between(fitting(_parts(board), width - _NOW - 1), [(now, DIM)], width, BAR)]


def fitting(parts: Sequence[Part], width: int) -> list[Span]:
    """The parts, shortened until they fit, and then each lengthened again where that still fits."""
    chosen = {part.name: 0 for part in parts}
    shortened: list[str] = []
    for name in _BRIEFER:
        if _width(parts, chosen) <= width:
            break
        if name in chosen and chosen[name] + 1 < len(_forms(parts, name)):
            chosen[name] += 1
            shortened.append(name)
    for name in reversed(shortened):
        longer = {**chosen, name: chosen[name] - 1}
        if _width(parts, longer) <= width:
            chosen = longer
    return [span for part in parts for span in part.forms[chosen[part.name]]]


def _forms(parts: Sequence[Part], name: str) -> tuple[tuple[Span, ...], ...]:
    return next(part.forms for part in parts if part.name == name)


def _width(parts: Sequence[Part], chosen: dict[str, int]) -> int:
    return sum(width_of(text) for part in parts for text, _style in part.forms[chosen[part.name]])


def _parts(board: Board) -> list[Part]:
    rollout = board.rollout
    if rollout is None:
        return []
    badge, style = rollout_badge(rollout.phase)
    name = f" {rollout.id} {board.plan.release if board.plan else ''} "
    parts = [
        Part("badge", (((" FLEET ", BADGE),), ())),
        Part("rollout", (((name, BOLD), (f" {render(badge).upper()} ", style)),)),
    ]
    if board.tallies is None:
        return parts
    if board.only_stages:
        parts.append(Part("stages", ((("  " + _("stages only, nothing live is touched"), WARN),),)))
    return [*parts, *_serves(board), *_counted(board), *_ahead(board)]


def _counted(board: Board) -> list[Part]:
    """Terminals, what went wrong, and sites."""
    if board.tallies is None:
        return []
    total = board.tallies.total
    well, whole = board.share(total)
    share, word = (f"  {well}/{whole} ", BOLD), _("terminals staged") if board.only_stages else _("terminals")
    part, more = (percent(well, whole), BOLD + BUSY), _beside(board, sites=False)
    found = [(site_state_shown(state), getattr(total.sites, state.name.lower())) for state in ENDED_BADLY]
    counts = [(f"  {shown.mark}{n}", f" {render(shown.word)}", shown.style) for shown, n in found if n]
    parts = [
        Part("share", ((share, *more, (word + " ", DIM), part), (share, *more, part))),
        Part(
            "counts",
            (
                tuple((mark + word, style) for mark, word, style in counts),
                tuple((mark, style) for mark, _word, style in counts),
            ),
        ),
    ]
    if not board.only_stages:
        done: tuple[Span, ...] = ((f"  {total.done}/{total.sites.total} ", BOLD), *_beside(board, sites=True))
        parts.append(Part("done", ((*done, (_("sites done"), DIM)), (*done, (_("sites"), DIM)), ())))
    return parts


def _beside(board: Board, *, sites: bool) -> tuple[Span, ...]:
    """`+n`: who came late, beside what never changes; bright while some are in no rollout."""
    late = board.late
    if late is None or board.rollout is None or board.rollout.late_of:
        return ()
    count = late.sites if sites else late.terminals
    return ((f"+{count.total} ", WARN if count.unplanned else BOLD),) if count.total else ()


def _serves(board: Board) -> list[Part]:
    """Of a rollout for late joiners: beside which sites they count."""
    late = board.late
    if late is None or board.rollout is None or not board.rollout.late_of:
        return []
    numbers: Span = (f"{late.planned_sites} +{late.sites.total}", BOLD)
    return [Part("serves", ((("  " + _("late for") + f" {late.original} ", DIM), numbers), ((f"  {late.original} ", DIM), numbers)))]


def _ahead(board: Board) -> list[Part]:
    """The point of no return as a clock that counts down, and when it will be finished."""
    ahead, parts = board.outlook, list[Part]()
    if ahead is not None and ahead.clock is not None:
        is_past = ahead.clock.is_past(board.at)
        left = _("passed") if is_past else _("{left} left", left=time_left(ahead.clock.last_safe_at - board.at))
        style = BAD if is_past else WARN
        at: Span = (board.clock(ahead.clock.last_safe_at) + " ", style)
        label, short = _label(_("last safe rollback")), _label(_("rollback"))
        parts.append(Part("clock", ((label, at, (left, style)), (label, (left, style)), (short, (left, style)))))
    if ahead is not None and ahead.forecast is not None and board.rollout is not None and board.rollout.phase is RolloutPhase.RUNNING:
        finish = ahead.forecast
        times = "-".join(dict.fromkeys((board.clock(finish.p50_at), board.clock(finish.p80_at))))
        parts.append(Part("finish", ((_label(_("finish")), (times, BUSY)), ())))
    return parts


def _label(text: str, style: Style = DIM) -> Span:
    return (f"  {text} ", style)


def time_left(left: timedelta) -> str:
    """What is left of a time: `1h42`, in the last ten minutes `9m59`."""
    seconds = max(0, int(left.total_seconds()))
    if seconds < _SECONDS_COUNT:
        return f"{seconds // 60}m{seconds % 60:02}"
    return f"{seconds // 3600}h{seconds // 60 % 60:02}"
