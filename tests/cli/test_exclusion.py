"""`fleet rollout exclude`, `confirm` and `decline` under four eyes, as two coordinators type them."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fleet.cli.common import os_user
from fleet.control.four_eyes import record_author
from fleet.model.attempt import TerminalState
from fleet.plan import write_plan
from fleet.settings import Settings
from fleet.store import Store, fleets, open_store, progress
from tests.cli.conftest import nowhere
from tests.conftest import Cli
from tests.control.test_four_eyes import AUTHOR, EVERYBODY, with_gate
from tests.engine.city import AT, COORDINATOR, make_fleet, make_plan, put_contents, set_up

BOTH = ("s000/t1", "s001/t1")
WHY = "closed for renovation"


@pytest.fixture
def store(cli: Cli, tmp_path: Path) -> Iterator[Store]:
    """A rollout of four sites whose plan wants four eyes, started by 王芳, the coordinator c02."""
    cli("init")
    with closing(open_store(Settings(workspace=tmp_path / "workspace"))) as store:
        fleet = nowhere(make_fleet(4))
        set_up(store, fleet.model_copy(update={"people": EVERYBODY}))
        put_contents(tmp_path / "workspace")
        plan = with_gate(make_plan(fleet, 4), four_eyes=True)
        record_author(store, AUTHOR, AT, plan)
        write_plan(plan, tmp_path / "plan.json")
        sit_down(store, "c02")
        assert cli("rollout", "start", tmp_path / "plan.json", "--count", 4).code == 0
        yield store


def sit_down(store: Store, code: str) -> None:
    """From now on this OS user is that person."""
    people = {each: person.model_copy(update={"os_user": os_user() if each == code else None}) for each, person in EVERYBODY.items()}
    with store.write(COORDINATOR, AT) as tx:
        fleets.replace_fleet(tx, fleets.read_fleet(tx).model_copy(update={"people": people}), {})


@pytest.fixture
def ask(cli: Cli, store: Store) -> Callable[[], Any]:  # noqa: ARG001 - the rollout it is about
    return lambda: cli("rollout", "exclude", *BOTH, "--reason", WHY)


def left_out(store: Store) -> list[str]:
    with store.read() as snapshot:
        return sorted(progress.terminals_in(snapshot, "r1", [TerminalState.EXCLUDED]))


def test_asking_leaves_nothing_out_and_waits_with_exit_code_3(cli: Cli, store: Store, ask: Callable[[], Any]) -> None:
    asked = ask()
    status, facts = cli("status"), json.loads(cli("status", "--json").out)

    assert asked.code == 3
    assert "Exclusion 1 waits for a second person; until then nothing is left out. Terminals: 2" in asked.out
    assert "fleet rollout confirm 1" in asked.out
    assert "陈静" in asked.out
    assert "王芳" not in asked.out
    assert f"Exclusion 1 waits for a second person; terminals: 2, asked for by 王芳: {WHY}" in status.out
    assert [(each["number"], each["by"], each["terminals"]) for each in facts["exclusions_asked"]] == [(1, "c02", list(BOTH))]
    assert left_out(store) == []


def test_who_confirms_that_all_that_is_left_is_left_out_types_its_count(cli: Cli, store: Store) -> None:
    assert cli("rollout", "exclude", "--select", "kind:pharmacy", "--reason", WHY).code == 2
    assert cli("rollout", "exclude", "--select", "kind:pharmacy", "--reason", WHY, "--count", 4).code == 3
    sit_down(store, "c03")

    refused = cli("rollout", "confirm", 1)

    assert refused.code == 2
    assert "this would leave out everything that rollout r1 still holds: 4 sites" in refused.err
    assert left_out(store) == []
    assert cli("rollout", "confirm", 1, "--count", 4).code == 0
    assert len(left_out(store)) == 4


def test_asking_twice_for_one_terminal_is_refused_with_the_number_that_waits(cli: Cli, store: Store, ask: Callable[[], Any]) -> None:
    ask()

    again = cli("rollout", "exclude", BOTH[1], "s002/t1", "--reason", WHY)

    assert again.code == 2
    assert f"{BOTH[1]} waits to be left out already, with exclusion 1" in again.err
    assert left_out(store) == []


def test_who_asked_may_not_confirm(cli: Cli, store: Store, ask: Callable[[], Any]) -> None:
    ask()

    own = cli("rollout", "confirm", 1)

    assert own.code == 2
    assert "王芳 asked for exclusion 1, and the plan wants somebody else to confirm it" in own.err
    assert "陈静" in own.err
    assert left_out(store) == []


def test_somebody_else_confirms_once(cli: Cli, store: Store, ask: Callable[[], Any]) -> None:
    ask()
    sit_down(store, "c03")

    confirmed, again = cli("rollout", "confirm", 1), cli("rollout", "confirm", 1)

    assert (confirmed.code, again.code) == (0, 2)
    assert "Exclusion 1 is confirmed. Terminals newly left out: 2" in confirmed.out
    assert "exclusion 1 was already confirmed, by 陈静" in again.err
    assert left_out(store) == list(BOTH)
    assert cli("audit", "verify").code == 0


@pytest.mark.parametrize("who", ["c02", "c03"])
def test_who_asked_and_who_may_confirm_may_decline_and_nothing_is_left_out(
    cli: Cli, store: Store, ask: Callable[[], Any], who: str
) -> None:
    ask()
    sit_down(store, who)

    declined, late = cli("rollout", "decline", 1), cli("rollout", "confirm", 1)

    assert (declined.code, late.code) == (0, 2)
    assert "Exclusion 1 is declined; its terminals stay in the rollout." in declined.out
    assert "exclusion 1 was already declined" in late.err
    assert "waits for a second person" not in cli("status").out
    assert left_out(store) == []


@pytest.mark.parametrize("verb", ["confirm", "decline"])
def test_a_number_that_nobody_asked_with_is_refused(cli: Cli, store: Store, verb: str) -> None:
    ran = cli("rollout", verb, 7)

    assert ran.code == 2
    assert "rollout r1 has no exclusion 7 that waits" in ran.err
    assert left_out(store) == []


@pytest.mark.parametrize("verb", ["confirm", "decline"])
def test_a_technician_answers_no_exclusion(cli: Cli, store: Store, ask: Callable[[], Any], verb: str) -> None:
    ask()
    sit_down(store, "t01")

    ran = cli("rollout", verb, 1)

    assert ran.code == 2
    assert left_out(store) == []


def test_a_plain_watch_says_once_that_an_exclusion_waits(cli: Cli, store: Store, ask: Callable[[], Any]) -> None:
    ask()
    cli("rollout", "pause")

    watched = cli("status", "--watch", "--plain", "--until-waiting")

    assert watched.code == 3
    assert watched.out.count("Exclusion 1 waits for a second person; terminals: 2, asked for by 王芳") == 1
    assert watched.out.count("fleet rollout confirm 1") == 1
    assert left_out(store) == []
