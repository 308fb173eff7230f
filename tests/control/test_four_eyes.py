"""Where a plan wants four eyes, who approves is neither who made it nor who started it; and an approval is about one plan."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from fleet.control.four_eyes import record_author
from fleet.control.rollouts import approve, start_rollout
from fleet.errors import ConflictError, FleetError, InputError, NotAllowedError
from fleet.model.actor import FLEET, Actor
from fleet.model.inventory import Person, Role
from fleet.model.plan import Plan
from fleet.model.playbook import Approval
from fleet.model.rollout import Decision, WavePhase
from fleet.settings import Settings
from fleet.store import Store, audit, open_store, rollouts
from tests.engine.city import AT, PEOPLE, make_fleet, make_plan, set_up

AUTHOR, STARTER, OTHER, MANAGER = (Actor(code=code) for code in ("c01", "c02", "c03", "m01"))

EVERYBODY = {
    **PEOPLE,
    "c02": Person(code="c02", name="王芳", role=Role.COORDINATOR),
    "c03": Person(code="c03", name="陈静", role=Role.COORDINATOR),
    "c09": Person(code="c09", name="周杰", role=Role.COORDINATOR, district="east"),
}


def with_gate(plan: Plan, *, four_eyes: bool) -> Plan:
    gate = plan.playbook.gate.model_copy(update={"four_eyes": four_eyes, "approval": Approval.ALWAYS})
    plan = plan.model_copy(update={"playbook": plan.playbook.model_copy(update={"gate": gate})})
    return plan.model_copy(update={"digest": plan.compute_digest()})


@dataclass
class Desk:
    """A workspace, and a plan over its inventory that wants four eyes."""

    store: Store
    plan: Plan

    def wait_at_gate(self, starter: Actor = STARTER) -> None:
        """Start the rollout, and bring its first wave to its gate as the orchestrator would."""
        state = start_rollout(self.store, starter, AT, self.plan)
        waves = (state.waves[0].model_copy(update={"phase": WavePhase.GATE}), *state.waves[1:])
        with self.store.write(FLEET, AT) as tx:
            rollouts.save_rollout(tx, state.model_copy(update={"waves": waves}))

    def approvals(self) -> list[Decision]:
        with self.store.read() as snapshot:
            return rollouts.decisions_after(snapshot, "r1", 0)


@pytest.fixture
def desk(workspace: Settings) -> Iterator[Desk]:
    store = open_store(workspace, create=True)
    fleet = make_fleet(4)
    set_up(store, fleet.model_copy(update={"people": EVERYBODY}))
    yield Desk(store, with_gate(make_plan(fleet, 2, 2), four_eyes=True))
    with store.read() as snapshot:
        _count, _head, problems = audit.check_chain(snapshot)
        problems += audit.check_rows(snapshot)
    store.close()
    assert [str(problem) for problem in problems] == []


def refused(desk: Desk, actor: Actor, plan: str = "") -> FleetError:
    with pytest.raises(FleetError) as caught:
        approve(desk.store, actor, AT, "r1", 1, plan=plan)
    assert desk.approvals() == []
    return caught.value


def test_who_made_the_plan_does_not_approve_and_the_message_says_who_may(desk: Desk) -> None:
    record_author(desk.store, AUTHOR, AT, desk.plan)
    desk.wait_at_gate()

    error = refused(desk, AUTHOR)

    assert isinstance(error, NotAllowedError)
    assert str(error.what) == "李娜 made this plan, and it wants somebody else to approve"
    assert str(error.hint) == "赵敏, 陈静 may"


def test_who_started_the_rollout_does_not_approve(desk: Desk) -> None:
    record_author(desk.store, AUTHOR, AT, desk.plan)
    desk.wait_at_gate()

    assert str(refused(desk, STARTER).what) == "王芳 started this rollout, and its plan wants somebody else to approve"


def test_whoever_made_the_same_plan_again_has_made_it_too(desk: Desk) -> None:
    for actor in (AUTHOR, OTHER, AUTHOR):
        record_author(desk.store, actor, AT, desk.plan)
    desk.wait_at_gate()

    assert str(refused(desk, OTHER).what) == "陈静 made this plan, and it wants somebody else to approve"
    with desk.store.read() as snapshot:
        assert [event.actor for event in audit.read_events(snapshot) if event.kind == "plan.made"] == ["c01", "c03"]


def test_acting_for_somebody_does_not_make_a_second_pair_of_eyes(desk: Desk) -> None:
    record_author(desk.store, AUTHOR, AT, desk.plan)
    desk.wait_at_gate()

    assert "made this plan" in str(refused(desk, Actor(code="c03", on_behalf="c01")).what)


@pytest.mark.parametrize("second", [OTHER, MANAGER])
def test_a_second_pair_of_eyes_approves_and_the_approval_names_the_plan(desk: Desk, second: Actor) -> None:
    record_author(desk.store, AUTHOR, AT, desk.plan)
    desk.wait_at_gate()

    approve(desk.store, second, AT, "r1", 1, plan=desk.plan.digest[:12])

    assert [(approval.actor, approval.plan_digest) for approval in desk.approvals()] == [(second.code, desk.plan.digest)]


def test_an_approval_of_another_plan_is_refused(desk: Desk) -> None:
    record_author(desk.store, AUTHOR, AT, desk.plan)
    desk.wait_at_gate()

    error = refused(desk, OTHER, plan="0" * 64)

    assert isinstance(error, ConflictError)
    assert str(error.what) == f"rollout r1 carries out plan {desk.plan.digest[:12]}, not 000000000000; nothing was approved"
    assert isinstance(refused(desk, OTHER, plan=desk.plan.digest[:5]), InputError)


def test_a_wave_that_soaks_is_not_approved(desk: Desk) -> None:
    record_author(desk.store, AUTHOR, AT, desk.plan)
    desk.wait_at_gate()
    with desk.store.write(FLEET, AT) as tx:
        state = rollouts.newest_rollout(tx)
        assert state is not None
        soaking = state.waves[0].model_copy(update={"phase": WavePhase.OPEN, "soaks_until": AT})
        rollouts.save_rollout(tx, state.model_copy(update={"waves": (soaking, *state.waves[1:])}))

    assert "wave 1 soaks" in str(refused(desk, OTHER).what)


def test_a_wave_is_approved_once(desk: Desk) -> None:
    record_author(desk.store, AUTHOR, AT, desk.plan)
    desk.wait_at_gate()
    approve(desk.store, OTHER, AT, "r1", 1)

    with pytest.raises(ConflictError, match="already approved, by 陈静"):
        approve(desk.store, MANAGER, AT, "r1", 1)

    assert [approval.actor for approval in desk.approvals()] == ["c03"]


def test_a_plan_whose_author_nobody_knows_is_not_started(desk: Desk) -> None:
    with pytest.raises(InputError, match="does not know who made it"):
        start_rollout(desk.store, STARTER, AT, desk.plan)


def test_a_plan_that_nobody_else_could_approve_is_not_started(desk: Desk) -> None:
    for code in ("c02", "c03", "m01"):
        record_author(desk.store, Actor(code=code), AT, desk.plan)

    with pytest.raises(InputError) as caught:
        start_rollout(desk.store, AUTHOR, AT, desk.plan)

    assert str(caught.value.what) == "the plan wants four eyes, and nobody but 李娜, 王芳, 陈静, 赵敏 may approve its waves"


def test_a_coordinator_of_one_district_is_not_named_as_who_may_approve_them_all(desk: Desk) -> None:
    record_author(desk.store, AUTHOR, AT, desk.plan)
    desk.wait_at_gate()

    assert "周杰" not in str(refused(desk, AUTHOR).hint)


def test_a_plan_that_wants_no_four_eyes_is_approved_by_whoever_made_it(desk: Desk) -> None:
    desk.plan = with_gate(desk.plan, four_eyes=False)
    record_author(desk.store, AUTHOR, AT, desk.plan)
    desk.wait_at_gate(AUTHOR)

    approve(desk.store, AUTHOR, AT, "r1", 1)

    assert [(approval.actor, approval.plan_digest) for approval in desk.approvals()] == [("c01", desk.plan.digest)]
    with desk.store.read() as snapshot:
        assert audit.who(snapshot, "plan.made", desk.plan.digest) == set()
