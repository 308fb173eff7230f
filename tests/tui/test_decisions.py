"""Approving, pausing, stopping: what the keys ask, what control is told, and who may not."""

from datetime import timedelta

from fleet.control import rollouts as control
from fleet.model.actor import Actor
from fleet.model.attempt import TerminalState
from fleet.model.rollout import RolloutPhase, Verdict, WavePhase
from tests.tui.conftest import COORDINATOR, LARGE, SMALL, STRANGER, Stage, play, watching

TECHNICIAN, COLLEAGUE = Actor(code="liu-yang"), Actor(code="wang-wei")


def told(stage: Stage) -> list[tuple[str, int | None, str, str]]:
    return [(one.kind.value, one.wave, one.actor, one.reason) for one in stage.decisions()]


def test_the_gate_shows_the_evidence_and_how_far_an_approval_reaches(stage: Stage) -> None:
    stage.at_the_gate()

    async def scene() -> None:
        async with watching(stage, SMALL) as screen:
            await screen.press("a")

            assert "Gate of wave canary" in screen.text
            assert "5/5 (100.0 %)  >= 95 %" in screen.text
            assert "0 of at most 1 site (failed 0, rolled back 0, unknown 0)" in screen.text
            assert "pass: 5 of 5 terminals that answered are upgraded" in screen.text
            assert "wave-2: 4 sites" in screen.text
            assert "Never tested" in screen.text

    play(scene())


def test_the_gate_of_four_eyes_says_what_was_made_by_hand_after_a_push(stage: Stage) -> None:
    values: dict[str, str | int | float] = {"upgraded": 4, "samples": 4, "needed": 95.0, "min_samples": 1, "made_by_hand": 1}
    stage.at_the_gate()
    stage.set_wave(1, phase=WavePhase.GATE, verdict=Verdict.INCONCLUSIVE, verdict_code="made-by-hand", verdict_values=values)

    async def scene() -> None:
        async with watching(stage) as screen:
            await screen.press("a")
            assert "1 terminal after a push; a second person decides" in screen.text
            assert "inconclusive: 4 of 4" in screen.text

    play(scene())


def test_a_gate_is_approved_by_typing_the_waves_name(stage: Stage) -> None:
    stage.at_the_gate()

    async def scene() -> None:
        async with watching(stage) as screen:
            await screen.press("a")
            await screen.type("canary")
            await screen.press("enter")
            await screen.shows("Approved: canary.")

    play(scene())
    assert told(stage) == [("approve", 1, "li-na", "")]


def test_a_wrong_name_approves_nothing_and_says_so(stage: Stage) -> None:
    stage.at_the_gate()

    async def scene() -> None:
        async with watching(stage) as screen:
            await screen.press("a")
            await screen.type("wave-2")
            await screen.press("enter")
            await screen.shows("That is not the wave's name; nothing was approved.")
            await screen.press("escape")
            assert "Gate of wave" not in screen.text

    play(scene())
    assert told(stage) == []


def test_the_gate_of_a_wave_that_a_person_wanted_back_names_no_budget(stage: Stage) -> None:
    stage.set_wave(1, phase=WavePhase.HELD, taken_back_by="li-na")

    async def scene() -> None:
        async with watching(stage) as screen:
            await screen.press("a")
            assert "held: it is rolled back because a person wanted it" in screen.text
            assert "a budget is spent" not in screen.text

    play(scene())


def test_a_wave_that_is_held_is_approved_the_same_way(stage: Stage) -> None:
    stage.end(stage.plan.waves[0].sites[0].code, TerminalState.FAILED)
    stage.set_wave(1, phase=WavePhase.HELD)

    async def scene() -> None:
        async with watching(stage) as screen:
            assert "! held [a]" in screen.text
            await screen.press("a")
            assert "a budget is spent" in screen.text
            assert "1 of at most 1 site (failed 1," in screen.text
            await screen.type("canary")
            await screen.press("enter")
            await screen.shows("Approved: canary.")

    play(scene())
    assert told(stage) == [("approve", 1, "li-na", "")]


