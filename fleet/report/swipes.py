"""Medians of swipes, before and after, as rows for tables and as plain data; seconds for people, milliseconds for programs."""

from collections.abc import Iterable
from typing import Any

from fleet.rollout.evidence import PhaseMedians
from fleet.rollout.verdict import phase_words, seconds
from fleet.text import _, render


def swipe_headings() -> list[str]:
    """What stands over `swipe_rows`."""
    return [_("phase"), _("pairs"), _("before, s"), _("now, s")]


def swipe_rows(measured: Iterable[PhaseMedians]) -> list[tuple[str, int, float, float]]:
    """A row for each phase: its name, over how many terminals, both medians in seconds."""
    return [(render(phase_words(one.phase)), one.n, float(seconds(one.before_ms)), float(seconds(one.after_ms))) for one in measured]


def swipes_as_json(measured: Iterable[PhaseMedians]) -> list[dict[str, Any]]:
    """The same as codes and milliseconds."""
    return [{"phase": one.phase.value, "pairs": one.n, "before_ms": one.before_ms, "after_ms": one.after_ms} for one in measured]
