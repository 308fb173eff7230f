"""The way back rehearsed on the canary before wave 2 opens: real threads, a real database, terminals in memory."""

import threading
from datetime import timedelta

import pytest

from fleet.control import rollouts as control
from fleet.control.outlook import pace_of
from fleet.control.rollback import roll_back
from fleet.cutover.pace import ENOUGH
from fleet.engine import Orchestrator
from fleet.engine.orchestrator import utc_now
from fleet.model.attempt import AttemptResult, TerminalState
from fleet.model.inventory import Fleet
from fleet.model.plan import Plan, Program
from fleet.model.playbook import ActivateStep, Approval, Command
from fleet.model.purpose import Errand
from fleet.model.rollout import RolloutPhase, Verdict, WavePhase
from fleet.push import PushJob
from fleet.rollout import rehearsal_words
from fleet.store import Store, reads, ways_back
from fleet.text import render
from tests.engine.city import AT, COORDINATOR, STAGER, Terminals, begin, make_fleet, make_plan, set_up, with_program
from tests.engine.waiting import rest

TOOK = {None: timedelta(seconds=9), Errand.REHEARSAL: timedelta(seconds=4), Errand.ROLLBACK: timedelta(seconds=4)}


class Timed(Terminals):
    """Terminals whose attempts end now and took as long as such a thing takes."""

    def __call__(self, job: PushJob, stop: threading.Event) -> AttemptResult:
        now = utc_now()
        return super().__call__(job, stop).model_copy(update={"started_at": now - TOOK[job.errand], "finished_at": now})


@pytest.fixture
def terminals() -> Timed:
    return Timed()


def rehearsing(fleet: Fleet, *waves: int, program: Program = STAGER, approval: Approval = Approval.NEVER) -> Plan:
    plan = make_plan(fleet, *waves, program=program, approval=approval)
    plan = plan.model_copy(update={"playbook": plan.playbook.model_copy(update={"rollback_rehearsal": True, "steps": _ACTIVATES})})
    return plan.model_copy(update={"digest": plan.compute_digest()})


_ACTIVATES = (ActivateStep(name="activate", probe=Command(words=("true",))),)


def attempts(store: Store, terminal: str) -> list[tuple[Errand | None, TerminalState]]:
    with store.read() as snapshot:
        return [(one.errand, one.ending) for one in reads.attempts_of_terminal(snapshot, "r1", terminal)[::-1]]


def test_terminals_of_the_canary_go_back_and_come_again_before_wave_2_opens(
    store: Store, orchestrator: Orchestrator, terminals: Timed
) -> None:
    fleet = make_fleet(6)
    set_up(store, fleet)
    begin(store, fleet, rehearsing(fleet, 3, 3))

    orchestrator.start()
    state = rest(orchestrator)

    assert attempts(store, "s000/t1") == [
        (None, TerminalState.UPGRADED),
        (Errand.REHEARSAL, TerminalState.TAKEN_BACK),
        (None, TerminalState.UPGRADED),
    ]
    assert state.phase is RolloutPhase.FINISHED
    order = [name.partition("#")[0] for name in terminals.attempts]
    assert max(place for place, name in enumerate(order) if name == "s000/t1") < min(order.index(f"s00{n}/t1") for n in (3, 4, 5))
    assert +terminals.errands == {"s000/t1": 1, "s001/t1": 1, "s002/t1": 1}


def test_its_times_are_evidence_of_the_gate_and_can_be_read(store: Store, orchestrator: Orchestrator) -> None:
    fleet = make_fleet(6)
    set_up(store, fleet)
    begin(store, fleet, rehearsing(fleet, 3, 3, approval=Approval.ALWAYS))

    orchestrator.start()
    state = rest(orchestrator)

    wave = state.waves[0]
    words = rehearsal_words(wave)
    assert (wave.phase, wave.verdict) == (WavePhase.GATE, Verdict.PASS)
    assert (wave.verdict_values["back_p95_s"], wave.verdict_values["again_p95_s"]) == (4.0, 9.0)
    assert words is not None
    assert render(words) == (
        "Way back rehearsed on terminals: 3; failed: 0; back in 0:00:04 (p50), 0:00:04 (p95); upgraded again in 0:00:09, 0:00:09"
    )
    with store.read() as snapshot:
        assert ways_back.rollback_durations(snapshot, "r1") == [timedelta(seconds=4)] * 3


def test_after_it_how_long_a_rollback_takes_is_measured(store: Store, orchestrator: Orchestrator, terminals: Timed) -> None:
    fleet = make_fleet(10)
    set_up(store, fleet)
    plan = rehearsing(fleet, 8, 2, approval=Approval.ALWAYS)
    begin(store, fleet, plan)

    orchestrator.start()
    rest(orchestrator)

    with store.read() as snapshot:
        pace = pace_of(snapshot, plan, "r1")
    assert (pace.rollback.seconds, pace.rollback.samples, pace.rollback.is_measured) == (4.0, ENOUGH, True)
    assert sum(terminals.errands.values()) == ENOUGH


