"""Draws the README's picture of `fleet watch`: the real app, on the sample city in the middle of its night.

    python -m tests.tui.picture docs/tui.svg

The exporter gives every character the same width and asks a foreign server for a font; both are put right here.
"""

import asyncio
import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from html import escape, unescape
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.cells import cell_len

from fleet.model.actor import FLEET
from fleet.model.attempt import Cause, TerminalState
from fleet.model.rollout import WavePhase
from fleet.store import orchestrator, progress
from fleet.text import use_language
from tests.tui.conftest import LARGE, Stage, city, make_stage, plan_for, watching

_TEXT = re.compile(r'<text class="([^"]*)" x="([^"]*)" y="([^"]*)" textLength="([^"]*)"([^>]*)>([^<]*)</text>')
_FONTS = 'ui-monospace, "DejaVu Sans Mono", "Noto Sans Mono CJK SC", Menlo, Consolas, monospace'
_TROUBLES = {
    7: (TerminalState.UNREACHABLE, Cause.NO_ANSWER),
    23: (TerminalState.FAILED, Cause.DISK_FULL),
    41: (TerminalState.UNREACHABLE, Cause.REFUSED),
    58: (TerminalState.ROLLED_BACK, Cause.PROBE_FAILED),
    77: (TerminalState.UNKNOWN, Cause.LINK_LOST),
    96: (TerminalState.UNREACHABLE, Cause.NO_ANSWER),
    118: (TerminalState.FAILED, Cause.HOST_KEY_CHANGED),
}
"""Sites of the second wave that end badly, by their place in it."""


def a_night(stage: Stage) -> None:
    """The canary passed; the second wave is at work."""
    stage.start()
    canary, second = stage.plan.waves[0], stage.plan.waves[1]
    for site in canary.sites:
        _end(stage, site.code)
    with stage.store.write(FLEET, stage.now) as tx:
        for site in canary.sites:
            progress.record_mark(tx, stage.rollout, site.code, marked=True)
    stage.set_wave(1, phase=WavePhase.PASSED, approved_by="li-na", approved_at=stage.now)
    stage.set_wave(2, phase=WavePhase.OPEN, opened_at=stage.now)
    for place, site in enumerate(second.sites[:131]):
        _end(stage, site.code, *_TROUBLES.get(place, ()))
    for site in second.sites[131:143]:
        stage.run(site.code)
    with stage.store.write(FLEET, stage.now) as tx:
        orchestrator.beat(tx, "t")


def _end(stage: Stage, code: str, ending: TerminalState = TerminalState.UPGRADED, cause: Cause = Cause.NONE) -> None:
    stage.now += timedelta(seconds=7)
    stage.end(code, ending, cause=cause)


def draw() -> str:
    """The picture, as SVG."""
    use_language("en")
    with TemporaryDirectory() as directory:
        fleet = city()
        stage = make_stage(Path(directory), fleet, plan_for(fleet, canary=20))
        a_night(stage)
        try:
            return true_to_width(asyncio.run(_screenshot(stage)))
        finally:
            stage.store.close()


async def _screenshot(stage: Stage) -> str:
    async with watching(stage, LARGE) as screen:
        return screen.app.export_screenshot(title="fleet watch")


def true_to_width(svg: str) -> str:
    """The picture with every Chinese character two columns wide, and with fonts of the reader's own machine."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;]*;", f"font-family: {_FONTS};", svg)
    return _TEXT.sub(lambda match: "".join(_pieces(match)), svg)


def _pieces(match: re.Match[str]) -> Iterator[str]:
    """One text as pieces whose characters are equally wide."""
    style, x, y, length, more, text = match.groups()
    plain = unescape(text)
    cell = float(length) / len(plain)
    at = float(x)
    for width, characters in groupby(plain, cell_len):
        piece = "".join(characters)
        taken = cell * width * len(piece)
        if piece.strip("\xa0 "):
            yield f'<text class="{style}" x="{at:.1f}" y="{y}" textLength="{taken:.1f}"{more}>{escape(piece)}</text>'
        at += taken


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(draw(), "utf-8")
