"""Rights by role and district, at the moment the thing is done."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta

import pytest

from fleet.control import crew, leases, rollouts
from fleet.control.exclusions import exclude
from fleet.control.inventory import import_fleet
from fleet.control.rights import Right
from fleet.control.scope import require_sites
from fleet.errors import InputError, NotAllowedError
from fleet.model.actor import FLEET, Actor
from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.inventory import District, Fleet, Person, Role
from fleet.model.rollout import RolloutPhase, WavePhase
from fleet.settings import Settings
from fleet.store import Store, fleets, open_store, progress
from fleet.store import rollouts as kept
from tests.engine.city import AT, make_fleet, make_plan, set_up

WHOLE, CITY, EAST, WEST, TECHNICIAN = (Actor(code=code) for code in ("c01", "c-city", "c-east", "c-west", "t01"))


def counties() -> Fleet:
    """Six sites in `east` and `west`, both below `city`, with a coordinator each and one for all of it."""
    fleet = make_fleet(6)
    districts = {
        code: District(code=code, name=name, parent=parent)
        for code, name, parent in (("city", "海岚市", None), ("east", "东区", "city"), ("west", "西区", "city"))
    }
    people = {
        code: Person(code=code, name=name, role=Role.COORDINATOR, district=district)
        for code, name, district in (("c-city", "钱进", "city"), ("c-east", "孙立", "east"), ("c-west", "周平", "west"))
    }
    return fleet.model_copy(update={"districts": districts, "people": dict(fleet.people) | people})


@pytest.fixture
def store(workspace: Settings) -> Iterator[Store]:
    """A running rollout over both districts whose every site has failed."""
    store = open_store(workspace, create=True)
    fleet = counties()
    set_up(store, fleet)
    rollouts.start_rollout(store, WHOLE, AT, make_plan(fleet, 2, 4))
    for site in fleet.sites:
        with store.write(FLEET, AT) as tx:
            result = AttemptResult(
                terminal=f"{site}/t1", number=1, ending=TerminalState.FAILED, cause=Cause.DISK_FULL, started_at=AT, finished_at=AT
            )
            progress.record_result(tx, "r1", result)
    yield store
    store.close()


def at_the_gate(store: Store) -> None:
    with store.write(FLEET, AT) as tx:
        state = kept.newest_rollout(tx)
        assert state is not None
        first, second = state.waves
        kept.save_rollout(tx, state.model_copy(update={"waves": (first.model_copy(update={"phase": WavePhase.GATE}), second)}))


def put(store: Store, phase: RolloutPhase) -> None:
    with store.write(FLEET, AT) as tx:
        state = kept.newest_rollout(tx)
        assert state is not None
        kept.save_rollout(tx, state.model_copy(update={"phase": phase}))


def test_a_coordinator_decides_about_the_sites_of_their_district_and_of_no_other(store: Store) -> None:
    assert rollouts.retry(store, EAST, AT, "r1", ["s001/t1"]) == 1
    assert exclude(store, EAST, AT, "r1", ["s003/t1"], reason="closed").left_out == 1

    refused_ones: tuple[Callable[[], object], ...] = (
        lambda: rollouts.retry(store, EAST, AT, "r1", ["s001/t1", "s000/t1"]),
        lambda: exclude(store, EAST, AT, "r1", ["s000/t1"], reason="closed"),
    )
    for decide in refused_ones:
        with pytest.raises(NotAllowedError, match=r"孙立 is responsible for 东区 \(`east`\), and this is about 西区 \(`west`\) as well"):
            decide()


def test_the_district_above_holds_all_below_it(store: Store) -> None:
    assert rollouts.retry(store, CITY, AT, "r1", ["s000/t1", "s001/t1"]) == 2
    assert rollouts.pause(store, CITY, AT, "r1")
    assert rollouts.resume(store, CITY, AT, "r1")


def test_what_is_about_the_whole_rollout_needs_somebody_responsible_for_all_of_it(store: Store) -> None:
    at_the_gate(store)

    refused_ones: tuple[Callable[[], object], ...] = (
        lambda: rollouts.approve(store, EAST, AT, "r1", 1),
        lambda: rollouts.stop(store, EAST, AT, "r1"),
        lambda: rollouts.retry(store, EAST, AT, "r1"),
    )
    for decide in refused_ones:
        with pytest.raises(NotAllowedError) as refused:
            decide()
        assert "李娜 (`c01`)" in str(refused.value), "who may is named"
        assert "钱进 (`c-city`)" in str(refused.value)


def test_a_plan_with_a_site_elsewhere_is_not_started_by_a_district_s_coordinator(store: Store) -> None:
    put(store, RolloutPhase.FINISHED)

    with pytest.raises(NotAllowedError, match="西区"):
        rollouts.start_rollout(store, EAST, AT, make_plan(counties(), 6))


def test_anybody_who_coordinates_may_pause_and_only_who_answers_for_all_goes_on(store: Store) -> None:
    assert rollouts.pause(store, EAST, AT, "r1")

    with pytest.raises(NotAllowedError):
        rollouts.resume(store, EAST, AT, "r1")
    with pytest.raises(NotAllowedError, match="technician, and may not decide"):
        rollouts.pause(store, TECHNICIAN, AT, "r1")


def test_a_plan_within_one_district_is_started_by_its_coordinator(store: Store) -> None:
    rollouts.stop(store, WHOLE, AT, "r1")
    put(store, RolloutPhase.STOPPED)
    fleet = counties()
    east = fleet.model_copy(update={"sites": {code: site for code, site in fleet.sites.items() if site.district == "east"}})

    assert rollouts.start_rollout(store, EAST, AT, make_plan(east, 3)).id == "r2"


def test_technicians_are_sent_within_the_district_only(store: Store) -> None:
    assert crew.assign(store, EAST, AT, "s001", "t01", reason="near").technician == "t01"

    with pytest.raises(NotAllowedError):
        crew.assign(store, EAST, AT, "s000", "t01", reason="near")
    with pytest.raises(NotAllowedError):
        crew.apply_assignments(store, EAST, AT)


def test_a_site_of_another_district_is_neither_held_nor_freed(store: Store) -> None:
    hour = timedelta(hours=1)
    assert leases.hold(store, EAST, AT, "s001", hour).owner == "c-east"
    leases.hold(store, WHOLE, AT, "s000", hour)

    refused_ones: tuple[Callable[[], object], ...] = (
        lambda: leases.hold(store, EAST, AT, "s002", hour),
        lambda: leases.free(store, EAST, AT, "s000"),
    )
    for act in refused_ones:
        with pytest.raises(NotAllowedError, match=r"孙立 is responsible for 东区 \(`east`\), and this is about 西区 \(`west`\) as well"):
            act()


def test_nobody_widens_their_own_district_by_an_import(store: Store) -> None:
    fleet = counties()
    wider = fleet.model_copy(
        update={"people": dict(fleet.people) | {"c-east": fleet.people["c-east"].model_copy(update={"district": None})}}
    )

    with pytest.raises(NotAllowedError):
        import_fleet(store, EAST, AT, wider, {})


def test_the_right_is_that_of_the_moment_and_not_that_of_yesterday(store: Store) -> None:
    rollouts.retry(store, EAST, AT, "r1", ["s001/t1"])
    fleet = counties()
    moved = fleet.model_copy(
        update={"people": dict(fleet.people) | {"c-east": fleet.people["c-east"].model_copy(update={"district": "west"})}}
    )
    with store.write(WHOLE, AT) as tx:
        fleets.replace_fleet(tx, moved, {})

    with pytest.raises(NotAllowedError):
        rollouts.retry(store, EAST, AT, "r1", ["s003/t1"])
    assert rollouts.retry(store, EAST, AT, "r1", ["s000/t1"]) == 1


def test_a_tree_of_districts_that_bites_its_tail_gives_nobody_a_right(store: Store) -> None:
    fleet = counties()
    looped = {**fleet.districts, "city": District(code="city", name="海岚市", parent="east")}
    with store.write(WHOLE, AT) as tx:
        fleets.replace_fleet(tx, fleet.model_copy(update={"districts": looped}), {})

    with store.read() as snapshot, pytest.raises(NotAllowedError):
        require_sites(snapshot, WEST, Right.DECIDE, ["s001"])


def test_a_wrong_count_changes_nothing(store: Store) -> None:
    with pytest.raises(InputError, match="this is about 6 sites, not 5; nothing was changed"):
        rollouts.retry(store, WHOLE, AT, "r1", typed=5)
    with store.read() as snapshot:
        assert kept.decisions_after(snapshot, "r1", 0) == []

    assert rollouts.retry(store, WHOLE, AT, "r1", typed=6) == 6


def test_a_plan_is_started_only_with_its_own_count(store: Store) -> None:
    put(store, RolloutPhase.FINISHED)

    with suppress(InputError):
        rollouts.start_rollout(store, WHOLE, AT, make_plan(counties(), 6), typed=7)
    with store.read() as snapshot:
        assert kept.rollout_ids(snapshot) == ["r1"]
