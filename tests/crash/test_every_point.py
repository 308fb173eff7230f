"""Every call of a push that changes something, cut and broken: the whole matrix (`make test-crash`)."""

import errno
import random
from collections.abc import Callable

import pytest

from tests.crash.machine import Cut, Fault, How
from tests.crash.matrix import Bench
from tests.crash.scenarios import (
    ADOPTION,
    ADOPTION_ROLLBACK,
    DOWNGRADE,
    FORWARD,
    ONCE_SICK,
    ROLLBACK,
    SCENARIOS,
    STAGING,
    Scenario,
)
from tests.terminal.field import SHELLS

pytestmark = [pytest.mark.crash, pytest.mark.needs("cc")]
PAIRS_EACH = 36
"""Of two cuts in a row; 15 benches make 540."""
FAULTS = {errno.ENOSPC: True, errno.EDQUOT: True, errno.EROFS: True, errno.EIO: False}
"""A full or read-only disk stays so; one that cannot read a block may read the next."""

each_shell = pytest.mark.parametrize("shell", [pytest.param(shell, marks=pytest.mark.needs(shell)) for shell in SHELLS])


@each_shell
@pytest.mark.parametrize("how", How)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_push_cut_at_any_call_leaves_a_whole_client_and_is_healed_by_one_more(
    bench: Callable[[Scenario, str], Bench], count: Callable[[str, int, list[str]], None], scenario: Scenario, shell: str, how: How
) -> None:
    made = bench(scenario, shell)
    points = made.cut_points(how)

    bad = [words for at in points for words in made.survive(Cut(at, how))[:1]]

    count(f"{how} {scenario.name}", len(points), bad)


@pytest.mark.needs("dash")
@pytest.mark.parametrize("how", How)
def test_a_permitted_downgrade_cut_at_any_call_neither_lowers_nor_raises_the_floor(
    bench: Callable[[Scenario, str], Bench], count: Callable[[str, int, list[str]], None], how: How
) -> None:
    made = bench(DOWNGRADE, "dash")
    points = made.cut_points(how)

    bad = [words for at in points for words in made.survive(Cut(at, how))[:1]]

    count(f"{how} downgrade", len(points), bad)


@each_shell
@pytest.mark.parametrize("scenario", [ADOPTION, FORWARD, ROLLBACK, ONCE_SICK, STAGING], ids=lambda scenario: scenario.name)
def test_two_cuts_in_a_row_are_healed_like_one(
    bench: Callable[[Scenario, str], Bench], count: Callable[[str, int, list[str]], None], scenario: Scenario, shell: str
) -> None:
    made = bench(scenario, shell)
    dice = random.Random(f"{scenario.name} {shell}")
    cuts = [Cut(at, how) for how in How for at in made.cut_points(how)]

    bad = [words for _ in range(PAIRS_EACH) for words in made.survive(*dice.choices(cuts, k=2))[:1]]

    count("two cuts", PAIRS_EACH, bad)


@each_shell
@pytest.mark.parametrize("number", FAULTS, ids=lambda number: errno.errorcode[number])
@pytest.mark.parametrize("scenario", [FORWARD, ADOPTION_ROLLBACK, STAGING], ids=lambda scenario: scenario.name)
def test_a_disk_that_fails_at_any_call_leaves_a_whole_client_and_claims_nothing(
    bench: Callable[[Scenario, str], Bench], count: Callable[[str, int, list[str]], None], scenario: Scenario, shell: str, number: int
) -> None:
    made = bench(scenario, shell)
    points = made.cut_points(How.KILL)

    bad = [words for at in points for words in made.survive(Fault(at, number, FAULTS[number]))[:1]]

    count(errno.errorcode[number], len(points), bad)
