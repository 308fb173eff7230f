"""`fleet audit`: prove that the record of events is whole, and that what views show is what it says."""

import typer

from fleet.cli.common import current_door, print_json, say, show
from fleet.errors import FleetError
from fleet.text import _, render

app = typer.Typer()


@app.callback(help=_("Prove that the record of events is whole."))
def group() -> None:
    """One command so far; without this Typer would make it the whole group."""


@app.command(
    "verify",
    help=_("Walk the chain of events link by link, and hold inventory, releases, rollouts, assignments, check-ins and keys against it."),
)
def verify(*, as_json: bool = typer.Option(False, "--json", help=_("Print facts as JSON."))) -> int:
    from fleet.store.audit import check_record

    with current_door().open_store().read() as snapshot:
        count, head, problems = check_record(snapshot)
    if as_json:
        print_json({"events": count, "head": head, "problems": [render(problem) for problem in problems]})
        return FleetError.exit_code if problems else 0
    for problem in problems:
        say(render(problem))
    if problems:
        show(_("The record does not hold: {count} {count:thing is|things are} wrong", count=len(problems)))
        return FleetError.exit_code
    show(_("The record holds. Events: {count}; the last one: {head}", count=count, head=head))
    return 0
