"""`fleet run`: the orchestrator, until it is stopped."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

from fleet.cli.common import current_door, say
from fleet.cli.follow import Follower
from fleet.cli.standing import exit_code, held_site_lines, look, waiting_lines
from fleet.errors import WaitingError
from fleet.text import _

_LOOK_EVERY_S = 0.25
_KILLED = 130


def command(
    *, once: bool = typer.Option(False, "--once", help=_("End when nothing is left to do, or only a person can go on (code 3)."))
) -> int:
    """Push until stopped: reconcile, hand out shards, record results. Ctrl-C ends it when the pushes that run have ended."""
    from fleet.engine import Orchestrator

    door = current_door()
    store = door.open_store()
    if once:
        look(store)
    follower = Follower(store, door.settings.zone)
    orchestrator = Orchestrator(door.settings, store)
    with _signals_noted() as asked:
        orchestrator.start()
        say(_("The orchestrator runs. Ctrl-C ends it when the pushes that run have ended."))
        is_told, is_left_to_people = False, False
        try:
            while not orchestrator.join(_LOOK_EVERY_S):
                if asked and not is_told:
                    say(_("Ending when the pushes that run have ended; once more ends it at once."))
                    orchestrator.stop()
                    is_told = True
                for line in follower.news():
                    say(line)
                turn = orchestrator.wait_at_rest(_LOOK_EVERY_S, or_for_people=True) if once else None
                if turn is not None:
                    is_left_to_people = turn.is_left_to_people
                    orchestrator.stop()
        finally:
            orchestrator.stop()
    for line in (*follower.news(), *follower.rest()):
        say(line)
    if not once:
        return 0
    stand = look(store)
    for line in (*waiting_lines(stand), *held_site_lines(stand, door.settings.zone)):
        say(line)
    return WaitingError.exit_code if is_left_to_people else exit_code(stand)


@contextmanager
def _signals_noted() -> Iterator[list[int]]:
    """Signals that asked us to end, in order: the first is for the caller to see, the second ends at once, which loses nothing either.

    The handler prints nothing and takes no lock: it may run in the middle of a write to the screen.
    """
    asked: list[int] = []

    def note(number: int, _frame: Any) -> None:
        if asked:
            os._exit(_KILLED if number == signal.SIGINT else 128 + number)
        asked.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
