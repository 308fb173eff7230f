"""A workspace whose rollout is run by a real orchestrator on real SQLite, against terminals in memory."""

from collections.abc import Iterator
from contextlib import suppress

import pytest

from fleet.engine import Orchestrator
from fleet.errors import ConflictError
from fleet.settings import Settings
from fleet.store import Store, open_store, rollouts
from fleet.store.audit import check_chain, check_tables
from tests.engine.city import Terminals


@pytest.fixture
def store(workspace: Settings) -> Iterator[Store]:
    store = open_store(workspace, create=True)
    yield store
    with store.read() as snapshot:
        _count, _head, problems = check_chain(snapshot)
        newest = rollouts.newest_rollout(snapshot)
        problems += check_tables(snapshot, newest.id) if newest else []
    store.close()
    assert [str(problem) for problem in problems] == []


@pytest.fixture
def terminals() -> Terminals:
    return Terminals()


@pytest.fixture
def orchestrator(workspace: Settings, store: Store, terminals: Terminals) -> Iterator[Orchestrator]:
    """An orchestrator that is not started yet; it is stopped when the test ends."""
    made = Orchestrator(workspace, store, push=terminals)
    yield made
    terminals.opened.set()
    made.stop()
    with suppress(ConflictError):
        made.join(20)
