"""The tables of a report in the reader's language, for the spreadsheet and the screen."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fleet.control.unreached import reason_words
from fleet.model.inventory import SiteKind
from fleet.report.completion import Completion, InventoryTie
from fleet.report.counts import Counts
from fleet.report.measures import OF_SITES, OF_TERMINALS, SITES, TERMINALS, Measure
from fleet.report.rows import Shown, before_the_semicolon, clean, in_brief
from fleet.report.swipes import swipe_headings, swipe_rows
from fleet.report.words import kind_words, terminal_state_words
from fleet.text import N_, Message, current_language, render

Row = tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Headings and rows of cells."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    shares: frozenset[int] = frozenset()
    """Columns (rows, of `by_state`) that hold a share of one, to be shown as percent."""
    keys: int = 0
    """Columns in front that say which group a row is."""
    parts: tuple[int, ...] = ()
    """Columns where another unit begins: where a page may end in print."""
    has_total: bool = False
    """The last row is the sum of those above."""


def by_district_and_kind(completion: Completion) -> Table:
    """A row for each kind of site in each district."""
    districts = completion.record.fleet.districts
    groups = [
        ((clean(districts[code].name_in(current_language())) if code in districts else code, render(kind_words(kind))), counts)
        for (code, kind), counts in completion.by_district_and_kind.items()
    ]
    return _counted(N_("By district and kind"), (N_("district"), N_("kind")), groups, completion.total)


def by_district(completion: Completion) -> Table:
    """A row for each district, hospitals and pharmacies together."""
    districts = completion.record.fleet.districts
    groups = [
        ((code, clean(districts[code].name_in(current_language())) if code in districts else code), counts)
        for code, counts in completion.by_district.items()
    ]
    return _counted(N_("By district"), (N_("district code"), N_("district")), groups, completion.total)


def by_technician(completion: Completion) -> Table:
    """A row for each technician who has a site, and one for the sites nobody is sent to."""
    people = completion.record.fleet.people
    groups = [
        ((code, clean(people[code].name) if code in people else "") if code else ("", render(N_("nobody"))), counts)
        for code, counts in completion.by_technician.items()
    ]
    return _counted(N_("By technician"), (N_("technician code"), N_("technician")), groups, completion.total)


def by_day(completion: Completion) -> Table:
    """A row for each day on which something came to where it stands, and one for what has not begun."""
    groups = [((day or render(N_("not yet")),), counts) for day, counts in completion.by_day.items()]
    return _counted(N_("By day"), (N_("day"),), groups, completion.total)


def by_cause(completion: Completion) -> Table:
    """A row for each failure: an ending that is not well, its cause, and what the terminals said without what is each one's own."""
    texts = completion.record.failure_texts
    headings = (
        N_("ending"),
        N_("cause"),
        N_("code of the cause"),
        N_("sites"),
        N_("terminals"),
        N_("fingerprint"),
        N_("what they said, names and numbers as #"),
    )
    rows = tuple(
        (
            render(terminal_state_words(row.ending)),
            in_brief(row.cause),
            row.cause.value,
            row.sites,
            row.terminals,
            row.fingerprint,
            clean(texts.get(row.fingerprint, "")),
        )
        for row in completion.failures
    )
    return Table(render(N_("Failures by cause")), tuple(render(heading) for heading in headings), rows)


def not_reached(completion: Completion) -> Table:
    """A row for each site that was not reached, by reason."""
    districts = completion.record.fleet.districts
    headings = (
        N_("reason"),
        N_("code of the reason"),
        N_("wave"),
        N_("district"),
        N_("site code"),
        N_("site"),
        N_("terminals"),
        N_("why unreachable"),
    )
    rows = tuple(
        (
            before_the_semicolon(reason_words(one.reason)),
            one.reason,
            one.wave,
            clean(districts[one.district].name_in(current_language())) if one.district in districts else one.district,
            one.site,
            clean(one.name),
            one.terminals,
            in_brief(one.cause) if one.reason == "unreachable" else "",
        )
        for one in completion.record.unreached
    )
    return Table(render(N_("Not reached")), tuple(render(heading) for heading in headings), rows)


def swipes(completion: Completion) -> Table:
    """A row for each phase of a swipe, of each kind of site and of all: over how many terminals, and both medians in seconds."""
    rows = tuple(
        (render(kind_words(kind)) if kind else render(N_("all")), *row)
        for kind, measured in completion.swipes.items()
        for row in swipe_rows(measured)
    )
    return Table(render(N_("Swipes")), (render(N_("kind")), *swipe_headings()), rows, keys=2)


