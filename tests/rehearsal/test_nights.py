"""Some whole nights with kills and two orchestrators; which ones is decided by the commit. `make test-long` lives through 2,000."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from random import Random

import pytest

from fleet.model.attempt import TerminalState
from tests.rehearsal.nights import CALM, live

NIGHTS = 2_000
"""Of the long form."""
EACH_QUIET = 10
"""Of so many nights, one is lived through again without a kill."""
ENOUGH_S = 5
MOST_NIGHTS = 30


@pytest.fixture
def dice(seed: str) -> Random:
    """Thrown by the commit."""
    return Random(f"nights {seed}")


def wrong_of(seed: int) -> tuple[int, int, int, list[str]]:
    """Live through a night; kills, handovers, refusals, and what was wrong with it, each with the command that replays it."""
    told = live(seed)
    return told.kills, told.handovers, told.refused, _replayed(seed, told.wrong)


def difference_of(seed: int) -> list[str]:
    """What kills changed about the end of a night in which people only let go on what waits."""
    killed, quiet = live(seed, has_whims=False), live(seed, has_whims=False, has_kills=False)
    differs = [name for name, ending in quiet.endings.items() if not _is_as_good(killed.endings[name], ending)]
    words = [f"{name} is {killed.endings[name]}, without kills {quiet.endings[name]}" for name in differs]
    return _replayed(f"{seed} {CALM}", [*killed.wrong, *quiet.wrong, *words])


def _is_as_good(killed: TerminalState, quiet: TerminalState) -> bool:
    """Where a terminal answers nothing after the orchestrator died over it, nobody may say that nothing was touched."""
    return killed is quiet or (quiet is TerminalState.UNREACHABLE and killed is TerminalState.UNKNOWN)


def _replayed(night: int | str, wrong: Iterable[str]) -> list[str]:
    return [f"night {night}: {words}; repeat it: python -m tests.rehearsal.nights {night}" for words in wrong]


def while_there_is_time(dice: Random) -> Iterator[int]:
    """Seeds of nights, as many as a slice may take; at least one."""
    begun = time.monotonic()
    for _ in range(MOST_NIGHTS):
        yield dice.randrange(10**9)
        if time.monotonic() - begun > ENOUGH_S:
            return


def test_whatever_happens_in_a_night_its_end_is_consistent_and_nothing_is_done_twice(dice: Random) -> None:
    assert [words for seed in while_there_is_time(dice) for words in wrong_of(seed)[3]] == []


def test_a_night_of_kills_ends_like_the_same_night_without(dice: Random) -> None:
    assert [words for seed in while_there_is_time(dice) for words in difference_of(seed)] == []


def test_the_same_seed_is_the_same_night_to_the_last_event(dice: Random) -> None:
    seed = dice.randrange(10**9)

    assert live(seed) == live(seed)


@pytest.mark.long
def test_two_thousand_nights(tell: Callable[[str], None]) -> None:
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as processes:
        lived = list(processes.map(wrong_of, range(NIGHTS), chunksize=20))
        compared = list(processes.map(difference_of, range(0, NIGHTS, EACH_QUIET), chunksize=20))

    kills, handovers, refused = (sum(night) for night in zip(*(night[:3] for night in lived), strict=True))
    tell(f"{NIGHTS} nights, {kills} kills, {handovers} handovers, {refused} second orchestrators refused")
    assert [words for night in lived for words in night[3]] == []
    assert [words for night in compared for words in night] == []
    assert min(kills, handovers, refused) > NIGHTS // 4
