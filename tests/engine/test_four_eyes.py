"""Four eyes hold for what is made by-hand once it had been pushed: the gate never passes by itself, through a real engine and real records."""

from datetime import timedelta

import pytest

from fleet.control.by_hand import make_by_hand
from fleet.control.checkin import Report, check_in
from fleet.control.crew import assign_sites
from fleet.control.exclusions import confirm, exclude
from fleet.control.four_eyes import record_author
from fleet.control.rollback import roll_back
from fleet.control.rollouts import approve, retry, start_rollout
from fleet.engine import Orchestrator
from fleet.errors import NotAllowedError
from fleet.model.actor import Actor
from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.inventory import Fleet, Person, Role
from fleet.model.plan import Plan
from fleet.model.playbook import Approval, GateRule
from fleet.model.rollout import RolloutPhase, Verdict, WavePhase, WaveState
from fleet.rollout import verdict_words
from fleet.settings import Settings
from fleet.store import Store
from fleet.text import render
from tests.engine.city import AT, COORDINATOR, PEOPLE, RELEASE, STAGER, Terminals, make_fleet, make_plan, set_up
from tests.engine.waiting import rest, sites_of, state_of, until

AUTHOR, OTHER = COORDINATOR, Actor(code="c02")
FAILED, GOES, SILENT = "s000/t1", "s001/t1", "s002/t1"
WHY = "its SSH server is broken"
GATE = GateRule(success=100, approval=Approval.NEVER, four_eyes=True)


def city() -> Fleet:
    people = {**PEOPLE, "c02": Person(code="c02", name="王芳", role=Role.COORDINATOR)}
    return make_fleet(6).model_copy(update={"people": people})


def planned(fleet: Fleet, *waves: int, gate: GateRule = GATE) -> Plan:
    plan = make_plan(fleet, *waves, program=STAGER)
    plan = plan.model_copy(update={"playbook": plan.playbook.model_copy(update={"gate": gate})})
    return plan.model_copy(update={"digest": plan.compute_digest()})


def start(store: Store, terminals: Terminals, gate: GateRule = GATE) -> None:
    """One person makes the plan and starts it; of the canary one terminal is going to fail, and one does not answer at first."""
    fleet = city()
    set_up(store, fleet)
    plan = planned(fleet, 4, 2, gate=gate)
    record_author(store, AUTHOR, AT, plan)
    start_rollout(store, AUTHOR, AT, plan)
    terminals.endings |= {FAILED: [TerminalState.FAILED] * 2, SILENT: [TerminalState.UNREACHABLE]}


def prove(store: Store, terminal: str) -> None:
    """Who made the plan sends a technician, and types in for them that the terminal passed its self-test."""
    site = terminal.partition("/")[0]
    assign_sites(store, AUTHOR, AT, [site], "t01", reason="lives near")
    check_in(store, AUTHOR, AT, Report(site, "t01", shown={terminal: RELEASE.version}))


def first(store: Store) -> WaveState:
    return state_of(store).waves[0]


def test_who_made_the_plan_does_not_pass_a_gate_that_failed_by_having_what_failed_done_by_hand(
    store: Store, orchestrator: Orchestrator, terminals: Terminals
) -> None:
    start(store, terminals)
    orchestrator.start()
    before = rest(orchestrator).waves[0]

    make_by_hand(store, AUTHOR, AT, "r1", [FAILED], reason=WHY)
    retry(store, AUTHOR, AT, "r1", [SILENT])
    after = rest(orchestrator)

    assert (before.phase, before.verdict) == (WavePhase.GATE, Verdict.FAIL)
    wave = after.waves[0]
    assert (wave.phase, wave.verdict, wave.verdict_code) == (WavePhase.GATE, Verdict.INCONCLUSIVE, "made-by-hand")
    assert (wave.verdict_values["upgraded"], wave.verdict_values["samples"], wave.verdict_values["made_by_hand"]) == (3, 3, 1)
    assert after.waves[1].phase is WavePhase.CLOSED
    words = verdict_words(wave)
    assert words is not None
    assert "1 terminal that had been pushed was made by-hand: a second person decides" in render(words)
    with pytest.raises(NotAllowedError, match="made this plan"):
        approve(store, AUTHOR, AT, "r1", 1)


def test_it_waits_for_a_second_person_after_a_restart_too_and_goes_on_once_they_approve(
    workspace: Settings, store: Store, terminals: Terminals
) -> None:
    start(store, terminals)
    with Orchestrator(workspace, store, push=terminals) as one:
        rest(one)
    make_by_hand(store, AUTHOR, AT, "r1", [FAILED], reason=WHY)
    retry(store, AUTHOR, AT, "r1", [SILENT])
    with Orchestrator(workspace, store, push=terminals) as two:
        rest(two)
    waited = first(store)

    with Orchestrator(workspace, store, push=terminals) as three:
        rest(three)
        again = first(store)
        approve(store, OTHER, AT, "r1", 1)
        ended = rest(three)

    assert waited.verdict_code == "made-by-hand"
    assert again == waited
    assert ended.phase is RolloutPhase.FINISHED
    assert ended.waves[0].approved_by == OTHER.code


