"""Who goes where: laws over random fleets, and the cases a coordinator would ask about."""

from collections.abc import Iterable
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from fleet.crew import haversine_km, is_usable, plan_crew, workloads
from fleet.model.crew import Assignment
from fleet.model.inventory import District, Fleet, Person, Role, Site, SiteKind, Terminal

DISTRICTS = {
    "city": District(code="city", name="云川市"),
    "qingwan": District(code="qingwan", name="青湾区", parent="city"),
    "heshan": District(code="heshan", name="鹤山县", parent="city"),
}
AT = datetime(2026, 3, 14, 14, 0, tzinfo=UTC)


def site(code: str, longitude: float | None, district: str = "qingwan", kind: SiteKind = SiteKind.PHARMACY) -> Site:
    return Site(code=code, kind=kind, name=code, district=district, latitude=None if longitude is None else 30.0, longitude=longitude)


def technician(code: str, longitude: float | None, district: str | None = "qingwan", skills: tuple[str, ...] = ()) -> Person:
    latitude = None if longitude is None else 30.0
    return Person(code=code, name=code, role=Role.TECHNICIAN, district=district, latitude=latitude, longitude=longitude, skills=skills)


def fleet_of(sites: Iterable[Site], people: Iterable[Person], terminals: dict[str, int] | None = None) -> Fleet:
    sites = list(sites)
    machines = [Terminal(site=s.code, code=f"t{n}", host="127.0.0.1") for s in sites for n in range((terminals or {}).get(s.code, 1))]
    return Fleet(
        districts=DISTRICTS,
        sites={s.code: s for s in sites},
        terminals={t.id: t for t in machines},
        people={p.code: p for p in people},
    )


def who(fleet: Fleet, current: dict[str, Assignment] | None = None, *, anew: bool = False) -> dict[str, str]:
    plan = plan_crew(fleet, current or {}, anew=anew)
    return {code: assignment.technician for code, assignment in plan.assignments.items()}


_longitudes = st.none() | st.floats(min_value=112.0, max_value=114.0)
_districts = st.sampled_from(["city", "qingwan", "heshan"])
_sites = st.lists(st.tuples(_longitudes, _districts, st.sampled_from(list(SiteKind)), st.integers(0, 6)), max_size=25)
_crew = st.lists(st.tuples(_longitudes, st.none() | _districts, st.sampled_from([(), ("hospital",), ("pharmacy", "hospital")])), max_size=5)


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    drawn = draw(_sites)
    sites = [site(f"s{n}", longitude, district, kind) for n, (longitude, district, kind, _) in enumerate(drawn)]
    people = [technician(f"w{n}", *values) for n, values in enumerate(draw(_crew))]
    return fleet_of(sites, people, {f"s{n}": count for n, (*_, count) in enumerate(drawn)})


@given(fleets())
def test_every_site_has_exactly_one_technician_or_a_reason(fleet: Fleet) -> None:
    plan = plan_crew(fleet, {})

    assert sorted([*plan.kept, *plan.new, *plan.without]) == sorted(fleet.sites)
    assert all(message.text for message in plan.without.values())


@given(fleets())
def test_nobody_is_sent_outside_their_jurisdiction(fleet: Fleet) -> None:
    for code, assignment in plan_crew(fleet, {}).new.items():
        district = fleet.people[assignment.technician].district

        assert district is None or district in fleet.lineage[fleet.sites[code].district]


@given(fleets(), st.randoms(use_true_random=False))
def test_the_order_of_the_files_does_not_change_who_goes_where(fleet: Fleet, dice: object) -> None:
    sites, people = list(fleet.sites.items()), list(fleet.people.items())
    dice.shuffle(sites)  # type: ignore[attr-defined]
    dice.shuffle(people)  # type: ignore[attr-defined]
    shuffled = Fleet(districts=fleet.districts, sites=dict(sites), terminals=fleet.terminals, people=dict(people))

    assert who(shuffled) == who(fleet)


@given(fleets())
def test_planning_what_is_planned_changes_nothing(fleet: Fleet) -> None:
    first = plan_crew(fleet, {})
    second = plan_crew(fleet, first.assignments)

    assert second.new == {}
    assert second.kept == first.assignments


@given(fleets())
def test_planning_anew_what_was_planned_anew_is_nothing_new(fleet: Fleet) -> None:
    stored = {code: assignment.model_copy(update={"at": AT}) for code, assignment in plan_crew(fleet, {}).assignments.items()}
    again = plan_crew(fleet, stored, anew=True)

    assert again.new == {}
    assert again.kept == stored


@given(fleets())
def test_workloads_count_every_assigned_site_and_terminal_once(fleet: Fleet) -> None:
    assignments = plan_crew(fleet, {}).assignments
    found = workloads(fleet, assignments)

    assert sum(work.sites for work in found) == len(assignments)
    assert sum(work.terminals for work in found) == sum(len(fleet.terminals_of.get(code, ())) for code in assignments)


