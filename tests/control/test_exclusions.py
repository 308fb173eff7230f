"""Where a plan wants four eyes, who asks for an exclusion is not who confirms it, and nothing is left out in between."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from fleet.control import leases
from fleet.control.choices import Choice, What, choices_for_site, choose
from fleet.control.exclusions import Exclusion, confirm, decline, exclude
from fleet.control.four_eyes import record_author
from fleet.control.rollouts import start_rollout
from fleet.errors import ConflictError, FleetError, InputError, NotAllowedError
from fleet.model.actor import FLEET, Actor
from fleet.model.attempt import AttemptResult, TerminalState
from fleet.model.inventory import Person, Role
from fleet.model.rollout import Decision
from fleet.settings import Settings
from fleet.store import Store, exclusions, fleets, open_store, progress, rollouts
from fleet.store.audit import check_record
from tests.control.test_four_eyes import AUTHOR, EVERYBODY, MANAGER, OTHER, STARTER, with_gate
from tests.engine.city import AT, make_fleet, make_plan, set_up

EAST = Actor(code="c09")
WHY = "closed for renovation"
BOTH = ["s000/t1", "s001/t1"]


def begin(store: Store, *, four_eyes: bool) -> None:
    fleet = make_fleet(4)
    set_up(store, fleet.model_copy(update={"people": EVERYBODY}))
    plan = with_gate(make_plan(fleet, 4), four_eyes=four_eyes)
    record_author(store, AUTHOR, AT, plan)
    start_rollout(store, STARTER, AT, plan)


@pytest.fixture
def store(workspace: Settings) -> Iterator[Store]:
    store = open_store(workspace, create=True)
    yield store
    with store.read() as snapshot:
        assert [str(problem) for problem in check_record(snapshot)[2]] == []
    store.close()


@pytest.fixture
def night(store: Store) -> Store:
    """A rollout of four sites whose plan wants four eyes."""
    begin(store, four_eyes=True)
    return store


def ask(store: Store, actor: Actor = OTHER) -> Exclusion:
    return exclude(store, actor, AT, "r1", BOTH, reason=WHY)


def left_out(store: Store) -> list[str]:
    with store.read() as snapshot:
        return sorted(progress.terminals_in(snapshot, "r1", [TerminalState.EXCLUDED]))


def decisions(store: Store) -> list[Decision]:
    with store.read() as snapshot:
        return rollouts.decisions_after(snapshot, "r1", 0)


def end_well(store: Store, terminal: str) -> None:
    with store.write(FLEET, AT) as tx:
        result = AttemptResult(terminal=terminal, number=1, ending=TerminalState.UPGRADED, started_at=AT, finished_at=AT)
        progress.record_result(tx, "r1", result)


def refused(store: Store, actor: Actor) -> FleetError:
    with pytest.raises(FleetError) as caught:
        confirm(store, actor, AT, "r1", 1)
    assert left_out(store) == []
    return caught.value


def test_nothing_is_left_out_before_somebody_else_confirmed_it(night: Store) -> None:
    asked = ask(night)

    assert (asked.left_out, asked.may_confirm) == (0, "李娜, 赵敏, 王芳")
    assert asked.request is not None
    assert left_out(night) == []
    assert decisions(night) == []
    assert confirm(night, AUTHOR, AT, "r1", asked.request.id) == 2
    assert left_out(night) == BOTH
    (decision,) = decisions(night)
    assert (decision.actor, decision.asked_by, decision.reason) == ("c01", "c03", WHY)


def test_who_asked_does_not_confirm_and_the_message_says_who_may(night: Store) -> None:
    ask(night)

    error = refused(night, OTHER)

    assert isinstance(error, NotAllowedError)
    assert str(error.what) == "陈静 asked for exclusion 1, and the plan wants somebody else to confirm it"
    assert str(error.hint) == "李娜, 赵敏, 王芳 may"
    assert "asked for exclusion 1" in str(refused(night, Actor(code="m01", on_behalf="c03")).what)


def test_who_is_responsible_for_another_district_does_not_confirm(night: Store) -> None:
    ask(night)

    assert isinstance(refused(night, EAST), NotAllowedError)


def test_who_asked_needs_the_right_still_when_it_is_confirmed(night: Store) -> None:
    ask(night)
    with night.write(FLEET, AT) as tx:
        people = {**EVERYBODY, "c03": Person(code="c03", name="陈静", role=Role.TECHNICIAN)}
        fleets.replace_fleet(tx, fleets.read_fleet(tx).model_copy(update={"people": people}), {})

    assert "陈静 is a technician" in str(refused(night, AUTHOR).what)


def test_without_four_eyes_one_person_leaves_out_and_is_recorded(store: Store) -> None:
    begin(store, four_eyes=False)

    assert ask(store).left_out == 2
    assert left_out(store) == BOTH
    assert [(each.actor, each.asked_by) for each in decisions(store)] == [("c03", None)]


def test_it_is_answered_once(night: Store) -> None:
    ask(night)
    confirm(night, MANAGER, AT, "r1", 1)

    with pytest.raises(ConflictError, match="exclusion 1 was already confirmed, by 赵敏"):
        confirm(night, AUTHOR, AT, "r1", 1)
    with pytest.raises(ConflictError, match="already confirmed"):
        decline(night, AUTHOR, AT, "r1", 1)


def test_what_was_declined_stays_and_may_be_asked_for_again(night: Store) -> None:
    ask(night)
    with pytest.raises(ConflictError, match="s000/t1 waits to be left out already, with exclusion 1"):
        ask(night, AUTHOR)

    decline(night, OTHER, AT, "r1", 1)

    assert "already declined, by 陈静" in str(refused(night, AUTHOR).what)
    again = ask(night).request
    assert again is not None
    assert again.id == 2


def test_what_was_done_meanwhile_stays_in_the_counts(night: Store) -> None:
    ask(night)
    end_well(night, "s000/t1")

    assert confirm(night, AUTHOR, AT, "r1", 1) == 1
    assert left_out(night) == ["s001/t1"]


def test_a_request_of_which_all_is_done_is_not_confirmed(night: Store) -> None:
    ask(night)
    for terminal in BOTH:
        end_well(night, terminal)

    assert "done or left out meanwhile" in str(refused(night, AUTHOR).what)


def test_nothing_is_left_out_at_a_site_that_somebody_else_has(night: Store) -> None:
    leases.hold(night, MANAGER, AT, "s001", timedelta(hours=1))

    with pytest.raises(ConflictError, match="site `s001` is in use: work by hand by 赵敏"):
        ask(night)


def test_what_nobody_else_could_confirm_is_not_asked_for(night: Store) -> None:
    with night.write(FLEET, AT) as tx:
        fleet = fleets.read_fleet(tx)
        fleets.replace_fleet(tx, fleet.model_copy(update={"people": {"c03": EVERYBODY["c03"]}}), {})

    with pytest.raises(InputError, match="nobody else may confirm"):
        ask(night)


def test_the_card_of_a_site_offers_the_confirmation_to_everybody_but_who_asked(night: Store) -> None:
    def card(actor: Actor) -> dict[What, Choice]:
        with night.read() as snapshot:
            state = rollouts.newest_rollout(snapshot)
            assert state is not None
            return {choice.what: choice for choice in choices_for_site(snapshot, actor, state, "s000")}

    before = card(OTHER)[What.EXCLUDE]
    assert choose(night, OTHER, AT, "r1", before, reason=WHY) == 1
    own, others = card(OTHER)[What.CONFIRM], card(AUTHOR)[What.CONFIRM]

    assert before.second == "李娜, 赵敏, 王芳"
    assert "asked for exclusion 1" in str(own.refusal)
    assert others.refusal is None
    assert choose(night, AUTHOR, AT, "r1", others) == 1
    assert left_out(night) == ["s000/t1"]
    with night.read() as snapshot:
        assert exclusions.open_requests(snapshot, "r1") == []
