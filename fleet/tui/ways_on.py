"""Which of the ways on from the first screen its state asks for now: what has no room on the bottom line is what nobody needs yet."""

from collections.abc import Sequence

from fleet.model.attempt import TerminalState
from fleet.model.rollout import RolloutPhase, WavePhase
from fleet.text import N_
from fleet.tui.board import Board
from fleet.tui.frame import Need, Verb


def ways_on(board: Board, *, may_roll_back: bool) -> Sequence[Verb]:
    """Causes where something failed or turned us away, the queue where nobody answers, rolling back where it stands badly and something is live."""
    asked = (_has_failures(board) or board.has_turned_away, board.has_offline, may_roll_back and _may_go_back(board))
    causes, offline, back = (Need.ASKED if is_asked else Need.SPARE for is_asked in asked)
    return (
        Verb("c", N_("Causes"), need=causes),
        Verb("o", N_("Offline"), need=offline),
        Verb("u", N_("Roll back"), may_roll_back and not board.only_stages, back),
    )


def is_past(board: Board) -> bool:
    """Whether the point of no return holds the rollout up, and it still runs."""
    return board.rollout is not None and board.rollout.is_past_return and not board.is_over


def _has_failures(board: Board) -> bool:
    return board.tallies is not None and board.tallies.total.sites.spent_failures > 0


def _may_go_back(board: Board) -> bool:
    """Whether the new release is live somewhere, and the rollout is held up or was stopped."""
    rollout, tallies = board.rollout, board.tallies
    if rollout is None or tallies is None or board.only_stages or not tallies.total.terminals.get(TerminalState.UPGRADED, 0):
        return False
    is_held = any(wave.phase is WavePhase.HELD for wave in rollout.waves)
    return is_held or rollout.phase in {RolloutPhase.PAUSED, RolloutPhase.STOPPED}
