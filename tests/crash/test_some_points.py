"""A slice of the matrix for every run of the tests: which points is decided by the commit, so in time it is all of them."""

import errno
import random
from collections.abc import Callable

import pytest

from tests.crash.machine import Cut, Fault, How
from tests.crash.matrix import Bench
from tests.crash.scenarios import DOWNGRADE, SCENARIOS, Scenario
from tests.crash.slices import while_there_is_time
from tests.terminal.field import SHELLS

pytestmark = pytest.mark.needs("cc")

each_shell = pytest.mark.parametrize("shell", [pytest.param(shell, marks=pytest.mark.needs(shell)) for shell in SHELLS])


@each_shell
def test_a_cut_leaves_a_whole_client_and_is_healed_by_one_more_push(
    bench: Callable[[Scenario, str], Bench], count: Callable[[str, int, list[str]], None], seed: str, shell: str
) -> None:
    dice = random.Random(f"{seed} {shell}")
    made = bench(dice.choice((*SCENARIOS, DOWNGRADE)), shell)
    cuts = [Cut(at, how) for how in How for at in made.cut_points(how)]

    bad = [made.survive(die.choice(cuts))[:1] for die in while_there_is_time(dice)]

    count("cuts", len(bad), [words for found in bad for words in found])


@each_shell
def test_a_disk_that_fails_leaves_a_whole_client_and_claims_nothing(
    bench: Callable[[Scenario, str], Bench], count: Callable[[str, int, list[str]], None], seed: str, shell: str
) -> None:
    dice = random.Random(f"faults {seed} {shell}")
    made = bench(dice.choice((*SCENARIOS, DOWNGRADE)), shell)
    lasting = {errno.ENOSPC: True, errno.EDQUOT: True, errno.EROFS: True, errno.EIO: False}
    faults = [Fault(at, number, lasts) for number, lasts in lasting.items() for at in made.cut_points(How.KILL)]

    bad = [made.survive(die.choice(faults))[:1] for die in while_there_is_time(dice)]

    count("faults", len(bad), [words for found in bad for words in found])
