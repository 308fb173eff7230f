"""`fleet lease`: have a site to oneself while one works there, and see who has what."""

from datetime import UTC, datetime, timedelta
from typing import Any

import typer

from fleet.cli.common import current_door, print_json, print_table, say, show
from fleet.errors import InputError
from fleet.text import N_, _, render

_MINUTES = 30


def command(
    site: str | None = typer.Argument(None, metavar="SITE", help=_("Code or name of the site; without it, who has what is listed.")),
    *,
    minutes: int | None = typer.Option(None, "--minutes", metavar="N", help=_("For so long, from now; 30 without it.")),
    reason: str = typer.Option("", "--reason", metavar="TEXT", help=_("Why; the others see it.")),
    let_go: bool = typer.Option(False, "--free", help=_("Let go of it.")),
    as_json: bool = typer.Option(False, "--json", help=_("Print facts as JSON.")),
) -> None:
    """Have a site to yourself while you work there: nothing is pushed to it until you let go or the time is over."""
    if site is None:
        if minutes is not None or reason or let_go:
            raise InputError(N_("say which site"), hint=N_("fleet lease SITE --minutes 30"))
        _list(as_json=as_json)
    elif let_go:
        _free(site, as_json=as_json)
    else:
        _hold(site, _MINUTES if minutes is None else minutes, reason, as_json=as_json)


def _hold(site: str, minutes: int, reason: str, *, as_json: bool) -> None:
    from fleet.cli.standing import local_time
    from fleet.control.leases import hold

    door = current_door()
    store = door.open_store()
    lease = hold(store, door.actor(store), datetime.now(UTC), site, timedelta(minutes=minutes), reason=reason)
    if as_json:
        print_json(_facts(lease))
    else:
        show(
            _(
                "Site {site} is yours until {time}; nothing is pushed to it.",
                site=lease.site,
                time=local_time(lease.until, door.settings.zone),
            )
        )
        say(_("Let go with `fleet lease {site} --free`; a check-in that marks the site does it, too.", site=lease.site))


def _free(site: str, *, as_json: bool) -> None:
    from fleet.control.leases import free

    door = current_door()
    store = door.open_store()
    freed = free(store, door.actor(store), datetime.now(UTC), site)
    if as_json:
        print_json({"freed": freed.was_held, "owner": freed.owner or None})
    elif freed.owner:
        show(_("Site {site} is free. {name} had it, and is not told: call them.", site=site, name=freed.owner))
    else:
        show(_("Site {site} is free.", site=site) if freed.was_held else _("Nobody has site {site}.", site=site))


def _list(*, as_json: bool) -> None:
    from fleet.cli.standing import local_time
    from fleet.model.lease import purpose_words
    from fleet.store import fleets, leases

    door = current_door()
    store = door.open_store()
    with store.read() as snapshot:
        found = list(leases.in_force(snapshot, datetime.now(UTC)).values())
        people = fleets.read_people(snapshot)
    if as_json:
        print_json([_facts(lease) for lease in found])
        return
    if not found:
        say(_("Every site is free."))
        return
    zone = door.settings.zone
    print_table(
        [_("site"), _("in use for"), _("by"), _("since"), _("at the latest until"), _("reason")],
        [
            (
                lease.site,
                render(purpose_words(lease.purpose)),
                people[lease.owner].name if lease.owner in people else lease.owner,
                local_time(lease.taken_at, zone),
                local_time(lease.until, zone),
                lease.reason,
            )
            for lease in found
        ],
    )


def _facts(lease: Any) -> dict[str, Any]:
    return {name: value for name, value in lease.model_dump(mode="json").items() if name != "token"}