def test_one_made_by_hand_before_the_wave_is_judged_the_first_time_has_it_wait_just_so(
    store: Store, orchestrator: Orchestrator, terminals: Terminals
) -> None:
    start(store, terminals)
    terminals.silent = frozenset({"east"})
    orchestrator.start()
    until(lambda: sites_of(store).failed == 1)
    make_by_hand(store, AUTHOR, AT, "r1", [FAILED], reason=WHY)
    terminals.let_go()

    wave = rest(orchestrator).waves[0]

    assert (wave.phase, wave.verdict_code) == (WavePhase.GATE, "made-by-hand")


def test_a_rollback_and_then_by_hand_does_not_hide_what_people_took_back(
    store: Store, orchestrator: Orchestrator, terminals: Terminals
) -> None:
    start(store, terminals)
    orchestrator.start()
    rest(orchestrator)
    make_by_hand(store, AUTHOR, AT, "r1", [FAILED], reason=WHY)
    roll_back(store, AUTHOR, AT, "r1", terminals=[GOES])
    rest(orchestrator)

    make_by_hand(store, AUTHOR, AT, "r1", [GOES], reason=WHY)
    retry(store, AUTHOR, AT, "r1", [SILENT])
    wave = rest(orchestrator).waves[0]

    assert (wave.phase, wave.verdict_code, wave.verdict_values["made_by_hand"]) == (WavePhase.GATE, "made-by-hand", 2)


def test_a_technician_who_proves_it_is_no_second_person(store: Store, orchestrator: Orchestrator, terminals: Terminals) -> None:
    start(store, terminals)
    orchestrator.start()
    rest(orchestrator)
    make_by_hand(store, AUTHOR, AT, "r1", [FAILED], reason=WHY)
    prove(store, FAILED)

    retry(store, AUTHOR, AT, "r1", [SILENT])
    wave = rest(orchestrator).waves[0]

    assert (wave.phase, wave.verdict_code) == (WavePhase.GATE, "made-by-hand")


def test_a_self_test_typed_in_for_a_technician_does_not_take_a_cause_out_of_the_evidence(
    store: Store, orchestrator: Orchestrator, terminals: Terminals
) -> None:
    start(store, terminals, GATE.model_copy(update={"success": 50, "causes": {Cause.SSH_TOO_OLD.value: 0}}))
    old = AttemptResult(terminal=SILENT, number=1, ending=TerminalState.UNREACHABLE, cause=Cause.SSH_TOO_OLD, started_at=AT, finished_at=AT)
    terminals.endings[SILENT] = [old]
    orchestrator.start()
    before = rest(orchestrator).waves[0]

    prove(store, SILENT)
    retry(store, AUTHOR, AT, "r1", [FAILED])
    wave = rest(orchestrator).waves[0]

    assert (before.verdict, before.verdict_code) == (Verdict.FAIL, "causes")
    assert (wave.phase, wave.verdict, wave.verdict_code) == (WavePhase.GATE, Verdict.INCONCLUSIVE, "self-tested")
    words = verdict_words(wave)
    assert words is not None
    assert "1 terminal whose push had ended badly was proven by a self-test: a second person decides" in render(words)


def test_what_a_second_person_confirmed_to_be_left_out_is_decided_already(
    store: Store, orchestrator: Orchestrator, terminals: Terminals
) -> None:
    start(store, terminals)
    orchestrator.start()
    rest(orchestrator)
    make_by_hand(store, AUTHOR, AT, "r1", [FAILED], reason=WHY)
    asked = exclude(store, AUTHOR, AT, "r1", [FAILED], reason=WHY).request
    assert asked is not None
    confirm(store, OTHER, AT, "r1", asked.id)

    retry(store, AUTHOR, AT, "r1", [SILENT])

    assert rest(orchestrator).waves[0].phase is WavePhase.PASSED


def test_one_that_was_never_pushed_and_a_plan_without_four_eyes_pass_as_before(
    workspace: Settings, store: Store, terminals: Terminals
) -> None:
    start(store, terminals, GATE.model_copy(update={"four_eyes": False}))
    make_by_hand(store, AUTHOR, AT, "r1", [GOES], reason=WHY)
    with Orchestrator(workspace, store, push=terminals) as one:
        rest(one)
        make_by_hand(store, AUTHOR, AT, "r1", [FAILED], reason=WHY)
        retry(store, AUTHOR, AT + timedelta(hours=1), "r1", [SILENT])
        ended = rest(one)

    assert ended.waves[0].verdict is Verdict.PASS
    assert ended.phase is RolloutPhase.FINISHED
