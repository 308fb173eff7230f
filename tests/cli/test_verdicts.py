"""What a gate found, at every door: the verdict's word with its numbers; and what the finish depends on while it waits."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fleet.cli.follow import Follower
from fleet.model.actor import FLEET
from fleet.model.inventory import Fleet
from fleet.model.playbook import Approval
from fleet.model.rollout import RolloutPhase, Verdict, WavePhase
from fleet.plan import write_plan
from fleet.settings import load_settings
from fleet.store import Store, rollouts
from tests.cli.conftest import nowhere, put
from tests.conftest import Cli
from tests.engine.city import AT, make_fleet, make_plan

VALUES: dict[str, str | int | float] = {"upgraded": 2, "samples": 3, "needed": 60.0, "min_samples": 5}
FOUND = [
    (Verdict.PASS, "enough", "pass: 2 of 3 terminals that answered are upgraded (66.6 %); 60 % of them are needed", "通过："),
    (Verdict.FAIL, "below", "fail: only 2 of 3 terminals that answered are upgraded (66.6 %); 60 % of them are needed", "不通过："),
    (Verdict.INCONCLUSIVE, "too-few", "inconclusive: terminals that answered: 3; at least 5 are needed to judge", "无法判定："),
]


@pytest.fixture
def store(cli: Cli, open_with: Callable[[Fleet], Store], tmp_path: Path) -> Store:
    """A rollout of six sites whose names nobody has, in two waves."""
    fleet = nowhere(make_fleet(6))
    store = open_with(fleet)
    write_plan(make_plan(fleet, 2, 4, approval=Approval.CANARY, unreachable=2), tmp_path / "plan.json")
    assert cli("rollout", "start", tmp_path / "plan.json", "--count", 6).code == 0
    return store


def judge(store: Store, phase: WavePhase, verdict: Verdict, code: str, approved_by: str | None = None) -> None:
    """Bring wave 1 where its gate has found this."""
    put(store, RolloutPhase.RUNNING, phase, WavePhase.OPEN if phase is WavePhase.PASSED else WavePhase.CLOSED)
    with store.write(FLEET, AT) as tx:
        state = rollouts.newest_rollout(tx)
        assert state is not None
        found = {"verdict": verdict, "verdict_code": code, "verdict_values": VALUES, "approved_by": approved_by}
        rollouts.save_rollout(tx, state.model_copy(update={"waves": (state.waves[0].model_copy(update=found), *state.waves[1:])}))


@pytest.mark.parametrize(("verdict", "code", "words", "chinese"), FOUND)
def test_status_says_the_verdict_with_its_numbers_where_a_gate_waits(
    *, cli: Cli, store: Store, verdict: Verdict, code: str, words: str, chinese: str
) -> None:
    judge(store, WavePhase.GATE, verdict, code)

    ran, facts = cli("status"), json.loads(cli("status", "--json").out)

    assert f"Wave 1 waits for a person; {words}. Go on: fleet rollout approve 1" in ran.out
    assert [(each["verdict"], each["why"]) for each in facts["waiting"]] == [(verdict.value, words)]
    assert f"第1批次等待人员决定；{chinese}" in cli("status", "--lang", "zh_CN").out


@pytest.mark.parametrize(("verdict", "code", "words", "chinese"), FOUND)
def test_status_says_it_of_a_gate_that_is_passed_too_and_who_let_it_through(
    *, cli: Cli, store: Store, verdict: Verdict, code: str, words: str, chinese: str
) -> None:
    judge(store, WavePhase.PASSED, verdict, code)
    by_itself = cli("status").out
    judge(store, WavePhase.PASSED, verdict, code, approved_by="c01")

    assert f"Wave 1 passed its gate; {words}\n" in by_itself
    assert f"Wave 1 was let through by c01; {words}\n" in cli("status").out
    assert f"第1批次由c01放行；{chinese}" in cli("status", "--lang", "zh_CN").out


@pytest.mark.parametrize(("verdict", "code", "words", "chinese"), FOUND)
def test_a_plain_watch_says_it_once_where_the_gate_waits_and_once_where_it_is_passed(
    *, cli: Cli, store: Store, verdict: Verdict, code: str, words: str, chinese: str
) -> None:
    judge(store, WavePhase.GATE, verdict, code)

    waits = cli("status", "--watch", "--plain", "--until-waiting")
    judge(store, WavePhase.PASSED, verdict, code)
    put(store, RolloutPhase.STOPPED, WavePhase.PASSED, WavePhase.OPEN)
    ends = cli("status", "--watch", "--plain")

    assert waits.code == 3
    assert waits.out.count(words) == 1
    assert f"Wave 1 waits for a person; {words}." in waits.out
    assert ends.out.count(words) == 1
    assert f"wave 1: passed; {words}\n" in ends.out
    assert chinese not in waits.out


@pytest.mark.parametrize("phase", [WavePhase.GATE, WavePhase.PASSED])
@pytest.mark.parametrize(("verdict", "code", "words", "chinese"), FOUND)
def test_what_follows_a_run_says_it_at_the_gate_and_behind_it(
    *, store: Store, tmp_path: Path, phase: WavePhase, verdict: Verdict, code: str, words: str, chinese: str
) -> None:
    judge(store, phase, verdict, code)

    told = list(Follower(store, load_settings(tmp_path / "workspace").zone).news())

    assert [line for line in told if line.startswith("wave 1: ") and line.endswith(f"; {words}")] != []
    assert not any(chinese in line for line in told)


def test_run_says_what_the_gate_found_when_it_is_there(cli: Cli, store: Store) -> None:
    assert store

    ran = cli("run", "--once")

    assert ran.code == 3, ran.err
    assert "wave 1: at the gate; inconclusive: terminals that answered: 0; at least 1 are needed to judge\n" in ran.err
    assert "Wave 1 waits for a person; inconclusive: terminals that answered: 0; at least 1 are needed to judge. Go on: " in ran.err


@pytest.mark.parametrize(
    ("phase", "wave", "line", "waits"),
    [
        (RolloutPhase.RUNNING, WavePhase.GATE, "Finish: depends on the decision about wave 1; sites not begun: 6", ("wave", 1)),
        (RolloutPhase.RUNNING, WavePhase.HELD, "Finish: depends on the decision about wave 1; sites not begun: 6", ("wave", 1)),
        (RolloutPhase.PAUSED, WavePhase.OPEN, "Finish: depends on when somebody resumes; sites not begun: 6", ("paused", None)),
        (RolloutPhase.RUNNING, WavePhase.OPEN, None, None),
        (RolloutPhase.STOPPED, WavePhase.GATE, None, None),
    ],
)
def test_while_only_people_can_go_on_status_says_what_the_finish_depends_on(
    *, cli: Cli, store: Store, phase: RolloutPhase, wave: WavePhase, line: str | None, waits: tuple[str, int | None] | None
) -> None:
    put(store, phase, wave, WavePhase.CLOSED)

    said = [each for each in cli("status").out.splitlines() if each.startswith("Finish: ")]
    told = json.loads(cli("status", "--json").out)

    assert said == ([line] if line else [])
    assert told["forecast"] is None
    assert told["finish_waits_for"] == ({"what": waits[0], "wave": waits[1]} if waits else None)


def test_past_the_point_of_no_return_the_finish_depends_on_who_goes_on(cli: Cli, store: Store) -> None:
    with store.write(FLEET, AT) as tx:
        state = rollouts.newest_rollout(tx)
        assert state is not None
        rollouts.save_rollout(tx, state.model_copy(update={"past_return_at": AT}))

    assert "Finish: depends on whether somebody goes past the point of no return; sites not begun: 6" in cli("status").out
    assert json.loads(cli("status", "--json").out)["finish_waits_for"] == {"what": "point-of-no-return", "wave": None}
