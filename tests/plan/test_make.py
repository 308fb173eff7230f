"""The laws of a plan, and which terminals refuse it."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.errors import InputError, MistakesError
from fleet.model.inventory import Fleet
from fleet.model.plan import Plan, Stratum
from fleet.model.playbook import Playbook
from fleet.model.release import Artifact, Release
from fleet.plan import make_plan

Row = tuple[str, str, int, dict[str, object]]
FleetMaker = Callable[..., Fleet]
ArtifactMaker = Callable[..., Artifact]

SITES = st.lists(
    st.tuples(
        st.sampled_from(("hospital", "pharmacy")),
        st.integers(1, 6),
        st.fixed_dictionaries({"vendor": st.sampled_from("abc"), "emergency": st.booleans(), "by_hand": st.integers(0, 2)}),
    ),
    min_size=1,
    max_size=60,
)


def rows(drawn: list[tuple[str, int, dict[str, object]]]) -> list[Row]:
    return [(f"s{n:03}", *site) for n, site in enumerate(drawn)]


def shuffled(fleet: Fleet, seed: int) -> Fleet:
    sites, terminals = list(fleet.sites.items()), list(fleet.terminals.items())
    Random(seed).shuffle(sites)
    Random(seed).shuffle(terminals)
    return fleet.model_copy(update={"sites": dict(sites), "terminals": dict(terminals)})


def strata(plan: Plan, wave: int) -> set[Stratum]:
    return {stratum for site in plan.waves[wave].sites for stratum in site.strata}


def planned(plan: Plan) -> list[str]:
    return [terminal.id for wave in plan.waves for terminal in wave.terminals]


@given(SITES)
def test_every_terminal_is_in_exactly_one_wave(
    make_fleet: FleetMaker, playbook: Playbook, release: Release, drawn: list[tuple[str, int, dict[str, object]]]
) -> None:
    fleet = make_fleet(*rows(drawn))

    assert sorted(planned(make_plan(fleet, playbook, release))) == sorted(fleet.terminals)


@given(SITES)
def test_all_terminals_of_a_site_are_in_one_wave(
    make_fleet: FleetMaker, playbook: Playbook, release: Release, drawn: list[tuple[str, int, dict[str, object]]]
) -> None:
    fleet = make_fleet(*rows(drawn))

    sites = [site for wave in make_plan(fleet, playbook, release).waves for site in wave.sites]

    assert sorted(site.code for site in sites) == sorted(fleet.sites)
    assert all([terminal.id for terminal in site.terminals] == sorted(t.id for t in fleet.terminals_of[site.code]) for site in sites)


@given(SITES, st.integers())
def test_the_same_input_has_the_same_digest_in_any_order_of_rows(
    make_fleet: FleetMaker, playbook: Playbook, release: Release, drawn: list[tuple[str, int, dict[str, object]]], seed: int
) -> None:
    fleet = make_fleet(*rows(drawn))

    assert make_plan(shuffled(fleet, seed), playbook, release) == make_plan(fleet, playbook, release)


@given(SITES)
def test_no_wave_is_empty_and_each_may_lose_a_site(
    make_fleet: FleetMaker, playbook: Playbook, release: Release, drawn: list[tuple[str, int, dict[str, object]]]
) -> None:
    waves = make_plan(make_fleet(*rows(drawn)), playbook, release).waves

    assert [wave.number for wave in waves] == list(range(1, len(waves) + 1))
    assert all(wave.sites and wave.failures_allowed >= 1 and wave.unreachable_allowed >= 1 for wave in waves)


@given(SITES, st.integers(1, 6))
def test_the_canary_tries_all_strata_or_is_full_and_what_it_leaves_is_listed(
    make_fleet: FleetMaker, playbook: Playbook, release: Release, drawn: list[tuple[str, int, dict[str, object]]], at_most: int
) -> None:
    small = playbook.model_copy(update={"waves": playbook.waves.model_copy(update={"canary_at_most": at_most})})
    plan = make_plan(make_fleet(*rows(drawn)), small, release)

    seen = strata(plan, 0)
    assert len(plan.waves[0].sites) <= at_most
    for number, wave in enumerate(plan.waves[1:], 1):
        assert set(wave.untested) == strata(plan, number) - seen
        seen |= strata(plan, number)
    assert len(plan.waves[0].sites) == at_most or not any(wave.untested for wave in plan.waves)


def test_a_plan_depends_on_everything_that_matters(make_fleet: FleetMaker, playbook: Playbook, release: Release) -> None:
    fleet = make_fleet(*((f"p{n}", "pharmacy", 1, {}) for n in range(10)))
    other_limit = playbook.model_copy(update={"push_deadline_s": 599.0})
    other_version = release.model_copy(update={"version": "4.2.1"})

    digests = {
        make_plan(fleet, playbook, release).digest,
        make_plan(fleet, other_limit, release).digest,
        make_plan(fleet, playbook, other_version).digest,
        make_plan(fleet, playbook, release, "-site:p1").digest,
    }

    assert len(digests) == 4


def test_terminals_with_the_same_steps_and_artifact_share_a_program_and_those_done_by_hand_have_none(
    make_fleet: FleetMaker, playbook: Playbook, release: Release
) -> None:
    fleet = make_fleet(("h1", "hospital", 3, {"by_hand": 1}), ("p1", "pharmacy", 2, {}), ("p2", "pharmacy", 1, {}))

    plan = make_plan(fleet, playbook, release)

    assert len(plan.programs) == 2
    assert plan.program_of["h1/t00"] is None
    hospital, pharmacy = plan.program_of["h1/t01"], plan.program_of["p1/t00"]
    assert hospital is not None
    assert pharmacy is not None
    assert hospital == plan.program_of["h1/t02"]
    assert pharmacy == plan.program_of["p2/t00"]
    assert (hospital.artifact, pharmacy.artifact) == ("hospital", "pharmacy")
    assert "bind-hospital-key" in hospital.steps
    assert "bind-pharmacy-certificate" in pharmacy.steps


def test_only_the_terminals_that_are_selected_are_planned(make_fleet: FleetMaker, playbook: Playbook, release: Release) -> None:
    fleet = make_fleet(("h1", "hospital", 3, {}), ("p1", "pharmacy", 2, {}))

    plan = make_plan(fleet, playbook, release, "类别：医院 -terminal:t01")

    assert planned(plan) == ["h1/t00", "h1/t02"]
    assert plan.waves[0].sites[0].strata == (Stratum(kind="hospital", vendor="acme", size="medium"),)


def test_an_emergency_site_is_tried_first_only_for_what_no_other_site_has(
    make_fleet: FleetMaker, playbook: Playbook, release: Release
) -> None:
    fleet = make_fleet(
        *((f"calm{n}", "hospital", 1, {}) for n in range(5)),
        *((f"busy{n}", "hospital", 1, {"emergency": True}) for n in range(50)),
        ("only", "hospital", 1, {"emergency": True, "vendor": "rare"}),
    )

    canary = {site.code for site in make_plan(fleet, playbook, release).waves[0].sites}

    assert "only" in canary
    assert not any(code.startswith("busy") for code in canary)


def test_the_canary_is_filled_up_to_the_samples_its_gate_needs(make_fleet: FleetMaker, playbook: Playbook, release: Release) -> None:
    fleet = make_fleet(*((f"p{n}", "pharmacy", 1, {}) for n in range(100)))

    assert len(make_plan(fleet, playbook, release).waves[0].sites) == playbook.gate.min_samples


def test_each_wave_after_the_canary_has_its_share_of_every_sort(make_fleet: FleetMaker, playbook: Playbook, release: Release) -> None:
    fleet = make_fleet(*((f"s{n}", "hospital" if n % 5 == 0 else "pharmacy", 1, {"vendor": "ab"[n % 2]}) for n in range(500)))

    waves = make_plan(fleet, playbook, release).waves[1:]

    assert [len(wave.sites) for wave in waves] == [50, 148, 297]
    for wave in waves:
        hospitals = sum(fleet.sites[site.code].kind == "hospital" for site in wave.sites)
        assert abs(hospitals - len(wave.sites) / 5) <= 2


def test_a_terminal_that_matches_no_artifact_or_two_is_refused_and_all_are_named_at_once(
    make_fleet: FleetMaker, make_artifact: ArtifactMaker, playbook: Playbook
) -> None:
    artifacts = (make_artifact("all", "kind:pharmacy"), make_artifact("bolt", "vendor:bolt"))
    release = Release(version="4.2.0", artifacts=artifacts)
    fleet = make_fleet(("p1", "pharmacy", 1, {"vendor": "bolt"}), ("p2", "pharmacy", 1, {}), ("h1", "hospital", 5, {"by_hand": 1}))

    with pytest.raises(MistakesError) as caught:
        make_plan(fleet, playbook, release)

    said = str(caught.value)
    assert "release 4.2.0: no artifact is for it: h1/t00, h1/t01, h1/t02, ... (5 in all)" in said
    assert "release 4.2.0: artifacts all, bolt are for the same terminal: p1/t00 (1 in all)" in said
    assert "2 mistakes" in said


def test_a_command_that_an_artifact_does_not_bring_is_refused(
    make_fleet: FleetMaker, make_artifact: ArtifactMaker, playbook: Playbook
) -> None:
    release = Release(version="4.2.0", artifacts=(make_artifact("all", "", "bin/client", "bin/health", "bin/encryption"),))

    with pytest.raises(MistakesError) as caught:
        make_plan(make_fleet(("p1", "pharmacy", 1, {}), ("h1", "hospital", 1, {})), playbook, release)

    said = str(caught.value)
    assert "step `bind-pharmacy-certificate` runs `bin/certificate`, which is no program of artifact `all`: p1/t00 (1 in all)" in said
    assert "step `swipe-test` runs `bin/swipe-test`, which is no program of artifact `all`: h1/t00 (1 in all)" in said


def test_two_steps_of_a_kind_that_a_terminal_can_have_once_are_refused_where_they_meet(
    make_fleet: FleetMaker, playbook: Playbook, release: Release
) -> None:
    steps = tuple(step.model_copy(update={"where": ""}) if step.name == "bind-hospital-key" else step for step in playbook.steps)
    meeting = playbook.model_copy(update={"steps": steps})

    make_plan(make_fleet(("h1", "hospital", 1, {})), meeting, release)
    with pytest.raises(MistakesError, match="bind-key steps `bind-hospital-key`, `bind-pharmacy-certificate` both apply"):
        make_plan(make_fleet(("h1", "hospital", 1, {}), ("p1", "pharmacy", 1, {})), meeting, release)


def test_selections_of_playbook_and_release_that_ask_for_a_label_nobody_has_are_refused_at_once(
    make_fleet: FleetMaker, make_artifact: ArtifactMaker, playbook: Playbook
) -> None:
    steps = tuple(step.model_copy(update={"where": "vendro:x"}) if step.name == "bind-hospital-key" else step for step in playbook.steps)
    release = Release(version="4.2.0", artifacts=(make_artifact("all", "model:x"),))

    with pytest.raises(MistakesError) as caught:
        make_plan(make_fleet(("h1", "hospital", 1, {})), playbook.model_copy(update={"steps": steps}), release)

    assert "playbook upgrade-client: unknown field `vendro`\nhint: did you mean `vendor:`?" in str(caught.value)
    assert "release 4.2.0: artifact `all`: unknown field `model`" in str(caught.value)


@pytest.mark.parametrize(
    ("select", "said"),
    [
        ("site:nowhere", "the selection `site:nowhere` means no terminal of the inventory"),
        ("knd:hospital", "unknown field `knd`"),
        ("state:failed", "`state:` is not known before a rollout"),
    ],
)
def test_a_selection_that_cannot_be_planned_is_refused(
    make_fleet: FleetMaker, playbook: Playbook, release: Release, select: str, said: str
) -> None:
    with pytest.raises(InputError) as caught:
        make_plan(make_fleet(("h1", "hospital", 1, {})), playbook, release, select)

    assert said in str(caught.value)


def test_an_inventory_without_terminals_is_refused(playbook: Playbook, release: Release) -> None:
    with pytest.raises(InputError, match="the inventory holds no terminal"):
        make_plan(Fleet(), playbook, release)
