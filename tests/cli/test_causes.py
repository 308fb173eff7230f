"""Failures by cause at the command line: each once, and the verbs act on exactly its terminals."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fleet.model.actor import FLEET
from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.inventory import Fleet
from fleet.model.rollout import DecisionKind
from fleet.plan import write_plan
from fleet.store import Store, crew, progress, rollouts
from tests.cli.conftest import nowhere
from tests.conftest import Cli
from tests.engine.city import AT, make_fleet, make_plan

FULL = [f"s00{number}/t1" for number in range(4)]


@pytest.fixture
def store(cli: Cli, open_with: Callable[[Fleet], Store], tmp_path: Path) -> Store:
    """Six sites: four ran out of room, one is broken in another way, one has not begun."""
    fleet = nowhere(make_fleet(6))
    store = open_with(fleet)
    write_plan(make_plan(fleet, 6), tmp_path / "plan.json")
    cli("rollout", "start", tmp_path / "plan.json", "--count", 6)
    for number, name in enumerate(FULL):
        end(store, name, Cause.DISK_FULL, f"{number * 7} KiB free, 4000 KiB needed")
    end(store, "s004/t1", Cause.COMMAND_FAILED, "segmentation fault")
    return store


def end(store: Store, terminal: str, cause: Cause, detail: str) -> None:
    with store.write(FLEET, AT) as tx:
        values = {"ending": TerminalState.FAILED, "cause": cause, "step": "stage", "detail": detail}
        progress.record_result(tx, "r1", AttemptResult(terminal=terminal, number=1, started_at=AT, finished_at=AT, **values))


def failures(cli: Cli) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(cli("status", "--failures", "--json").out)["failures"]
    return found


@pytest.mark.usefixtures("store")
def test_many_sites_with_one_cause_are_one_row(cli: Cli) -> None:
    ran = cli("status", "--failures")

    first = failures(cli)[0]
    assert ran.out.splitlines()[0].startswith("failed at stage: not enough room on its disk")
    assert ran.out.splitlines()[0].endswith("(sites: 4, terminals: 4)")
    assert f"fleet rollout retry --cause {first['fingerprint']}" in ran.out
    assert (first["sites"], first["cause"], first["districts"]) == (4, "disk-full", {"east": 2, "west": 2})
    assert [group["sites"] for group in failures(cli)] == [4, 1]


def test_retrying_a_cause_retries_exactly_its_terminals(cli: Cli, store: Store) -> None:
    fingerprint = failures(cli)[0]["fingerprint"]

    ran = cli("rollout", "retry", "--cause", fingerprint[:6])

    assert ran.out.strip() == "Terminals that will be pushed again: 4"
    with store.read() as snapshot:
        decision = rollouts.decisions_after(snapshot, "r1", 0)[-1]
    assert (decision.kind, decision.terminals) == (DecisionKind.RETRY, tuple(FULL))


def test_a_selection_narrows_a_cause(cli: Cli, store: Store) -> None:
    fingerprint = failures(cli)[0]["fingerprint"]

    assert cli("rollout", "exclude", "--cause", fingerprint, "--select", "district:east", "--reason", "rebuilt").code == 0
    with store.read() as snapshot:
        states = progress.states_of(snapshot, "r1", FULL)
    assert [name for name, state in sorted(states.items()) if state is TerminalState.EXCLUDED] == ["s001/t1", "s003/t1"]


@pytest.mark.parametrize("expression", ["cause:disk-full", "cause:{fingerprint}", "原因:disk-full district:east,west"])
def test_a_selection_may_name_the_cause(cli: Cli, store: Store, expression: str) -> None:
    expression = expression.format(fingerprint=failures(cli)[0]["fingerprint"])

    assert cli("rollout", "by-hand", "--select", expression, "--reason", "too small").code == 0
    with store.read() as snapshot:
        assert {name for name, reach in progress.reaches_of(snapshot, "r1", FULL).items() if reach.value == "by-hand"} == set(FULL)


@pytest.mark.parametrize("word", ["ffffffffffffffff", "xyz", "", "ab"])
def test_a_failure_that_is_not_there_is_refused_and_nothing_changes(cli: Cli, store: Store, word: str) -> None:
    ran = cli("rollout", "retry", "--cause", word)

    assert ran.code == 2
    assert "`fleet status --failures` lists them" in ran.err
    with store.read() as snapshot:
        assert rollouts.decisions_after(snapshot, "r1", 0) == []


def test_one_technician_is_sent_to_every_site_of_a_cause(cli: Cli, store: Store) -> None:
    ran = cli("assign", "--cause", failures(cli)[0]["fingerprint"], "--to", "t01", "--reason", "swap the disks")

    assert ran.code == 0, ran.err
    with store.read() as snapshot:
        sent = crew.read_assignments(snapshot)
    assert {site: assignment.technician for site, assignment in sent.items()} == {name.partition("/")[0]: "t01" for name in FULL}


@pytest.mark.usefixtures("store")
def test_the_card_of_a_site_says_what_may_be_done_and_how(cli: Cli) -> None:
    card = json.loads(cli("rollout", "choices", "s000", "--json").out)
    text = cli("rollout", "choices", "s000").out

    assert [(each["choice"], each["may"]) for each in card] == [
        ("retry-step", True),
        ("retry-site", True),
        ("send-technician", True),
        ("by-hand", True),
        ("roll-back", False),
        ("exclude", True),
    ]
    assert "1. retry the step: push s000/t1 again; it goes on at stage" in text
    assert "fleet rollout exclude s000/t1 --reason TEXT" in text
    assert "not now: the new release is live on none of them" in text
    assert "从步骤暂存继续" in cli("--lang", "zh_CN", "rollout", "choices", "s000").out


@pytest.mark.usefixtures("store")
def test_the_card_of_a_cause_is_about_exactly_its_terminals(cli: Cli) -> None:
    card = json.loads(cli("rollout", "choices", "--cause", failures(cli)[0]["fingerprint"], "--json").out)

    assert card[0]["choice"] == "retry-site"
    assert card[0]["terminals"] == FULL
    assert cli("rollout", "choices").code == 2
    assert cli("rollout", "choices", "s005", "--cause", "abcd").code == 2


@pytest.mark.usefixtures("store")
def test_failures_are_told_in_chinese(cli: Cli) -> None:
    assert "4 个站点" in cli("status", "--failures", "--lang", "zh_CN").out
