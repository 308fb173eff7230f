"""Deciding about a rollout: who may, what is refused, and what is recorded once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from fleet.control.exclusions import exclude
from fleet.control.rollouts import approve, pause, resume, retry, start_rollout, stop
from fleet.errors import ConflictError, InputError, NotAllowedError
from fleet.model.actor import FLEET, Actor
from fleet.model.attempt import AttemptResult, TerminalState
from fleet.model.plan import Plan
from fleet.model.rollout import DecisionKind, RolloutPhase, RolloutState, WavePhase
from fleet.settings import Settings
from fleet.store import Store, open_store, orchestrator, progress, rollouts, shards
from fleet.store.audit import read_events
from tests.engine.city import AT, make_fleet, make_plan, set_up

COORDINATOR, MANAGER, TECHNICIAN, STRANGER = Actor(code="c01"), Actor(code="m01"), Actor(code="t01"), Actor(code="x99")


@dataclass
class Night:
    """A store with an inventory and a release, and a plan over it that is not started."""

    store: Store
    plan: Plan

    def start(self) -> RolloutState:
        return start_rollout(self.store, COORDINATOR, AT, self.plan)

    def decisions(self, rollout: str = "r1") -> list[DecisionKind]:
        with self.store.read() as snapshot:
            return [decision.kind for decision in rollouts.decisions_after(snapshot, rollout, 0)]

    def put(self, rollout: RolloutState, phase: RolloutPhase | None = None, wave: WavePhase | None = None) -> None:
        """Bring a rollout, or its first wave, where the orchestrator would have brought it."""
        waves = rollout.waves if wave is None else (rollout.waves[0].model_copy(update={"phase": wave}), *rollout.waves[1:])
        with self.store.write(FLEET, AT) as tx:
            rollouts.save_rollout(tx, rollout.model_copy(update={"phase": phase or rollout.phase, "waves": waves}))


@pytest.fixture
def night(workspace: Settings) -> Iterator[Night]:
    store = open_store(workspace, create=True)
    fleet = make_fleet(6)
    set_up(store, fleet)
    yield Night(store, make_plan(fleet, 2, 4))
    store.close()


def test_starting_records_every_terminal_as_not_started(night: Night) -> None:
    state = night.start()

    with night.store.read() as snapshot:
        assert state.id == "r1"
        assert rollouts.newest_rollout(snapshot) == state
        assert len(progress.terminals_in(snapshot, "r1", [TerminalState.NOT_STARTED])) == 6


def test_a_second_rollout_waits_until_the_first_has_ended(night: Night) -> None:
    first = night.start()

    with pytest.raises(ConflictError, match="r1 is unfinished"):
        night.start()
    night.put(first, RolloutPhase.FINISHED)
    assert night.start().id == "r2"


def test_a_stop_that_nobody_has_taken_up_blocks_the_next_rollout_and_says_what_to_run(night: Night) -> None:
    night.start()
    stop(night.store, COORDINATOR, AT, "r1")

    with pytest.raises(ConflictError, match=r"no orchestrator has taken that up yet[\s\S]*run `fleet run --once`"):
        night.start()


def test_a_stopped_rollout_whose_pushes_have_not_ended_blocks_the_next(night: Night) -> None:
    first = night.start()
    with night.store.write(FLEET, AT) as tx:
        shards.add_shards(tx, "r1", 1, [shards.Part("east", ["s000"])])
        shards.dispatch(tx, shards.read_shards(tx, "r1", 1)[0].id)
    night.put(first, RolloutPhase.STOPPED)

    with pytest.raises(ConflictError, match=r"last pushes have not ended[\s\S]*run `fleet run --once`"):
        night.start()
    with night.store.write(FLEET, AT) as tx:
        orchestrator.become_orchestrator(tx, pid=41, host="desk-1", user="lina", token="t", last_is_dead=False)
    with pytest.raises(ConflictError, match="wait for them"):
        night.start()


def test_a_plan_for_a_release_the_workspace_does_not_have_is_refused(night: Night) -> None:
    unknown = night.plan.model_copy(update={"release": "9.9.9"})

    with pytest.raises(InputError, match=r"no release 9\.9\.9"):
        start_rollout(night.store, COORDINATOR, AT, unknown)


def test_a_plan_for_another_release_of_the_same_version_is_refused(night: Night) -> None:
    other = night.plan.model_copy(update={"release_digest": "0" * 64})

    with pytest.raises(InputError, match="not the one the plan was made for"):
        start_rollout(night.store, COORDINATOR, AT, other)


def test_a_plan_whose_terminals_left_the_inventory_is_refused_and_names_one(night: Night) -> None:
    bigger = make_plan(make_fleet(8), 8)

    with pytest.raises(InputError, match="2 of the plan are no longer in the inventory, s006/t1 first"):
        start_rollout(night.store, COORDINATOR, AT, bigger)
    assert night.start().id == "r1"


Deed = Callable[[Store, Actor], object]
DEEDS: dict[str, Deed] = {
    "approve": lambda store, actor: approve(store, actor, AT, "r1", 1),
    "pause": lambda store, actor: pause(store, actor, AT, "r1"),
    "resume": lambda store, actor: resume(store, actor, AT, "r1"),
    "stop": lambda store, actor: stop(store, actor, AT, "r1"),
    "retry": lambda store, actor: retry(store, actor, AT, "r1"),
    "exclude": lambda store, actor: exclude(store, actor, AT, "r1", ["s000/t1"], reason="closed"),
}


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
@pytest.mark.parametrize("actor", [TECHNICIAN, STRANGER], ids=["technician", "stranger"])
def test_technicians_and_strangers_may_look_but_not_decide(night: Night, deed: Deed, actor: Actor) -> None:
    state = night.start()
    night.put(state, wave=WavePhase.GATE)

    with pytest.raises(NotAllowedError):
        deed(night.store, actor)
    assert night.decisions() == []


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
def test_without_a_rollout_every_decision_says_so(night: Night, deed: Deed) -> None:
    with pytest.raises(InputError, match="no rollout has been started"):
        deed(night.store, COORDINATOR)


def test_a_decision_is_recorded_with_who_and_when(night: Night) -> None:
    night.start()
    at = datetime(2026, 3, 14, 15, 0, tzinfo=UTC)

    pause(night.store, MANAGER, at, "r1", "the network is down")

    with night.store.read() as snapshot:
        (decision,) = rollouts.decisions_after(snapshot, "r1", 0)
        last = list(read_events(snapshot))[-1]
    assert (decision.actor, decision.at, decision.reason) == ("m01", at, "the network is down")
    assert (last.kind, last.actor) == ("rollout.paused", "m01")


def test_pausing_twice_is_recorded_once(night: Night) -> None:
    night.start()

    assert pause(night.store, COORDINATOR, AT, "r1")
    assert not pause(night.store, MANAGER, AT, "r1")
    assert night.decisions() == [DecisionKind.PAUSE]


def test_resuming_what_is_not_paused_records_nothing(night: Night) -> None:
    night.start()

    assert not resume(night.store, COORDINATOR, AT, "r1")
    assert night.decisions() == []


def test_a_finished_rollout_cannot_be_stopped(night: Night) -> None:
    night.put(night.start(), RolloutPhase.FINISHED)

    with pytest.raises(InputError, match="r1 has ended"):
        stop(night.store, COORDINATOR, AT, "r1")


def test_a_stopped_rollout_cannot_be_resumed(night: Night) -> None:
    night.start()
    stop(night.store, COORDINATOR, AT, "r1")

    with pytest.raises(InputError, match="r1 has ended"):
        resume(night.store, COORDINATOR, AT, "r1")
    assert not stop(night.store, COORDINATOR, AT, "r1")


@pytest.mark.parametrize("phase", [WavePhase.GATE, WavePhase.HELD])
def test_a_wave_that_waits_can_be_approved(night: Night, phase: WavePhase) -> None:
    night.put(night.start(), wave=phase)

    approve(night.store, COORDINATOR, AT, "r1", 1)

    assert night.decisions() == [DecisionKind.APPROVE]


def test_a_second_approval_answers_who_already_did(night: Night) -> None:
    night.put(night.start(), wave=WavePhase.GATE)
    approve(night.store, COORDINATOR, AT, "r1", 1)

    with pytest.raises(ConflictError, match="already approved, by 李娜"):
        approve(night.store, MANAGER, AT, "r1", 1)
    assert night.decisions() == [DecisionKind.APPROVE]


@pytest.mark.parametrize(("wave", "words"), [(1, "waits for nobody"), (7, "has no wave 7")])
def test_only_a_wave_that_waits_can_be_approved(night: Night, wave: int, words: str) -> None:
    night.start()

    with pytest.raises(InputError, match=words):
        approve(night.store, COORDINATOR, AT, "r1", wave)


def test_nothing_can_be_approved_in_a_stopped_rollout(night: Night) -> None:
    night.put(night.start(), wave=WavePhase.GATE)
    stop(night.store, COORDINATOR, AT, "r1")

    with pytest.raises(InputError, match="has ended"):
        approve(night.store, COORDINATOR, AT, "r1", 1)


def test_an_older_rollout_cannot_be_decided_about(night: Night) -> None:
    night.put(night.start(), RolloutPhase.FINISHED)
    night.start()

    with pytest.raises(ConflictError, match="r2 was started since"):
        pause(night.store, COORDINATOR, AT, "r1")


def test_retry_is_refused_where_nothing_is_unfinished(night: Night) -> None:
    night.start()

    with pytest.raises(InputError, match="nothing that a push could retry"):
        retry(night.store, COORDINATOR, AT, "r1")


def test_retry_of_a_stopped_rollout_takes_up_what_had_not_begun(night: Night) -> None:
    night.start()
    stop(night.store, COORDINATOR, AT, "r1")

    with pytest.raises(InputError, match="as a whole"):
        retry(night.store, COORDINATOR, AT, "r1", ["s000/t1"])
    assert retry(night.store, COORDINATOR, AT, "r1") == 6


def test_what_waits_to_be_pushed_again_is_not_counted_again(night: Night) -> None:
    state = night.start()
    with night.store.write(FLEET, AT) as tx:
        for site in ("s000", "s001"):
            result = AttemptResult(terminal=f"{site}/t1", number=1, ending=TerminalState.FAILED, started_at=AT, finished_at=AT)
            progress.record_result(tx, "r1", result)
    night.put(state, RolloutPhase.FINISHED)

    counts = [retry(night.store, COORDINATOR, AT, "r1", names) for names in (["s000/t1"], ["s000/t1"], [], [])]

    assert counts == [1, 0, 1, 0]
    assert night.decisions() == [DecisionKind.RETRY, DecisionKind.RETRY]


def test_a_refused_reason_leaves_no_decision(night: Night) -> None:
    night.put(night.start(), wave=WavePhase.GATE)

    with pytest.raises(InputError, match=r"the reason holds the character U\+000A"):
        approve(night.store, COORDINATOR, AT, "r1", 1, reason="two\nlines")
    assert night.decisions() == []


def test_an_exclusion_needs_a_reason(night: Night) -> None:
    night.start()

    with pytest.raises(InputError, match="say why"):
        exclude(night.store, COORDINATOR, AT, "r1", ["s000/t1"], reason=" ")


def test_a_terminal_the_rollout_does_not_hold_cannot_be_excluded(night: Night) -> None:
    night.start()

    with pytest.raises(InputError, match="holds no terminal s009/t1"):
        exclude(night.store, COORDINATOR, AT, "r1", ["s009/t1"], reason="closed")


def test_a_terminal_that_is_being_pushed_to_cannot_be_excluded(night: Night) -> None:
    night.start()
    with night.store.write(FLEET, AT) as tx:
        progress.mark_running(tx, "r1", ["s000/t1"])

    with pytest.raises(ConflictError, match="being pushed to now"):
        exclude(night.store, COORDINATOR, AT, "r1", ["s000/t1"], reason="closed")


def test_an_exclusion_counts_what_is_newly_left_out(night: Night) -> None:
    night.start()
    with night.store.write(FLEET, AT) as tx:
        progress.exclude(tx, "r1", ["s000/t1"])

    assert exclude(night.store, COORDINATOR, AT, "r1", ["s000/t1", "s001/t1"], reason="closed").left_out == 1


def test_excluded_terminals_are_out_at_once_whether_or_not_an_orchestrator_runs(night: Night) -> None:
    night.start()

    exclude(night.store, COORDINATOR, AT, "r1", ["s000/t1"], reason="closed")

    with night.store.read() as snapshot:
        assert progress.states_of(snapshot, "r1", ["s000/t1"]) == {"s000/t1": TerminalState.EXCLUDED}
