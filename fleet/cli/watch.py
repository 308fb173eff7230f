"""`fleet watch`: the whole-screen view, where a coordinator watches and decides."""

import os
import sys

import typer

from fleet.cli.common import current_door, os_user
from fleet.errors import InputError
from fleet.text import N_, _


def command(
    *,
    readonly: bool = typer.Option(False, "--readonly", help=_("Only look: nobody can decide anything on this screen.")),
    slow: bool = typer.Option(False, "--slow", help=_("For a slow link: look once a second and paint less often.")),
) -> None:
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)) or os.environ.get("TERM", "dumb") == "dumb":
        raise InputError(N_("`fleet watch` needs a whole terminal"), hint=N_("`fleet status --watch` prints lines instead"))
    if slow:
        os.environ.setdefault("TEXTUAL_FPS", "15")  # read when Textual is imported
    from fleet.model.actor import Actor
    from fleet.tui import run_tui

    door = current_door()
    person = door.person(door.open_store())
    actor = Actor(code=person.code if person else os_user().strip("_") or "nobody")
    run_tui(door.settings, actor, readonly=readonly, slow=slow)
