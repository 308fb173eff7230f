"""Who may send whom where."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from fleet.control.crew import apply_assignments, assign, propose_assignments, sites_of_technician
from fleet.errors import InputError, NotAllowedError
from fleet.model.actor import FLEET, Actor
from fleet.model.attempt import AttemptResult, TerminalState
from fleet.model.inventory import District, Fleet, Person, Reach, Role, Site, SiteKind, Terminal
from fleet.model.plan import Plan
from fleet.settings import Settings
from fleet.store import Store, audit, crew, fleets, open_store, progress

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


def test_a_name_that_only_one_has_says_who_and_where(store: Store) -> None:
    assignment = assign(store, LI, NOW, "东门药店", "王磊", reason="near", covering=["张伟"])

    assert (assignment.site, assignment.technician, assignment.covering) == ("p1", "wang-lei", ("zhang-wei",))


def test_a_technicians_sites_are_theirs_and_those_they_cover_nearest_first(store: Store) -> None:
    apply_assignments(store, LI, NOW)
    assign(store, LI, NOW, "p2", "zhang-wei", reason="ill", covering=["wang-lei"])
    with store.read() as snapshot:
        own = sites_of_technician(snapshot, CITY.people["wang-lei"])
        others = sites_of_technician(snapshot, CITY.people["zhang-wei"])

    assert [(each.site.code, each.technician, each.distance_km, each.terminals) for each in own] == [
        ("p1", "wang-lei", 9.63, 1),
        ("p2", "zhang-wei", None, 1),
    ]
    assert [each.site.code for each in others] == ["p2"]
    assert {(each.rollout, each.row) for each in own} == {(None, None)}


def test_what_waits_for_a_technician_comes_before_what_is_near_and_what_is_done_comes_last(
    store: Store, start_rollout: Callable[..., Plan]
) -> None:
    sites = {f"s{n}": Site(code=f"s{n}", kind=SiteKind.PHARMACY, name=f"s{n}", district="qingwan") for n in range(4)}
    reach = {"s0": Reach.SSH, "s1": Reach.BY_HAND, "s2": Reach.SSH, "s3": Reach.BY_HAND}
    terminals = {f"{code}/t1": Terminal(site=code, code="t1", host="127.0.0.1", reach=reach[code]) for code in sites}
    start_rollout(store, CITY.model_copy(update={"sites": sites, "terminals": terminals}))
    apply_assignments(store, LI, NOW)
    failed = AttemptResult(terminal="s2/t1", number=1, ending=TerminalState.FAILED, started_at=NOW, finished_at=NOW)
    with store.write(FLEET, NOW) as tx:
        progress.record_result(tx, "r1", failed)
        progress.record_self_tests(tx, "r1", {"s1/t1": True}, {"s1/t1": ""})
        progress.record_mark(tx, "r1", "s1", marked=True)
    with store.read() as snapshot:
        found = sites_of_technician(snapshot, CITY.people["wang-lei"])

    assert [(each.site.code, each.by_hand, each.rollout) for each in found] == [
        ("s3", ("t1",), "r1"),
        ("s2", (), "r1"),
        ("s0", (), "r1"),
        ("s1", ("t1",), "r1"),
    ]


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
        ({"technician": "王蕾"}, "there is no technician `王蕾`\nhint: `fleet assign` lists the technicians"),
        ({"technician": "王"}, "there is no technician `王`\nhint: did you mean `王磊`?"),
        ({"site": "东门店"}, "there is no site `东门店`\nhint: did you mean `东门药店`?"),
        ({"site": "同名药店"}, "2 are called `同名药店`; say which by the code\nhint: one of: p3, p4"),
        ({"technician": "李娜"}, "李娜 (`li-na`) is a coordinator, not a technician\nhint: `fleet assign` lists the technicians"),
        ({"technician": "li-na"}, "李娜 (`li-na`) is a coordinator, not a technician\nhint: `fleet assign` lists the technicians"),
        ({"reason": " "}, "a change of who goes where needs a reason\nhint: give it with --reason"),
        ({"covering": ["wang-lei"]}, "王磊 cannot cover for themselves"),
        ({"reason": "a\x1b[2J"}, "the reason holds the character U+001B, which is not allowed"),
        ({"reason": "x" * 401}, "the reason is longer than 400 characters"),
    ],
)
def test_a_wrong_change_says_what_is_wrong_and_changes_nothing(store: Store, change: dict[str, Any], complaint: str) -> None:
    same = {code: Site(code=code, kind=SiteKind.PHARMACY, name="同名药店", district="heshan") for code in ("p3", "p4")}
    with store.write(FLEET, NOW) as tx:
        fleets.replace_fleet(tx, CITY.model_copy(update={"sites": {**CITY.sites, **same}}), {})
    with pytest.raises(InputError) as refusal:
        assign(store, LI, NOW, **{"site": "p1", "technician": "wang-lei", "reason": "near"} | change)

    assert str(refusal.value) == complaint
    assert technicians(store) == {}
