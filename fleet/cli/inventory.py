"""`fleet inventory`: check files, import them, show what there is."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from fleet.cli.common import current_door, os_user, print_json, print_table, say, show
from fleet.errors import InputError
from fleet.text import N_, _, current_language, render

if TYPE_CHECKING:
    from fleet.inventory import Changes, TableChanges
    from fleet.model.inventory import Fleet

app = typer.Typer()

_LISTED = 40
"""Changes shown of one table; --json holds them all."""
_TABLES = {"districts": N_("districts"), "sites": N_("sites"), "terminals": N_("terminals"), "people": N_("people")}
_PATHS = N_("Files or directories: CSV, XLSX, YAML.")


@app.command("check", help=_("Read inventory files and tell every mistake; nothing is changed."))
def check(
    paths: list[str] = typer.Argument(..., metavar="PATH...", help=render(_PATHS)),
    *,
    as_json: bool = typer.Option(False, "--json", help=_("Print the counts as JSON.")),
) -> None:
    from fleet.inventory import read_fleet

    _show_counts(read_fleet(_given(paths)), as_json=as_json)
    say(_("No mistakes."))


@app.command("import", help=_("Show what the files would change; with --apply, change it."))
def import_(
    paths: list[str] = typer.Argument(..., metavar="PATH...", help=render(_PATHS)),
    *,
    apply: bool = typer.Option(False, "--apply", help=_("Make the change; without it nothing is changed.")),
    allow_removals: int = typer.Option(
        0, min=0, metavar="N", help=_("Districts, sites, terminals and people that may go, in number; exactly as many as the change shows.")
    ),
    as_json: bool = typer.Option(False, "--json", help=_("Print the change as JSON.")),
) -> None:
    from functools import partial

    from fleet.control.inventory import import_fleet
    from fleet.control.workspace import may_enter
    from fleet.inventory import compare, read_fleet
    from fleet.store import fleets

    new = read_fleet(_given(paths))
    door = current_door()
    store = door.open_store()
    with store.read() as snapshot:
        old = fleets.read_fleet(snapshot)
    changes = compare(old, new)
    if apply:
        _refuse_removals(changes, allow_removals)
        if changes:
            summary, enters = _summary(changes), partial(may_enter, door.settings)
            import_fleet(store, door.actor(store), datetime.now(UTC), new, summary, replacing=old, may_enter=enters)
    if as_json:
        print_json({"applied": apply, "removals": changes.removals, "changes": dict(changes.tables)})
    else:
        _show_changes(changes)
    _say_what_happened(changes, new, apply=apply)


@app.command("show", help=_("Show the inventory by district."))
def show_(*, as_json: bool = typer.Option(False, "--json", help=_("Print every district, site, terminal and person as JSON."))) -> None:
    from fleet.store import fleets

    with current_door().open_store().read() as snapshot:
        fleet = fleets.read_fleet(snapshot)
    if as_json:
        print_json({name: list(getattr(fleet, name).values()) for name in _TABLES})
    else:
        _show_districts(fleet)


def _given(paths: list[str]) -> list[Path]:
    """The paths; an empty word, which a shell makes of a variable that is not set, does not mean the current directory."""
    if not all(paths):
        raise InputError(N_("the name of a file or directory is empty"), hint=N_("`.` is the current directory"))
    return [Path(path) for path in paths]


def _refuse_removals(changes: "Changes", allowed: int) -> None:
    if changes.removals == allowed:
        return
    raise InputError(
        N_("{count} would be removed, {allowed} are allowed; nothing was changed", count=changes.removals, allowed=allowed),
        hint=N_("look at the change without --apply; if it is meant, add `--allow-removals {count}`", count=changes.removals),
    )


def _summary(changes: "Changes") -> dict[str, int]:
    """Counts for the event: `sites_added` and so on, without the zeros."""
    return {
        f"{name}_{verb}": len(codes)
        for name, table in changes.tables.items()
        for verb, codes in (("added", table.added), ("changed", table.changed), ("removed", table.removed))
        if codes
    }


def _show_counts(fleet: "Fleet", *, as_json: bool) -> None:
    counts = {name: len(getattr(fleet, name)) for name in _TABLES}
    if as_json:
        print_json(counts)
    else:
        print_table([_("table"), _("rows")], [[render(_TABLES[name]), count] for name, count in counts.items()])


def _show_changes(changes: "Changes") -> None:
    headings = [_("table"), _("added"), _("changed"), _("removed")]
    print_table(
        headings,
        [[render(_TABLES[name]), len(table.added), len(table.changed), len(table.removed)] for name, table in changes.tables.items()],
    )
    for name, table in changes.tables.items():
        lines = _lines(name, table)
        if lines:
            show()
            show(render(_TABLES[name]))
        for line in lines[:_LISTED]:
            show("  " + line)
        if len(lines) > _LISTED:
            show("  " + _("... and {count} more; --json lists them all", count=len(lines) - _LISTED))


def _lines(name: str, table: "TableChanges") -> list[str]:
    """What goes and what changes, one line each; what is added is only counted."""
    removed = [_("{code} is removed", code=code) for code in table.removed]
    changed = [
        _(
            "{code}: {field} {old} -> {new}",
            code=change.code,
            field=_heading(name, difference.field),
            old=_value(difference.old),
            new=_value(difference.new),
        )
        for change in table.changed
        for difference in change.fields
    ]
    return removed + changed


def _heading(table: str, column: str) -> str:
    """A column as the reader's own files may head it."""
    from fleet.inventory.shapes import SHAPES

    chinese = next(shape for shape in SHAPES if shape.name == table).columns.get(column, ())
    return chinese[0] if chinese and current_language() == "zh_CN" else column


def _value(value: Any) -> str:
    if value in (None, "", (), {}):
        return _("(nothing)")
    if isinstance(value, dict):
        return ";".join(f"{key}={text}" for key, text in value.items())
    return " ".join(value) if isinstance(value, tuple) else str(value)


def _say_what_happened(changes: "Changes", new: "Fleet", *, apply: bool) -> None:
    if not changes:
        say(_("The inventory is the same already; nothing was changed."))
    elif apply:
        say(_("Imported."))
    elif changes.removals:
        say(_("Nothing was changed. If this is meant, add `--apply --allow-removals {count}`.", count=changes.removals))
    else:
        say(_("Nothing was changed. If this is meant, add `--apply`."))
    if new.people and os_user() not in {person.os_user for person in new.people.values()}:
        say(_("Note: `{user}` is the `os_user` of nobody in these files; you may look, not act, once they are imported.", user=os_user()))


def _show_districts(fleet: "Fleet") -> None:
    from fleet.model.inventory import Reach, SiteKind

    counts = {code: [0, 0, 0, 0] for code in fleet.districts}
    for site in fleet.sites.values():
        counts[site.district][0 if site.kind is SiteKind.HOSPITAL else 1] += 1
    for terminal in fleet.terminals.values():
        count = counts[fleet.sites[terminal.site].district]
        count[2] += 1
        count[3] += terminal.reach is Reach.BY_HAND
    language = current_language()
    rows = [[code, fleet.districts[code].name_in(language), *count] for code, count in counts.items() if any(count)]
    totals = [sum(count[column] for count in counts.values()) for column in range(4)]
    headings = [_("code"), _("district"), _("hospitals"), _("pharmacies"), _("terminals"), _("by hand")]
    print_table(headings, [*rows, ["", _("total"), *totals]])
