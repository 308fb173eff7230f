"""What is about every site wants their number typed: in a script with `--count`, at a terminal when asked."""

import os
import pty
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fleet.model.inventory import Fleet
from fleet.plan import write_plan
from fleet.store import Store, fleets, rollouts
from tests.cli.conftest import PROGRAM, nowhere
from tests.conftest import Cli
from tests.engine.city import make_fleet, make_plan


@pytest.fixture
def store(open_with: Callable[[Fleet], Store]) -> Store:
    """A workspace with six sites."""
    return open_with(nowhere(make_fleet(6)))


@pytest.fixture
def plan(store: Store, tmp_path: Path) -> Path:
    """A plan over all of them."""
    file = tmp_path / "plan.json"
    with store.read() as snapshot:
        write_plan(make_plan(fleets.read_fleet(snapshot), 2, 4, unreachable=6), file)
    return file


def started(store: Store) -> list[str]:
    with store.read() as snapshot:
        return rollouts.rollout_ids(snapshot)


def test_a_plan_without_a_selection_is_not_started_without_its_count(cli: Cli, plan: Path, store: Store) -> None:
    ran = cli("rollout", "start", plan)

    assert ran.code == 2
    assert "the plan has no selection: it is about all its 6 sites" in ran.err
    assert "if that is meant, add `--count 6`" in ran.err
    assert started(store) == []


def test_a_wrong_count_starts_nothing(cli: Cli, plan: Path, store: Store) -> None:
    ran = cli("rollout", "start", plan, "--count", 7)

    assert ran.code == 2
    assert "this is about 6 sites, not 7; nothing was changed" in ran.err
    assert started(store) == []


def test_a_plan_with_a_selection_needs_no_count_and_is_held_to_one_that_is_given(cli: Cli, plan: Path, store: Store) -> None:
    made = make_plan(nowhere(make_fleet(6)), 2, 4)
    made = made.model_copy(update={"select": "kind:pharmacy"})
    write_plan(made.model_copy(update={"digest": made.compute_digest()}), plan.with_name("some.json"))

    assert cli("rollout", "start", plan.with_name("some.json"), "--count", 5).code == 2
    assert started(store) == []
    assert cli("rollout", "start", plan.with_name("some.json")).code == 0


def test_a_retry_that_names_nothing_needs_the_count_and_one_that_names_something_does_not(cli: Cli, plan: Path) -> None:
    cli("rollout", "start", plan, "--count", 6)
    cli("run", "--once")

    refused = cli("rollout", "retry")

    assert refused.code == 2
    assert "every unfinished one of rollout r1 would be pushed again, at 2 sites" in refused.err
    assert cli("rollout", "retry", "s000/t1").code == 0
    assert cli("rollout", "retry", "--select", "site:s001").code == 0
    assert cli("rollout", "retry", "--count", 5).code == 2
    assert cli("rollout", "retry", "--count", 2).code == 0


def test_leaving_out_everything_by_a_selection_needs_the_count(cli: Cli, plan: Path) -> None:
    cli("rollout", "start", plan, "--count", 6)
    words = ("rollout", "exclude", "--select", "kind:pharmacy", "--reason", "called off")

    refused = cli(*words)

    assert refused.code == 2
    assert "this would leave out everything that rollout r1 still holds: 6 sites" in refused.err
    assert cli(*words, "--count", 6).code == 0


@pytest.mark.parametrize(("typed", "code", "known"), [("6\n", 0, ["r1"]), ("60\n", 2, []), ("\n", 2, []), ("yes\n", 2, [])])
def test_at_a_terminal_the_count_is_asked_for(plan: Path, store: Store, typed: str, code: int, known: list[str]) -> None:
    ours, theirs = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "FLEET_WORKSPACE": str(plan.parent / "workspace"), "LC_ALL": "C.UTF-8"}
    os.write(ours, typed.encode())

    ran = subprocess.run(
        [PROGRAM, "rollout", "start", plan], stdin=theirs, stdout=theirs, stderr=theirs, env=environment, timeout=60, check=False
    )
    said = os.read(ours, 4096).decode()
    os.close(theirs)
    os.close(ours)

    assert ran.returncode == code, said
    assert "Type how many sites that is" in said
    assert started(store) == known
