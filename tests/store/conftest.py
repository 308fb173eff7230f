"""Every store test runs on SQLite and on PostgreSQL."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from fleet.model.actor import FLEET
from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.inventory import District, Fleet, Person, Reach, Role, Site, SiteKind, Terminal
from fleet.model.plan import Plan
from fleet.settings import Settings
from fleet.store import Store, open_store, progress
from fleet.store.database import make_engine
from tests.databases import databases, postgresql, settings

NOW = datetime(2026, 3, 14, 14, 0, tzinfo=UTC)
__all__ = ["databases", "postgresql", "settings"]


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    """An engine on a database without any table."""
    made = make_engine(settings.url)
    yield made
    made.dispose()


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    """An empty store."""
    opened = open_store(settings, create=True)
    yield opened
    opened.close()


@pytest.fixture
def fleet() -> Fleet:
    """Five sites of two districts, eight terminals, two of them done by hand."""
    sites = {
        "h1": Site(code="h1", kind=SiteKind.HOSPITAL, name="青湾第一医院", district="qingwan", emergency=True, labels={"his": "天健"}),
        "p1": Site(code="p1", kind=SiteKind.PHARMACY, name="东门药店", district="qingwan", latitude=30.1, longitude=112.25),
        "p2": Site(code="p2", kind=SiteKind.PHARMACY, name="西门药店", district="qingwan", opening_hours="08:00-12:00 14:00-20:00"),
        "p3": Site(code="p3", kind=SiteKind.PHARMACY, name="山上药店", district="heshan", open_24h=True),
        "p4": Site(code="p4", kind=SiteKind.PHARMACY, name="河边药店", district="heshan"),
    }
    terminals = [Terminal(site="h1", code=f"t{n}", host="10.0.0.1", port=2200 + n, key_card=f"K{n}") for n in range(1, 4)]
    terminals += [Terminal(site=site, code="t1", host="192.168.1.2", gateway=f"gw-{site}") for site in ("p1", "p2", "p3")]
    terminals += [Terminal(site=site, code="t2", reach=Reach.BY_HAND) for site in ("p1", "p4")]
    people = [
        Person(code="li-na", name="李娜", role=Role.COORDINATOR, os_user="lina"),
        Person(code="wang-lei", name="王磊", role=Role.TECHNICIAN, district="qingwan", skills=("hospital",)),
    ]
    return Fleet(
        districts={
            "city": District(code="city", name="云川市"),
            "qingwan": District(code="qingwan", name="青湾区", name_en="Qingwan", parent="city"),
            "heshan": District(code="heshan", name="鹤山县", parent="city"),
        },
        sites=sites,
        terminals={terminal.id: terminal for terminal in terminals},
        people={person.code: person for person in people},
    )


@pytest.fixture
def running(store: Store, fleet: Fleet, start_rollout: Callable[..., Plan]) -> Store:
    """Rollout r1 over the fleet in two waves, h1 and p1 first; nothing pushed yet."""
    start_rollout(store, fleet, waves=(2,))
    return store


@pytest.fixture
def push() -> Callable[..., AttemptResult]:
    """Record how an attempt ended: `push(store, "h1/t1", TerminalState.FAILED, number=2)`."""

    def record(store: Store, terminal: str, ending: TerminalState, *, number: int = 1, cause: Cause = Cause.NONE) -> AttemptResult:
        at = NOW + timedelta(minutes=number)
        result = AttemptResult(terminal=terminal, number=number, ending=ending, cause=cause, started_at=NOW, finished_at=at)
        with store.write(FLEET, at) as tx:
            progress.record_result(tx, "r1", result)
        return result

    return record
