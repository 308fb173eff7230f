"""`fleet rollout`, `fleet run --once`, `fleet status` and `fleet audit verify`, as a coordinator types them."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from fleet.model.actor import FLEET
from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.inventory import Fleet
from fleet.model.playbook import Approval
from fleet.model.rollout import RolloutPhase, Verdict, WavePhase
from fleet.plan import write_plan
from fleet.store import Store, fleets, progress, rollouts
from tests.cli.conftest import nowhere, put
from tests.conftest import Cli
from tests.engine.city import AT, make_fleet, make_plan


@pytest.fixture
def store(open_with: Callable[[Fleet], Store]) -> Store:
    """A workspace with six sites and a release."""
    return open_with(nowhere(make_fleet(6)))


@pytest.fixture
def night(store: Store, tmp_path: Path) -> Path:
    """A plan file over its six sites."""
    file = tmp_path / "plan.json"
    with store.read() as snapshot:
        write_plan(make_plan(fleets.read_fleet(snapshot), 2, 4, approval=Approval.CANARY, unreachable=2), file)
    return file


def test_a_plan_is_started_once(cli: Cli, night: Path) -> None:
    first, second = cli("rollout", "start", night, "--count", 6), cli("rollout", "start", night, "--count", 6)

    assert first.code == 0
    assert "Rollout r1 is started. Waves: 2" in first.out
    assert second.code == 2
    assert "r1 is unfinished" in second.err


def test_an_edited_plan_is_not_started(cli: Cli, night: Path) -> None:
    night.write_text(night.read_text("utf-8").replace("s000", "s001", 1), "utf-8")

    ran = cli("rollout", "start", night, "--count", 6)

    assert ran.code == 2
    assert cli("status").code == 2


def test_run_once_ends_when_only_a_person_can_go_on(cli: Cli, night: Path) -> None:
    cli("rollout", "start", night, "--count", 6)

    ran = cli("run", "--once")

    assert ran.code == 3, ran.err
    assert "the host name is unknown" in ran.err
    assert "Go on: fleet rollout approve 1" in ran.err


def test_run_once_without_a_rollout_says_what_status_says(cli: Cli, night: Path) -> None:
    ran = cli("run", "--once")

    assert night.exists()
    assert ran.code == 2
    assert ran.err == cli("status").err


def test_run_without_a_user_key_says_what_to_do(cli: Cli, night: Path) -> None:
    cli("rollout", "start", night, "--count", 6)
    (night.parent / "workspace" / "id_ed25519").unlink()

    ran = cli("run", "--once")

    assert ran.code == 2
    assert "fleet init" in ran.err


def test_status_without_a_rollout_says_how_to_start_one(cli: Cli, night: Path) -> None:
    ran = cli("status")

    assert night.exists()
    assert ran.code == 2
    assert "fleet rollout start PLAN" in ran.err


def test_status_says_that_nobody_runs_and_how_to_start(cli: Cli, night: Path) -> None:
    cli("rollout", "start", night, "--count", 6)

    ran = cli("status")

    assert ran.code == 0
    assert "No orchestrator has run here yet. Start one: fleet run" in ran.out


def test_status_says_since_when_nobody_runs(cli: Cli, night: Path) -> None:
    cli("rollout", "start", night, "--count", 6)
    cli("run", "--once")

    assert "No orchestrator since " in cli("status").out


@pytest.mark.parametrize(
    ("phase", "waves", "code", "words"),
    [
        (RolloutPhase.RUNNING, (WavePhase.OPEN, WavePhase.CLOSED), 0, "running"),
        (RolloutPhase.RUNNING, (WavePhase.HELD, WavePhase.CLOSED), 3, "a budget of it was spent"),
        (RolloutPhase.RUNNING, (WavePhase.PASSED, WavePhase.GATE), 3, "Go on: fleet rollout approve 2"),
        (RolloutPhase.PAUSED, (WavePhase.OPEN, WavePhase.CLOSED), 3, "Go on: fleet rollout resume"),
        (RolloutPhase.STOPPED, (WavePhase.OPEN, WavePhase.CLOSED), 1, "stopped"),
    ],
)
def test_the_exit_code_of_status_says_whether_a_person_is_needed(
    *, cli: Cli, night: Path, store: Store, phase: RolloutPhase, waves: tuple[WavePhase, ...], code: int, words: str
) -> None:
    cli("rollout", "start", night, "--count", 6)
    put(store, phase, *waves)

    ran = cli("status")

    assert ran.code == code
    assert words in ran.out


@pytest.mark.parametrize(("words", "phase"), [(("stop",), "stopped"), (("pause",), "paused")])
def test_status_shows_what_was_decided_although_no_orchestrator_runs(cli: Cli, night: Path, words: tuple[str, ...], phase: str) -> None:
    cli("rollout", "start", night, "--count", 6)
    cli("rollout", *words)

    ran, facts = cli("status"), json.loads(cli("status", "--json").out)

    assert f"4.2.0: {phase} (`fleet run` takes it up)" in ran.out
    assert f"c01 decided: {words[0]}; `fleet run` takes it up." in ran.out
    assert (facts["phase"], facts["pending"]) == (phase, [{"decision": words[0], "wave": None, "by": "c01"}])


def test_a_rollout_that_is_over_tells_of_no_decision_that_would_be_taken_up(cli: Cli, night: Path, store: Store) -> None:
    cli("rollout", "start", night, "--count", 6)
    put(store, RolloutPhase.STOPPED, WavePhase.CLOSED, WavePhase.CLOSED)
    cli("rollout", "exclude", "s000/t1", "--reason", "closed")

    assert "decided" not in cli("status").out


def test_status_speaks_chinese_of_what_was_decided(cli: Cli, night: Path) -> None:
    cli("rollout", "start", night, "--count", 6)
    cli("rollout", "pause")

    assert "c01 已决定：暂停；" in cli("status", "--lang", "zh_CN").out


def test_after_a_stop_one_run_makes_room_for_the_next_rollout(cli: Cli, night: Path) -> None:
    cli("rollout", "start", night, "--count", 6)
    cli("rollout", "stop")

    refused = cli("rollout", "start", night, "--count", 6)
    cli("run", "--once")

    assert refused.code == 2
    assert "run `fleet run --once`, then start again" in refused.err
    assert cli("rollout", "start", night, "--count", 6).code == 0


def test_a_held_wave_says_which_budget_is_spent(cli: Cli, night: Path, tmp_path: Path) -> None:
    plan = tmp_path / "tight.json"
    write_plan(make_plan(nowhere(make_fleet(6)), 3, 3, approval=Approval.CANARY, unreachable=2), plan)
    assert night.exists()
    cli("rollout", "start", plan, "--count", 6)

    ran = cli("run", "--once")

    assert ran.code == 3
    assert "its budget for unreachable sites is spent" in ran.err


def test_the_endings_of_status_add_up_to_the_fleet(cli: Cli, night: Path) -> None:
    cli("rollout", "start", night, "--count", 6)
    cli("run", "--once")

    facts = json.loads(cli("status", "--json").out)

    sites = facts["total"]["sites"]
    assert sites.pop("total") == sum(sites.values()) == 6
    assert sites["unreachable"] == 2
    assert facts["standing"] == "waiting"


def test_status_says_how_much_was_sent_and_how_much_was_there(cli: Cli, night: Path, store: Store) -> None:
    cli("rollout", "start", night, "--count", 6)
    ended = AttemptResult(
        terminal="s000/t1",
        number=1,
        ending=TerminalState.UNKNOWN,
        cause=Cause.LINK_LOST,
        bytes_sent=4_200_000,
        bytes_saved=1_300_000,
        started_at=AT,
        finished_at=AT,
    )
    with store.write(FLEET, AT) as tx:
        progress.record_result(tx, "r1", ended)

    ran, facts = cli("status"), json.loads(cli("status", "--json").out)

    assert "Files: 4.2 MB sent, 1.3 MB were on the terminals already" in ran.out
    assert (facts["bytes_sent"], facts["bytes_saved"]) == (4_200_000, 1_300_000)


def test_status_shows_until_when_a_wave_soaks_and_both_medians_of_one_that_was_judged(cli: Cli, night: Path, store: Store) -> None:
    cli("rollout", "start", night, "--count", 6)
    put(store, RolloutPhase.RUNNING, WavePhase.PASSED, WavePhase.OPEN)
    values = {"upgraded": 2, "samples": 2, "needed": 95.0, "min_samples": 1, "swipe_total_n": 2}
    values |= {"swipe_total_before_ms": 9740, "swipe_total_after_ms": 1970}
    with store.write(FLEET, AT) as tx:
        state = rollouts.newest_rollout(tx)
        assert state is not None
        first, second = state.waves
        judged = first.model_copy(update={"verdict": Verdict.PASS, "verdict_code": "enough", "verdict_values": values})
        rollouts.save_rollout(tx, state.model_copy(update={"waves": (judged, second.model_copy(update={"soaks_until": AT}))}))

    ran, facts = cli("status"), json.loads(cli("status", "--json").out)

    assert "Wave 2 soaks until 2026-03-14 22:00:00; then its gate judges." in ran.out
    assert re.search(r"1  whole swipe +2 +9\.74 +1\.97", ran.out)
    assert facts["waves"][0]["swipes"] == [{"phase": "total", "pairs": 2, "before_ms": 9740, "after_ms": 1970}]
    assert facts["waves"][0]["verdict_values"]["samples"] == 2
    assert facts["waves"][1]["soaks_until"] == "2026-03-14T14:00:00+00:00"


def test_watching_status_ends_with_the_rollout(cli: Cli, night: Path, store: Store) -> None:
    cli("rollout", "start", night, "--count", 6)
    put(store, RolloutPhase.FINISHED, WavePhase.PASSED, WavePhase.PASSED)

    assert cli("status", "--watch", "--plain").code == 1


def test_decisions_are_recorded_and_told(cli: Cli, night: Path, store: Store) -> None:
    cli("rollout", "start", night, "--count", 6)
    put(store, RolloutPhase.RUNNING, WavePhase.GATE, WavePhase.CLOSED)

    said = [
        cli("rollout", *words).out.splitlines()[0]
        for words in (("approve", 1), ("resume",), ("pause", "--reason", "the network is down"), ("pause",), ("resume",), ("stop",))
    ]

    assert said == [
        "Wave 1 is approved.",
        "It is not paused.",
        "The pause is recorded. Pushes that run finish. Go on: fleet rollout resume",
        "It is paused already.",
        "The end of the pause is recorded.",
        "The stop is recorded. `fleet rollout retry` takes up what is unfinished.",
    ]


def test_a_second_approval_names_the_first_person(cli: Cli, night: Path, store: Store) -> None:
    cli("rollout", "start", night, "--count", 6)
    put(store, RolloutPhase.RUNNING, WavePhase.GATE, WavePhase.CLOSED)
    cli("rollout", "approve", 1)

    ran = cli("rollout", "approve", 1)

    assert ran.code == 2
    assert "wave 1 was already approved, by 李娜" in ran.err


def test_retry_and_exclude_take_a_selection(cli: Cli, night: Path) -> None:
    cli("rollout", "start", night, "--count", 6)
    cli("run", "--once")

    retried = cli("rollout", "retry", "--select", "state:unreachable site:s000")
    excluded = cli("rollout", "exclude", "--select", "wave:2 district:east", "--reason", "closed")
    nothing = cli("rollout", "exclude", "--select", "wave:9", "--reason", "closed")

    assert retried.out.strip() == "Terminals that will be pushed again: 1"
    assert excluded.out.strip() == "Terminals newly left out: 2"
    assert nothing.code == 2
    assert "selects no terminal of rollout r1" in nothing.err


def test_status_says_who_left_terminals_out_and_why(cli: Cli, night: Path) -> None:
    cli("rollout", "start", night, "--count", 6)
    cli("rollout", "exclude", "s000/t1", "--reason", "closed for renovation")

    ran, facts = cli("status"), json.loads(cli("status", "--json").out)

    assert re.search(r"Left out on \d{4}-\d\d-\d\d .* by 李娜, terminals: 1; closed for renovation", ran.out)
    assert [(each["by"], each["terminals"]) for each in facts["exclusions"]] == [("c01", ["s000/t1"])]


def test_terminals_that_were_left_out_before_are_counted_apart(cli: Cli, night: Path) -> None:
    cli("rollout", "start", night, "--count", 6)
    cli("rollout", "exclude", "s000/t1", "--reason", "closed")

    ran = cli("rollout", "exclude", "s000/t1", "s000/t1", "--reason", "closed")

    assert ran.out.strip() == "Terminals newly left out: 0; left out before: 1"


def test_what_waits_to_be_pushed_again_is_counted_once(cli: Cli, night: Path) -> None:
    cli("rollout", "start", night, "--count", 6)
    cli("run", "--once")

    said = [cli("rollout", "retry", *words).out.strip() for words in (("s000/t1",), ("--count", 2), ("--count", 2))]

    assert said == [
        "Terminals that will be pushed again: 1",
        "Terminals that will be pushed again: 1",
        "They wait to be pushed again already; `fleet run` does it.",
    ]


@pytest.mark.parametrize("words", [("retry",), ("exclude", "--reason", "closed")], ids=["retry", "exclude"])
def test_an_empty_selection_is_refused(cli: Cli, night: Path, words: tuple[str, ...]) -> None:
    cli("rollout", "start", night, "--count", 6)

    ran = cli("rollout", *words, "--select", " ")

    assert ran.code == 2
    assert "an empty --select would mean every terminal" in ran.err


@pytest.mark.parametrize("reason", ["two\nlines", "\x1b[31m", "x" * 100_000], ids=["newline", "escape", "long"])
@pytest.mark.parametrize("words", [("pause",), ("resume",), ("stop",), ("approve", 1), ("exclude", "s000/t1")], ids=lambda words: words[0])
def test_a_reason_that_no_record_could_show_is_refused(cli: Cli, night: Path, store: Store, words: tuple[object, ...], reason: str) -> None:
    cli("rollout", "start", night, "--count", 6)
    put(store, RolloutPhase.PAUSED if words == ("resume",) else RolloutPhase.RUNNING, WavePhase.GATE, WavePhase.CLOSED)

    ran = cli("rollout", *words, "--reason", reason)

    assert ran.code == 2
    assert "the reason " in ran.err


def test_exclude_wants_to_know_who_is_meant(cli: Cli, night: Path) -> None:
    cli("rollout", "start", night, "--count", 6)

    assert "name the terminals" in cli("rollout", "exclude", "--reason", "closed").err


def test_the_record_of_a_night_holds(cli: Cli, night: Path) -> None:
    cli("rollout", "start", night, "--count", 6)
    cli("run", "--once")

    ran = cli("audit", "verify")

    assert ran.code == 0, ran.err
    assert ran.out.startswith("The record holds. Events: ")


def test_a_counter_that_somebody_changed_is_found(cli: Cli, night: Path) -> None:
    import sqlite3

    cli("rollout", "start", night, "--count", 6)
    with sqlite3.connect(night.parent / "workspace" / "fleet.db") as database:
        database.execute("UPDATE tally SET n = n + 1 WHERE unit = 'site'")
    database.close()

    ran = cli("audit", "verify", "--json")

    assert ran.code == 1
    assert any("the counter site / not-started" in problem for problem in json.loads(ran.out)["problems"])
