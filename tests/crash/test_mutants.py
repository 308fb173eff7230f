"""Guards taken out of the program one at a time: a suite that proves anything must notice each of them."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

import fleet.terminal.compile as compiler
from fleet.model.attempt import TerminalState
from tests.crash.machine import Cut, How
from tests.crash.matrix import Bench
from tests.crash.scenarios import ADOPTION, DOWNGRADE, FORWARD, NEW, ONCE_SICK, Scenario, steps

pytestmark = [pytest.mark.crash, pytest.mark.needs("cc", "dash")]


SCRIPT_BYTES = 1000
"""The client itself is smaller, and would not even start damaged."""


@dataclass(frozen=True)
class Mutant:
    """One guard taken out of one fragment."""

    name: str
    fragment: str
    guard: str
    instead: str
    scenario: Scenario = FORWARD
    how: How = How.KILL


MUTANTS = (
    Mutant("nothing is made durable", "core", "tool sync $unsettled || return 1", ":", how=How.POWER),
    Mutant("the state is not made durable", "activate", "tool find", ": find", how=How.POWER),
    Mutant(
        "the state is migrated where it is live",
        "activate",
        'place=releases/$target\nact "command_${number}_migrate"',
        'place=current\nact "command_${number}_migrate"',
    ),
    Mutant("the link is removed and made again", "journal", 'move_link "releases/$1" || return 1', 'rm -f current; mv "$new" current'),
    Mutant("the journal is not asked", "journal", "activating | back) return 0 ;;", "never) return 0 ;;"),
    Mutant(
        "the decision to go back is not kept",
        "activate",
        '[ "$state $by" = "restored $attempt" ] || return 0',
        "return 0",
        scenario=ONCE_SICK,
    ),
    Mutant("a torn record is believed", "journal", '[ "${1%% = *}" = "${1#* = }" ] || return 0', "", how=How.TORN),
    Mutant("a dead holder keeps the lock", "lock", '[ -n "$identity" ] && [ "$identity" = "${holder% *}" ]', '[ "$holder" != released ]'),
    Mutant("an adoption is not taken back", "journal", 'elif [ "$linked" != "$1" ]; then', "elif false; then", scenario=ADOPTION),
    Mutant("the key is not made durable", "signature", 'unsettled="$unsettled $work/release-key $work"', ":", ADOPTION, How.POWER),
    Mutant("a floor is named before it is durable", "signature", 'unsettled="$unsettled $work/$1.new"\nsettle', ":", DOWNGRADE, How.POWER),
    Mutant("a downgrade forgets what was live", "signature", 'keep floor "$floor $floor_time"', ":", DOWNGRADE),
    Mutant(
        "what is kept of a signature is not durable",
        "signature",
        'unsettled="$unsettled $work/signed/$target $work/signed $work"',
        ":",
        how=How.POWER,
    ),
    Mutant("what was staged is not verified", "stage", '[ "$code" -eq 0 ] || each_line fail_damaged "$verdicts"', "code=0"),
)


def is_noticed(bench: Bench, how: How) -> bool:
    """Whether a damaged file is taken for a good one, or any cut leaves something wrong."""
    bench.machine.restored_to(bench.image)
    damaged = bench.machine.far.push(steps(NEW.version), NEW, damage=lambda data: data[:-1] + b"?" if len(data) > SCRIPT_BYTES else data)
    return damaged.story.ending is TerminalState.UPGRADED or any(bench.survive(Cut(at, how)) for at in reversed(bench.cut_points(how)))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_guard_that_is_taken_out_is_missed(
    bench: Callable[[Scenario, str], Bench],
    count: Callable[[str, int, list[str]], None],
    monkeypatch: pytest.MonkeyPatch,
    mutant: Mutant,
) -> None:
    whole = compiler._fragment
    assert whole(mutant.fragment).count(mutant.guard) == 1
    monkeypatch.setattr(
        compiler, "_fragment", lambda name: whole(name).replace(mutant.guard, mutant.instead) if name == mutant.fragment else whole(name)
    )

    noticed = is_noticed(bench(mutant.scenario, "dash"), mutant.how)

    count("mutants", 1, [] if noticed else [f"nobody noticed that {mutant.name}"])
