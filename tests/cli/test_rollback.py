"""Rolling back on purpose, as a coordinator types and reads it."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from fleet.model.actor import FLEET
from fleet.model.attempt import AttemptResult, TerminalState
from fleet.model.inventory import Fleet
from fleet.model.plan import Program
from fleet.plan import write_plan
from fleet.store import Store, progress
from tests.cli.conftest import ours
from tests.conftest import Cli
from tests.engine.city import AT, PROGRAM, STAGER, make_fleet, make_plan

LASTING = STAGER.model_copy(update={"irreversible": ("burn-fuse",)})


@pytest.fixture
def begun(cli: Cli, open_with: Callable[[Fleet], Store], tmp_path: Path) -> Callable[[Program], Store]:
    """A rollout of six sites that has upgraded one; this OS user is its coordinator."""

    def begin(program: Program = STAGER) -> Store:
        fleet = ours(make_fleet(6, by_hand=1))
        store = open_with(fleet)
        write_plan(make_plan(fleet, 2, 4, program=program), tmp_path / "plan.json")
        assert cli("rollout", "start", tmp_path / "plan.json", "--count", 6).code == 0
        result = AttemptResult(terminal="s000/t1", number=1, ending=TerminalState.UPGRADED, started_at=AT, finished_at=AT)
        with store.write(FLEET, AT) as tx:
            progress.record_result(tx, "r1", result)
            progress.record_self_tests(tx, "r1", {"s000/h1": True})
        return store

    return begin


def test_a_wave_is_rolled_back_and_everything_that_does_not_go_with_it_is_told(cli: Cli, begun: Callable[..., Store]) -> None:
    begun()

    ran = cli("rollout", "rollback", "--wave", 1, "--reason", "swipes are slow")

    assert ran.code == 0
    assert ran.out.splitlines() == [
        "Terminals that will be rolled back: 1. `fleet run` does it; `fleet status` shows it.",
        "Done by hand, so a technician has to go there: s000/h1",
        "Not begun in wave 1, and held until `fleet rollout approve 1`: 2",
    ]


def test_deciding_it_again_says_that_it_waits_already(cli: Cli, begun: Callable[..., Store]) -> None:
    begun()
    assert cli("rollout", "rollback", "--select", "state:upgraded", "--count", 1).code == 0

    ran = cli("rollout", "rollback", "s000/t1")

    assert (ran.code, ran.out.strip()) == (0, "They wait to be rolled back already; `fleet run` does it.")


def test_status_says_who_rolled_back_and_why(cli: Cli, begun: Callable[..., Store]) -> None:
    begun()
    cli("rollout", "rollback", "s000/t1", "--reason", "swipes are slow")

    ran, facts = cli("status"), json.loads(cli("status", "--json").out)

    assert re.search(r"Rolled back on purpose on \d{4}-\d\d-\d\d .* by 李娜, terminals: 1; swipes are slow", ran.out)
    assert [(each["by"], each["terminals"]) for each in facts["rollbacks"]] == [("c01", ["s000/t1"])]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "say what is rolled back"),
        (("s000/t1", "--wave", "1"), "say what is rolled back"),
        (("--wave", "9"), "rollout r1 has no wave 9"),
        (("--wave", "2"), "there is nothing to roll back"),
        (("s009/t1",), "rollout r1 holds no terminal s009/t1"),
        (("--select", "wave:2 kind:hospital"), "selects no terminal of rollout r1"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    cli: Cli, begun: Callable[..., Store], words: tuple[str, ...], told: str
) -> None:
    store = begun()
    before = store.version()

    ran = cli("rollout", "rollback", *words)

    assert ran.code == 2
    assert told in ran.err
    assert store.version() == before


def test_steps_without_a_way_back_are_named_and_have_to_be_accepted(cli: Cli, begun: Callable[..., Store]) -> None:
    begun(LASTING)

    refused = cli("rollout", "rollback", "--wave", 1)
    taken = cli("rollout", "rollback", "--wave", 1, "--despite-irreversible")

    assert refused.code == 2
    assert "steps that have no way back: burn-fuse" in refused.err
    assert "--despite-irreversible" in refused.err
    assert "What these steps did stays done: burn-fuse" in taken.out


def test_a_plan_whose_programs_know_no_way_back_is_refused_with_a_way_out(cli: Cli, begun: Callable[..., Store]) -> None:
    begun(PROGRAM)

    ran = cli("rollout", "rollback", "s000/t1")

    assert ran.code == 2
    assert "the plan makes no release live, so there is none to take back" in ran.err
