"""`fleet export`: the counts as a spreadsheet, CSV or JSON."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import typer

from fleet.cli.common import current_door, say, show
from fleet.errors import InputError
from fleet.text import N_, _


def command(
    *,
    format: str = typer.Option("", metavar="xlsx|csv|json", help=_("What to write. [default: what --out ends in, else xlsx]")),
    out: str = typer.Option("", metavar="FILE", help=_("Where to write it; `-` is standard output. [default: completion.FORMAT here]")),
    rollout: str = typer.Option("", metavar="ID", help=_("Which rollout. [default: the newest]")),
) -> None:
    """Write the counts of a rollout: sites and terminals by district, kind, technician, day and cause. Numbers that do not tie are refused."""
    from fleet.report.export import NAME, WRITERS, write_file
    from fleet.report.reading import read_completion

    ending = _ending(format, out, tuple(WRITERS))
    door = current_door()
    with door.open_store().read() as snapshot:
        completion = read_completion(snapshot, door.settings, datetime.now(UTC), rollout or None)
    if out == "-":
        WRITERS[ending](completion, sys.stdout.buffer)
        return
    path = write_file(completion, ending, Path(out or f"{NAME}.{ending}"))
    show(str(path))
    total = completion.total
    say(
        _(
            "{sites} sites, {done} of them done; {terminals} terminals, {proven} of them proven.",
            sites=total.sites,
            done=total.done,
            terminals=total.terminals,
            proven=total.proven,
        )
    )


def _ending(format: str, out: str, endings: tuple[str, ...]) -> str:
    """The format that was asked for, by name or by the file's ending.

    Raises:
        InputError: It is none we write, or a workbook is to go to standard output.
    """
    from fleet.files import one_of

    suffix = Path(out).suffix.lower().removeprefix(".")
    chosen = format or (suffix if suffix in endings else "xlsx")
    if chosen not in endings:
        raise InputError(N_("there is no format `{format}`", format=chosen), hint=one_of(chosen, endings))
    if out == "-" and chosen == "xlsx":
        raise InputError(N_("a workbook does not go to standard output"), hint=N_("use --format csv or json, or name a file with --out"))
    return chosen
