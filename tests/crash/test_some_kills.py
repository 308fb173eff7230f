"""A few orchestrators killed with -9 in the middle of pushes; when is decided by the commit."""

from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.crash.nights import night
from tests.crash.slices import while_there_is_time

SITES = 4
KILLS = 2
"""Of one night."""


def test_a_killed_orchestrator_goes_on_and_every_terminal_is_upgraded_exactly_once(
    tmp_path: Path, count: Callable[[str, int, list[str]], None], tell: Callable[[str], None], seed: str
) -> None:
    dice = Random(f"kills {seed}")

    with night(tmp_path, SITES) as made:
        bad = [words for die in while_there_is_time(dice) for words in made.survive(die, KILLS)]

    tell(str(made.figures))
    count("orchestrator kills", made.figures.kills + made.figures.other_kills, bad)
