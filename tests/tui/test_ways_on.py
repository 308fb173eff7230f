"""A wave rolled back, the point of no return gone past, silent terminals given to a technician, and what holds the rollout back."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from fleet.model.actor import FLEET
from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.caps import DistrictAllowance
from fleet.model.plan import Plan
from fleet.model.purpose import Errand
from fleet.model.rollout import RolloutPhase, SiteCounts, Verdict, WavePhase
from fleet.model.windows import Entry, Windows
from fleet.report.held_back import held_in_part
from fleet.store import again, progress, reads, rollouts
from fleet.store.caps import Spent
from fleet.text import render, use_language
from fleet.tui.header import time_left
from tests.tui.conftest import COORDINATOR, LARGE, NOW, SMALL, STRANGER, Screenful, Stage, make_stage, play, small_fleet, watching


def decided(stage: Stage) -> list[tuple[str, int | None, str, int]]:
    with stage.store.read() as snapshot:
        return [(one.kind.value, one.wave, one.reason, len(one.terminals)) for one in rollouts.decisions_after(snapshot, "r1", 0)]


@pytest.fixture
def night(tmp_path: Path, small_plan: Plan) -> Stage:
    """A rollout whose suspension ends three hours from now."""
    suspension = Entry(begins_at=NOW - timedelta(hours=2), ends_at=NOW + timedelta(hours=3))
    plan = small_plan.model_copy(update={"windows": Windows(zone="Asia/Shanghai", suspensions=(suspension,))})
    stage = make_stage(tmp_path, small_fleet(), plan.model_copy(update={"digest": plan.compute_digest()}))
    stage.start()
    return stage


async def fill(screen: Screenful, *values: str) -> None:
    for value in values:
        await screen.type(value)
        await screen.press("enter")


async def take_back(screen: Screenful) -> None:
    """Type what the box of wave 1 wants, and see it taken."""
    await fill(screen, "3", "bad prints")
    if "Type bind-key" in screen.text:
        await fill(screen, "bind-key")
    await screen.shows("Wave 1 waits to be rolled back")


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_wave_goes_back_once_its_sites_are_counted_and_a_reason_is_typed(stage: Stage, size: tuple[int, int]) -> None:
    stage.end_wave(1)

    async def scene() -> None:
        async with watching(stage, size) as screen:
            await screen.press("u")
            await screen.shows("Roll a wave back", "1. canary", "3 of 3 sites upgraded")
            await fill(screen, "1")
            await screen.shows(
                "Roll wave 1 back (canary)?", "Terminals that get the release before: 5", "was not rehearsed", "too few were measured"
            )
            await take_back(screen)

    play(scene())
    assert decided(stage) == [("rollback", 1, "bad prints", 5)]


def test_a_wave_with_another_number_of_sites_is_not_rolled_back(stage: Stage) -> None:
    stage.end_wave(1)

    async def scene() -> None:
        async with watching(stage, LARGE) as screen:
            await screen.press("u")
            await fill(screen, "1")
            await screen.shows("How many sites")
            await fill(screen, "4", "bad")
            await screen.shows("this is about 3 sites, not 4; nothing was changed")

    play(scene())
    assert decided(stage) == []


def test_a_wave_where_nothing_is_live_says_so(stage: Stage) -> None:
    async def scene() -> None:
        async with watching(stage, LARGE) as screen:
            await screen.press("u")
            await fill(screen, "2")
            await screen.shows("there is nothing to roll back")
            await screen.press("backspace")
            await fill(screen, "9")
            await screen.shows("has no wave 9")

    play(scene())
    assert decided(stage) == []


def test_what_the_canary_measured_says_how_long_the_way_back_takes(stage: Stage) -> None:
    stage.end_wave(1)
    values = {"rehearsed": 5, "rehearsals_failed": 0, "back_p50_s": 21.0, "back_p95_s": 30.0, "again_p50_s": 40.0, "again_p95_s": 50.0}
    stage.set_wave(1, phase=WavePhase.PASSED, verdict=Verdict.PASS, verdict_code="enough", verdict_values=values)
    measure(stage, 20)

    async def scene() -> None:
        async with watching(stage, LARGE) as screen:
            await screen.press("u")
            await fill(screen, "1")
            await screen.shows("Way back rehearsed on terminals: 5", "back in", "One terminal goes back in 42 s or less (p95, measured:")
            assert "at a time:" in screen.text

    play(scene())


def measure(stage: Stage, count: int) -> None:
    """So many way backs of 42 s, each with the way there after it."""
    site = stage.plan.waves[0].sites[0].code
    terminal = stage.fleet.terminals_of[site][0].id
    with stage.store.write(FLEET, stage.now) as tx:
        for number in range(2, 2 + 2 * count, 2):
            progress.record_result(tx, "r1", attempt(stage, terminal, number, TerminalState.TAKEN_BACK, Errand.ROLLBACK))
            progress.record_result(tx, "r1", attempt(stage, terminal, number + 1, TerminalState.UPGRADED, None))


def attempt(stage: Stage, terminal: str, number: int, ending: TerminalState, errand: Errand | None) -> AttemptResult:
    return stage.result(terminal, ending, number=number, errand=errand, cause=Cause.NONE, step="")


@pytest.mark.parametrize("key", ["u", "n"])
def test_whoever_may_not_decide_reads_why(night: Stage, key: str) -> None:
    async def scene() -> None:
        async with watching(night, SMALL, actor=STRANGER) as screen:
            await screen.press(key)
            assert "is nobody of this inventory" in screen.lines[-2]

    play(scene())
    assert decided(night) == []


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_the_last_safe_rollback_counts_down_in_the_header(night: Stage, size: tuple[int, int]) -> None:
    async def scene() -> None:
        async with watching(night, size) as screen:
            assert "last safe rollback" in screen.lines[0]
            assert "3h00 left" in screen.lines[0]
            night.now += timedelta(hours=2, minutes=55, seconds=1)
            await screen.news()
            assert "4m59 left" in screen.lines[0]

    play(scene())


def test_the_last_ten_minutes_count_seconds() -> None:
    assert [time_left(timedelta(seconds=seconds)) for seconds in (6120, 600, 599, 0, -5)] == ["1h42", "0h10", "9m59", "0m00", "0m00"]


def test_going_past_the_point_of_no_return_wants_a_reason(night: Stage) -> None:
    past(night)

    async def scene() -> None:
        async with watching(night, SMALL) as screen:
            assert "Go on all the same: n" in screen.text
            assert "n Go past" in screen.lines[-1]
            await screen.press("n")
            await screen.shows("Go on past the point of no return?", "the suspension ends")
            await screen.press("enter")
            assert decided(night) == []
            await fill(screen, "extended")
            await screen.shows("It goes on past the point of no return.")

    play(scene())
    assert decided(night) == [("go-past", None, "extended", 0)]


def past(stage: Stage) -> None:
    with stage.store.write(COORDINATOR, stage.now) as tx:
        rollouts.save_rollout(tx, stage.state().model_copy(update={"past_return_at": stage.now}))


def test_a_rollout_without_windows_has_nothing_to_go_past(stage: Stage) -> None:
    async def scene() -> None:
        async with watching(stage, SMALL) as screen:
            await screen.press("n")
            assert "no point of no return" in screen.lines[-2]

    play(scene())
    assert decided(stage) == []


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_silent_terminals_queue_with_their_age_and_one_becomes_a_technicians_job(stage: Stage, size: tuple[int, int]) -> None:
    stage.silence("p1", minutes=95, next_in=timedelta(minutes=10))
    stage.silence("p2", minutes=5, next_in=timedelta(minutes=20))

    async def scene() -> None:
        async with watching(stage, size) as screen:
            await screen.press("o")
            await screen.shows("Nobody answers at terminals: 2; a technician's job: 0", "1 h 35 min", "百姓缘药店", "0 h 5 min")
            lines = screen.text
            assert lines.index("1 h 35 min") < lines.index("0 h 5 min")
            await screen.press("t")
            await screen.shows("send a technician", "Who goes there?", "liu-yang")
            await fill(screen, "", "its router")
            await screen.shows("a technician's job: 1", "job; next try")

    play(scene())
    with stage.store.read() as snapshot:
        jobs = {one.terminal: one.job(stage.now, None) for one in again.offline(snapshot, "r1")}
    assert jobs == {"p1/t01": again.Job.SENT, "p2/t01": None}


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_the_queue_says_which_moment_made_a_terminal_a_technicians_job(tmp_path: Path, small_plan: Plan, size: tuple[int, int]) -> None:
    plan = small_plan.model_copy(update={"playbook": small_plan.playbook.model_copy(update={"offline_after_h": 3.0})})
    stage = make_stage(tmp_path, small_fleet(), plan.model_copy(update={"digest": plan.compute_digest()}))
    stage.start()
    stage.silence("p1", minutes=200, next_in=timedelta(minutes=-60))
    stage.silence("p2", minutes=5)

    async def scene() -> None:
        async with watching(stage, size) as screen:
            await screen.press("o")
            await screen.shows("a technician's job: 2", "job: silent for 3 h", "job: no try is left")

    play(scene())


def test_a_terminal_that_answered_is_in_no_queue_and_asks_for_the_causes(stage: Stage) -> None:
    stage.silence("p1", cause=Cause.HOST_KEY_CHANGED)

    async def scene() -> None:
        async with watching(stage, LARGE) as screen:
            await screen.press("o")
            await screen.shows("No terminal that was tried is offline.")
            await screen.press("escape")
            await screen.press("c")
            await screen.shows("its host key has changed")

    play(scene())


def test_a_technician_whom_the_program_sent_or_who_was_sent_before_makes_no_job(stage: Stage) -> None:
    stage.silence("p1", next_in=timedelta(minutes=10))
    with stage.store.read() as snapshot:
        (one,) = again.offline(snapshot, "r1")

    assert (one.technician, one.sent_at) == ("liu-yang", None)
    assert one.job(stage.now, None) is None
    assert replace(one, sent_at=one.since - timedelta(seconds=1)).job(stage.now, None) is None
    assert replace(one, sent_at=one.since).job(stage.now, None) is again.Job.SENT


def test_d_in_the_queue_opens_the_card_of_that_terminals_site(stage: Stage) -> None:
    stage.silence("p1")

    async def scene() -> None:
        async with watching(stage, LARGE) as screen:
            await screen.press("o")
            await screen.shows("百姓缘药店")
            await screen.press("d")
            await screen.shows("百姓缘药店: what now?", "1. retry the step")

    play(scene())


def test_a_queue_that_is_empty_says_so(stage: Stage) -> None:
    async def scene() -> None:
        async with watching(stage, SMALL) as screen:
            await screen.press("o")
            await screen.shows("No terminal that was tried is offline.")
            await screen.press("t", "d", "escape")
            assert "Filter" in screen.text

    play(scene())


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_wave_that_is_held_says_by_which_budget_and_until_when(stage: Stage, size: tuple[int, int]) -> None:
    for site in stage.plan.waves[0].sites:
        stage.end(site.code, TerminalState.FAILED)
    stage.set_wave(1, phase=WavePhase.HELD, held_by=("failures",))

    async def scene() -> None:
        async with watching(stage, size) as screen:
            joined = " ".join(line.strip() for line in screen.lines)
            assert "Wave 1 is held: its failure budget is spent: 3 sites" in joined
            assert "until a person approves" in joined

    play(scene())


def test_an_open_wave_says_which_districts_budget_holds_a_part_of_it(stage: Stage) -> None:
    rule = {"qingwan": DistrictAllowance(failures=1, unreachable=1)}
    waves = tuple(wave.model_copy(update={"districts_allowed": rule}) for wave in stage.plan.waves)
    plan = stage.plan.model_copy(update={"waves": waves})
    with stage.store.read() as snapshot:
        tallies = reads.read_tallies(snapshot, "r1")
    use_language("en")

    def lines(failed: int) -> list[str]:
        spent = Spent(by_district={1: {"qingwan": SiteCounts(failed=failed)}})
        return [render(part.line) for part in held_in_part(stage.state(), plan, tallies, spent, {"qingwan": "青湾区"})]

    assert lines(0) == []
    (line,) = lines(1)
    assert line.startswith(
        "Wave 1 is held in part: the failure budget of district 青湾区 is spent: 1 site, 1 may be; until they are retried"
    )


def test_a_pause_is_what_holds_the_rollout_back(stage: Stage) -> None:
    stage.set_phase(RolloutPhase.PAUSED)

    async def scene() -> None:
        async with watching(stage, SMALL) as screen:
            assert "Paused by a person. Go on: p" in screen.text

    play(scene())


def test_a_stopped_rollout_cannot_go_past_the_point_of_no_return(night: Stage) -> None:
    past(night)
    night.set_phase(RolloutPhase.STOPPED)

    async def scene() -> None:
        async with watching(night, SMALL) as screen:
            assert "n Go past" not in screen.lines[-1]
            await screen.press("n")
            assert "the rollout is over" in screen.lines[-2]

    play(scene())
    assert decided(night) == []


def test_a_wave_of_a_stopped_rollout_goes_back_and_the_box_says_that_it_is_paused_then(stage: Stage) -> None:
    stage.end_wave(1)
    stage.set_phase(RolloutPhase.STOPPED)

    async def scene() -> None:
        async with watching(stage, LARGE) as screen:
            await screen.press("u")
            await fill(screen, "1")
            await screen.shows("The rollout was stopped; it will be paused")
            await take_back(screen)

    play(scene())
    assert decided(stage) == [("rollback", 1, "bad prints", 5)]
