"""Failures by cause, kept by the writer: whatever happens in whatever order, the tally is what counting gives."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.model.actor import FLEET
from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.rollout import RolloutState
from fleet.settings import Settings
from fleet.store import Store, failures, open_store, progress, unheard, windows
from fleet.store.audit import check_record, check_tables
from tests.engine.city import AT, begin, make_fleet, make_plan, set_up

ENDINGS = (TerminalState.UPGRADED, TerminalState.FAILED, TerminalState.ROLLED_BACK, TerminalState.UNREACHABLE)


@pytest.fixture
def store(workspace: Settings) -> Iterator[Store]:
    """Six sites of two terminals in two districts, and one that is done by hand at each; a rollout that has begun."""
    store = open_store(workspace, create=True)
    fleet = make_fleet(6, terminals=2, by_hand=1)
    set_up(store, fleet)
    begin(store, fleet, make_plan(fleet, 6))
    yield store
    store.close()


def end(store: Store, terminal: str, ending: TerminalState, detail: str = "", *, rollout: str = "r1") -> None:
    with store.write(FLEET, AT) as tx:
        number = progress.attempts_of(tx, rollout, [terminal])[terminal] + 1
        cause = Cause.NONE if ending is TerminalState.UPGRADED else Cause.DISK_FULL
        result = AttemptResult(
            terminal=terminal, number=number, ending=ending, cause=cause, step="stage", detail=detail, started_at=AT, finished_at=AT
        )
        progress.record_result(tx, rollout, result)


def test_many_sites_with_one_cause_are_one_group(store: Store) -> None:
    for number in range(5):
        for place in (1, 2):
            end(store, f"s00{number}/t{place}", TerminalState.FAILED, f"s00{number}: {number * 100} KiB free on /var/lib/{number}")
    end(store, "s005/t1", TerminalState.FAILED, "read-only file system")

    with store.read() as snapshot:
        first, second = failures.read_groups(snapshot, "r1")
        members = failures.members_of_group(snapshot, "r1", first.fingerprint)
    assert (first.sites, first.terminals, first.districts) == (5, 10, {"west": 3, "east": 2})
    assert (first.ending, first.cause, first.step) == (TerminalState.FAILED, Cause.DISK_FULL, "stage")
    assert members == [f"s00{number}/t{place}" for number in range(5) for place in (1, 2)]
    assert (second.sites, second.terminals, second.example, second.detail) == (1, 1, "s005/t1", "read-only file system")


def test_a_terminal_leaves_its_group_when_it_is_tried_again(store: Store) -> None:
    for site in ("s000", "s001"):
        end(store, f"{site}/t1", TerminalState.FAILED, "full")
    with store.write(FLEET, AT) as tx:
        progress.put_back(tx, "r1", ["s000/t1"], "retry")

    with store.read() as snapshot:
        assert [(group.sites, group.example) for group in failures.read_groups(snapshot, "r1")] == [(1, "s001/t1")]
    end(store, "s000/t1", TerminalState.UPGRADED)
    end(store, "s001/t1", TerminalState.UPGRADED)
    with store.read() as snapshot:
        assert failures.read_groups(snapshot, "r1") == []


def test_a_terminal_whose_retry_came_too_late_is_in_its_group_again(store: Store) -> None:
    end(store, "s000/t1", TerminalState.FAILED, "full")
    with store.read() as snapshot:
        before = failures.read_groups(snapshot, "r1")
    with store.write(FLEET, AT) as tx:
        progress.put_back(tx, "r1", ["s000/t1"], "retry")
        windows.as_before(tx, "r1", ["s000/t1"])

    with store.read() as snapshot:
        assert failures.read_groups(snapshot, "r1") == before
        assert check_tables(snapshot, "r1") == []


def test_a_terminal_whose_worker_was_lost_while_it_was_asked_is_in_its_group_again(store: Store) -> None:
    end(store, "s000/t1", TerminalState.UNKNOWN, "silent")
    with store.read() as snapshot:
        before = failures.read_groups(snapshot, "r1")
    with store.write(FLEET, AT) as tx:
        progress.mark_running(tx, "r1", ["s000/t1"], unheard.ASKED)
        unheard.put_back_unheard(tx, "r1", ["s000/t1"])

    with store.read() as snapshot:
        assert failures.read_groups(snapshot, "r1") == before
        assert check_tables(snapshot, "r1") == []


def test_failed_self_tests_are_one_group_whatever_the_note_says(store: Store) -> None:
    with store.write(FLEET, AT) as tx:
        progress.record_self_tests(tx, "r1", {"s000/h1": False, "s001/h1": False}, {"s000/h1": "屏幕不亮", "s001/h1": "no paper"})

    with store.read() as snapshot:
        assert [(group.cause, group.sites) for group in failures.read_groups(snapshot, "r1")] == [(Cause.SELF_TEST, 2)]


def test_a_tally_that_was_changed_by_hand_is_found(store: Store) -> None:
    end(store, "s000/t1", TerminalState.FAILED, "full")
    with store.write(FLEET, AT) as tx:
        tx.connection.exec_driver_sql("UPDATE failure_tally SET sites = 7")

    with store.read() as snapshot:
        problems = [str(problem) for problem in check_record(snapshot)[2]]
    assert len(problems) == 1
    assert "in west are not what counting gives" in problems[0]


_NAMES = [f"s00{number}/t{place}" for number in range(3) for place in (1, 2)]
_MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("end"), st.sampled_from(_NAMES), st.sampled_from(ENDINGS), st.sampled_from(["no room", "cannot read", "7 KB"])),
        st.tuples(st.sampled_from(["retry", "exclude", "run"]), st.lists(st.sampled_from(_NAMES), min_size=1, max_size=6, unique=True)),
        st.tuples(st.just("self-test"), st.sampled_from(["s000/h1", "s001/h1"]), st.booleans()),
    ),
    max_size=12,
)


@pytest.fixture
def rollouts(store: Store) -> Iterator[RolloutState]:
    """Rollouts one after the other, each fresh."""

    def fresh() -> Iterator[RolloutState]:
        fleet = make_fleet(3, terminals=2, by_hand=1)
        plan = make_plan(fleet, 3)
        number = 2
        while True:
            yield begin(store, fleet, plan, f"r{number}")
            number += 1

    return fresh()


def test_the_tally_is_what_counting_gives_after_any_moves(store: Store, rollouts: Iterator[RolloutState]) -> None:
    @settings(max_examples=40)
    @given(moves=_MOVES)
    def law(moves: list[tuple[object, ...]]) -> None:
        rollout = next(rollouts).id
        for what, *values in moves:
            if what == "end":
                terminal, ending, detail = values
                end(store, terminal, ending, detail, rollout=rollout)  # type: ignore[arg-type]
                continue
            with store.write(FLEET, AT) as tx:
                if what == "retry":
                    progress.put_back(tx, rollout, values[0], "retry")  # type: ignore[arg-type]
                elif what == "exclude":
                    progress.exclude(tx, rollout, values[0])  # type: ignore[arg-type]
                elif what == "run":
                    progress.mark_running(tx, rollout, values[0])  # type: ignore[arg-type]
                else:
                    progress.record_self_tests(tx, rollout, {values[0]: values[1]})  # type: ignore[dict-item]

        with store.read() as snapshot:
            assert failures.kept_groups(snapshot, rollout) == failures.count_groups_anew(snapshot, rollout)
            assert [str(problem) for problem in check_tables(snapshot, rollout)] == []

    law()
