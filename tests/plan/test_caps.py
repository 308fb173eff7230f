"""Budgets by cause and district, and limits: from the playbook into the plan, its preview, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fleet.errors import MistakesError
from fleet.model.caps import DistrictBudget, Limit, Per
from fleet.model.inventory import Fleet
from fleet.model.playbook import Budget, Playbook
from fleet.model.release import Release
from fleet.plan import make_plan, preview, read_playbook

FleetMaker = Callable[..., Fleet]
PLAYBOOK = Path(__file__).parents[2] / "playbooks" / "upgrade-client.yaml"


def town(make_fleet: FleetMaker, pharmacies: int = 40, emergency: int = 2) -> Fleet:
    hospitals = ((f"h{n}", "hospital", 1, {"emergency": True}) for n in range(emergency))
    return make_fleet(*hospitals, *((f"p{n:02}", "pharmacy", 1, {}) for n in range(pharmacies)))


def with_caps(playbook: Playbook, *limits: Limit, **budget: object) -> Playbook:
    return playbook.model_copy(update={"limits": limits, "budget": Budget.model_validate({"failures": 50, "unreachable": 50} | budget)})


def test_a_budget_for_a_cause_is_a_number_or_a_share_of_the_wave_and_at_least_one(
    make_fleet: FleetMaker, playbook: Playbook, release: Release
) -> None:
    plan = make_plan(town(make_fleet), with_caps(playbook, causes={"disk-full": "3", "probe-failed": "10%"}), release)

    for wave in plan.waves:
        assert wave.causes_allowed == {"disk-full": 3, "probe-failed": max(1, len(wave.sites) // 10)}


def test_the_smallest_budget_says_how_many_are_in_flight_and_the_preview_names_it(
    make_fleet: FleetMaker, playbook: Playbook, release: Release
) -> None:
    fleet = town(make_fleet)
    shown = preview(make_plan(fleet, with_caps(playbook, causes={"disk-full": "2"}), release), fleet)

    assert [(wave.bound_by, wave.parallel) for wave in shown.waves[2:]] == [("disk-full", 2), ("disk-full", 2)]


def test_a_district_has_its_part_of_each_wave(make_fleet: FleetMaker, playbook: Playbook, release: Release) -> None:
    fleet = town(make_fleet)
    shown = preview(make_plan(fleet, with_caps(playbook, per_district=DistrictBudget(failures=10)), release), fleet)

    last = shown.waves[-1]
    assert [(part.district, part.sites, part.failures_allowed) for part in last.districts] == [("qw", last.sites, max(1, last.sites // 10))]
    assert last.bound_by == "per_district"


def test_a_limit_counts_its_sites_in_every_wave_of_the_plan(make_fleet: FleetMaker, playbook: Playbook, release: Release) -> None:
    fleet = town(make_fleet)
    limits = (Limit(select="emergency:yes", at_most="1"), Limit(select="kind:pharmacy", per=Per.FLEET, at_most="10%"))
    plan = make_plan(fleet, with_caps(playbook, *limits), release)

    assert [(limit.district, limit.sites, limit.allowed) for limit in plan.limits] == [("qw", 2, 1), (None, 40, 4)]
    assert {site.code: site.limits for wave in plan.waves for site in wave.sites} == {
        code: (0,) if site.emergency else (1,) for code, site in fleet.sites.items()
    }
    assert [sum(limit.planned) for limit in preview(plan, fleet).limits] == [2, 40]


@pytest.mark.parametrize("at_most", ["40%", "0.1%"])
def test_a_share_that_comes_to_less_than_one_site_is_one_as_budgets_are(
    make_fleet: FleetMaker, playbook: Playbook, release: Release, at_most: str
) -> None:
    plan = make_plan(town(make_fleet), with_caps(playbook, Limit(select="emergency:yes", at_most=at_most)), release)

    assert [(limit.sites, limit.allowed) for limit in plan.limits] == [(2, 1)]


@pytest.mark.parametrize("at_most", ["0", "0%"])
def test_a_limit_that_could_never_be_kept_is_refused_with_its_sites(
    make_fleet: FleetMaker, playbook: Playbook, release: Release, at_most: str
) -> None:
    fleet = town(make_fleet)

    with pytest.raises(MistakesError, match=r"emergency:yes.*h0, h1"):
        make_plan(fleet, with_caps(playbook, Limit(select="emergency:yes", at_most=at_most)), release)


@pytest.mark.parametrize(
    ("emergency", "at_most", "all_down"),
    [
        (1, "50%", ("h0",)),
        (1, "1", ("h0",)),
        (3, "3", ("h0", "h1", "h2")),
        (3, "9", ("h0", "h1", "h2")),
        (3, "100%", ("h0", "h1", "h2")),
        (3, "2", ()),
        (3, "99%", ()),
        (2, "50%", ()),
    ],
)
def test_a_limit_that_keeps_none_of_its_sites_up_is_shown_with_them_and_planned_all_the_same(
    *, make_fleet: FleetMaker, playbook: Playbook, release: Release, emergency: int, at_most: str, all_down: tuple[str, ...]
) -> None:
    fleet = town(make_fleet, emergency=emergency)
    shown = preview(make_plan(fleet, with_caps(playbook, Limit(select="emergency:yes", at_most=at_most)), release), fleet)

    assert [limit.all_down for limit in shown.limits] == [all_down]


def test_a_limit_of_which_a_site_is_in_no_wave_lets_never_all_be_down(make_fleet: FleetMaker, playbook: Playbook, release: Release) -> None:
    fleet = town(make_fleet, emergency=2)
    shown = preview(make_plan(fleet, with_caps(playbook, Limit(select="emergency:yes", at_most="2")), release, "-site:h1"), fleet)

    assert [(limit.sites, sum(limit.planned), limit.all_down) for limit in shown.limits] == [(2, 1, ())]


def test_a_plan_without_them_is_written_as_before(make_fleet: FleetMaker, playbook: Playbook, release: Release) -> None:
    written = make_plan(town(make_fleet), playbook, release).model_dump(mode="json")

    assert set(written["playbook"]["budget"]) == {"failures", "unreachable"}
    assert "limits" not in written
    assert "limits" not in written["playbook"]
    for wave in written["waves"]:
        assert not {"causes_allowed", "districts_allowed"} & set(wave)
        assert not any("limits" in site for site in wave["sites"])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("  causes: {probe-faild: 2}", r"`probe-faild` is no cause of a failure\n.*did you mean `probe-failed`"),
        ("  causes: {probe-failed: some}", r"write a number of sites, for example 2, or a share"),
        ("  causes: {probe-failed: 101%}", r"write a number of sites"),
        ("limits: [{select: kind:pharmcy, at_most: 1}]", r"`pharmcy` is no value of `kind:`"),
        ("limits: [{select: kind:pharmacy, at_mots: 1}]", r"unknown key `at_mots`"),
        ("limits: [{select: kind:pharmacy, per: county, at_most: 1}]", r"`per` cannot be `county`"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_a_way_to_mend_it(tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "p.yaml"
    text = PLAYBOOK.read_text("utf-8").replace("  unreachable: 10\n", f"  unreachable: 10\n{line}\n")
    file.write_text(text, "utf-8")
    at = text.splitlines().index(line) + 1

    with pytest.raises(MistakesError, match=f"(?s)p.yaml:{at}: .*{said}"):
        read_playbook(file)
