"""Gates over real records: swipes, bindings, causes and soaks, judged by a real orchestrator against terminals in memory."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from fleet.control import rollouts as control
from fleet.control.evidence import read_evidence
from fleet.engine import Orchestrator
from fleet.model.actor import FLEET
from fleet.model.attempt import AttemptResult, Cause, KeyEvidence, TerminalState
from fleet.model.gate import Phase, SwipeRule
from fleet.model.inventory import Fleet
from fleet.model.plan import Plan, Program
from fleet.model.playbook import Approval, BindKeyStep, Command, GateRule, KeySource, ProbeStep, When
from fleet.model.rollout import RolloutPhase, Verdict, WavePhase, WaveState
from fleet.rollout.evidence import swipe_medians
from fleet.settings import Settings
from fleet.store import Store, fleets
from tests.conftest import Clock
from tests.engine.city import AT, COORDINATOR, PROGRAM, Terminals, begin, fingerprint, make_fleet, make_plan, set_up
from tests.engine.waiting import rest, state_of, until

PATIENCE_S = 30
BINDING = Program(digest=PROGRAM.digest, text=PROGRAM.text, steps=("preflight", "bind"), artifact="client")
PLANTED = {Phase.CARD: (400, 400), Phase.ENCRYPTION: (7000, 20), Phase.NETWORK: (300, 310), Phase.HOST: (900, 850)}
"""Phase -> milliseconds before and after."""


def facts(planted: Mapping[Phase, tuple[int, int]], more: int = 0) -> dict[str, str]:
    """What a terminal tells that takes so long; `more` milliseconds of each phase are its own."""
    told: dict[str, str] = {}
    for place, prefix in enumerate(("before_", "")):
        values = {phase: both[place] + more for phase, both in planted.items()}
        told |= {f"{prefix}{phase.fact}": str(value) for phase, value in values.items()}
        told[f"{prefix}{Phase.TOTAL.fact}"] = str(sum(values.values()))
    return told


def ended(
    terminal: str, told: Mapping[str, str], *, key: str | None = None, ending: TerminalState = TerminalState.UPGRADED
) -> AttemptResult:
    """How a push ended that told this."""
    good = ending is TerminalState.UPGRADED
    shown = KeyEvidence(source=KeySource.TOKEN, number=key if key is not None else f"key-{terminal[:4]}") if good and key != "" else None
    return AttemptResult(
        terminal=terminal,
        number=1,
        ending=ending,
        cause=Cause.NONE if good else Cause.PROBE_FAILED,
        facts=dict(told),
        key=shown,
        host_fingerprint=fingerprint(terminal),
        started_at=AT,
        finished_at=AT,
    )


def asking(fleet: Fleet, *waves: int, gate: GateRule) -> Plan:
    """A plan that measures swipes and binds keys, with this gate."""
    plan = make_plan(fleet, *waves, program=BINDING)
    steps = (
        ProbeStep(name="before", when=When.BEFORE, command=Command(words=("meter",))),
        *plan.playbook.steps,
        BindKeyStep(name="bind", key=KeySource.TOKEN, read=Command(words=("key",))),
        ProbeStep(name="after", command=Command(words=("meter",))),
    )
    plan = plan.model_copy(update={"playbook": plan.playbook.model_copy(update={"gate": gate, "steps": steps})})
    return plan.model_copy(update={"digest": plan.compute_digest()})


def run(store: Store, orchestrator: Orchestrator, plan: Plan, fleet: Fleet) -> tuple[WaveState, ...]:
    """The whole of it, until only a person can go on."""
    set_up(store, fleet)
    begin(store, fleet, plan)
    orchestrator.start()
    assert orchestrator.wait_at_rest(PATIENCE_S) is not None
    return state_of(store).waves


def test_the_medians_at_a_gate_are_what_was_planted_phase_by_phase(store: Store, orchestrator: Orchestrator, terminals: Terminals) -> None:
    fleet = make_fleet(5)
    terminals.endings = {name: [ended(name, facts(PLANTED, more))] for more, name in enumerate(fleet.terminals)}
    gate = GateRule(approval=Approval.NEVER, swipe=SwipeRule(target_s=2, min_pairs=5))

    wave, *_ = run(store, orchestrator, asking(fleet, 5, gate=gate), fleet)

    found = {one.phase: (one.before_ms, one.after_ms) for one in swipe_medians(wave.verdict_values)}
    assert wave.verdict is Verdict.PASS
    assert {phase: found[phase] for phase in PLANTED} == {phase: (before + 2, after + 2) for phase, (before, after) in PLANTED.items()}
    assert found[Phase.TOTAL] == (8608, 1588)
    assert {one.n for one in swipe_medians(wave.verdict_values)} == {5}


@pytest.mark.parametrize(("target_s", "verdict"), [(1.58, Verdict.PASS), (1.579, Verdict.FAIL)])
def test_swipes_decide_by_the_target_of_the_playbook(
    store: Store, orchestrator: Orchestrator, terminals: Terminals, target_s: float, verdict: Verdict
) -> None:
    fleet = make_fleet(4)
    terminals.endings = {name: [ended(name, facts(PLANTED))] for name in fleet.terminals}
    gate = GateRule(approval=Approval.NEVER, swipe=SwipeRule(target_s=target_s, min_pairs=2))

    first, second = run(store, orchestrator, asking(fleet, 2, 2, gate=gate), fleet)

    assert first.verdict is verdict
    assert second.phase is (WavePhase.PASSED if verdict is Verdict.PASS else WavePhase.CLOSED)


def test_terminals_that_were_measured_only_once_make_the_gate_wait_for_a_person(
    store: Store, orchestrator: Orchestrator, terminals: Terminals
) -> None:
    fleet = make_fleet(4)
    alone = {name: told for name, told in facts(PLANTED).items() if not name.startswith("before_")}
    terminals.endings = {name: [ended(name, facts(PLANTED) if number == 0 else alone)] for number, name in enumerate(fleet.terminals)}
    gate = GateRule(approval=Approval.NEVER, swipe=SwipeRule(target_s=9, min_pairs=2))

    first, second = run(store, orchestrator, asking(fleet, 2, 2, gate=gate), fleet)

    assert (first.verdict, first.verdict_code, first.verdict_values["swipe_pairs"]) == (Verdict.INCONCLUSIVE, "few-pairs", 1)
    assert (first.phase, second.phase) == (WavePhase.GATE, WavePhase.CLOSED)


def test_a_terminal_that_showed_no_key_does_not_count_as_upgraded(store: Store, orchestrator: Orchestrator, terminals: Terminals) -> None:
    fleet = make_fleet(4)
    names = list(fleet.terminals)
    terminals.endings = {names[0]: [ended(names[0], {}, key="")], names[1]: [ended(names[1], {})]}

    first, _second = run(store, orchestrator, asking(fleet, 2, 2, gate=GateRule(approval=Approval.NEVER, bindings=True)), fleet)

    assert (first.verdict, first.verdict_code) == (Verdict.FAIL, "unbound")
    assert (first.verdict_values["to_bind"], first.verdict_values["unbound"], first.verdict_values["upgraded"]) == (2, 1, 2)


def test_a_binding_that_is_not_the_terminals_any_more_counts_against_it(store: Store, orchestrator: Orchestrator) -> None:
    fleet = make_fleet(2)
    plan = asking(fleet, 2, gate=GateRule(approval=Approval.NEVER, bindings=True))
    run(store, orchestrator, plan, fleet)
    name, terminal = next(iter(fleet.terminals.items()))
    moved = fleet.model_copy(update={"terminals": {**fleet.terminals, name: terminal.model_copy(update={"key_card": "card-new"})}})
    with store.read() as snapshot:
        before = read_evidence(snapshot, plan, "r1", 1)

    with store.write(COORDINATOR, AT) as tx:
        fleets.replace_fleet(tx, moved, {})

    with store.read() as snapshot:
        after = read_evidence(snapshot, plan, "r1", 1)
    assert (before.to_bind, before.unbound) == (2, 0)
    assert (after.to_bind, after.unbound) == (2, 1)


def test_one_ending_more_than_its_cause_may_have_fails_the_gate(store: Store, orchestrator: Orchestrator, terminals: Terminals) -> None:
    fleet = make_fleet(6)
    name = next(iter(fleet.terminals))
    terminals.endings = {name: [ended(name, {}, ending=TerminalState.ROLLED_BACK)]}
    gate = GateRule(approval=Approval.NEVER, success=1, causes={"probe-failed": 0})

    first, _second = run(store, orchestrator, asking(fleet, 4, 2, gate=gate), fleet)

    assert (first.verdict, first.verdict_code, first.verdict_values["over"]) == (Verdict.FAIL, "causes", "probe-failed=1/0")


def test_a_soak_ends_by_itself_although_nothing_is_written_meanwhile(
    workspace: Settings, store: Store, terminals: Terminals, clock: Clock
) -> None:
    fleet = make_fleet(4)
    set_up(store, fleet)
    begin(store, fleet, asking(fleet, 2, 2, gate=GateRule(approval=Approval.NEVER, soak_s=3600)))

    with Orchestrator(workspace, store, push=terminals, clock=clock) as orchestrator:
        until(lambda: state_of(store).waves[0].soaks_until is not None, within_s=PATIENCE_S)
        soaking = state_of(store).waves
        clock.advance(hours=1)
        until(lambda: state_of(store).waves[1].soaks_until is not None, within_s=PATIENCE_S)
        judged = state_of(store).waves
        clock.advance(hours=1)
        ended = rest(orchestrator)

    assert (soaking[0].phase, soaking[0].verdict, soaking[1].phase) == (WavePhase.OPEN, None, WavePhase.CLOSED)
    assert (judged[0].phase, judged[0].verdict) == (WavePhase.PASSED, Verdict.PASS)
    assert ended.phase is RolloutPhase.FINISHED


def test_a_soak_goes_on_where_it_stood_when_the_orchestrator_is_started_again(
    workspace: Settings, store: Store, terminals: Terminals, clock: Clock
) -> None:
    fleet = make_fleet(2)
    set_up(store, fleet)
    begin(store, fleet, asking(fleet, 2, gate=GateRule(approval=Approval.NEVER, soak_s=3600)))
    with Orchestrator(workspace, store, push=terminals, clock=clock):
        until(lambda: state_of(store).waves[0].soaks_until is not None, within_s=PATIENCE_S)
    deadline = state_of(store).waves[0].soaks_until
    assert deadline is not None

    clock.now = deadline - timedelta(seconds=1)
    with Orchestrator(workspace, store, push=terminals, clock=clock) as second:
        control.pause(store, COORDINATOR, clock(), "r1")
        until(lambda: state_of(store).phase is RolloutPhase.PAUSED, within_s=PATIENCE_S)
        control.resume(store, COORDINATOR, clock(), "r1")
        until(lambda: state_of(store).phase is RolloutPhase.RUNNING, within_s=PATIENCE_S)
        kept = state_of(store).waves[0]
        clock.now = deadline
        second.wait_at_rest(PATIENCE_S)

    assert (kept.soaks_until, kept.verdict) == (deadline, None)
    assert state_of(store).waves[0].passed_at == deadline


def test_a_verdict_and_an_approval_stand_after_a_restart_whatever_the_evidence_has_become(
    workspace: Settings, store: Store, terminals: Terminals, clock: Clock
) -> None:
    fleet = make_fleet(4)
    set_up(store, fleet)
    plan = asking(fleet, 2, 2, gate=GateRule(approval=Approval.CANARY, bindings=True))
    begin(store, fleet, plan)
    with Orchestrator(workspace, store, push=terminals, clock=clock) as first:
        first.wait_at_rest(PATIENCE_S)
    judged = state_of(store).waves[0]
    renamed = {
        name: terminal.model_copy(update={"key_card": f"new-{number}"}) for number, (name, terminal) in enumerate(fleet.terminals.items())
    }
    with store.write(FLEET, AT) as tx:
        fleets.replace_fleet(tx, fleet.model_copy(update={"terminals": renamed}), {})

    with Orchestrator(workspace, store, push=terminals, clock=clock) as second:
        second.wait_at_rest(PATIENCE_S)
        again = state_of(store).waves[0]
        control.approve(store, COORDINATOR, clock(), "r1", 1)
        second.wait_at_rest(PATIENCE_S)
    approved = state_of(store).waves[0]
    with Orchestrator(workspace, store, push=terminals, clock=clock) as third:
        third.wait_at_rest(PATIENCE_S)

    with store.read() as snapshot:
        assert read_evidence(snapshot, plan, "r1", 1).unbound == 2
    assert (judged.phase, judged.verdict) == (WavePhase.GATE, Verdict.PASS)
    assert again == judged
    assert (approved.phase, approved.approved_by, approved.verdict) == (WavePhase.PASSED, "c01", Verdict.PASS)
    assert state_of(store).waves[0] == approved
