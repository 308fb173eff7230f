"""An inventory comes back as it went in, in the files' order, whatever its names hold."""

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from fleet.model.actor import FLEET
from fleet.model.base import unprintable
from fleet.model.inventory import District, Fleet, Person, Reach, Role, Site, SiteKind, Terminal
from fleet.store import Store, fleets

NOW = datetime(2026, 3, 14, 14, 0, tzinfo=UTC)
HOSTILE = (
    "'; DROP TABLE site; --",
    "%s %(name)s {name} :name",
    '"\\',
    "$(reboot)",
    "=1+1",
    "𠮷野家🙂",
    "e\u0301",
    "\ufeff零宽\u200b",
    "NULL",
)

_names = st.one_of(st.sampled_from(HOSTILE), st.text(min_size=1, max_size=20).filter(lambda text: unprintable(text) is None))
_free = st.one_of(st.just(""), _names)
_latitude, _longitude = st.none() | st.floats(-90, 90), st.none() | st.floats(-180, 180)
_labels = st.dictionaries(st.sampled_from(["vendor", "arch"]), st.sampled_from(["x86", "天健", "a'b"]))


@st.composite
def inventories(draw: st.DrawFn) -> Fleet:
    districts = [District(code=f"d{n}", name=draw(_names), name_en=draw(_free), parent=f"d{n - 1}" if n else None) for n in range(2)]
    sites = [
        Site(
            code=code,
            kind=draw(st.sampled_from(SiteKind)),
            name=draw(_names),
            district=draw(st.sampled_from(["d0", "d1"])),
            address=draw(_free),
            latitude=draw(_latitude),
            longitude=draw(_longitude),
            contact=draw(_free),
            opening_hours=draw(_free),
            open_24h=draw(st.booleans()),
            emergency=draw(st.booleans()),
            labels=draw(_labels),
        )
        for code in draw(st.permutations(["s1", "s2", "s3"]))
    ]
    terminals = [
        Terminal(
            site=site.code,
            code=f"t{n}",
            host=draw(st.none() | st.sampled_from(["10.0.0.1", "fe80::1", "host.invalid"])),
            port=draw(st.integers(1, 65535)),
            gateway=draw(st.none() | st.just("gw-1")),
            key_card=f"K{site.code}{n}" if draw(st.booleans()) else None,
            reach=draw(st.sampled_from(Reach)),
            labels=draw(_labels),
        )
        for site in sites
        for n in range(draw(st.integers(0, 2)))
    ]
    people = [
        Person(
            code=f"w{n}",
            name=draw(_names),
            role=draw(st.sampled_from(Role)),
            os_user=f"user{n}" if draw(st.booleans()) else None,
            district=draw(st.none() | st.just("d0")),
            skills=tuple(draw(st.lists(st.sampled_from(["hospital", "linux"]), unique=True))),
            phone=draw(_free),
        )
        for n in range(draw(st.integers(0, 3)))
    ]
    return Fleet(
        districts={each.code: each for each in districts},
        sites={each.code: each for each in sites},
        terminals={each.id: each for each in terminals},
        people={each.code: each for each in people},
    )


@given(inventories())
@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_an_inventory_comes_back_as_it_went_in(store: Store, inventory: Fleet) -> None:
    with store.write(FLEET, NOW) as tx:
        fleets.replace_fleet(tx, inventory, {})
    with store.read() as snapshot:
        read = fleets.read_fleet(snapshot)

    assert read == inventory
    for name in ("districts", "sites", "terminals", "people"):
        assert list(getattr(read, name)) == list(getattr(inventory, name))


def test_parts_are_read_as_the_whole_has_them(store: Store, fleet: Fleet) -> None:
    with store.write(FLEET, NOW) as tx:
        fleets.replace_fleet(tx, fleet, {})
    with store.read() as snapshot:
        sites = fleets.read_sites(snapshot, ["p1", "none"])
        openings = fleets.read_openings(snapshot, ["p1", "none"])
        terminals = fleets.read_terminals(snapshot, ["h1/t2", "none/t1"])
        technicians = fleets.read_people(snapshot, Role.TECHNICIAN)
        coordinator = fleets.person_of_os_user(snapshot, "lina")

    assert sites == {"p1": fleet.sites["p1"]}
    assert openings == {"p1": (fleet.sites["p1"].opening_hours, fleet.sites["p1"].open_24h)}
    assert terminals == {"h1/t2": fleet.terminals["h1/t2"]}
    assert technicians == {"wang-lei": fleet.people["wang-lei"]}
    assert coordinator == fleet.people["li-na"]


def test_the_database_itself_refuses_one_key_card_on_two_terminals(store: Store, fleet: Fleet) -> None:
    double = fleet.terminals["h1/t2"].model_copy(update={"key_card": "K1"})
    doubled = Fleet(sites=fleet.sites, terminals={**fleet.terminals, double.id: double})

    with pytest.raises(IntegrityError), store.write(FLEET, NOW) as tx:
        fleets.replace_fleet(tx, doubled, {})


def test_an_import_that_is_refused_leaves_the_inventory_there_was(store: Store, fleet: Fleet) -> None:
    with store.write(FLEET, NOW) as tx:
        fleets.replace_fleet(tx, fleet, {})
    test_the_database_itself_refuses_one_key_card_on_two_terminals(store, fleet)
    with store.read() as snapshot:
        read = fleets.read_fleet(snapshot)

    assert read == fleet
