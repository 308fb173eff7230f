"""What the old client says of its swipes is told before anything is touched; measuring decides nothing and changes nothing."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fleet.errors import InputError
from fleet.model.attempt import Cause, TerminalState
from fleet.model.gate import Phase
from fleet.model.playbook import PreflightStep, ProbeStep, Step, When
from fleet.rollout.evidence import Pair, pair_of
from fleet.terminal.compile import compile_program
from tests.terminal.field import ENOUGH_S, VALUES, Build, Far, build, client_files, playbook, upgrade_steps, words

METER = """\
#!/bin/sh
# Says what a swipe takes with this client; broken where the home says so.
[ ! -e "$HOME/broken-meter-@VERSION@" ] || { echo 'swipe_ms=1'; exit 3; }
printf 'measured %s\\n' '@VERSION@' >>"$HOME/asked"
[ ! -p "$HOME/wait-meter-@VERSION@" ] || read -r _ <"$HOME/wait-meter-@VERSION@"
while read -r line; do printf '%s\\n' "$line"; done <share/takes
"""
SLOW = {Phase.TOTAL: 9000, Phase.CARD: 500, Phase.ENCRYPTION: 7000, Phase.NETWORK: 600, Phase.HOST: 900}
QUICK = {Phase.TOTAL: 2020, Phase.CARD: 500, Phase.ENCRYPTION: 20, Phase.NETWORK: 600, Phase.HOST: 900}


def metered(version: str, takes: dict[Phase, int]) -> Build:
    """A release whose client can say what a swipe takes."""
    said = "".join(f"{phase.fact}={value}\n" for phase, value in takes.items())
    files = client_files(version, extra={"share/takes": f"swipe=ok\n{said}".encode()})
    return build(version, files | {"bin/meter": ("0755", METER.replace("@VERSION@", version).encode())})


def measuring(version: str) -> list[Step]:
    """An upgrade that measures before and after."""
    preflight, *others = upgrade_steps(version)
    before = ProbeStep(name="swipe-before", when=When.BEFORE, command=words("bin/meter"))
    return [preflight, before, *others, ProbeStep(name="swipe", command=words("bin/meter"))]


OLD, NEW = metered("1.0", SLOW), metered("2.0", QUICK)


def everything(root: Path) -> dict[str, bytes]:
    """Path -> contents of all that is under a client's directory but what the program keeps of its own runs."""
    files = (path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    return {str(path): path.read_bytes() for path in files if ".fleet" not in path.parts}


@pytest.fixture
def old(far: Far) -> Far:
    """A terminal on the old release."""
    assert far.push(upgrade_steps("1.0"), OLD).story.ending is TerminalState.UPGRADED
    (far.home / "asked").unlink()
    return far


def test_a_push_measures_the_client_before_and_the_client_after_each_phase_by_itself(old: Far) -> None:
    story = old.push(measuring("2.0"), NEW).story

    assert (story.ending, story.cause) == (TerminalState.UPGRADED, Cause.NONE)
    assert pair_of([dict(story.facts)]) == Pair(SLOW, QUICK)


def test_the_old_client_is_measured_before_anything_is_asked_of_it(old: Far) -> None:
    old.push(measuring("2.0"), NEW)

    asked = old.asked()
    assert asked[0] == "measured 1.0"
    assert asked.index("2.0 start") < asked.index("measured 2.0")
    assert asked.count("measured 1.0") == asked.count("measured 2.0") == 1


def test_a_terminal_without_a_client_gives_no_pair_and_is_upgraded(far: Far) -> None:
    story = far.push(measuring("2.0"), NEW).story

    assert story.ending is TerminalState.UPGRADED
    assert pair_of([dict(story.facts)]) is None
    assert [step.ok for step in story.steps] == [True] * len(measuring("2.0"))


def test_a_client_that_cannot_say_gives_no_pair_and_is_upgraded(old: Far) -> None:
    (old.home / "broken-meter-1.0").touch()

    story = old.push(measuring("2.0"), NEW).story

    assert story.ending is TerminalState.UPGRADED
    assert pair_of([dict(story.facts)]) is None
    assert any("could not be measured" in line for line in story.log)


def test_a_client_that_never_heard_of_measuring_gives_no_pair_and_is_upgraded(far: Far) -> None:
    far.push(upgrade_steps("1.0"), build("1.0"))

    story = far.push(measuring("2.0"), NEW).story

    assert story.ending is TerminalState.UPGRADED
    assert pair_of([dict(story.facts)]) is None


def test_a_terminal_that_is_in_place_is_only_measured_after(old: Far) -> None:
    old.push(measuring("2.0"), NEW)

    again = old.push(measuring("2.0"), NEW).story

    assert again.in_place
    assert {"swipe_ms", "swipe_card_ms"} <= set(again.facts)
    assert not [name for name in again.facts if name.startswith("before_")]


def test_the_new_client_is_never_taken_for_the_old_one(old: Far) -> None:
    old.push(measuring("2.0"), NEW)
    damaged = old.root / "releases" / NEW.name / "share" / "version"
    damaged.write_text("damaged\n")

    again = old.push(measuring("2.0"), NEW).story

    assert (again.ending, again.in_place) == (TerminalState.UPGRADED, False)
    assert pair_of([dict(again.facts)]) is None


def test_measuring_changes_nothing_on_the_terminal(old: Far) -> None:
    before = everything(old.root)
    lacking = PreflightStep(name="tools", tools=("no-such-tool",))

    story = old.push(
        [ProbeStep(name="swipe-before", when=When.BEFORE, command=words("bin/meter")), lacking, *upgrade_steps("2.0")[1:]], NEW
    ).story

    assert (story.ending, story.cause, story.step) == (TerminalState.FAILED, Cause.TOOL_MISSING, "tools")
    assert story.facts["before_swipe_ms"] == "9000"
    assert everything(old.root) == before
    assert old.live == OLD.name
    assert old.asked() == ["measured 1.0"]


def test_a_push_that_was_cut_after_it_had_activated_measures_the_old_client_again(old: Far) -> None:
    old.fail("probe", "2.0")
    first = old.push(measuring("2.0"), NEW).story
    (old.home / "break-probe-2.0").unlink()

    second = old.push(measuring("2.0"), NEW).story

    assert (first.ending, second.ending) == (TerminalState.ROLLED_BACK, TerminalState.UPGRADED)
    assert pair_of([dict(first.facts), dict(second.facts)]) == Pair(SLOW, QUICK)


def test_a_push_that_dies_while_it_measures_has_touched_nothing_and_the_next_one_measures(old: Far) -> None:
    before = everything(old.root)
    gate = old.home / "wait-meter-1.0"
    os.mkfifo(gate)
    with ThreadPoolExecutor(1) as pool:
        dying = pool.submit(old.push, measuring("2.0"), NEW)
        opened = os.open(gate, os.O_WRONLY)  # from here the old client is being measured
        lock = max((old.root / ".fleet").glob("lock.*"), key=lambda path: int(path.suffix[1:]))
        os.killpg(os.getsid(int(lock.read_text().split()[0])), signal.SIGKILL)
        os.close(opened)
        gate.unlink()
        first = dying.result(ENOUGH_S).story
    left = everything(old.root)

    second = old.push(measuring("2.0"), NEW).story

    assert first.ending is not TerminalState.UPGRADED
    assert left == before
    assert second.ending is TerminalState.UPGRADED
    assert pair_of([dict(first.facts), dict(second.facts)]) == Pair(SLOW, QUICK)


def test_nothing_is_measured_while_a_release_is_only_staged(old: Far) -> None:
    story = old.push(measuring("2.0"), NEW, values={**VALUES, "only": "stage"}).story

    assert story.ending is TerminalState.STAGED
    assert "before_swipe_ms" not in story.facts


@pytest.mark.parametrize("position", [2, 3, 5])
def test_measuring_before_comes_before_every_step_that_touches_something(position: int) -> None:
    steps = upgrade_steps("2.0")
    steps.insert(position, ProbeStep(name="swipe-before", when=When.BEFORE, command=words("bin/meter")))

    with pytest.raises(InputError, match="measures what is live before anything is touched"):
        compile_program(playbook(steps), steps, NEW.artifact, "2.0")
