"""A workspace with a small inventory: three people, two sites, three terminals."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fleet.model.actor import Actor
from fleet.model.inventory import District, Fleet, Person, Role, Site, SiteKind, Terminal
from fleet.settings import Settings
from fleet.store import Store, fleets, open_store

NOW = datetime(2026, 11, 28, 22, 0, tzinfo=UTC)
COORDINATOR = Actor(code="li-na")
TECHNICIAN = Actor(code="wang-lei")
STRANGER = Actor(code="nobody")


def small_fleet() -> Fleet:
    sites = {
        "h1": Site(code="h1", kind=SiteKind.HOSPITAL, name="青湾第一医院", district="qingwan"),
        "p1": Site(code="p1", kind=SiteKind.PHARMACY, name="东门药店", district="qingwan"),
    }
    terminals = [Terminal(site=site, code=code, host="127.0.0.1") for site, code in (("h1", "t1"), ("h1", "t2"), ("p1", "t1"))]
    people = [
        Person(code="li-na", name="李娜", role=Role.COORDINATOR, os_user="lina"),
        Person(code="wang-lei", name="王磊", role=Role.TECHNICIAN, os_user="wanglei", district="qingwan"),
        Person(code="zhao-min", name="赵敏", role=Role.MANAGER, os_user="zhaomin"),
    ]
    return Fleet(
        districts={"qingwan": District(code="qingwan", name="青湾区", name_en="Qingwan")},
        sites=sites,
        terminals={terminal.id: terminal for terminal in terminals},
        people={person.code: person for person in people},
    )


@pytest.fixture
def empty_store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(Settings(workspace=tmp_path), create=True)
    yield store
    store.close()


@pytest.fixture
def store(empty_store: Store) -> Store:
    with empty_store.write(COORDINATOR, NOW) as tx:
        fleets.replace_fleet(tx, small_fleet(), {})
    return empty_store
