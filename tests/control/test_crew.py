"""Who may send whom where."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from fleet.control.crew import apply_assignments, assign, propose_assignments
from fleet.errors import InputError, NotAllowedError
from fleet.model.actor import FLEET, Actor
from fleet.model.inventory import District, Fleet, Person, Role, Site, SiteKind, Terminal
from fleet.settings import Settings
from fleet.store import Store, audit, crew, fleets, open_store

NOW = datetime(2026, 3, 14, 14, 0, tzinfo=UTC)
LI, WANG, STRANGER = Actor(code="li-na"), Actor(code="wang-lei"), Actor(code="nobody")
CITY = Fleet(
    districts={"qingwan": District(code="qingwan", name="青湾区"), "heshan": District(code="heshan", name="鹤山县")},
    sites={
        "p1": Site(code="p1", kind=SiteKind.PHARMACY, name="东门药店", district="qingwan", latitude=30.0, longitude=112.0),
        "p2": Site(code="p2", kind=SiteKind.PHARMACY, name="西门药店", district="qingwan"),
    },
    terminals={f"{site}/t1": Terminal(site=site, code="t1", host="127.0.0.1") for site in ("p1", "p2")},
    people={
        "li-na": Person(code="li-na", name="李娜", role=Role.COORDINATOR),
        "wang-lei": Person(code="wang-lei", name="王磊", role=Role.TECHNICIAN, district="qingwan", latitude=30.0, longitude=112.1),
        "zhang-wei": Person(code="zhang-wei", name="张伟", role=Role.TECHNICIAN, district="heshan"),
    },
)


@pytest.fixture
def store(workspace: Settings) -> Iterator[Store]:
    opened = open_store(workspace, create=True)
    with opened.write(FLEET, NOW) as tx:
        fleets.replace_fleet(tx, CITY, {})
    yield opened
    opened.close()


def technicians(store: Store) -> dict[str, str]:
    with store.read() as snapshot:
        return {site: assignment.technician for site, assignment in crew.read_assignments(snapshot).items()}


def test_proposing_stores_nothing(store: Store) -> None:
    with store.read() as snapshot:
        plan = propose_assignments(snapshot)

    assert set(plan.new) == {"p1", "p2"}
    assert technicians(store) == {}


def test_applying_stores_what_was_proposed_in_one_event(store: Store) -> None:
    apply_assignments(store, LI, NOW)
    with store.read() as snapshot:
        events = [event for event in audit.read_events(snapshot) if event.kind == "site.assigned"]

    assert technicians(store) == {"p1": "wang-lei", "p2": "wang-lei"}
    assert [(event.actor, event.body["technicians"]) for event in events] == [("li-na", {"p1": "wang-lei", "p2": "wang-lei"})]


def test_applying_twice_changes_nothing(store: Store) -> None:
    apply_assignments(store, LI, NOW)
    again = apply_assignments(store, LI, NOW)

    assert again.new == {}
    assert set(again.kept) == {"p1", "p2"}


def test_what_a_coordinator_decided_survives_planning_anew(store: Store) -> None:
    assign(store, LI, NOW, "p1", "zhang-wei", reason="knows the owner")
    apply_assignments(store, LI, NOW, anew=True)

    assert technicians(store) == {"p1": "zhang-wei", "p2": "wang-lei"}


def test_a_change_keeps_who_made_it_and_why(store: Store) -> None:
    assign(store, LI, NOW, "p1", "wang-lei", reason=" on holiday ", covering=["zhang-wei", "zhang-wei"])
    with store.read() as snapshot:
        stored = crew.read_assignment(snapshot, "p1")

    assert stored is not None
    assert (stored.by, stored.reason, stored.covering, stored.at) == ("li-na", "on holiday", ("zhang-wei",), NOW)
    assert stored.distance_km == 9.63


@pytest.mark.parametrize("actor", [WANG, STRANGER])
def test_only_coordinators_and_managers_change_who_goes_where(store: Store, actor: Actor) -> None:
    with pytest.raises(NotAllowedError, match="not change who goes where"):
        assign(store, actor, NOW, "p1", "wang-lei", reason="x")
    with pytest.raises(NotAllowedError):
        apply_assignments(store, actor, NOW)

    assert technicians(store) == {}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"site": "p11"}, "there is no site `p11`\nhint: did you mean `p1`?"),
        ({"technician": "wang-le"}, "there is no technician `wang-le`\nhint: did you mean `wang-lei`?"),
        ({"technician": "li-na"}, "李娜 (`li-na`) is no technician"),
        ({"reason": " "}, "a change of who goes where needs a reason\nhint: give it with --reason"),
        ({"covering": ["wang-lei"]}, "王磊 cannot cover for themselves"),
        ({"reason": "a\x1b[2J"}, "the reason holds the character U+001B, which is not allowed"),
        ({"reason": "x" * 401}, "the reason is longer than 400 characters"),
    ],
)
def test_a_wrong_change_says_what_is_wrong_and_changes_nothing(store: Store, change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InputError) as refusal:
        assign(store, LI, NOW, **{"site": "p1", "technician": "wang-lei", "reason": "near"} | change)

    assert str(refusal.value) == complaint
    assert technicians(store) == {}
