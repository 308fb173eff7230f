"""What holds the rollout back and until when, in as many lines as there is room for."""

from textual.strip import Strip

from fleet.model.rollout import RolloutPhase, WavePhase
from fleet.report.held_back import held_in_part, held_wave, tried_again
from fleet.text import N_, _, render
from fleet.tui.board import Board
from fleet.tui.cells import strip_of, wrap
from fleet.tui.frame import BoardPanel
from fleet.tui.look import BAR, TALL, WARN

_FEW, _MOST = 2, 4
_BY_CARD = N_("open the site, then d")


class Held(BoardPanel):
    """Lines that are there only while something holds the rollout back."""

    def show(self, board: Board) -> None:
        """Draw this board; take no room when nothing is held."""
        self.board = board
        lines = self._text(self.app.size.width)
        self.display = bool(lines)
        self.styles.height = max(1, len(lines))
        super().show(board)

    def draw(self, width: int, height: int) -> list[Strip]:
        """The first lines."""
        return [strip_of([(f" {line}", WARN)], width, BAR) for line in self._text(width)[:height]]

    def _text(self, width: int) -> list[str]:
        """As many as there is room for; the last says how many reasons are left out, and where they stand."""
        reasons = held_lines(self.board) if self.board else []
        room = _MOST if self.app.size.height >= TALL else _FEW
        lines: list[str] = []
        for shown, reason in enumerate(reasons):
            more = wrap(reason, max(1, width - 2))
            last = room if shown == len(reasons) - 1 else room - 1
            if len(lines) + len(more) > last and lines:
                return [*lines, _("and {count} more: a", count=len(reasons) - shown)]
            lines += more
        return lines[:room]


def held_lines(board: Board) -> list[str]:
    """Everything that holds the rollout back, in words, the gravest first."""
    rollout, plan, tallies = board.rollout, board.plan, board.tallies
    if rollout is None or plan is None or tallies is None or board.is_over:
        return []
    names = {code: board.district(code) for code in board.districts}
    held = [wave for wave in rollout.waves if wave.phase is WavePhase.HELD]
    lines = [render(held_wave(wave, board.holds, approve="a", retry=_BY_CARD)) for wave in held]
    if rollout.phase is RolloutPhase.PAUSED:
        lines.insert(0, _("Paused by a person. Go on: p"))
    lines += [render(part.line) for part in held_in_part(rollout, plan, tallies, board.spent, names)]
    for wave in rollout.waves:
        if wave.phase is WavePhase.OPEN and wave.soaks_until is not None:
            lines.append(
                _("Wave {number} soaks until {time}; then its gate judges.", number=wave.number, time=board.clock(wave.soaks_until))
            )
    lines += [render(line) for line in tried_again(rollout, board.again, board.clock)]
    if board.outlook is not None and board.outlook.opens_at is not None:
        count, at = len(board.outlook.later), board.clock(board.outlook.opens_at)
        lines.append(_("Sites that wait for their window: {count}; the next is looked at {time}", count=count, time=at))
    return lines