def test_a_budget_that_a_person_granted_anew_is_shown_as_it_is_now(stage: Stage) -> None:
    stage.end(stage.plan.waves[0].sites[0].code, TerminalState.FAILED)
    stage.set_wave(1, phase=WavePhase.HELD, failures_accepted=1, unreachable_accepted=2)

    async def scene() -> None:
        async with watching(stage) as screen:
            await screen.press("a")
            assert "1 of at most 2 sites (failed 1," in screen.text
            assert "0 of at most 3 sites" in screen.text

    play(scene())


def test_whoever_comes_second_reads_who_was_first(stage: Stage) -> None:
    stage.at_the_gate()

    async def scene() -> None:
        async with watching(stage) as screen:
            await screen.press("a")
            await screen.type("canary")
            control.approve(stage.store, COLLEAGUE, stage.now, "r1", 1)
            await screen.press("enter")
            await screen.shows("already approved", "王伟")

    play(scene())
    assert told(stage) == [("approve", 1, "wang-wei", "")]


def test_the_gate_moves_on_while_it_is_looked_at(stage: Stage) -> None:
    async def scene() -> None:
        async with watching(stage) as screen:
            await screen.press("a")
            assert "Nothing waits for an approval now." in screen.text
            assert "0/0" in screen.text

            stage.end(stage.plan.waves[0].sites[0].code)
            await screen.shows("1/1 (100.0 %)")
            values = {"upgraded": 1, "samples": 2, "needed": 95.0, "min_samples": 1}
            stage.set_wave(1, phase=WavePhase.GATE, verdict=Verdict.FAIL, verdict_code="below", verdict_values=values)

            await screen.shows("fail: only 1 of 2 terminals", "It waits now: press Esc, then a.")

    play(scene())


def test_pausing_wants_one_confirmation_and_the_same_key_resumes(stage: Stage) -> None:
    async def scene() -> None:
        async with watching(stage) as screen:
            await screen.press("p")
            assert "Pause the rollout?" in screen.text
            await screen.press("enter")
            await screen.shows("Paused. Press p again to resume.")

            stage.set_phase(RolloutPhase.PAUSED)
            await screen.shows("PAUSED", "p Resume")
            await screen.press("p")
            assert "Resume the rollout?" in screen.text
            await screen.press("enter")
            await screen.shows("Resumed.")

    play(scene())
    assert [kind for kind, *_rest in told(stage)] == ["pause", "resume"]


def test_escape_leaves_everything_as_it_is(stage: Stage) -> None:
    async def scene() -> None:
        async with watching(stage) as screen:
            for key in "pxa":
                await screen.press(key, "escape")
            assert "12/12 sites" in screen.text

    play(scene())
    assert told(stage) == []


def test_pausing_what_is_being_paused_says_so(stage: Stage) -> None:
    control.pause(stage.store, COLLEAGUE, stage.now, "r1")

    async def scene() -> None:
        async with watching(stage) as screen:
            await screen.press("p", "enter")
            await screen.shows("That is so already; the orchestrator takes it in.")

    play(scene())
    assert len(told(stage)) == 1


def test_stopping_wants_the_rollouts_name_and_a_reason(stage: Stage) -> None:
    async def scene() -> None:
        async with watching(stage, SMALL) as screen:
            await screen.press("x")
            await screen.type("r2")
            await screen.press("enter")
            await screen.shows("That is not the rollout's name; nothing was stopped.")
            await screen.press("backspace")
            await screen.type("1")
            await screen.press("enter")
            assert told(stage) == []

            await screen.type("bad")
            await screen.press("enter")
            await screen.shows("Stopped.")

    play(scene())
    assert told(stage) == [("stop", None, "li-na", "bad")]


def test_a_rollout_that_is_to_be_stopped_offers_no_more_decisions(stage: Stage) -> None:
    stage.at_the_gate()

    async def scene() -> None:
        async with watching(stage, SMALL) as screen:
            assert "Approve" in screen.lines[-1]
            await screen.press("x")
            for words in ("r1", "bad"):
                await screen.type(words)
                await screen.press("enter")
            await screen.shows("Evidence")

            assert "Approve" not in screen.lines[-1]
            assert "Pause" not in screen.lines[-1]
            assert "[a]" not in screen.text
            await screen.press("p")
            assert "the rollout is stopped" in screen.text

    play(scene())
    assert told(stage) == [("stop", None, "li-na", "bad")]


