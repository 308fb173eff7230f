"""The audit finds what was changed by hand, and says where."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, text

from fleet.model.actor import FLEET
from fleet.model.attempt import AttemptResult, TerminalState
from fleet.store import Store, audit, progress

NOW = datetime(2026, 3, 14, 14, 0, tzinfo=UTC)


@pytest.fixture
def night(running: Store, push: Callable[..., AttemptResult]) -> Store:
    """A rollout in which something happened."""
    push(running, "h1/t1", TerminalState.FAILED)
    push(running, "p2/t1", TerminalState.UPGRADED)
    with running.write(FLEET, NOW) as tx:
        progress.record_mark(tx, "r1", "p2", marked=True)
    return running


@contextmanager
def by_hand(store: Store) -> Iterator[Connection]:
    """What somebody can do who may write the database: the triggers that protect events are out of the way."""
    with store.engine.connect().execution_options(writes=True) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("DROP TRIGGER event_is_never_changed ON event"))
        else:
            connection.execute(text("DROP TRIGGER event_is_never_changed"))
            connection.execute(text("DROP TRIGGER event_is_never_removed"))
        yield connection


def chain_problems(store: Store) -> list[str]:
    with store.read() as snapshot:
        return [str(problem) for problem in audit.check_chain(snapshot)[2]]


def table_problems(store: Store) -> list[str]:
    with store.read() as snapshot:
        return [str(problem) for problem in audit.check_tables(snapshot, "r1")]


def test_an_honest_record_holds_together(night: Store) -> None:
    with night.read() as snapshot:
        count, head, problems = audit.check_chain(snapshot)
        last = list(audit.read_events(snapshot))[-1]

        assert audit.read_head(snapshot) == (count, head)
    assert (count, head, problems) == (last.seq, last.hash, [])
    assert table_problems(night) == []


def test_the_head_of_an_empty_chain_is_the_genesis(store: Store) -> None:
    with store.read() as snapshot:
        assert audit.read_head(snapshot) == (0, "0" * 64)
        assert audit.check_chain(snapshot) == (0, "0" * 64, [])


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE event SET actor = 'mallory' WHERE seq = 2", "event 2 (rollout.started) was changed"),
        ("UPDATE event SET body = '{}' WHERE seq = 3", "event 3 (attempt.ended) was changed"),
        ("UPDATE event SET at = '2026-03-14T14:00:00.000001+00:00' WHERE seq = 1", "event 1 (inventory.imported) was changed"),
        ("DELETE FROM event WHERE seq = 2", "event 2 is missing"),
    ],
)
def test_a_changed_or_missing_event_is_found(night: Store, statement: str, problem: str) -> None:
    with by_hand(night) as connection:
        connection.execute(text(statement))

    assert chain_problems(night) == [problem]


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (
            "UPDATE tally SET n = n + 1 WHERE unit = 'site' AND wave = 1 AND state = 'failed'",
            "the counter site / failed of wave 1, qingwan, hospital says 2, counting gives 1",
        ),
        (
            "UPDATE tally SET district = 'heshan' WHERE unit = 'site' AND district = 'qingwan' AND state = 'done'",
            "the counter site / done of wave 2, heshan, pharmacy says 1, counting gives 0",
        ),
        (
            "UPDATE terminal_progress SET state = 'upgraded' WHERE terminal = 'h1/t1'",
            "terminal h1/t1 stands at upgraded, the events say failed",
        ),
        ("UPDATE terminal_progress SET attempts = 0 WHERE terminal = 'h1/t1'", "terminal h1/t1 counts 0 attempts, the events 1"),
        ("UPDATE site_progress SET claimed = true WHERE site = 'h1'", "site h1 is not what its terminals and marks make it"),
        ("UPDATE site_progress SET done = false WHERE site = 'p2'", "site p2 is not what its terminals and marks make it"),
    ],
)
def test_a_table_changed_by_hand_is_found(night: Store, statement: str, problem: str) -> None:
    with by_hand(night) as connection:
        connection.execute(text(statement))

    assert problem in table_problems(night)


def test_a_state_changed_with_everything_that_follows_from_it_is_still_found(night: Store) -> None:
    with by_hand(night) as connection:
        for statement in (
            "UPDATE terminal_progress SET state = 'upgraded' WHERE terminal = 'p3/t1'",
            "UPDATE site_progress SET state = 'upgraded', proven = 1 WHERE site = 'p3'",
            "UPDATE tally SET state = 'upgraded' WHERE district = 'heshan' AND unit = 'ssh'",
        ):
            connection.execute(text(statement))

    assert table_problems(night)[0] == "terminal p3/t1 stands at upgraded, the events say not-started"
