"""What the first and the last line keep when there is no room for everything."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from fleet.control.outlook import Outlook
from fleet.cutover.forecast import Forecast
from fleet.cutover.pace import Pace
from fleet.cutover.point_of_no_return import Return
from fleet.model.attempt import TerminalState
from fleet.model.rollout import Decision, DecisionKind, RolloutPhase, RolloutState, SiteCounts, SiteState, WavePhase, WaveState
from fleet.report.words import site_state_words
from fleet.store.reads import Tallies, Tally
from fleet.text import N_, render, use_language
from fleet.tui.board import Board
from fleet.tui.frame import Need, Verb, alert_of, shown_verbs
from fleet.tui.header import Header
from fleet.tui.help import HelpText
from fleet.tui.ways_on import ways_on
from tests.tui.conftest import LARGE, SMALL, STRANGER, Stage, play, watching

NOW = datetime(2026, 12, 4, 18, 0, tzinfo=UTC)
WIDTHS = pytest.mark.parametrize("width", [80, 100, 120, 160, 200])
TROUBLE = SiteCounts(not_started=2000, upgraded=300, failed=14, rolled_back=3, unknown=2, unreachable=121)


def night(
    sites: SiteCounts = TROUBLE, phase: RolloutPhase = RolloutPhase.RUNNING, terminals: dict[TerminalState, int] | None = None
) -> Board:
    """A night with a point of no return and a forecast."""
    rollout = RolloutState(id="r12", plan_digest="0" * 64, waves=(WaveState(number=1, phase=WavePhase.OPEN),), started_at=NOW, phase=phase)
    clock = Return(NOW + timedelta(minutes=102), NOW - timedelta(hours=8), NOW + timedelta(hours=4))
    ahead = Outlook(Pace.of((), 600), clock, Forecast(NOW + timedelta(minutes=10), NOW + timedelta(minutes=25), 9), {})
    total = Tally(sites=sites, done=288, terminals=terminals or {TerminalState.UPGRADED: 812, TerminalState.NOT_STARTED: 4200})
    tallies = Tallies(total, {}, {}, {}, {})
    return Board(at=NOW, zone=ZoneInfo("Asia/Shanghai"), rollout=rollout, tallies=tallies, outlook=ahead)


def header(shown: Board, width: int) -> str:
    panel = Header()
    panel.board = shown
    return panel.draw(width, 1)[0].text


@WIDTHS
@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_what_went_wrong_is_counted_in_a_header_of_any_width(width: int, language: str) -> None:
    use_language(language)
    shown = header(night(), width)

    assert [mark for mark in ("✗14", "↶3", "?2", "⊘121") if mark not in shown] == []
    assert "~" not in shown
    assert "1h42" in shown


def test_at_120_columns_the_counts_and_the_sites_done_stand_beside_the_countdown() -> None:
    use_language("en")
    few = header(night(SiteCounts(upgraded=300, not_started=20, failed=1, unreachable=12)), 120)

    assert "⊘12 unreachable" in few
    assert "288/333 sites" in few
    assert "1h42 left" in few


def test_a_wide_header_says_everything_at_length() -> None:
    use_language("en")
    shown = header(night(), 220)

    for text in ("FLEET", "terminals", "⊘121 unreachable", "sites done", "last safe rollback 03:42 1h42 left", "finish 02:10-02:25"):
        assert text in shown


def test_what_went_wrong_stands_before_what_is_to_come() -> None:
    use_language("en")
    shown = header(night(), 220)

    assert shown.index("⊘121") < shown.index("last safe rollback") < shown.index("finish")


def test_the_keys_that_are_needed_least_leave_first_and_none_is_cut() -> None:
    use_language("en")
    verbs = (
        Verb("a", N_("Approve"), enabled=False, need=Need.SPARE),
        Verb("Enter", N_("Open"), need=Need.HANDY),
        Verb("c", N_("Causes"), need=Need.ASKED),
        Verb("q", N_("Quit"), need=Need.ALWAYS),
    )

    assert [verb.key for verb in shown_verbs(verbs, 80)] == ["a", "Enter", "c", "q"]
    assert [verb.key for verb in shown_verbs(verbs, 40)] == ["Enter", "c", "q"]
    assert [verb.key for verb in shown_verbs(verbs, 20)] == ["c", "q"]
    assert [verb.key for verb in shown_verbs(verbs, 9)] == ["q"]


def asked(board: Board, *, may_roll_back: bool = True) -> list[str]:
    return [verb.key for verb in ways_on(board, may_roll_back=may_roll_back) if verb.need is Need.ASKED]


def test_failures_ask_for_their_causes_silence_for_the_queue_and_a_stop_for_the_way_back() -> None:
    well, live = SiteCounts(upgraded=3), {TerminalState.UPGRADED: 5}

    assert asked(night(well, terminals=live)) == []
    assert asked(night(SiteCounts(failed=1), terminals=live)) == ["c"]
    assert asked(replace(night(well), has_offline=True)) == ["o"]
    assert asked(replace(night(well), has_turned_away=True)) == ["c"]
    assert asked(night(well, RolloutPhase.STOPPED, live)) == ["u"]
    assert asked(night(well, RolloutPhase.STOPPED, live), may_roll_back=False) == []
    assert asked(night(well, RolloutPhase.STOPPED, {TerminalState.FAILED: 5})) == []


def test_a_wave_that_is_held_asks_for_the_way_back_where_something_is_live() -> None:
    board = night(SiteCounts(upgraded=3), terminals={TerminalState.UPGRADED: 5})
    assert board.rollout is not None
    held = board.rollout.model_copy(update={"waves": (WaveState(number=1, phase=WavePhase.HELD),)})

    assert asked(replace(board, rollout=held)) == ["u"]


@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_the_bottom_line_shows_the_keys_that_the_screen_asks_for(stage: Stage, size: tuple[int, int], language: str) -> None:
    use_language(language)
    stage.end("h1")
    stage.end("p1", TerminalState.FAILED)
    stage.silence("p2")
    stage.set_wave(1, phase=WavePhase.HELD, held_by=("failures",))

    async def scene() -> None:
        async with watching(stage, size) as screen:
            for key in ("a", "c", "o", "u", "?", "q"):
                assert f" {key} " in screen.lines[-1]
            assert "~" not in screen.lines[-1]

    play(scene())


@pytest.mark.parametrize("phase", [RolloutPhase.STOPPED, RolloutPhase.FINISHED])
def test_of_a_rollout_that_is_over_nothing_is_offered_that_cannot_be_done(stage: Stage, phase: RolloutPhase) -> None:
    stage.set_phase(phase)

    async def scene() -> None:
        async with watching(stage, SMALL) as screen:
            assert "a Evidence" in screen.lines[-1]
            for words in ("Approve", "Pause", "Resume", "Stop "):
                assert words not in screen.lines[-1]

    play(scene())


def test_somebody_who_may_not_decide_is_not_pointed_at_the_way_back(stage: Stage) -> None:
    stage.end("h1")
    stage.end("p1", TerminalState.FAILED)
    stage.set_wave(1, phase=WavePhase.HELD, held_by=("failures",))

    async def scene() -> None:
        async with watching(stage, SMALL, actor=STRANGER) as screen:
            assert "c Causes" in screen.lines[-1]
            assert "u Roll back" not in screen.lines[-1]

    play(scene())


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_the_help_cuts_no_name_of_a_state_at_80_columns(language: str) -> None:
    use_language(language)

    lines = [strip.text for strip in HelpText().draw(80)]

    assert [line for line in lines if "~" in line] == []
    assert any(render(site_state_words(SiteState.TAKEN_BACK)) in line for line in lines)


def test_a_decision_about_a_rollout_that_is_over_asks_for_an_orchestrator() -> None:
    use_language("en")
    over = night(phase=RolloutPhase.FINISHED)
    back = Decision(id=1, rollout="r12", kind=DecisionKind.ROLLBACK, wave=1, actor="li-na", at=NOW)

    assert alert_of(over) == ""
    assert alert_of(replace(over, pending=(back,))) == "No orchestrator has run here yet. Start one: fleet run"
