"""Orchestrators killed with -9 in the middle of pushes, two at once included, and what the terminals count (`make test-crash`)."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.crash.nights import night

pytestmark = pytest.mark.crash
KILLS = 100
"""Of each half; both together make 200."""
SITES = 12


@pytest.mark.parametrize("half", [1, 2])
def test_a_killed_orchestrator_goes_on_and_every_terminal_is_upgraded_exactly_once(
    tmp_path: Path, count: Callable[[str, int, list[str]], None], tell: Callable[[str], None], half: int
) -> None:
    dice = Random(half)

    with night(tmp_path, SITES) as made:
        bad: list[str] = []
        while made.figures.kills < KILLS:
            bad += made.survive(dice)

    tell(str(made.figures))
    count("orchestrator kills", made.figures.kills, bad)
