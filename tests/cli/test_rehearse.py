"""A plan rehearsed, as a coordinator types and reads it."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from fleet.model.actor import FLEET
from fleet.model.attempt import AttemptResult, TerminalState
from fleet.model.inventory import Fleet
from fleet.model.playbook import Approval
from fleet.plan import write_plan
from fleet.store import Store, progress
from fleet.store.audit import read_head
from tests.conftest import Cli
from tests.engine.city import AT, begin, make_fleet, make_plan

pytestmark = pytest.mark.usefixtures("store")


@pytest.fixture
def store(open_with: Callable[[Fleet], Store], tmp_path: Path) -> Store:
    """A workspace with ten sites, and beside it `plan.json`, which wants an approval after its canary of two."""
    fleet = make_fleet(10, by_hand=1)
    write_plan(make_plan(fleet, 2, 8, approval=Approval.CANARY), tmp_path / "plan.json")
    return open_with(fleet)


@pytest.fixture
def rehearse(cli: Cli, tmp_path: Path) -> Cli:
    """Rehearse that plan."""
    return lambda *words: cli("rehearse", tmp_path / "plan.json", *words)


def test_a_plan_that_nobody_has_to_help_runs_through_and_ends_with_0(rehearse: Cli) -> None:
    ran = rehearse()

    assert ran.code == 0
    assert "1  the plan wants an approval" in ran.out
    assert "upgraded" in ran.out
    assert "Terminals done by hand, which no rehearsal does: 10" in ran.out
    assert "steps that never failed: preflight" in ran.out
    assert "nothing in the workspace was touched" in ran.err


def test_the_same_seed_says_the_same_and_another_something_else(rehearse: Cli) -> None:
    first = rehearse("--faults", "health=20", "--seed", "7")

    assert rehearse("--faults", "health=20", "--seed", "7").out == first.out
    assert rehearse("--faults", "health=20", "--seed", "8").out != first.out


def test_nothing_in_the_workspace_is_touched(rehearse: Cli, store: Store, tmp_path: Path) -> None:
    with store.read() as snapshot:
        before = read_head(snapshot)
    files = sorted(path.name for path in (tmp_path / "workspace").iterdir())

    rehearse("--faults", "unreachable=30")

    with store.read() as snapshot:
        assert read_head(snapshot) == before
    assert sorted(path.name for path in (tmp_path / "workspace").iterdir()) == files


def test_a_wave_that_would_be_held_is_named_with_its_reason_and_ends_with_3(rehearse: Cli) -> None:
    ran = rehearse("--faults", "unreachable=100", "--json")
    told = json.loads(ran.out)

    assert ran.code == 3
    assert not told["runs_through"]
    assert {(asked["wave"], asked["why"]) for asked in told["asked"]} >= {(2, "held")}
    assert any(asked["words"].startswith("its budget for unreachable sites is spent") for asked in told["asked"])
    assert told["outcome"]["endings"] == [{"state": "unreachable", "cause": "no-answer", "terminals": 10}]
    assert "no-answer" not in told["outcome"]["causes_not_seen"]
    assert "disk-full" in told["outcome"]["causes_not_seen"]


def test_what_failed_is_no_longer_among_what_was_not_tried(rehearse: Cli) -> None:
    told = json.loads(rehearse("--faults", "disk-full=10", "--json").out)

    assert told["faults"] == {"disk-full": 1}
    assert told["outcome"]["steps_never_failed"] == []
    assert "disk-full" not in told["outcome"]["causes_not_seen"]


def test_pushes_last_as_this_workspace_has_seen_them_last(rehearse: Cli, store: Store) -> None:
    fleet = make_fleet(10, by_hand=1)
    begin(store, fleet, make_plan(fleet, 10))
    with store.write(FLEET, AT) as tx:
        ended = AT + timedelta(seconds=300)
        progress.record_result(
            tx, "r1", AttemptResult(terminal="s000/t1", number=1, ending=TerminalState.UPGRADED, started_at=AT, finished_at=ended)
        )

    ran = rehearse()

    assert "A push lasts as 1 push of this workspace did: 5 min to 5 min" in ran.out


def test_troubles_may_stand_in_a_file_with_whom_they_fall_on(rehearse: Cli, tmp_path: Path) -> None:
    (tmp_path / "faults.yaml").write_text("faults:\n  - {fault: health, percent: 100, select: 'district:east'}\n")

    told = json.loads(rehearse("--faults", tmp_path / "faults.yaml", "--json").out)

    assert told["faults"] == {"probe-failed": 5}


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ("unreachable=500", "`unreachable=500` is no fault with its percent of the terminals"),
        ("unreachable=x", "`unreachable=x` is no fault with its percent of the terminals"),
        ("unreachabel=5", "did you mean `unreachable`?"),
        ("stopped=5", "there is no fault `stopped`"),
        ("unreachable=60,health=60", "these faults come to 120 % of the terminals, and each gets one at most"),
        ("nowhere.yaml", "nowhere.yaml"),
    ],
)
def test_a_fault_there_is_not_is_refused_in_one_message(rehearse: Cli, faults: str, said: str) -> None:
    ran = rehearse("--faults", faults)

    assert ran.code == 2
    assert said in ran.err
    assert ran.out == ""


def test_a_file_of_faults_with_a_mistake_is_refused_with_its_line(rehearse: Cli, tmp_path: Path) -> None:
    (tmp_path / "faults.yaml").write_text("faults:\n  - {fault: health, percnt: 100}\n")

    ran = rehearse("--faults", tmp_path / "faults.yaml")

    assert ran.code == 2
    assert "faults.yaml:2" in ran.err
    assert "did you mean `percent`?" in ran.err


def test_a_plan_of_terminals_that_are_gone_is_refused(rehearse: Cli, store: Store) -> None:
    from fleet.store import fleets

    with store.write(FLEET, AT) as tx:
        fleets.replace_fleet(tx, make_fleet(3), {})

    ran = rehearse()

    assert ran.code == 2
    assert "are no longer in the inventory" in ran.err


def test_a_gate_says_the_same_where_it_happens_and_where_somebody_is_asked(rehearse: Cli) -> None:
    ran = rehearse("--faults", "health=100")

    judged = [line for line in ran.out.splitlines() if "is judged: fail" in line]
    assert len(judged) >= 2
    assert "the gate did not pass" not in ran.out


def test_what_never_happened_is_told_in_words_by_where_it_shows_in_lines_that_fit(rehearse: Cli) -> None:
    ran = rehearse()
    said = ran.out.partition("Not tried:")[2]

    assert "on the way in: the terminal refuses the connection, no answer," in said
    assert "not enough room on its disk" in said
    assert "connection-refused" not in said
    assert max(map(len, said.splitlines())) <= 100
