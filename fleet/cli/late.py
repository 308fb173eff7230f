"""Late joiners in `fleet status`: `+n` beside the fixed numbers, and how far they are."""

from collections.abc import Iterator
from typing import Any

from fleet.cli.standing import Stand
from fleet.model.late import late_as_json
from fleet.text import _


def late_rows(stand: Stand, headings: list[str]) -> list[list[str]]:
    """The row under the total: `+n` sites, and how many of them are done; none where no site came late, or they are this rollout's own."""
    late = stand.late
    if not late.sites.total or stand.rollout.late_of:
        return []
    counts = {_("sites"): late.sites.total, _("done"): late.sites.done}
    return [["", _("late joiners"), "", *(f"+{counts[heading]}" if heading in counts else "" for heading in headings)]]


def late_lines(stand: Stand) -> Iterator[str]:
    """Who came late, who serves them, and the command for those whom nobody does."""
    late = stand.late
    if not late.is_any:
        return
    fixed = {"rollout": late.original, "sites": late.planned_sites, "terminals": late.planned_terminals}
    if stand.rollout.late_of:
        yield _("This serves late joiners of rollout {rollout}, whose numbers stay: sites {sites}, terminals {terminals}", **fixed)
    values = fixed | {"more_sites": late.sites.total, "more": late.terminals.total, "added": late.at_planned_sites}
    yield _(
        "Late joiners: sites {sites} +{more_sites}, terminals {terminals} +{more} ({added} of them added to planned sites)",
        **values,
    )
    for each in late.rollouts:
        told = {"rollout": each.id, "plan": each.plan[:12], "done": each.sites.done, "proven": each.terminals.done}
        yield _(
            "  in rollout {rollout} (plan {plan}): sites {sites}, done {done}; terminals {terminals}, proven {proven}",
            sites=each.sites.total,
            terminals=each.terminals.total,
            **told,
        )
    if late.terminals.unplanned:
        open_ = {"sites": late.sites.unplanned, "terminals": late.terminals.unplanned, "rollout": late.original}
        yield _(
            "  in no rollout yet: sites {sites}, terminals {terminals}. Plan them: fleet plan --late {rollout} --out late.json", **open_
        )


def late_facts(stand: Stand) -> dict[str, Any]:
    """The same as data."""
    return {"is_late_rollout": stand.rollout.late_of is not None, **late_as_json(stand.late)}
