"""One operation per site: real threads, a real database, terminals in memory."""

import json
from datetime import timedelta

import pytest

from fleet.control import leases as control
from fleet.control.checkin import Report, check_in
from fleet.engine import Orchestrator
from fleet.engine.orchestrator import utc_now
from fleet.errors import ConflictError, InputError, NotAllowedError
from fleet.model.actor import FLEET, Actor
from fleet.model.crew import Assignment
from fleet.model.inventory import Fleet
from fleet.model.lease import Lease, Purpose
from fleet.model.rollout import RolloutPhase
from fleet.store import Store, crew, leases, progress, shards
from tests.conftest import Cli
from tests.engine.city import COORDINATOR, STAGER, Terminals, begin, make_fleet, make_plan, set_up
from tests.engine.waiting import rest, sites_of, until

TECHNICIAN = Actor(code="t01")
HALF_AN_HOUR = timedelta(minutes=30)


def start(store: Store, orchestrator: Orchestrator, fleet: Fleet, *waves: int) -> None:
    begin(store, fleet, make_plan(fleet, *waves, program=STAGER))
    orchestrator.start()


@pytest.fixture
def fleet(store: Store) -> Fleet:
    """Four sites; the technician is sent to the first."""
    made = make_fleet(4)
    set_up(store, made)
    with store.write(COORDINATOR, utc_now()) as tx:
        crew.save_assignments(tx, [Assignment(site="s000", technician="t01", reason="near", by="c01", at=tx.at)])
    return made


def in_force(store: Store) -> dict[str, Lease]:
    with store.read() as snapshot:
        return leases.in_force(snapshot, utc_now())


def test_a_site_is_in_use_while_it_is_pushed_to_and_free_when_that_has_ended(
    store: Store, orchestrator: Orchestrator, terminals: Terminals, fleet: Fleet
) -> None:
    terminals.opened.clear()
    start(store, orchestrator, fleet, 4)
    terminals.wait_for_pushes(3)
    during = in_force(store)

    terminals.opened.set()
    rest(orchestrator)

    assert {(lease.owner, lease.purpose) for lease in during.values()} == {("fleet", Purpose.PUSH)}
    assert len(during) == 3
    assert in_force(store) == {}


def test_a_check_in_at_a_site_that_is_pushed_to_names_who_has_it_and_since_when(
    store: Store, orchestrator: Orchestrator, terminals: Terminals, fleet: Fleet
) -> None:
    terminals.opened.clear()
    start(store, orchestrator, fleet, 4)
    terminals.wait_for_pushes(3)

    with pytest.raises(ConflictError, match="site `s000` is in use: a push by fleet, for 0 min now"):
        check_in(store, TECHNICIAN, utc_now(), Report(site="s000", technician="t01"))
    terminals.opened.set()
    rest(orchestrator)

    assert check_in(store, TECHNICIAN, utc_now(), Report(site="s000", technician="t01")).site.claimed


def test_nothing_is_pushed_to_a_site_that_somebody_works_at_and_all_others_go_on(
    store: Store, orchestrator: Orchestrator, terminals: Terminals, fleet: Fleet
) -> None:
    control.hold(store, TECHNICIAN, utc_now(), "s000", HALF_AN_HOUR)
    start(store, orchestrator, fleet, 4)
    until(lambda: sites_of(store).upgraded >= 3)

    assert terminals.connections["s000/t1"] == 0
    assert sites_of(store).upgraded == 3
    assert control.free(store, TECHNICIAN, utc_now(), "s000") == control.Freed(was_held=True)
    assert rest(orchestrator).phase is RolloutPhase.FINISHED
    assert terminals.connections["s000/t1"] == 1


def test_whoever_waits_for_an_end_is_told_that_only_a_leased_site_is_left(store: Store, orchestrator: Orchestrator, fleet: Fleet) -> None:
    control.hold(store, TECHNICIAN, utc_now(), "s000", HALF_AN_HOUR)
    start(store, orchestrator, fleet, 4)

    turn = orchestrator.wait_at_rest(30, or_for_people=True)

    assert turn is not None
    assert (turn.is_left_to_people, turn.is_at_rest) == (True, False)
    until(lambda: sites_of(store).upgraded >= 3)


def test_status_ends_with_3_while_only_leased_sites_are_left_and_with_0_while_others_go_on(
    cli: Cli, store: Store, orchestrator: Orchestrator, terminals: Terminals, fleet: Fleet
) -> None:
    control.hold(store, TECHNICIAN, utc_now(), "s000", HALF_AN_HOUR)
    terminals.opened.clear()
    start(store, orchestrator, fleet, 4)
    terminals.wait_for_pushes(2)
    during = cli("status")

    terminals.opened.set()
    assert orchestrator.wait_at_rest(30, or_for_people=True) is not None
    after, facts = cli("status"), json.loads(cli("status", "--json").out)
    watched = cli("status", "--watch", "--until-waiting", "--plain")

    assert (during.code, after.code, watched.code, facts["standing"]) == (0, 3, 3, "waiting")
    assert "Site s000 waits for 王磊" in after.out


