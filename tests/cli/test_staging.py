"""Staging and rates, as a coordinator types and reads them."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from fleet.model.actor import FLEET
from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.inventory import Fleet
from fleet.model.rollout import RolloutPhase, Verdict, WavePhase
from fleet.plan import write_plan
from fleet.store import Store, progress, rollouts
from tests.cli.conftest import ours
from tests.conftest import Cli
from tests.engine.city import AT, STAGER, make_fleet, make_plan


@pytest.fixture
def store(open_with: Callable[[Fleet], Store], tmp_path: Path) -> Store:
    """A workspace with six sites, a release and a plan file; this OS user is its coordinator."""
    fleet = ours(make_fleet(6, by_hand=1))
    write_plan(make_plan(fleet, 2, 4, program=STAGER), tmp_path / "plan.json")
    return open_with(fleet)


def end(store: Store, **endings: TerminalState) -> None:
    """Each site's terminal ends so; then the rollout is over, its first wave judged as it fell out."""
    for site, ending in endings.items():
        cause = Cause.NONE if ending is TerminalState.STAGED else Cause.DISK_FULL
        result = AttemptResult(terminal=f"{site}/t1", number=1, ending=ending, cause=cause, started_at=AT, finished_at=AT)
        with store.write(FLEET, AT) as tx:
            progress.record_result(tx, "r1", result)
    with store.write(FLEET, AT) as tx:
        state = rollouts.newest_rollout(tx)
        assert state is not None
        values = {"staged": 0, "samples": 2, "needed": 95.0, "min_samples": 1}
        judged = {"verdict": Verdict.FAIL, "verdict_code": "below-staged", "verdict_values": values}
        waves = tuple(wave.model_copy(update={"phase": WavePhase.PASSED, **(judged if wave.number == 1 else {})}) for wave in state.waves)
        rollouts.save_rollout(tx, state.model_copy(update={"phase": RolloutPhase.FINISHED, "waves": waves}))


@pytest.mark.usefixtures("store")
def test_starting_says_what_it_is_for_and_what_the_rates_come_to(cli: Cli, tmp_path: Path) -> None:
    ran = cli(
        "rollout", "start", tmp_path / "plan.json", "--count", 6, "--only", "stage", "--site-rate", "2Mbit", "--total-rate", "160kbit"
    )

    assert ran.code == 0
    started, rates, longest, least = ran.out.splitlines()
    assert started == "Rollout r1 is started; it stages, and touches nothing live. Waves: 2"
    assert rates == "Sending at most 2 Mbit/s (250 KB/s) to a site and 160 kbit/s (20 KB/s) in all."
    assert longest.startswith("A push may take 0:")
    assert least == "All of it takes 0:00:01 at least, where no terminal has any of the files yet."


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--only", "activate"), "`activate` is no part of a plan that can be carried out alone"),
        (("--only", ""), "is no part of a plan"),
        (("--site-rate", "2M"), "`2M` is no rate"),
        (("--total-rate", "1bit"), "`1bit` is no rate"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_option_and_starts_nothing(
    cli: Cli, tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    ran = cli("rollout", "start", tmp_path / "plan.json", "--count", 6, *words)

    assert ran.code == 2
    assert told in ran.err
    assert f"at: {words[0]}" in ran.err
    assert cli("status").code == 2


@pytest.mark.usefixtures("store")
def test_an_export_of_a_staging_rollout_tells_how_much_is_staged(cli: Cli, tmp_path: Path) -> None:
    cli("rollout", "start", tmp_path / "plan.json", "--count", 6, "--only", "stage")

    ran = cli("export", "--out", tmp_path / "staged.csv")

    assert ran.code == 0, ran.err
    assert re.search(r"sites: \d+, staged: 0; terminals: \d+, staged: 0", ran.err)
    assert "done" not in ran.err


def test_status_shows_staging_as_what_it_is(cli: Cli, store: Store, tmp_path: Path) -> None:
    cli("rollout", "start", tmp_path / "plan.json", "--count", 6, "--only", "stage", "--site-rate", "2Mbit")
    sites = [f"s00{number}" for number in range(6)]
    end(store, **dict.fromkeys(sites[:2], TerminalState.FAILED), **dict.fromkeys(sites[2:], TerminalState.STAGED))

    ran, facts = cli("status"), json.loads(cli("status", "--json").out)

    assert ran.code == 1
    assert "Rollout r1 stages release 4.2.0 and touches nothing live: finished" in ran.out
    assert "Sending at most 2 Mbit/s (250 KB/s) to a site." in ran.out
    assert "Wave 1 went on; fail: only 0 of 2 terminals that answered are staged (0 %); 95 % of them are expected" in ran.out
    assert "Terminals: 4 of 6 staged; nothing was made live" in ran.out
    assert "upgraded" not in ran.out
    assert "done" not in ran.out
    assert (facts["only"], facts["site_rate"], facts["total_rate"]) == ("stage", 250_000, None)
    assert (facts["total"]["sites"]["staged"], facts["total"]["sites"]["upgraded"], facts["total"]["done"]) == (4, 0, 0)
    assert {state: n for state, n in facts["total"]["terminals"].items() if n} == {"excluded": 6, "failed": 2, "staged": 4}


def test_an_export_of_staging_counts_staged_and_nothing_as_done(cli: Cli, store: Store, tmp_path: Path) -> None:
    cli("rollout", "start", tmp_path / "plan.json", "--count", 6, "--only", "stage")
    end(store, **{f"s00{number}": TerminalState.STAGED for number in range(6)})

    ran = cli("export", "--format", "json", "--out", "-")

    total = json.loads(ran.out)["total"]
    assert (ran.code, cli("status").code) == (0, 0)
    assert (total["sites"]["staged"], total["sites"]["upgraded"], total["sites"]["done"]) == (6, 0, 0)
    assert (total["terminals"]["staged"], total["terminals"]["proven"], total["terminals"]["excluded"]) == (6, 0, 6)
    assert json.loads(ran.out)["only"] == "stage"


@pytest.mark.usefixtures("store")
def test_a_check_in_says_that_there_is_nothing_to_check_in(cli: Cli, tmp_path: Path) -> None:
    cli("assign", "--apply")
    cli("rollout", "start", tmp_path / "plan.json", "--count", 6, "--only", "stage")

    ran = cli("checkin", "s000", "--by", "t01")

    assert ran.code == 2
    assert "rollout r1 only stages its release, so there is nothing to check in yet" in ran.err


@pytest.mark.usefixtures("store")
def test_a_rollout_that_puts_no_release_live_has_no_completion_to_sign(cli: Cli, tmp_path: Path) -> None:
    cli("rollout", "start", tmp_path / "plan.json", "--count", 6)

    ran = cli("export", "--format", "json", "--out", "-")

    assert (ran.code, ran.out) == (2, "")
    assert "rollout r1 put no release live, so it has no completion to count" in ran.err
