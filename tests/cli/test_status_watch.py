"""`fleet status --watch`: a line for each change, for screen readers and scripts."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.cli.status_watch import merge_patch
from fleet.model.actor import FLEET
from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.inventory import Fleet
from fleet.model.rollout import RolloutPhase, WavePhase
from fleet.plan import write_plan
from fleet.store import Store, progress
from tests.cli.conftest import PROGRAM, nowhere, put
from tests.conftest import Cli
from tests.engine.city import AT, make_fleet, make_plan


@pytest.fixture
def store(cli: Cli, open_with: Callable[[Fleet], Store], tmp_path: Path) -> Store:
    """A rollout of six sites that has begun."""
    fleet = nowhere(make_fleet(6))
    store = open_with(fleet)
    write_plan(make_plan(fleet, 2, 4), tmp_path / "plan.json")
    cli("rollout", "start", tmp_path / "plan.json", "--count", 6)
    return store


def fail(store: Store, terminal: str) -> None:
    with store.write(FLEET, AT) as tx:
        values = {"ending": TerminalState.FAILED, "cause": Cause.DISK_FULL, "step": "stage"}
        progress.record_result(tx, "r1", AttemptResult(terminal=terminal, number=1, started_at=AT, finished_at=AT, **values))


class Watched:
    """A watch in a process of its own, read line by line."""

    def __init__(self, workspace: Path, *words: str) -> None:
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "FLEET_WORKSPACE": str(workspace)}
        self.process = subprocess.Popen(
            [PROGRAM, "status", "--watch", *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        self.lines = iter(self.process.stdout.readline, "")

    def until(self, words: str) -> list[str]:
        """Lines up to the one that holds these words."""
        read = []
        for line in self.lines:
            read.append(line)
            if words in line:
                return read
        pytest.fail(f"{words} never came: {read}")

    def end(self) -> tuple[int, list[str], str]:
        """The exit code, the lines that were left, what was said on stderr."""
        rest = list(self.lines)
        assert self.process.stderr
        said = self.process.stderr.read()
        return self.process.wait(60), rest, said


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Callable[..., Watched]]:
    """Begin a watch of the workspace: `watch("--plain")`."""
    begun: list[Watched] = []

    def begin(*words: str) -> Watched:
        begun.append(Watched(tmp_path / "workspace", *words))
        return begun[-1]

    yield begin
    for each in begun:
        each.process.kill()
        each.process.communicate()


def test_plain_says_each_change_once_in_a_line_without_moving_the_cursor(store: Store, watch: Callable[..., Watched]) -> None:
    watched = watch("--plain")
    begun = watched.until("No orchestrator has run here yet")
    fail(store, "s000/t1")
    failed = watched.until("s000/t1 failed")
    put(store, RolloutPhase.RUNNING, WavePhase.GATE, WavePhase.CLOSED)
    waits = watched.until("Go on: fleet rollout approve 1")
    put(store, RolloutPhase.FINISHED, WavePhase.PASSED, WavePhase.PASSED)
    code, rest, said = watched.end()

    everything = [*begun, *failed, *waits, *rest]
    assert code == 1
    assert said == ""
    assert "".join(everything).isprintable() or all(line.rstrip("\n").isprintable() for line in everything)
    assert sum("s000/t1 failed" in line for line in everything) == 1
    assert sum("approve 1" in line for line in everything) == 1
    assert any("1 failed" in line for line in everything), "the last counts are told"


def test_json_is_one_object_a_line_and_its_patches_lead_to_what_status_says(cli: Cli, store: Store, watch: Callable[..., Watched]) -> None:
    watched = watch("--json")
    lines = watched.until('"rollout":"r1"')
    fail(store, "s000/t1")
    lines += watched.until('"failed":1')
    put(store, RolloutPhase.FINISHED, WavePhase.PASSED, WavePhase.PASSED)
    code, rest, _said = watched.end()

    patches = [json.loads(line) for line in [*lines, *rest]]
    facts: dict[str, Any] = {}
    for patch in patches:
        facts = patched(facts, patch)
    last = json.loads(cli("status", "--json").out)
    assert code == 1
    assert without_nulls({**facts, "waves": list(facts["waves"].values()), "at": None}) == without_nulls(last)
    assert "release" in patches[0]
    assert all("release" not in patch for patch in patches[1:]), "only what changed"
    assert all(len(patch) > 1 for patch in patches), "a line only where something changed"


def test_until_waiting_ends_with_3_when_only_a_person_can_go_on(store: Store, watch: Callable[..., Watched]) -> None:
    watched = watch("--plain", "--until-waiting")
    watched.until("No orchestrator")
    put(store, RolloutPhase.RUNNING, WavePhase.GATE, WavePhase.CLOSED)

    assert watched.end()[0] == 3


def test_a_watch_stays_with_its_rollout_and_ends_with_it_though_another_has_begun(
    cli: Cli, store: Store, watch: Callable[..., Watched], tmp_path: Path
) -> None:
    watched = watch("--plain")
    watched.until("No orchestrator")
    watched.process.send_signal(signal.SIGSTOP)
    put(store, RolloutPhase.FINISHED, WavePhase.PASSED, WavePhase.PASSED)
    assert cli("rollout", "start", tmp_path / "plan.json", "--count", 6).code == 0
    watched.process.send_signal(signal.SIGCONT)

    assert watched.process.wait(20) == 1  # what had not begun stays not started
    assert not any("r2" in line for line in watched.end()[1])


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_a_signal_ends_it_without_a_traceback(watch: Callable[..., Watched], number: int, code: int) -> None:
    watched = watch("--plain")
    watched.until("No orchestrator")

    watched.process.send_signal(number)

    ended, _rest, said = watched.end()
    assert ended == code
    assert said.strip() == ""


def test_whoever_stops_reading_ends_it_without_a_word(store: Store, watch: Callable[..., Watched]) -> None:
    watched = watch("--json")
    watched.until('"rollout":"r1"')
    assert watched.process.stdout
    watched.process.stdout.close()
    for name in ("s000/t1", "s001/t1"):
        fail(store, name)

    assert watched.process.wait(60) == 141
    assert watched.process.stderr
    assert watched.process.stderr.read() == ""


@pytest.mark.usefixtures("store")
def test_failures_are_one_look(cli: Cli) -> None:
    assert cli("status", "--failures", "--watch").code == 2


JSON = st.recursive(
    st.one_of(st.integers(), st.text(max_size=3), st.booleans(), st.lists(st.integers(), max_size=2)),
    lambda inner: st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(max_size=2), JSON, max_size=4)


def patched(target: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """RFC 7386, section 2."""
    result = dict(target)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            before = result.get(key)
            result[key] = patched(before if isinstance(before, dict) else {}, value)
        else:
            result[key] = value
    return result


def without_nulls(value: Any) -> Any:
    """What is null and what is not there are the same to a merge patch."""
    if isinstance(value, dict):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value


@given(old=OBJECTS, new=OBJECTS)
def test_a_merge_patch_makes_the_new_out_of_the_old(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert patched(old, merge_patch(old, new)) == new
    assert merge_patch(new, new) == {}
