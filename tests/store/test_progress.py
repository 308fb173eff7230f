"""Every move keeps terminals, sites and counters in line."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from fleet.model.actor import FLEET
from fleet.model.attempt import ENDINGS, AttemptResult, Cause, TerminalState
from fleet.model.inventory import Fleet
from fleet.model.plan import Plan
from fleet.model.playbook import DoneWhen
from fleet.model.rollout import SiteState
from fleet.store import Store, Tx, audit, progress, reads

NOW = datetime(2026, 3, 14, 14, 0, tzinfo=UTC)
SSH = ["h1/t1", "h1/t2", "h1/t3", "p1/t1", "p2/t1", "p3/t1"]
BY_HAND = ["p1/t2", "p4/t2"]
_ids = count(1)

_some_ssh = st.lists(st.sampled_from(SSH), min_size=1, max_size=4, unique=True)
_moves = st.one_of(
    st.tuples(st.just("running"), _some_ssh),
    st.tuples(st.just("put-back"), _some_ssh),
    st.tuples(st.just("exclude"), st.lists(st.sampled_from(SSH + BY_HAND), min_size=1, max_size=2, unique=True)),
    st.tuples(st.just("result"), st.tuples(st.sampled_from(SSH), st.sampled_from(sorted(ENDINGS)))),
    st.tuples(st.just("self-test"), st.dictionaries(st.sampled_from(BY_HAND), st.booleans(), min_size=1)),
    st.tuples(st.just("mark"), st.tuples(st.sampled_from(["h1", "p1", "p2", "p3", "p4"]), st.booleans())),
)


def make(tx: Tx, rollout: str, move: tuple[str, Any], attempts: Counter[str]) -> None:
    kind, what = move
    if kind == "running":
        progress.mark_running(tx, rollout, what)
    elif kind == "put-back":
        progress.put_back(tx, rollout, what, "retry")
    elif kind == "exclude":
        progress.exclude(tx, rollout, what)
    elif kind == "self-test":
        progress.record_self_tests(tx, rollout, what)
    elif kind == "mark":
        progress.record_mark(tx, rollout, what[0], marked=what[1])
    else:
        terminal, ending = what
        attempts[terminal] += 1
        cause = Cause.NONE if ending is TerminalState.UPGRADED else Cause.LINK_LOST
        result = AttemptResult(terminal=terminal, number=attempts[terminal], ending=ending, cause=cause, started_at=NOW, finished_at=NOW)
        progress.record_result(tx, rollout, result)


@given(moves=st.lists(_moves, max_size=12), done_when=st.sets(st.sampled_from(DoneWhen), min_size=1))
@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_the_tables_are_what_the_events_make_them(
    store: Store, fleet: Fleet, start_rollout: Callable[..., Plan], moves: list[tuple[str, Any]], done_when: set[DoneWhen]
) -> None:
    rollout, attempts = f"r{next(_ids)}", Counter[str]()
    start_rollout(store, fleet, rollout=rollout, waves=(2,), done_when=tuple(sorted(done_when)))
    for move in moves:
        with store.write(FLEET, NOW) as tx:
            make(tx, rollout, move, attempts)
    with store.read() as snapshot:
        problems = audit.check_tables(snapshot, rollout)
        tallies = reads.read_tallies(snapshot, rollout)
        rows = reads.sites_since(snapshot, rollout)
        terminals = list(reads.all_terminals(snapshot, rollout))

    assert problems == []
    assert (tallies.total.sites.total, tallies.total.terminal_count) == (len(rows), len(terminals)) == (5, 8)
    assert tallies.total.terminals == {state: Counter(row.state for row in terminals).get(state, 0) for state in tallies.total.terminals}
    assert (tallies.total.claimed, tallies.total.done) == (sum(row.claimed for row in rows), sum(row.done for row in rows))
    for groups in (tallies.by_wave, tallies.by_district, tallies.by_kind, tallies.by_district_and_kind):
        assert sum(tally.terminal_count for tally in groups.values()) == 8


def state_of(store: Store, site: str) -> tuple[SiteState, int, Cause]:
    with store.read() as snapshot:
        row = reads.read_site_row(snapshot, "r1", site)
    assert row is not None
    return row.state, row.proven, row.cause


def test_a_site_is_upgraded_when_its_last_terminal_is(running: Store, push: Callable[..., AttemptResult]) -> None:
    for terminal in ("h1/t1", "h1/t2"):
        push(running, terminal, TerminalState.UPGRADED)
    before = state_of(running, "h1")
    push(running, "h1/t3", TerminalState.UPGRADED)

    assert before == (SiteState.NOT_STARTED, 2, Cause.NONE)
    assert state_of(running, "h1") == (SiteState.UPGRADED, 3, Cause.NONE)


def test_the_worst_terminal_speaks_for_the_site_with_its_own_cause(running: Store, push: Callable[..., AttemptResult]) -> None:
    push(running, "h1/t1", TerminalState.UNREACHABLE, cause=Cause.NO_ANSWER)
    push(running, "h1/t2", TerminalState.FAILED, cause=Cause.DISK_FULL)
    push(running, "h1/t3", TerminalState.UNREACHABLE, cause=Cause.REFUSED)

    assert state_of(running, "h1") == (SiteState.FAILED, 0, Cause.DISK_FULL)


def test_a_site_with_only_by_hand_terminals_open_waits_for_its_technician(running: Store, push: Callable[..., AttemptResult]) -> None:
    before = state_of(running, "p4")
    push(running, "p1/t1", TerminalState.UPGRADED)

    assert before[0] is SiteState.WAITING_BY_HAND
    assert state_of(running, "p1") == (SiteState.WAITING_BY_HAND, 1, Cause.NONE)


def test_an_excluded_terminal_no_longer_holds_its_site_back(running: Store, push: Callable[..., AttemptResult]) -> None:
    push(running, "p1/t1", TerminalState.UPGRADED)
    with running.write(FLEET, NOW) as tx:
        progress.exclude(tx, "r1", ["p1/t2"])

    assert state_of(running, "p1")[0] is SiteState.UPGRADED


def test_the_hour_a_site_became_done_stays_while_it_is_done_and_goes_with_the_mark(
    running: Store, push: Callable[..., AttemptResult]
) -> None:
    push(running, "p2/t1", TerminalState.UPGRADED)
    hours: list[datetime | None] = []
    for hour, marked in enumerate((True, True, False, True)):
        with running.write(FLEET, NOW + timedelta(hours=hour)) as tx:
            progress.record_mark(tx, "r1", "p2", marked=marked)
        with running.read() as snapshot:
            row = reads.read_site_row(snapshot, "r1", "p2")
        assert row is not None
        hours.append(row.done_at)

    assert hours == [NOW, NOW, None, NOW + timedelta(hours=3)]


def test_only_what_moved_after_a_seq_is_read_again(running: Store, push: Callable[..., AttemptResult]) -> None:
    with running.read() as snapshot:
        seen = max(row.seq for row in reads.sites_since(snapshot, "r1"))
    push(running, "p3/t1", TerminalState.UNKNOWN, cause=Cause.LINK_LOST)
    with running.read() as snapshot:
        moved = [row.code for row in reads.sites_since(snapshot, "r1", seen)]

    assert moved == ["p3"]


def test_attempts_are_history_newest_first(running: Store, push: Callable[..., AttemptResult]) -> None:
    first = push(running, "p3/t1", TerminalState.UNREACHABLE, cause=Cause.NO_ANSWER)
    second = push(running, "p3/t1", TerminalState.UPGRADED, number=2)
    with running.read() as snapshot:
        stored = reads.attempts_of_terminal(snapshot, "r1", "p3/t1")
        counted = progress.attempts_of(snapshot, "r1", ["p3/t1", "p2/t1"])

    assert stored == [second, first]
    assert counted == {"p3/t1": 2, "p2/t1": 0}
