"""Transactions and the chain of events."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from fleet.model.actor import FLEET, Actor
from fleet.model.event import GENESIS
from fleet.store import Store, audit

NOW = datetime(2026, 3, 14, 14, 0, tzinfo=UTC)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "区"]), inner, max_size=3),
    max_leaves=6,
)


def append(store: Store, kind: str = "thing.happened", actor: Actor = FLEET) -> None:
    with store.write(actor, NOW) as tx:
        tx.event(kind, "subject", {"n": 1})


def kinds(store: Store) -> list[str]:
    with store.read() as snapshot:
        return [event.kind for event in audit.read_events(snapshot)]


def test_events_are_chained_from_the_first_on(store: Store) -> None:
    append(store, "a.began", Actor(code="li-na", on_behalf="wang-lei"))
    append(store, "b.began")
    with store.read() as snapshot:
        first, second = audit.read_events(snapshot)

    assert (first.seq, first.prev, first.actor, first.on_behalf) == (1, GENESIS, "li-na", "wang-lei")
    assert (second.seq, second.prev) == (2, first.hash)


@given(bodies=st.lists(st.dictionaries(st.sampled_from(["note", "x"]), _json, max_size=2), min_size=1, max_size=4))
@hypothesis_settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_an_event_says_the_chain_holds_after_it_is_read_back(store: Store, bodies: list[dict[str, object]]) -> None:
    with store.write(FLEET, NOW) as tx:
        seqs = [tx.event("thing.happened", "subject", body) for body in bodies]
    with store.read() as snapshot:
        read = [event.body for event in audit.read_events(snapshot, after=seqs[0] - 1)]
        problems = audit.check_chain(snapshot)[2]

    assert read == bodies
    assert problems == []


def test_the_time_of_an_event_is_the_same_moment_whatever_its_zone(store: Store) -> None:
    shanghai = NOW.astimezone(timezone(timedelta(hours=8)))
    with store.write(FLEET, shanghai) as tx:
        tx.event("thing.happened", "subject")
    with store.read() as snapshot:
        event = next(audit.read_events(snapshot))
        problems = audit.check_chain(snapshot)[2]

    assert event.at == NOW
    assert problems == []


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    def change_half() -> None:
        with store.write(FLEET, NOW) as tx:
            tx.event("thing.happened", "subject")
            raise LookupError

    with pytest.raises(LookupError):
        change_half()

    assert kinds(store) == []


def test_what_is_written_through_a_read_does_not_stay(store: Store) -> None:
    append(store)
    with store.read() as snapshot:
        snapshot.connection.execute(text("INSERT INTO plan (digest, text) VALUES ('d', 't')"))
    with store.read() as snapshot:
        stored = snapshot.connection.execute(text("SELECT count(*) FROM plan")).scalar_one()

    assert stored == 0


def test_a_read_shows_one_moment_whatever_is_written_meanwhile(store: Store) -> None:
    append(store, "first.began")
    with store.read() as snapshot:
        before = audit.read_head(snapshot)
        append(store, "second.began")
        after = audit.read_head(snapshot)

    assert after == before
    assert kinds(store) == ["first.began", "second.began"]


def test_writers_at_the_same_time_make_one_chain(store: Store) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: append(store, f"writer-{n}.wrote"), range(24)))
    with store.read() as snapshot:
        count, _head, problems = audit.check_chain(snapshot)

    assert (count, problems) == (24, [])


@pytest.mark.parametrize("statement", ["UPDATE event SET kind = 'x' WHERE seq = 1", "DELETE FROM event WHERE seq = 1"])
def test_the_database_itself_refuses_to_change_or_remove_an_event(store: Store, statement: str) -> None:
    append(store)
    with pytest.raises(DBAPIError, match="events are append-only"), store.write(FLEET, NOW) as tx:
        tx.connection.execute(text(statement))

    assert kinds(store) == ["thing.happened"]


def test_the_version_rises_with_every_write(store: Store) -> None:
    before = store.version()
    append(store)

    assert store.version() > before