def test_each_program_has_its_turn_before_any_has_a_second_one(store: Store, orchestrator: Orchestrator, terminals: Timed) -> None:
    fleet = make_fleet(10)
    set_up(store, fleet)
    plan = rehearsing(fleet, 8, 2, approval=Approval.ALWAYS)
    others = [STAGER.model_copy(update={"digest": letter * 64}) for letter in "def"]
    last = dict(zip(("s005", "s006", "s007"), others, strict=True))
    waves = tuple(
        wave.model_copy(update={"sites": tuple(with_program(site, last.get(site.code, STAGER)) for site in wave.sites)})
        for wave in plan.waves
    )
    plan = plan.model_copy(update={"waves": waves, "programs": {one.digest: one for one in (STAGER, *others)}})
    begin(store, fleet, plan.model_copy(update={"digest": plan.compute_digest()}))

    orchestrator.start()
    rest(orchestrator)

    assert set(+terminals.errands) == {"s000/t1", "s001/t1", "s005/t1", "s006/t1", "s007/t1"}


@pytest.mark.parametrize("ending", [TerminalState.FAILED, TerminalState.UNREACHABLE])
def test_a_rehearsal_that_fails_fails_the_gate_and_a_retry_rehearses_anew(
    store: Store, orchestrator: Orchestrator, terminals: Timed, ending: TerminalState
) -> None:
    fleet = make_fleet(24)
    set_up(store, fleet)
    begin(store, fleet, rehearsing(fleet, 21, 3))
    terminals.endings = {"s000/t1": [TerminalState.UPGRADED, ending]}

    orchestrator.start()
    failed = rest(orchestrator).waves[0]
    control.retry(store, COORDINATOR, AT, "r1")
    state = rest(orchestrator)

    assert (failed.phase, failed.verdict, failed.verdict_code) == (WavePhase.GATE, Verdict.FAIL, "rehearsal-failed")
    assert state.phase is RolloutPhase.FINISHED
    assert attempts(store, "s000/t1")[-1] == (None, TerminalState.UPGRADED)


def test_a_plan_with_a_step_that_has_no_way_back_is_inconclusive_and_says_which(store: Store, orchestrator: Orchestrator) -> None:
    fleet = make_fleet(6)
    set_up(store, fleet)
    begin(store, fleet, rehearsing(fleet, 3, 3, program=STAGER.model_copy(update={"irreversible": ("burn-fuse",)})))

    orchestrator.start()
    wave = rest(orchestrator).waves[0]

    assert (wave.phase, wave.verdict, wave.verdict_code) == (WavePhase.GATE, Verdict.INCONCLUSIVE, "rehearsal-lasting")
    assert wave.verdict_values["steps"] == "burn-fuse"


def test_a_link_that_drops_in_it_is_asked_again_and_the_rehearsal_goes_on(
    store: Store, orchestrator: Orchestrator, terminals: Timed
) -> None:
    fleet = make_fleet(6)
    set_up(store, fleet)
    begin(store, fleet, rehearsing(fleet, 3, 3, approval=Approval.ALWAYS))
    terminals.endings = {"s000/t1": [TerminalState.UPGRADED, TerminalState.UNKNOWN]}
    orchestrator.start()
    wave = rest(orchestrator).waves[0]

    assert (wave.phase, wave.verdict) == (WavePhase.GATE, Verdict.PASS)
    assert attempts(store, "s000/t1")[-2:] == [(Errand.REHEARSAL, TerminalState.TAKEN_BACK), (None, TerminalState.UPGRADED)]


def test_a_plan_that_does_not_ask_for_it_is_rolled_out_as_ever(store: Store, orchestrator: Orchestrator, terminals: Timed) -> None:
    fleet = make_fleet(6)
    set_up(store, fleet)
    begin(store, fleet, make_plan(fleet, 3, 3, program=STAGER))

    orchestrator.start()

    assert rest(orchestrator).phase is RolloutPhase.FINISHED
    assert set(terminals.connections.values()) == {1}


def test_a_plan_from_before_keeps_its_digest() -> None:
    plan = make_plan(make_fleet(2), 2)

    assert "rollback_rehearsal" not in plan.model_dump_json()
    assert Plan.model_validate_json(plan.model_dump_json()).compute_digest() == plan.digest


def test_a_rollback_on_purpose_leaves_what_the_rehearsal_came_to_and_is_the_reason_that_the_gate_gives(
    store: Store, orchestrator: Orchestrator
) -> None:
    fleet = make_fleet(6)
    set_up(store, fleet)
    begin(store, fleet, rehearsing(fleet, 3, 3, approval=Approval.ALWAYS))
    orchestrator.start()
    before = rest(orchestrator).waves[0]

    roll_back(store, COORDINATOR, utc_now(), "r1", wave=1, reason="slow")
    wave = rest(orchestrator).waves[0]

    assert (wave.verdict, wave.verdict_code) == (Verdict.INCONCLUSIVE, "taken-back")
    assert wave.verdict_values["taken_back"] == 3
    assert (wave.verdict_values["rehearsed"], wave.verdict_values["rehearsals_failed"]) == (3, 0)
    assert rehearsal_words(wave) == rehearsal_words(before)
