"""The real `fleet run` killed with -9 and started again, 200 times, and where that leaves everything (`make test-long`)."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from fleet.model.playbook import Approval
from tests.crash.nights import night

pytestmark = pytest.mark.long
KILLS = 200
SITES = 12


def test_nights_of_killed_orchestrators_end_with_the_counts_gates_and_decisions_of_a_quiet_one(
    tmp_path: Path, count: Callable[[str, int, list[str]], None], tell: Callable[[str], None]
) -> None:
    dice = Random("equal ends")

    with night(tmp_path, SITES, Approval.CANARY) as made:
        like = made.undisturbed()
        bad: list[str] = []
        while made.figures.kills + made.figures.other_kills < KILLS:
            bad += made.survive(dice, like=like)

    tell(str(made.figures))
    count("orchestrator kills with an equal end", made.figures.kills + made.figures.other_kills, bad)
