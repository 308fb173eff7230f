"""`fleet checkin`: a technician's report about a site."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from fleet.cli.common import current_door, print_json, say, show
from fleet.errors import FleetError, InputError
from fleet.text import N_, _, render

if TYPE_CHECKING:
    from fleet.control.checkin import CheckedIn


def command(
    site: str = typer.Argument(..., metavar="SITE", help=_("Code or name of the site.")),
    *,
    by: str = typer.Option(..., metavar="TECHNICIAN", help=_("Code or name of who was there; sent to this site, or covering.")),
    note: str | None = typer.Option(None, metavar="TEXT", help=_("What others should know.")),
    problem: str | None = typer.Option(
        None, metavar="TEXT", help=_("What is wrong; the site is not marked, and a mark it had is taken back.")
    ),
    self_test: list[str] = typer.Option(
        [], metavar="TERMINAL=VERSION", help=_("A terminal done by hand passed its self-test and shows this version.")
    ),
    self_test_failed: list[str] = typer.Option([], metavar="TERMINAL=NOTE", help=_("A terminal done by hand did not pass, and why.")),
    as_json: bool = typer.Option(False, "--json", help=_("Print facts as JSON.")),
) -> int:
    """Take a technician's report: the site is complete, or what is wrong; by-hand terminals with their self-tests. A mark is a claim.

    Ends with 1 where a self-test did not pass; it is recorded all the same.
    """
    from fleet.control.checkin import Report, check_in

    report = Report(
        site=site,
        technician=by,
        note=note,
        problem=problem,
        shown=_pairs(self_test, "--self-test"),
        failed=_pairs(self_test_failed, "--self-test-failed"),
    )
    door = current_door()
    store = door.open_store()
    taken = check_in(store, door.actor(store), datetime.now(UTC), report)
    if as_json:
        print_json(taken)
    else:
        _show(taken)
    return 0 if all(test.ok for test in taken.check_in.self_tests) else FleetError.exit_code


def _pairs(words: list[str], option: str) -> dict[str, str]:
    """Terminal -> what follows `=`, of every word.

    Raises:
        InputError: A word has no `=` with something on both sides, or a terminal is named twice.
    """
    found: dict[str, str] = {}
    for word in words:
        terminal, _equals, value = word.replace("\N{FULLWIDTH EQUALS SIGN}", "=").partition("=")
        if not terminal.strip() or not value.strip():
            raise InputError(
                N_("`{word}` is not what {option} takes", word=word, option=option), hint=N_("write TERMINAL=..., for example t02=4.2.0")
            )
        if terminal.strip() in found:
            raise InputError(N_("{option} names {terminal} twice", option=option, terminal=terminal.strip()))
        found[terminal.strip()] = value
    return found


def _show(taken: "CheckedIn") -> None:
    from fleet.report.words import site_state_words

    site = taken.site
    for test in taken.check_in.self_tests:
        show(
            _("{terminal}: self-test passed", terminal=test.terminal)
            if test.ok
            else _("{terminal}: self-test NOT passed: {note}", terminal=test.terminal, note=test.note)
        )
    if taken.repeated:
        show(_("{site} is marked already; nothing was changed", site=site.code))
    elif taken.check_in.kind == "problem":
        show(_("{site}: the problem is recorded; the site is not marked as complete", site=site.code))
    if site.done:
        show(_("{site} {name} is done", site=site.code, name=site.name))
    elif site.claimed:
        show(
            _(
                "{site} {name} is claimed, not done: {proven} of {terminals} {terminals:terminal is|terminals are} proven, the site is {state}",
                site=site.code,
                name=site.name,
                proven=site.proven,
                terminals=site.terminals,
                state=render(site_state_words(site.state)),
            )
        )
    if taken.untested:
        say(_("Still without a self-test that passed: {terminals}", terminals=" ".join(taken.untested)))
