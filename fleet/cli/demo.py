"""`fleet demo`: the sample city upgraded, from the first connection to the report."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fleet.cli.common import print_table, say, show
from fleet.text import N_, _, render

if TYPE_CHECKING:
    from fleet.demo.night import Night
    from fleet.demo.people import ScriptedPeople
    from fleet.demo.run import Outcome

_PATIENCE_S = 20
"""On a terminal, the user has this long to approve a gate before demo-coordinator does."""
_PROGRESS_EVERY_S = 2.0
_FAILURES_SHOWN = 40


def command(
    *,
    sites: int | None = typer.Option(None, min=1, metavar="N", help=_("Only N sites of the city.")),
    seed: int = typer.Option(1, metavar="S", help=_("Decides which terminals have a fault.")),
    faults: float = typer.Option(1.0, min=0.0, max=100.0, metavar="PCT", help=_("Percent of the terminals that have a fault.")),
    plain: bool = typer.Option(False, "--plain", help=_("Print lines of progress instead of opening the screen.")),
    out: Path | None = typer.Option(None, metavar="DIR", help=_("New directory for what the demo leaves behind.")),
) -> int:
    from datetime import timedelta

    from fleet.demo.night import SCRATCH, prepare_night
    from fleet.demo.run import run_night, utc_now

    directory = _new_directory(out)
    is_plain = plain or not (sys.stdin.isatty() and sys.stdout.isatty())
    patience = timedelta(seconds=0 if is_plain else _PATIENCE_S)
    say(_("Setting the stage ..."))
    with prepare_night(directory, sites=sites, seed=seed, fault_percent=faults, at=utc_now()) as night:
        _introduce(night)
        outcome = run_night(night, patience=patience, screen=_progress_lines(night) if is_plain else _whole_screen(night))
        _report(night, outcome, directory)
    if outcome.differences:
        say(_("What stands on the terminals' disks is kept: {directory}", directory=directory / SCRATCH))
        return 1
    shutil.rmtree(directory / SCRATCH)
    return 0


def _new_directory(out: Path | None) -> Path:
    """The directory the demo makes: the one asked for, else the first of demo-1, demo-2, ... that is free here."""
    from fleet.errors import ConflictError

    if out is None:
        return next(path for number in range(1, 10_000) if not (path := Path(f"demo-{number}")).exists())
    if out.exists():
        raise ConflictError(
            N_("there is something already; nothing was changed"), where=str(out), hint=N_("name a new directory with --out")
        )
    return out


def _introduce(night: "Night") -> None:
    say(
        _(
            "Sites: {sites}; terminals: {terminals} (simulated, reached over SSH: {simulated}); planted faults: {faults}; waves: {waves}.",
            sites=len(night.fleet.sites),
            terminals=len(night.fleet.terminals),
            simulated=night.reached_by_ssh,
            faults=len(night.faults),
            waves=len(night.plan.waves),
        )
    )


def _whole_screen(night: "Night") -> "Callable[[ScriptedPeople], None]":
    """The TUI; its user may approve, pause and stop like any coordinator."""
    from fleet.demo.night import COORDINATOR
    from fleet.tui import run_tui

    def open_screen(people: "ScriptedPeople") -> None:
        run_tui(night.settings, COORDINATOR, notice=people.notice, leave_when_finished=True)
        if not people.finished.is_set():
            say(_("The screen is closed; the night goes on."))
            _progress_lines(night)(people)

    return open_screen


def _progress_lines(night: "Night") -> "Callable[[ScriptedPeople], None]":
    """A line on stderr every two seconds, as long as the night lasts."""
    from fleet.cli.follow import count_line
    from fleet.store import reads, rollouts

    def line() -> str:
        with night.store.read() as snapshot:
            tallies = reads.read_tallies(snapshot, night.rollout)
            state = rollouts.read_rollout(snapshot, night.rollout)
        assert state is not None
        current = state.current
        return _(
            "wave {wave} of {waves}: {counts}",
            wave=(current.number if current else len(state.waves)),
            waves=len(state.waves),
            counts=count_line(tallies.total.sites),
        )

    def print_lines(people: "ScriptedPeople") -> None:
        while not people.finished.wait(_PROGRESS_EVERY_S):
            say(line())
        say(line())

    return print_lines


def _report(night: "Night", outcome: "Outcome", directory: Path) -> None:
    """Completion by kind and district, what failed and why, what it cost, what it left where."""
    from fleet.demo.run import utc_now
    from fleet.report.export import export_all
    from fleet.report.reading import read_completion
    from fleet.report.tables import completion_table, swipes

    files = export_all(night.store, night.settings, utc_now(), directory, night.rollout)
    with night.store.read() as snapshot:
        completion = read_completion(snapshot, night.settings, utc_now(), night.rollout)
    headings, rows = completion_table(completion)
    show()
    print_table(headings, rows)
    if completion.swipes:
        measured = swipes(completion)
        show()
        show(_("Swipes, medians of the terminals measured before and after:"))
        print_table(measured.headings, measured.rows)
    _report_failures(night)
    _report_differences(outcome)
    show()
    _report_cost(outcome)
    show(_("Left behind in {directory}: {files}, workspace", directory=directory, files=", ".join(file.name for file in files)))
    show(_("Look again: {command}", command=f"{_program()} --workspace {night.settings.workspace} watch"))


def _program() -> str:
    """How this program is called from here: by its name where the shell finds it, else by the path it was called by."""
    found = shutil.which("fleet")
    called = Path(sys.argv[0])
    return "fleet" if called.name != "fleet" or (found is not None and Path(found).resolve() == called.resolve()) else str(called)


def _report_failures(night: "Night") -> None:
    from fleet.model.attempt import cause_words
    from fleet.report.words import terminal_state_words
    from fleet.store import reads

    with night.store.read() as snapshot:
        failures = reads.failures(snapshot, night.rollout, None)
    show()
    if not failures:
        show(_("Nothing failed."))
        return
    show(_("What did not end well, and why:"))
    print_table(
        [_("terminal"), _("site"), _("ending"), _("cause"), _("planted fault")],
        [
            (
                row.terminal,
                row.site_name,
                render(terminal_state_words(row.ending)),
                render(cause_words(row.cause)),
                night.faults.get(row.terminal, ""),
            )
            for row in failures[:_FAILURES_SHOWN]
        ],
    )
    if len(failures) > _FAILURES_SHOWN:
        show(_("... and {count} more; completion.xlsx has them all", count=len(failures) - _FAILURES_SHOWN))


def _report_differences(outcome: "Outcome") -> None:
    from fleet.report.words import terminal_state_words

    show()
    if not outcome.differences:
        show(_("Every terminal ended as planted."))
        return
    show(_("{count} {count:terminal|terminals} did not end as planted:", count=len(outcome.differences)))
    print_table(
        [_("terminal"), _("planted fault"), _("must be"), _("is")],
        [
            (one.terminal, one.fault or "", render(terminal_state_words(one.expected)), render(terminal_state_words(one.actual)))
            for one in outcome.differences
        ],
    )


def _report_cost(outcome: "Outcome") -> None:
    cost = outcome.cost
    show(
        _(
            "{seconds} s from the first connection to the last result; CPU per terminal: {own} ms ours, {far} ms on the far side; "
            "at most {memory} MB in all processes.",
            seconds=round(cost.wall_s),
            own=round(cost.own_cpu_ms),
            far=round(cost.far_cpu_ms),
            memory=round(cost.peak_bytes / 1e6),
        )
    )
