"""What is about every site wants their number typed: in a script with `--count`, at a terminal when asked."""

import os
import pty
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fleet.model.actor import FLEET
from fleet.model.attempt import AttemptResult, TerminalState
from fleet.model.inventory import Fleet, Reach
from fleet.plan import write_plan
from fleet.store import Store, failures, fleets, progress, rollouts
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


def ended(store: Store, terminal: str, ending: TerminalState) -> None:
    at = datetime.now(UTC)
    with store.write(FLEET, at) as tx:
        progress.record_result(tx, "r1", AttemptResult(terminal=terminal, number=1, ending=ending, started_at=at, finished_at=at))


def reaches(store: Store, reach: Reach) -> set[str]:
    with store.read() as snapshot:
        held = rollouts.terminals_of_rollout(snapshot, "r1")
        return {name for name, found in progress.reaches_of(snapshot, "r1", held).items() if found is reach}


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


def selected(plan: Path, select: str, *waves: int) -> Path:
    """A plan over as many sites as the waves hold, made with this selection."""
    made = make_plan(nowhere(make_fleet(6)), *waves).model_copy(update={"select": select})
    file = plan.with_name("selected.json")
    write_plan(made.model_copy(update={"digest": made.compute_digest()}), file)
    return file


def test_a_plan_for_some_of_the_sites_needs_no_count_and_is_held_to_one_that_is_given(cli: Cli, plan: Path, store: Store) -> None:
    some = selected(plan, "site:s000,s001,s002,s003", 2, 2)

    assert cli("rollout", "start", some, "--count", 5).code == 2
    assert started(store) == []
    assert cli("rollout", "start", some).code == 0


@pytest.mark.parametrize("select", ["kind:pharmacy", "-vendor:nosuch", "kind:pharmacy,hospital"])
def test_a_selection_that_means_every_site_is_confirmed_like_none_at_all(cli: Cli, plan: Path, store: Store, select: str) -> None:
    whole = selected(plan, select, 2, 4)

    ran = cli("rollout", "start", whole)

    assert ran.code == 2
    assert "the plan's selection means every site of the inventory: it is about all its 6 sites" in ran.err
    assert "if that is meant, add `--count 6`" in ran.err
    assert started(store) == []
    assert cli("rollout", "start", whole, "--count", 6).code == 0


def test_a_retry_that_names_nothing_needs_the_count_and_one_that_names_something_does_not(cli: Cli, plan: Path) -> None:
    cli("rollout", "start", plan, "--count", 6)
    cli("run", "--once")

    refused = cli("rollout", "retry")

    assert refused.code == 2
    assert "this would push again everything that rollout r1 has unfinished: 2 sites" in refused.err
    assert cli("rollout", "retry", "s000/t1").code == 0
    assert cli("rollout", "retry", "--select", "site:s001").code == 0
    assert cli("rollout", "retry", "--count", 5).code == 2
    assert cli("rollout", "retry", "--count", 2).code == 0


def test_a_retry_whose_selection_means_all_that_is_unfinished_needs_the_count(cli: Cli, plan: Path) -> None:
    cli("rollout", "start", plan, "--count", 6)
    cli("run", "--once")
    words = ("rollout", "retry", "--select", "kind:pharmacy")

    refused = cli(*words)

    assert refused.code == 2
    assert "this would push again everything that rollout r1 has unfinished: 2 sites" in refused.err
    assert cli("rollout", "retry", "--select", "state:unreachable site:s000").code == 0
    assert cli(*words, "--count", 6).code == 2
    assert cli(*words, "--count", 2).code == 0


def test_taking_all_that_is_left_off_the_pushes_needs_the_count_whatever_was_done_before(cli: Cli, plan: Path, store: Store) -> None:
    cli("rollout", "start", plan, "--count", 6)
    ended(store, "s000/t1", TerminalState.UPGRADED)
    words = ("rollout", "by-hand", "--select", "state:not-started", "--reason", "no network")

    refused = cli(*words)

    assert refused.code == 2
    assert "this would have done by hand everything that rollout r1 still pushes: 5 sites" in refused.err
    assert not reaches(store, Reach.BY_HAND)
    assert cli(*words, "--count", 6).code == 2
    assert cli("rollout", "by-hand", "--select", "site:s001", "--reason", "no network").code == 0
    assert cli(*words, "--count", 5).code == 2
    assert reaches(store, Reach.BY_HAND) == {"s001/t1"}
    assert cli(*words, "--count", 4).code == 0
    assert len(reaches(store, Reach.BY_HAND)) == 5


def test_naming_every_terminal_is_saying_which_and_is_not_asked(cli: Cli, plan: Path, store: Store) -> None:
    cli("rollout", "start", plan, "--count", 6)

    ran = cli("rollout", "by-hand", *(f"s00{n}" for n in range(6)), "--reason", "no network")

    assert ran.code == 0, ran.err
    assert len(reaches(store, Reach.BY_HAND)) == 6


def test_leaving_out_all_that_is_left_needs_the_count_although_some_of_it_is_done(cli: Cli, plan: Path, store: Store) -> None:
    cli("rollout", "start", plan, "--count", 6)
    ended(store, "s000/t1", TerminalState.UPGRADED)
    words = ("rollout", "exclude", "--select", "-state:upgraded", "--reason", "called off")

    refused = cli(*words)

    assert refused.code == 2
    assert "this would leave out everything that rollout r1 still holds: 5 sites" in refused.err
    assert cli(*words, "--count", 5).code == 0


def test_taking_back_all_that_is_live_needs_the_count_although_the_rest_has_not_begun(cli: Cli, plan: Path, store: Store) -> None:
    cli("rollout", "start", plan, "--count", 6)
    ended(store, "s000/t1", TerminalState.UPGRADED)
    ended(store, "s001/t1", TerminalState.UPGRADED)

    all_live, one = (cli("rollout", "rollback", "--select", select) for select in ("state:upgraded", "site:s001"))

    assert "this would take back everything that rollout r1 made live: 2 sites" in all_live.err
    assert "everything" not in one.err


def test_the_card_of_a_cause_that_is_all_that_is_left_gives_commands_with_their_count(cli: Cli, plan: Path, store: Store) -> None:
    cli("rollout", "start", plan, "--count", 6)
    cli("run", "--once")
    with store.read() as snapshot:
        fingerprint = next(iter(failures.fingerprints_of(snapshot, "r1").values()))

    said = cli("rollout", "choices", "--cause", fingerprint).out

    assert f"fleet rollout retry --cause {fingerprint} --count 2" in said


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
