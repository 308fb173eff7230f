"""What a coordinator is shown before anything is touched."""

from collections.abc import Callable

from fleet.model.inventory import Fleet
from fleet.model.playbook import Playbook
from fleet.model.release import Release
from fleet.plan import make_plan, preview

FleetMaker = Callable[..., Fleet]


def test_waves_are_counted_by_kind_and_by_hand(make_fleet: FleetMaker, playbook: Playbook, release: Release) -> None:
    fleet = make_fleet(("h1", "hospital", 5, {"by_hand": 2}), *((f"p{n}", "pharmacy", 1, {}) for n in range(30)))

    shown = preview(make_plan(fleet, playbook, release), fleet)

    assert (shown.sites, shown.terminals, shown.by_hand) == (31, 35, 2)
    assert sum(wave.sites for wave in shown.waves) == 31
    assert sum(wave.terminals.get("hospital", 0) for wave in shown.waves) == 5
    assert sum(wave.terminals.get("pharmacy", 0) for wave in shown.waves) == 30


def test_every_site_of_the_canary_says_which_strata_it_tries_first(make_fleet: FleetMaker, playbook: Playbook, release: Release) -> None:
    fleet = make_fleet(("h1", "hospital", 6, {}), *((f"p{n}", "pharmacy", 1, {"vendor": "ab"[n % 2]}) for n in range(30)))

    canary = preview(make_plan(fleet, playbook, release), fleet).canary

    assert sorted(stratum for site in canary for stratum in site.tries_first) == [
        "hospital / acme / large",
        "pharmacy / a / small",
        "pharmacy / b / small",
    ]
    assert all(site.name == f"{site.code} 号" for site in canary)


def test_strata_that_the_canary_cannot_try_are_listed_with_their_wave(make_fleet: FleetMaker, playbook: Playbook, release: Release) -> None:
    tight = playbook.model_copy(update={"waves": playbook.waves.model_copy(update={"canary_at_most": 1})})
    fleet = make_fleet(*((f"p{n}", "pharmacy", 1, {"vendor": "ab"[n % 2]}) for n in range(10)))

    shown = preview(make_plan(fleet, tight, release), fleet)

    assert [len(wave.untested) for wave in shown.waves] == [0, 1, 0, 0]


def test_the_earliest_finish_follows_from_parallelism_and_the_assumed_push(
    make_fleet: FleetMaker, playbook: Playbook, release: Release
) -> None:
    fleet = make_fleet(*((f"p{n}", "pharmacy", 1, {}) for n in range(405)))

    shown = preview(make_plan(fleet, playbook, release), fleet, push_s=10)

    assert [(wave.sites, wave.parallel, wave.earliest_s) for wave in shown.waves] == [
        (5, 1, 50),
        (40, 2, 200),
        (120, 6, 200),
        (240, 12, 200),
    ]
    assert shown.earliest_s == 650


def test_irreversible_steps_and_steps_nobody_gets_are_told(make_fleet: FleetMaker, playbook: Playbook, release: Release) -> None:
    steps = tuple(
        step.model_copy(update={"irreversible": True, "undo": None}) if step.name == "software-encryption" else step
        for step in playbook.steps
    )
    risky = playbook.model_copy(update={"steps": steps})
    fleet = make_fleet(("p1", "pharmacy", 1, {}))

    shown = preview(make_plan(fleet, risky, release), fleet)

    assert [program.irreversible for program in shown.programs] == [("software-encryption",)]
    assert shown.unused_steps == ("bind-hospital-key",)


def test_sites_without_terminals_are_counted(make_fleet: FleetMaker, playbook: Playbook, release: Release) -> None:
    fleet = make_fleet(("p1", "pharmacy", 1, {}), ("p2", "pharmacy", 0, {}))

    assert preview(make_plan(fleet, playbook, release), fleet).sites_without_terminals == 1


def test_a_wave_too_small_for_a_verdict_is_told(make_fleet: FleetMaker, playbook: Playbook, release: Release) -> None:
    fleet = make_fleet(*((f"p{n}", "pharmacy", 1, {}) for n in range(12)))
    gate = playbook.gate.model_copy(update={"min_samples": 3})
    waves = playbook.waves.model_copy(update={"canary_at_most": 4, "shares": (20.0, 80.0)})

    shown = preview(make_plan(fleet, playbook.model_copy(update={"gate": gate, "waves": waves}), release), fleet)

    assert shown.min_samples == 3
    assert [(wave.by_ssh, wave.too_few) for wave in shown.waves] == [(3, False), (2, True), (7, False)]