def by_state(completion: Completion) -> tuple[Table, Table]:
    """Sites by where they stand, then terminals: a row for each number, a column for each kind and one for all."""
    kinds = [kind for kind in SiteKind if kind in completion.by_kind]
    groups = [*(completion.by_kind[kind] for kind in kinds), completion.total]
    names = (*(render(kind_words(kind)) for kind in kinds), render(N_("total")))

    def table(title: Message, measures: tuple[Measure, ...]) -> Table:
        rows = tuple((render(measure.words), *(measure.value(counts) for counts in groups)) for measure in measures)
        shares = frozenset(number for number, measure in enumerate(measures) if measure.is_share)
        return Table(render(title), (render(title), *names), rows, shares, keys=1)

    return table(SITES, OF_SITES), table(TERMINALS, OF_TERMINALS)


def inventory_rows(completion: Completion) -> list[Row]:
    """How the rollout's sites and terminals tie to the inventory: label, sites, terminals."""
    ties = completion.record.against_inventory
    sites, terminals = ties["sites"], ties["terminals"]
    return [
        (render(N_("in this rollout")), sites.in_rollout, terminals.in_rollout),
        *_not_in_rollout(sites, terminals),
        (render(N_("in this rollout, removed from the inventory since")), sites.removed_since, terminals.removed_since),
        (render(N_("in the inventory now")), sites.inventory, terminals.inventory),
    ]


def _not_in_rollout(sites: InventoryTie, terminals: InventoryTie) -> list[Row]:
    """One row, or where anybody came late two that sum to it."""
    if not terminals.late:
        return [(render(N_("in the inventory, not in this rollout")), sites.not_in_rollout, terminals.not_in_rollout)]
    outside = (sites.not_in_rollout - sites.late, terminals.not_in_rollout - terminals.late)
    return [
        (render(N_("in the inventory, late joiners")), sites.late, terminals.late),
        (render(N_("in the inventory, neither in this rollout nor late")), *outside),
    ]


def late_joiners(completion: Completion) -> Table:
    """The plan's own numbers, and what came late: by the rollout that serves it, done or not, and what none does. The last row is the sum."""
    late = completion.record.late
    assert late is not None
    rows: list[tuple[Message, int, int]] = [
        (N_("in the plan of rollout {rollout}", rollout=late.original), late.planned_sites, late.planned_terminals)
    ]
    for each in late.rollouts:
        rows.append((N_("late, done or proven in rollout {rollout}", rollout=each.id), each.sites.done, each.terminals.done))
        rows.append((N_("late, in rollout {rollout} and not done", rollout=each.id), each.sites.open, each.terminals.open))
    rows.append((N_("late, in no rollout yet"), late.sites.unplanned, late.terminals.unplanned))
    rows.append((N_("the plan and its late joiners"), late.planned_sites + late.sites.total, late.planned_terminals + late.terminals.total))
    headings = (N_("what is counted"), N_("sites"), N_("terminals"))
    shown = tuple((render(words), sites, terminals) for words, sites, terminals in rows)
    return Table(render(N_("Late joiners")), tuple(render(heading) for heading in headings), shown, keys=1, has_total=True)


def _counted(title: Message, keys: tuple[Message, ...], groups: Iterable[tuple[Row, Counts]], total: Counts) -> Table:
    measured = (*((SITES, measure) for measure in OF_SITES), *((TERMINALS, measure) for measure in OF_TERMINALS))
    headings = (
        *(render(key) for key in keys),
        *(render(N_("{unit}: {what}", unit=unit, what=measure.words)) for unit, measure in measured),
    )
    last: Row = (render(N_("total")), *("" for _ in keys[1:]))
    rows = tuple((*key, *(measure.value(counts) for _, measure in measured)) for key, counts in (*groups, (last, total)))
    shares = frozenset(len(keys) + place for place, (_, measure) in enumerate(measured) if measure.is_share)
    return Table(render(title), headings, rows, shares, keys=len(keys), parts=(len(keys) + len(OF_SITES),), has_total=True)


def completion_table(completion: Completion) -> tuple[list[str], list[list[Any]]]:
    """Headings and rows for the screen: by district and kind how many sites are done and how many terminals ended how; the total last.

    A column without a number other than 0 is left out.
    """
    table = by_district_and_kind(completion)
    keep = [
        column
        for column in range(len(table.headings))
        if column not in table.shares and (column < 2 or any(row[column] for row in table.rows))
    ]
    return [table.headings[column] for column in keep], [[row[column] for column in keep] for row in table.rows]
