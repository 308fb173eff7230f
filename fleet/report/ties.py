"""A report whose numbers do not tie is not written: what is held against what, and what differs."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from fleet.errors import FleetError
from fleet.model.plan import Plan
from fleet.report.completion import NOT_WELL, Completion, Record
from fleet.report.counts import Counts
from fleet.store.reads import Tallies, Tally
from fleet.text import N_, Message

SEE_AUDIT = N_("run `fleet audit verify`; it says whether the record itself was changed")


def refuse_lost_events(record: Record) -> None:
    """Hold the last event against the sites, each of which names the event that moved it last.

    Raises:
        FleetError: A site names an event that is no longer there: the last events were deleted.
    """
    seq, _ = record.chain
    moved = max((site.seq for site in record.sites.values()), default=0)
    if moved > seq:
        raise FleetError(
            N_("the events were changed, so nothing was written: the last is {seq}, a site names {moved}", seq=seq, moved=moved),
            hint=SEE_AUDIT,
        )


def refuse_rows_that_differ(record: Record, plan: Plan) -> None:
    """Hold the rows that will be counted against the plan that was approved.

    Raises:
        FleetError: A site or terminal is missing or too many, or a site's own numbers are not those of its terminals.
    """
    _refuse(list(_against_plan(record, plan)))
    _refuse(list(_sites_against_terminals(record)))


def refuse_counts_that_differ(completion: Completion, tallies: Tallies) -> None:
    """Hold every table against the total, and the counters that the writer keeps against counting.

    Raises:
        FleetError: The message names the first difference and says how many there are.
    """
    _refuse([*_groupings_against_total(completion), *_tallies_against_counts(completion, tallies)])


def refuse_late_joiners_that_differ(completion: Completion) -> None:
    """Hold `+n` against who is in it, and the numbers it stands beside against the total.

    Raises:
        FleetError: As `refuse_counts_that_differ`.
    """
    _refuse(list(_late_against_total(completion)))


def _late_against_total(completion: Completion) -> Iterator[Message]:
    record, late = completion.record, completion.record.late
    if late is None:
        return
    new_sites = {each.site for each in record.late_joiners if each.is_new_site}
    pairs = [(late.sites.total, len(new_sites)), (late.terminals.total, len(record.late_joiners))]
    if record.rollout.late_of is None:
        pairs += [(late.planned_sites, completion.total.sites), (late.planned_terminals, completion.total.terminals)]
    for shown, counted in pairs:
        if shown != counted:
            yield N_("of late joiners, a counter says {kept}, counting gives {counted}", kept=shown, counted=counted)


def _refuse(differences: list[Message]) -> None:
    if not differences:
        return
    what = N_("the numbers do not tie, so nothing was written: {difference}", difference=differences[0])
    if len(differences) > 1:
        what = N_(
            "the numbers do not tie, so nothing was written: {difference} ({count} {count:difference|differences} in all)",
            difference=differences[0],
            count=len(differences),
        )
    raise FleetError(what, hint=SEE_AUDIT)


def _against_plan(record: Record, plan: Plan) -> Iterator[Message]:
    planned = {terminal.id for wave in plan.waves for terminal in wave.terminals}
    held = {terminal.id for terminal in record.terminals}
    for what, expected, found in (
        (N_("the sites"), set(plan.wave_of), set(record.sites)),
        (N_("the terminals"), planned, held),
    ):
        for code in sorted(expected - found):
            yield N_("of {what} of the plan, {code} is not in the rollout", what=what, code=code)
        for code in sorted(found - expected):
            yield N_("of {what} of the rollout, {code} is not in the plan", what=what, code=code)


def _sites_against_terminals(record: Record) -> Iterator[Message]:
    counted: defaultdict[str, Counts] = defaultdict(Counts)
    for terminal in record.terminals:
        counted[record.site_of(terminal).code].add_terminal(terminal)
    for code, site in record.sites.items():
        counts = counted[code]
        if (site.terminals, site.proven) != (counts.terminals, counts.proven):
            yield N_(
                "site {code} says: terminals {shown}, proven {shown_proven}; counting gives: {terminals} and {proven}",
                code=code,
                shown=site.terminals,
                shown_proven=site.proven,
                terminals=counts.terminals,
                proven=counts.proven,
            )


def _groupings_against_total(completion: Completion) -> Iterator[Message]:
    for name, groups in completion.groupings.items():
        if _sum(groups) != completion.total:
            yield N_("the table {name} does not sum to the total", name=name)
    not_well = Counter({state.value: n for state, n in completion.total.terminal_states.items() if state in NOT_WELL})
    for name, rows in (("causes", completion.causes), ("failures", completion.failures)):
        summed = Counter[str]()
        for row in rows:
            summed[row.ending.value] += row.terminals
        if summed != not_well:
            yield N_("the table {name} does not sum to the total", name=name)


def _tallies_against_counts(completion: Completion, tallies: Tallies) -> Iterator[Message]:
    counted = {(district, kind.value): counts for (district, kind), counts in completion.by_district_and_kind.items()}
    for place in sorted(counted.keys() | tallies.by_district_and_kind.keys()):
        counts = _numbers_of_counts(counted.get(place, Counts()))
        kept = _numbers_of_tally(tallies.by_district_and_kind.get(place, Tally()))
        for name in sorted(name for name in counts.keys() | kept.keys() if counts[name] != kept[name]):
            yield N_(
                "in {district}, {kind}, the counter {name} says {kept}, counting gives {counted}",
                district=place[0],
                kind=place[1],
                name=name,
                kept=kept[name],
                counted=counts[name],
            )


def _numbers_of_counts(counts: Counts) -> Counter[str]:
    sites = {f"site {state.value}": n for state, n in counts.site_states.items()}
    terminals = {f"terminal {state.value}": n for state, n in counts.terminal_states.items()}
    return Counter({**sites, **terminals, "site marked": counts.marked, "site done": counts.done})


def _numbers_of_tally(tally: Tally) -> Counter[str]:
    sites = {f"site {name.replace('_', '-')}": n for name, n in tally.sites.model_dump().items()}
    terminals = {f"terminal {state.value}": n for state, n in tally.terminals.items()}
    return Counter({**sites, **terminals, "site marked": tally.claimed, "site done": tally.done})


def _sum(groups: Iterable[Counts]) -> Counts:
    total = Counts()
    for counts in groups:
        total.add(counts)
    return total