def test_a_mark_lets_go_of_the_site_of_who_made_it(store: Store, orchestrator: Orchestrator, fleet: Fleet) -> None:
    control.hold(store, TECHNICIAN, utc_now(), "s000", HALF_AN_HOUR)
    start(store, orchestrator, fleet, 4)
    until(lambda: sites_of(store).upgraded >= 3)

    check_in(store, TECHNICIAN, utc_now(), Report(site="s000", technician="t01"))

    assert rest(orchestrator).phase is RolloutPhase.FINISHED


@pytest.mark.usefixtures("fleet")
def test_a_second_person_is_refused_with_the_first_one_s_name(store: Store) -> None:
    control.hold(store, TECHNICIAN, utc_now() - timedelta(minutes=12), "s000", HALF_AN_HOUR, reason="new cable")

    with pytest.raises(ConflictError, match="site `s000` is in use: work by hand by 王磊, for 12 min now"):
        control.hold(store, COORDINATOR, utc_now(), "s000", HALF_AN_HOUR)


@pytest.mark.usefixtures("fleet")
def test_one_that_has_run_out_is_taken_over_and_its_holder_renews_and_releases_nothing(store: Store) -> None:
    past = utc_now() - timedelta(hours=1)
    old = Lease(site="s000", owner="fleet", purpose=Purpose.PUSH, token="shard-1.1", taken_at=past, until=past + HALF_AN_HOUR)
    with store.write(FLEET, past) as tx:
        leases.take(tx, [old])

    control.hold(store, TECHNICIAN, utc_now(), "s000", HALF_AN_HOUR)
    with store.write(FLEET, utc_now()) as tx:
        renewed = leases.renew(tx, "shard-1.1", utc_now() + HALF_AN_HOUR)
        leases.release(tx, "shard-1.1")

    assert renewed == 0
    assert in_force(store)["s000"].owner == "t01"


@pytest.mark.usefixtures("fleet")
def test_asking_again_is_for_so_long_from_now(store: Store) -> None:
    control.hold(store, TECHNICIAN, utc_now(), "s000", HALF_AN_HOUR)
    control.hold(store, TECHNICIAN, utc_now(), "s000", timedelta(hours=2))

    (lease,) = in_force(store).values()
    assert lease.until - utc_now() > timedelta(hours=1)


@pytest.mark.usefixtures("fleet")
def test_a_coordinator_may_let_go_for_anybody_and_a_technician_only_for_themselves(store: Store) -> None:
    control.hold(store, COORDINATOR, utc_now(), "s000", HALF_AN_HOUR)

    with pytest.raises(NotAllowedError, match="is in use"):
        control.free(store, TECHNICIAN, utc_now(), "s000")
    assert control.free(store, Actor(code="m01"), utc_now(), "s000").was_held
    assert not control.free(store, COORDINATOR, utc_now(), "s000").was_held


@pytest.mark.usefixtures("fleet")
def test_a_technician_has_only_sites_they_are_sent_to_and_nobody_has_one_for_days(store: Store) -> None:
    with pytest.raises(NotAllowedError, match="is not sent to site `s001`"):
        control.hold(store, TECHNICIAN, utc_now(), "s001", HALF_AN_HOUR)
    with pytest.raises(InputError, match="at most 8 hours"):
        control.hold(store, TECHNICIAN, utc_now(), "s000", timedelta(days=2))


def test_an_orchestrator_that_died_leaves_no_site_in_use_for_the_next_one(
    store: Store, orchestrator: Orchestrator, terminals: Terminals, fleet: Fleet
) -> None:
    begin(store, fleet, make_plan(fleet, 4, program=STAGER))
    with store.write(FLEET, utc_now()) as tx:
        shards.add_shards(tx, "r1", 1, [shards.Part("west", ["s000", "s002"])])
        shards.set_grant(tx, 1, parallel=2, failures=2)
        attempt = shards.dispatch(tx, 1)
        shards.claim(tx, 1, attempt, "gone")
        progress.mark_running(tx, "r1", ["s000/t1"])
        until = tx.at + HALF_AN_HOUR
        leases.take(tx, [Lease(site="s000", owner="fleet", purpose=Purpose.PUSH, token=f"shard-1.{attempt}", taken_at=tx.at, until=until)])

    orchestrator.start()

    assert rest(orchestrator).phase is RolloutPhase.FINISHED
    assert set(terminals.connections.values()) == {1}
