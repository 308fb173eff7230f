"""`fleet status --watch`: what changes, as it changes, until the rollout is over.

- On a screen the whole status is drawn anew. With `--plain`, on a dumb terminal or into a file it is a line for each change: no colour, nothing
  ever moves the cursor, nothing is said twice, so a screen reader can follow it.
- With `--json` each line is one object: first all facts, then a JSON merge patch (RFC 7386) that brings them up to date.
- While nothing is written a look is one read of a number; every few seconds it also asks whether the orchestrator is alive.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, Any

from fleet.cli.common import plain_value, show
from fleet.cli.exclusion import exclusion_lines
from fleet.cli.follow import Follower
from fleet.cli.late import late_lines
from fleet.cli.standing import Stand, held_site_lines, look, orchestrator_line, waiting_lines
from fleet.text import _

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from fleet.store import Store

LOOK_EVERY_S = 0.5
_ALIVE_EVERY_S = 5.0
Teller = Callable[[Stand], None]


def is_dumb() -> bool:
    """Whether stdout is no screen that may be drawn on."""
    return not sys.stdout.isatty() or os.environ.get("TERM", "") in {"", "dumb"}


def watch(store: "Store", tell: Teller, rollout: str, *, until_waiting: bool = False) -> Stand:
    """Tell every look at which something was written, until the rollout is over, or waits for a person; the last look.

    It stays with its rollout, also where another one is started meanwhile.

    Args:
        store: The workspace's store.
        tell: Is given each look; says nothing where nothing changed for it.
        rollout: Which one.
        until_waiting: End also when only a person can go on.
    """
    never = Event()
    seen, looked_at = store.version(), monotonic()
    stand = look(store, rollout)
    tell(stand)
    while not (stand.is_over or (until_waiting and _is_waiting(stand))):
        never.wait(LOOK_EVERY_S)
        version = store.version()
        if version == seen and monotonic() - looked_at < _ALIVE_EVERY_S:
            continue
        seen, looked_at = version, monotonic()
        stand = look(store, rollout)
        tell(stand)
    return stand


class PlainTeller:
    """A line for each change."""

    def __init__(self, store: "Store", zone: "ZoneInfo", first: Stand) -> None:
        """`first` is of the rollout that is watched."""
        self._follower = Follower(store, zone, first.rollout.id, tells_gates=False)  # `waiting_lines` says it, and how to go on
        self._zone, self._begins = zone, begins_words(first)
        self._said: dict[str, tuple[str, ...]] = {}

    def __call__(self, stand: Stand) -> None:
        """Say what is new since the last look, and flush."""
        for line in self._lines(stand):
            show(line)
        sys.stdout.flush()

    def _lines(self, stand: Stand) -> Iterator[str]:
        if self._begins:
            yield self._begins
            self._begins = ""
        yield from self._follower.news()
        if not stand.is_over:
            yield from self._new("orchestrator", orchestrator_line(stand, self._zone))
        yield from self._new("waiting", *waiting_lines(stand))
        yield from self._new("held sites", *held_site_lines(stand, self._zone))
        yield from self._new("asked", *exclusion_lines(stand.asked))
        yield from self._new("late", *late_lines(stand))
        if stand.is_over:
            yield from self._follower.rest()

    def _new(self, about: str, *lines: str) -> Iterator[str]:
        """Those of these lines that were not among the last ones about the same."""
        before = self._said.get(about, ())
        self._said[about] = lines
        yield from (line for line in lines if line not in before)


class JsonTeller:
    """All facts, then what changes in them."""

    def __init__(self, facts: Callable[[Stand], dict[str, Any]]) -> None:
        """`facts` is what a look comes to."""
        self._facts = facts
        self._told: dict[str, Any] | None = None

    def __call__(self, stand: Stand) -> None:
        """Print one line where something changed, and flush."""
        facts = by_number(json.loads(json.dumps(self._facts(stand), default=plain_value)))
        changed = facts if self._told is None else merge_patch(self._told, facts)
        if changed:
            line = {"at": _second(stand.at), **changed}
            sys.stdout.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
        sys.stdout.flush()
        self._told = facts


def by_number(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts with their waves as an object by number, so that a patch names only the wave that changed."""
    return facts | {"waves": {str(wave["number"]): wave for wave in facts["waves"]}}


def merge_patch(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The JSON merge patch (RFC 7386) that makes `new` out of `old`; empty where they are the same. What is gone is null."""
    patch: dict[str, Any] = dict.fromkeys(old.keys() - new.keys())
    for key, value in new.items():
        before = old.get(key)
        if key in old and before == value:
            continue
        patch[key] = merge_patch(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return patch


def _is_waiting(stand: Stand) -> bool:
    from fleet.rollout.standing import Standing

    return stand.standing is Standing.WAITING


def _second(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def begins_words(stand: Stand) -> str:
    """The first line of a plain watch."""
    return _("Watching rollout {rollout} of release {release}; a line for each change.", rollout=stand.rollout.id, release=stand.release)
