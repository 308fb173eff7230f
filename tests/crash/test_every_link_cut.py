"""The link under a push to a real SSH server, cut every 512 bytes in both directions (`make test-crash`)."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash.links import LinkBench, link_bench
from tests.crash.relay import LinkCut, Way

pytestmark = [pytest.mark.crash, pytest.mark.needs("sshd")]
STEP_BYTES = 512
SMALL_BYTES = 40_000
"""Little more than a packet, so that these steps come by everything that is said."""
LARGE_BYTES = 2_000_000
EACH_PHASE = 24


def shells(**steps: int) -> pytest.MarkDecorator:
    """A bench for each of these shells, cut every so many bytes."""
    return pytest.mark.parametrize(
        ("shell", "step"), [pytest.param(shell, step, marks=pytest.mark.needs(shell), id=shell) for shell, step in steps.items()]
    )


def everywhere(bench: LinkBench, step: int) -> list[LinkCut]:
    """Cuts all along the conversation. What the terminal says is short, so it is cut more often."""
    there = [LinkCut(Way.THERE, at) for at in range(step, bench.passed[Way.THERE], step)]
    return there + [LinkCut(Way.BACK, at) for at in range(step // 4, bench.passed[Way.BACK], step // 4)]


@shells(dash=STEP_BYTES, bash=STEP_BYTES, busybox=4 * STEP_BYTES)
def test_a_link_cut_anywhere_leaves_a_whole_client_and_the_next_push_goes_on(
    tmp_path: Path, count: Callable[[str, int, list[str]], None], tell: Callable[[str], None], shell: str, step: int
) -> None:
    with link_bench(tmp_path, shell, SMALL_BYTES) as bench:
        bad = [words for cut in everywhere(bench, step) for words in bench.survive(cut)[:1]]

    tell(f"{shell}, {SMALL_BYTES} bytes: {bench.figures}")
    count("link cuts", bench.figures.cuts, bad)


@shells(dash=1)
def test_a_large_payload_cut_in_every_phase_and_cut_again_is_gone_on_with(
    tmp_path: Path, count: Callable[[str, int, list[str]], None], tell: Callable[[str], None], shell: str, step: int
) -> None:
    with link_bench(tmp_path, shell, LARGE_BYTES) as bench:
        whole = bench.passed[Way.THERE]
        cuts = [LinkCut(Way.THERE, whole * place // EACH_PHASE + step) for place in range(1, EACH_PHASE)]
        ends = [LinkCut(Way.THERE, whole - before) for before in (8 * STEP_BYTES, 4 * STEP_BYTES, 2 * STEP_BYTES, STEP_BYTES, 64)]
        pairs = [(first, second) for first, second in zip(cuts[4::4], cuts[2::3], strict=False)]
        bad = [words for points in (*((cut,) for cut in (*cuts, *ends)), *pairs) for words in bench.survive(*points)[:1]]

    tell(f"{shell}, {LARGE_BYTES} bytes: {bench.figures}")
    count("link cuts", bench.figures.cuts, bad)
