"""Some cuts of the link under a push to a real SSH server; which bytes is decided by the commit."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash.links import LinkBench, link_bench
from tests.crash.relay import LinkCut, Way
from tests.crash.slices import while_there_is_time
from tests.terminal.field import SHELLS

pytestmark = pytest.mark.needs("sshd", *SHELLS)
SIZES = (40_000, 400_000)


def any_cut(bench: LinkBench, dice: random.Random) -> LinkCut:
    """A cut at any byte of either direction; more often of the one that carries the files."""
    way = dice.choice((Way.THERE, Way.THERE, Way.BACK))
    return LinkCut(way, dice.randrange(1, bench.passed[way]))


def test_a_link_cut_at_any_byte_leaves_a_whole_client_and_the_next_push_goes_on(
    tmp_path: Path, count: Callable[[str, int, list[str]], None], tell: Callable[[str], None], seed: str
) -> None:
    dice = random.Random(f"links {seed}")
    shell, size = dice.choice(SHELLS), dice.choice(SIZES)

    with link_bench(tmp_path, shell, size) as bench:
        bad = [bench.survive(*(any_cut(bench, die) for _ in range(die.choice((1, 1, 2))))) for die in while_there_is_time(dice)]

    tell(f"{shell}, {size} bytes: {bench.figures}")
    count("link cuts", bench.figures.cuts, [words for found in bad for words in found[:1]])
