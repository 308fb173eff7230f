"""What a turn of the reconciler reads: as much for many sites as for few, whoever has some of them to themselves."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from sqlalchemy import event

from fleet.engine.cutting import SHARD_SITES
from fleet.engine.lock import WorkspaceLock
from fleet.engine.plans import Plans
from fleet.engine.reconcile import reconcile
from fleet.model.attempt import AttemptResult, TerminalState
from fleet.model.gate import SwipeRule
from fleet.model.lease import Lease, Purpose
from fleet.model.plan import Plan
from fleet.model.rollout import Shard
from fleet.store import Snapshot, Store, leases, progress, reads
from tests.engine.city import AT, COORDINATOR, begin, make_fleet, make_plan, set_up

FEW, MANY, MOST = 300, 900, 12
"""Sites: six shards of fifty, and eighteen; and statements of a turn."""


class Workers:
    """Takes every shard and does nothing with it."""

    def __init__(self, is_lost: Callable[[Shard], bool] = lambda _shard: False) -> None:
        self._is_lost = is_lost

    def dispatch(self, shard: int, attempt: int) -> None:
        pass

    def is_lost(self, shard: Shard, now: datetime) -> bool:  # noqa: ARG002 - the seam's signature
        return self._is_lost(shard)

    def wake(self) -> None:
        pass


def night(store: Store, sites: int) -> Callable[[Workers, Plans], None]:
    """A rollout of which one shard is out and the others wait, and people have a site in most of them; its turns."""
    fleet = make_fleet(sites)
    set_up(store, fleet)
    plan: Plan = make_plan(fleet, sites, failures=1, unreachable=9, parallel=1)
    begin(store, fleet, plan)
    codes = list(fleet.sites)
    with store.write(COORDINATOR, AT) as tx:
        for site in codes[1 :: SHARD_SITES - 1]:
            until = AT + timedelta(minutes=30)
            leases.take(tx, [Lease(site=site, owner="t01", purpose=Purpose.BY_HAND, token=site, taken_at=AT, until=until)])
    lock = WorkspaceLock(store)
    lock.take(AT)

    def turn(workers: Workers, plans: Plans) -> None:
        reconcile(store, workers, plans, AT, lock.hold)

    return turn


@contextmanager
def statements(store: Store) -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    yield seen
    event.remove(store.engine, "before_cursor_execute", note)


def read_by_a_turn(store: Store, sites: int) -> list[str]:
    """Of a turn that finds nothing new."""
    turn, workers, plans = night(store, sites), Workers(), Plans()
    turn(workers, plans)
    turn(workers, plans)
    with statements(store) as seen:
        turn(workers, plans)
    return seen


@pytest.mark.parametrize("sites", [FEW, MANY])
def test_a_turn_asks_a_bounded_number_of_questions_however_many_sites_there_are(store: Store, sites: int) -> None:
    assert len(read_by_a_turn(store, sites)) <= MOST


def test_no_turn_reads_again_which_sites_are_in_a_shard(store: Store) -> None:
    asked = [statement for statement in read_by_a_turn(store, FEW) if "shard.sites" in statement]

    assert all("shard.opens_at <=" in statement for statement in asked), "but of those whose window has just opened"


def test_what_terminals_showed_is_read_when_their_wave_has_soaked_and_not_before(store: Store) -> None:
    fleet = make_fleet(3)
    set_up(store, fleet)
    plan = make_plan(fleet, 3)
    gate = plan.playbook.gate.model_copy(update={"soak_s": 60, "swipe": SwipeRule(target_s=2)})
    plan = plan.model_copy(update={"playbook": plan.playbook.model_copy(update={"gate": gate})})
    begin(store, fleet, plan.model_copy(update={"digest": plan.compute_digest()}))
    with store.write(COORDINATOR, AT) as tx:
        for name in fleet.terminals:
            progress.record_result(
                tx, "r1", AttemptResult(terminal=name, number=1, ending=TerminalState.UPGRADED, started_at=AT, finished_at=AT)
            )
    lock, plans = WorkspaceLock(store), Plans()
    lock.take(AT)
    read = []
    for seconds in (0, 59, 61):
        with statements(store) as seen:
            reconcile(store, Workers(), plans, AT + timedelta(seconds=seconds), lock.hold)
        read.append(any("attempt.facts" in statement for statement in seen))

    assert read == [False, False, True]


def test_what_a_turn_learnt_of_shards_that_were_never_stored_is_forgotten(store: Store) -> None:
    def breaks_down(_shard: Shard) -> bool:
        raise RuntimeError("the disk is full")

    turn, plans = night(store, FEW), Plans()
    with pytest.raises(RuntimeError, match="disk is full"):
        turn(Workers(breaks_down), plans)

    assert (plans.sites_of_shard, plans.shards_of_site, plans.free_site) == ({}, {}, {})


@pytest.mark.parametrize(
    "reads_a_site",
    [
        lambda snapshot: progress.read_standings(snapshot, "r1", "s001"),
        lambda snapshot: reads.terminals_of_site(snapshot, "r1", "s001"),
    ],
    ids=["where it stands", "its terminals"],
)
def test_a_site_is_read_by_its_own_rows_and_not_by_those_of_the_rollout(store: Store, reads_a_site: Callable[[Snapshot], object]) -> None:
    """SQLite takes an index for the order that was asked for, and then it walks through a hundred thousand terminals."""
    fleet = make_fleet(3)
    set_up(store, fleet)
    begin(store, fleet, make_plan(fleet, 3))
    with store.read() as snapshot:
        with statements(store) as seen:
            assert reads_a_site(snapshot)
        (asked,) = [statement for statement in seen if "terminal_progress" in statement]
        plan = snapshot.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}", ("r1",) * asked.count("?")).all()

    (told,) = [row[3] for row in plan if "terminal_progress" in row[3]]
    assert "(rollout=? AND site=?)" in told