def test_each_takes_what_is_near() -> None:
    fleet = fleet_of([site("west", 112.0), site("east", 114.0)], [technician("li", 113.9), technician("wang", 112.1)])

    assert who(fleet) == {"west": "wang", "east": "li"}


def test_the_work_is_shared_evenly_although_all_sites_are_nearer_to_one() -> None:
    fleet = fleet_of([site(f"s{n}", 112.0 + n / 100) for n in range(40)], [technician("near", 112.0), technician("far", 114.0)])
    work = {each.technician: each.sites for each in workloads(fleet, plan_crew(fleet, {}).assignments)}

    assert work == {"near": 20, "far": 20}


def test_load_is_terminals_not_sites() -> None:
    sites = [site("big", 112.0), *(site(f"s{n}", 113.0) for n in range(6))]
    fleet = fleet_of(sites, [technician("li", 112.0), technician("wang", 113.0)], {"big": 6})

    assert who(fleet) == {"big": "li", **{f"s{n}": "wang" for n in range(6)}}


def test_a_site_outside_every_jurisdiction_says_why() -> None:
    fleet = fleet_of([site("s1", 112.0, "heshan")], [technician("li", 112.0, "qingwan")])
    plan = plan_crew(fleet, {})

    assert str(plan.without["s1"]) == "no technician is responsible for 鹤山县 or a district above it"


def test_an_inventory_without_technicians_says_so() -> None:
    plan = plan_crew(fleet_of([site("s1", 112.0)], []), {})

    assert str(plan.without["s1"]) == "the inventory has no technician"


def test_whoever_is_responsible_for_the_city_goes_everywhere() -> None:
    fleet = fleet_of([site("s1", 112.0, "heshan"), site("s2", 112.0)], [technician("li", 112.0, "city"), technician("wang", 112.0, None)])

    assert set(who(fleet)) == {"s1", "s2"}


def test_a_hospital_goes_to_those_with_the_skill_even_when_they_are_farther() -> None:
    sites = [site("h1", 112.0, kind=SiteKind.HOSPITAL), site("p1", 112.0)]
    fleet = fleet_of(sites, [technician("near", 112.0), technician("skilled", 113.0, skills=("hospital",))])

    assert who(fleet)["h1"] == "skilled"


def test_a_hospital_goes_to_anyone_responsible_where_nobody_has_the_skill() -> None:
    skilled_elsewhere = technician("skilled", 112.0, "heshan", ("hospital",))
    fleet = fleet_of([site("h1", 112.0, kind=SiteKind.HOSPITAL)], [technician("li", 112.0), skilled_elsewhere])

    assert who(fleet) == {"h1": "li"}


def test_a_site_without_coordinates_has_a_technician_but_no_distance() -> None:
    fleet = fleet_of([site("s1", None)], [technician("li", 112.0)])

    assert plan_crew(fleet, {}).new["s1"] == Assignment(site="s1", technician="li", distance_km=None)


def test_what_a_person_decided_is_kept_and_counts_as_load() -> None:
    fleet = fleet_of([site("s1", 112.0), site("s2", 112.0)], [technician("li", 112.0), technician("wang", 113.0)])
    decided = Assignment(site="s1", technician="li", by="chen", reason="speaks the dialect", at=AT)
    plan = plan_crew(fleet, {"s1": decided}, anew=True)

    assert plan.kept == {"s1": decided}
    assert plan.new["s2"].technician == "wang"


def test_planning_anew_gives_up_what_the_program_chose_before() -> None:
    fleet = fleet_of([site("s1", 112.0)], [technician("li", 112.0), technician("wang", 113.0)])
    before = {"s1": Assignment(site="s1", technician="wang")}

    assert who(fleet, before) == {"s1": "wang"}
    assert who(fleet, before, anew=True) == {"s1": "li"}


def test_the_sites_of_somebody_who_left_are_given_to_others() -> None:
    fleet = fleet_of([site("s1", 112.0)], [technician("li", 112.0)])
    before = {"s1": Assignment(site="s1", technician="gone", by="chen", reason="nearest", at=AT)}

    assert who(fleet, before) == {"s1": "li"}


def test_a_technician_who_moved_to_another_district_loses_what_the_program_gave_but_not_what_a_person_gave() -> None:
    fleet = fleet_of([site("s1", 112.0)], [technician("li", 112.0, "heshan")])
    chosen = Assignment(site="s1", technician="li")

    assert not is_usable(chosen, fleet)
    assert is_usable(chosen.model_copy(update={"by": "chen", "at": AT}), fleet)


def test_distances_are_those_of_the_globe() -> None:
    beijing_to_shanghai = haversine_km(39.9042, 116.4074, 31.2304, 121.4737)

    assert abs(beijing_to_shanghai - 1067.3) < 0.5
    assert haversine_km(30.0, 112.0, 30.0, 112.0) == 0
