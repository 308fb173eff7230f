"""The screen in front of a rollout that only stages: nothing on it may be taken for an upgrade."""

from fleet.model.actor import FLEET
from fleet.model.attempt import Cause, TerminalState
from fleet.model.purpose import Only
from fleet.model.rollout import RolloutPhase, WavePhase
from fleet.store import progress, rollouts
from fleet.text import use_language
from tests.tui.conftest import LARGE, SMALL, Stage, play, watching


def stage_only(stage: Stage) -> None:
    """The rollout is for staging; the canary is staged, and of the second wave a site failed."""
    with stage.store.write(FLEET, stage.now) as tx:
        rollouts.save_rollout(tx, stage.state().model_copy(update={"only": Only.STAGE}))
    stage.end_wave(1, TerminalState.STAGED)
    stage.set_wave(1, phase=WavePhase.PASSED, passed_at=stage.now)
    stage.set_wave(2, phase=WavePhase.OPEN, opened_at=stage.now)
    stage.end(stage.plan.waves[1].sites[0].code, TerminalState.FAILED, cause=Cause.DISK_FULL)


def test_the_header_says_that_it_only_stages_and_counts_what_is_staged(stage: Stage) -> None:
    stage_only(stage)

    async def scene() -> None:
        async with watching(stage, LARGE) as screen:
            header = screen.lines[0]
            assert "stages only, nothing live is touched" in header
            assert "5/16 terminals staged 31%" in header
            assert "sites done" not in header
            assert "100% 3/3" in screen.text
            assert "▫ staged" in screen.text
            assert "terminals staged of all" in screen.text
            assert "upgraded" not in screen.text

    play(scene())


def test_on_a_small_screen_too(stage: Stage) -> None:
    stage_only(stage)

    async def scene() -> None:
        async with watching(stage, SMALL) as screen:
            assert "stages only" in screen.lines[0]

    play(scene())


def test_its_gate_says_that_it_opens_by_itself(stage: Stage) -> None:
    stage_only(stage)

    async def scene() -> None:
        async with watching(stage, LARGE) as screen:
            await screen.press("a")

            assert "opens by itself; nothing live is touched" in screen.text

    play(scene())


def test_what_was_left_out_from_the_beginning_is_not_missing_at_the_end(stage: Stage) -> None:
    stage_only(stage)
    left_out = [terminal.id for site in stage.plan.waves[1].sites for terminal in stage.fleet.terminals_of[site.code]]
    with stage.store.write(FLEET, stage.now) as tx:
        progress.exclude(tx, stage.rollout, left_out)
    stage.end_wave(3, TerminalState.STAGED)
    stage.set_phase(RolloutPhase.FINISHED)

    async def scene() -> None:
        async with watching(stage, LARGE) as screen:
            assert "terminals staged 100%" in screen.lines[0]

    play(scene())


def test_it_says_so_in_chinese(stage: Stage) -> None:
    stage_only(stage)
    use_language("zh_CN")

    async def scene() -> None:
        async with watching(stage, LARGE) as screen:
            assert "只暂存" in screen.lines[0]
            assert "已暂存" in screen.text

    play(scene())
