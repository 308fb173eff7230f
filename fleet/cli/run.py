"""`fleet run`: the orchestrator, until it is stopped."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from fleet.cli.common import current_door, say
from fleet.cli.follow import Follower
from fleet.cli.standing import exit_code, look, waiting_lines
from fleet.text import _

if TYPE_CHECKING:
    from fleet.engine import Orchestrator

_LOOK_EVERY_S = 0.25
_KILLED = 130


def command(*, once: bool = typer.Option(False, "--once", help=_("End when nothing is left to do, or only a person can go on."))) -> int:
    """Push until stopped: reconcile, hand out shards, record results. Ctrl-C ends it when the pushes that run have ended."""
    from fleet.engine import Orchestrator
    from fleet.store import rollouts

    door = current_door()
    store = door.open_store()
    follower = Follower(store, door.settings.zone)
    orchestrator = Orchestrator(door.settings, store)
    with _stopped_by_signals(orchestrator):
        orchestrator.start()
        say(_("The orchestrator runs. Ctrl-C ends it when the pushes that run have ended."))
        try:
            while not orchestrator.join(_LOOK_EVERY_S):
                for line in follower.news():
                    say(line)
                if once and orchestrator.wait_at_rest(_LOOK_EVERY_S) is not None:
                    orchestrator.stop()
        finally:
            orchestrator.stop()
    for line in follower.news():
        say(line)
    with store.read() as snapshot:
        if not once or rollouts.newest_rollout(snapshot) is None:
            return 0
    stand = look(store)
    for line in waiting_lines(stand):
        say(line)
    return exit_code(stand)


@contextmanager
def _stopped_by_signals(orchestrator: "Orchestrator") -> Iterator[None]:
    """Let SIGINT and SIGTERM end it gracefully; the second one at once, which loses nothing either."""
    asked = False

    def stop(number: int, _frame: Any) -> None:
        nonlocal asked
        if asked:
            os._exit(_KILLED if number == signal.SIGINT else 128 + number)
        asked = True
        say(_("Ending when the pushes that run have ended; once more ends it at once."))
        orchestrator.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