def test_somebody_unknown_sees_everything_and_reads_why_they_may_not_decide(stage: Stage) -> None:
    stage.at_the_gate()

    async def scene() -> None:
        async with watching(stage, actor=STRANGER) as screen:
            assert "12/12 sites" in screen.text
            await screen.press("p")
            assert "`nobody` is nobody of this inventory" in screen.lines[-2]
            await screen.press("x")
            assert "Stop the rollout?" not in screen.text

            await screen.press("a")
            assert "5/5 (100.0 %)" in screen.text
            assert "`nobody` is nobody of this inventory" in screen.text
            assert "Type canary" not in screen.text

    play(scene())
    assert told(stage) == []


def test_a_technician_may_not_decide(stage: Stage) -> None:
    async def scene() -> None:
        async with watching(stage, actor=TECHNICIAN) as screen:
            await screen.press("p")

            assert "刘洋 is a technician, and may not decide about a rollout" in screen.lines[-2]

    play(scene())


def test_a_screen_that_was_opened_to_look_lets_nobody_decide(stage: Stage) -> None:
    stage.at_the_gate()

    async def scene() -> None:
        async with watching(stage, actor=COORDINATOR, readonly=True) as screen:
            await screen.press("a")
            assert "this screen was opened with --readonly" in screen.text
            assert "Type canary" not in screen.text

    play(scene())


def test_a_rollout_that_is_over_is_decided_about_no_more(stage: Stage) -> None:
    stage.set_phase(RolloutPhase.STOPPED)

    async def scene() -> None:
        async with watching(stage) as screen:
            assert "STOPPED" in screen.lines[0]
            await screen.press("x")

            assert "the rollout is over" in screen.lines[-2]

    play(scene())


def swipes(stage: Stage, wave: int, before_ms: int, after_ms: int) -> None:
    """Every site of a wave is upgraded, and its terminals were measured both times."""
    told = {"before_swipe_ms": before_ms, "before_swipe_host_ms": 900, "swipe_ms": after_ms, "swipe_host_ms": 850}
    for site in stage.plan.waves[wave - 1].sites:
        stage.end(site.code, facts={name: str(value) for name, value in told.items()})


def test_the_gate_shows_both_medians_by_phase_before_it_has_judged(stage: Stage) -> None:
    swipes(stage, 1, 9740, 1970)

    async def scene() -> None:
        async with watching(stage, LARGE) as screen:
            await screen.press("a")
            await screen.shows("9.74 s before, 1.97 s now (5 pairs)", "host 0.90/0.85", "50 % take 1.97 s or less; target 4 s")
            assert "0 of 5 read back" in screen.text
            assert "none met too often" in screen.text

    play(scene())


def test_a_gate_that_judged_shows_the_numbers_it_judged_by(stage: Stage) -> None:
    swipes(stage, 1, 9740, 1970)
    kept = {"upgraded": 5, "samples": 5, "needed": 95.0, "min_samples": 1, "to_bind": 5, "unbound": 1, "counted": 4}
    kept |= {"swipe_total_n": 5, "swipe_total_before_ms": 8000, "swipe_total_after_ms": 5000, "swipe_pairs": 5, "swipe_at_ms": 5000}
    stage.set_wave(1, phase=WavePhase.GATE, verdict=Verdict.FAIL, verdict_code="slow", verdict_values=kept)

    async def scene() -> None:
        async with watching(stage, LARGE) as screen:
            await screen.press("a")
            await screen.shows("8.00 s before, 5.00 s now (5 pairs)", "50 % take 5.00 s or less; target 4 s", "4 of 5 read back")
            assert "fail: 5 of 5 terminals that answered" in screen.text
            assert "too slow" in screen.text
            assert "9.74" not in screen.text

    play(scene())


def test_a_wave_that_soaks_says_until_when_and_asks_nobody(stage: Stage) -> None:
    swipes(stage, 1, 9740, 1970)
    stage.set_wave(1, soaks_until=stage.now + timedelta(minutes=30))

    async def scene() -> None:
        async with watching(stage, LARGE) as screen:
            await screen.shows("soaks to 22:33")
            await screen.press("a")
            await screen.shows("Soaks until", "22:33:27; then it is judged, once", "Nothing waits for an approval now.")

    play(scene())
