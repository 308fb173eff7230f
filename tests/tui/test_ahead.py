"""What lies ahead on the screen: the point of no return as a clock, the forecast, and what was not reached by reason."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from fleet.control.outlook import Outlook
from fleet.control.unreached import Unreached
from fleet.cutover import Forecast, Pace, Return
from fleet.model.attempt import Cause
from fleet.model.rollout import RolloutState, WavePhase, WaveState
from fleet.store.orchestrator import Orchestrator
from fleet.store.reads import Tallies, Tally
from fleet.text import use_language
from fleet.tui.board import Board
from fleet.tui.frame import alert_of
from fleet.tui.header import Header
from fleet.tui.progress import Failures

NOW = datetime(2026, 12, 4, 18, 0, tzinfo=UTC)
CLOCK = Return(NOW + timedelta(minutes=102), NOW - timedelta(hours=8), NOW + timedelta(hours=4))


def board(**more: object) -> Board:
    rollout = RolloutState(id="r1", plan_digest="0" * 64, waves=(WaveState(number=1, phase=WavePhase.OPEN),), started_at=NOW)
    ahead = Outlook(Pace.of((), 600), CLOCK, Forecast(NOW + timedelta(minutes=10), NOW + timedelta(minutes=25), 9), {})
    shown = Board(at=NOW, zone=ZoneInfo("Asia/Shanghai"), rollout=rollout, tallies=Tallies(Tally(), {}, {}, {}, {}), outlook=ahead)
    return replace(shown, **more)  # type: ignore[arg-type]


def header(shown: Board, width: int = 160) -> str:
    panel = Header()
    panel.board = shown
    return panel.draw(width, 1)[0].text


def test_the_header_shows_the_last_safe_rollback_and_the_finish_by_the_workspace_s_clock() -> None:
    assert "last safe rollback 03:42" in header(board())
    assert "finish 02:10-02:25" in header(board())


def test_a_finish_that_is_the_same_minute_either_way_is_shown_once() -> None:
    sure = board()
    assert sure.outlook is not None
    outlook = replace(sure.outlook, forecast=Forecast(NOW + timedelta(minutes=10), NOW + timedelta(minutes=10), 9))

    assert "finish 02:10 " in header(replace(sure, outlook=outlook)) + " "


def test_without_windows_there_is_no_such_clock() -> None:
    bare = board()
    assert bare.outlook is not None

    assert "last safe rollback" not in header(replace(bare, outlook=replace(bare.outlook, clock=None)))


def test_a_narrow_header_keeps_the_clock_rather_than_the_forecast() -> None:
    narrow = header(board(), 80)

    assert "last safe rollback 1h42 left" in narrow
    assert "finish" not in narrow


def test_past_the_point_of_no_return_the_screen_says_how_to_go_on() -> None:
    shown = board()
    assert shown.rollout is not None
    alive = Orchestrator(pid=1, host="h", user="u", token="t", started_at=NOW, beat_at=NOW, stopped_at=None)
    past = replace(shown, rollout=shown.rollout.model_copy(update={"past_return_at": NOW}), orchestrator=alive)

    assert alert_of(past).endswith("Go on all the same: n")


@pytest.mark.parametrize(("language", "words"), [("en", "its window closed before its turn came"), ("zh_CN", "未轮到它，时间窗就已关闭")])
def test_what_was_not_reached_stands_below_the_failures_by_reason(language: str, words: str) -> None:
    use_language(language)
    panel = Failures()
    panel.board = board(
        unreached=(
            Unreached("p1", "p1", "qw", 1, "window-closed", Cause.WINDOW_CLOSED, 1),
            Unreached("p2", "p2", "qw", 1, "window-closed", Cause.WINDOW_CLOSED, 1),
            Unreached("p3", "p3", "qw", 1, "unreachable", Cause.NO_ANSWER, 1),
        )
    )

    lines = [strip.text.rstrip() for strip in panel.draw(60, 12)]

    assert any(line.strip().startswith("2") and words in line for line in lines)
    assert any(line.strip().startswith("1") for line in lines)
