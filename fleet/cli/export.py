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
    rollout: str | None = typer.Option(None, metavar="ID", help=_("Which rollout. [default: the newest]")),
) -> None:
    """Write the counts of a rollout: sites and terminals by district, kind, technician, day and cause. Numbers that do not tie are refused."""
    from fleet.model.attempt import TerminalState
    from fleet.model.rollout import SiteState
    from fleet.report.export import NAME, WRITERS, check_place, write_file
    from fleet.report.reading import read_completion

    ending = _ending(format, out, tuple(WRITERS))
    door = current_door()
    path = Path(out or f"{NAME}.{ending}")
    if out != "-":
        check_place(door.settings, ending, path)
    with door.open_store().read() as snapshot:
        completion = read_completion(snapshot, door.settings, datetime.now(UTC), rollout)
    if out == "-":
        WRITERS[ending](completion, sys.stdout.buffer)
        return
    show(str(write_file(completion, ending, path)))
    total = completion.total
    if completion.record.rollout.only is not None:
        staged = {"sites": total.site_states[SiteState.STAGED], "terminals": total.terminal_states[TerminalState.STAGED]}
        values = {"all_sites": total.sites, "all_terminals": total.terminals}
        say(_("sites: {all_sites}, staged: {sites}; terminals: {all_terminals}, staged: {terminals}", **staged, **values))
        return
    say(
        _(
            "sites: {sites}, done: {done}; terminals: {terminals}, proven: {proven}",
            sites=total.sites,
            done=total.done,
            terminals=total.terminals,
            proven=total.proven,
        )
    )


def _ending(format: str, out: str, endings: tuple[str, ...]) -> str:
    """The format that was asked for, by name or by the file's ending; the two must not contradict each other.

    Raises:
        InputError: It is none we write or not said, or a workbook is to go to standard output.
    """
    from fleet.files import one_of

    named, suffix = format.lower(), Path(out).suffix.lower().removeprefix(".")
    if named and named not in endings:
        raise InputError(N_("there is no format `{format}`", format=format), hint=one_of(named, endings))
    if out == "-":
        if named in {"", "xlsx"}:
            raise InputError(
                N_("a workbook does not go to standard output"), hint=N_("use --format csv or json, or name a file with --out")
            )
        return named
    if out.endswith("/"):
        raise InputError(N_("this is a directory"), where=out, hint=N_("name the file in it, too"))
    if suffix and suffix not in endings:
        raise InputError(N_("there is no format `{format}`", format=suffix), where=out, hint=one_of(suffix, endings))
    if out and not named and not suffix:
        raise InputError(
            N_("the name does not say which format to write"),
            where=out,
            hint=N_("end it in .xlsx, .csv or .json, or give --format; `--out -` is standard output"),
        )
    if named and suffix and named != suffix:
        raise InputError(
            N_("--format {format} contradicts the ending of the file", format=named), where=out, hint=N_("leave one of the two out")
        )
    return named or suffix or "xlsx"
