"""Everything a report says about one rollout at one moment. Every site and terminal is in exactly one row of every table."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeVar

from fleet.control.unreached import Unreached
from fleet.model.attempt import Cause, TerminalState
from fleet.model.crew import CheckIn
from fleet.model.gate import Phase
from fleet.model.inventory import Fleet, SiteKind
from fleet.model.late import Late, LateJoiner
from fleet.model.rollout import Decision, RolloutState
from fleet.report.counts import Counts, day_of_site, day_of_terminal
from fleet.report.failures import FailureCount, count_failures
from fleet.rollout.evidence import Pair, PhaseMedians, medians
from fleet.settings import Settings
from fleet.store.reads import SiteRow, TerminalRow

K = TypeVar("K", bound=Hashable)

NOT_WELL = (TerminalState.FAILED, TerminalState.ROLLED_BACK, TerminalState.UNREACHABLE, TerminalState.UNKNOWN)
"""Endings that somebody has to look into."""


@dataclass(frozen=True, slots=True)
class Swipes:
    """One upgraded terminal's swipe, in milliseconds by phase; empty where it was not measured."""

    before: Mapping[Phase, int]
    after: Mapping[Phase, int]


@dataclass(frozen=True, slots=True)
class Record:
    """What is counted: one rollout's rows as one snapshot shows them."""

    at: datetime
    """When it was read."""
    settings: Settings
    """Time zone and day boundary of the counts by day."""
    rollout: RolloutState
    release: str
    chain: tuple[int, str]
    """Seq and hash of the last event."""
    fleet: Fleet
    sites: Mapping[str, SiteRow]
    """By code, in order."""
    terminals: tuple[TerminalRow, ...]
    """In the order of their ids."""
    check_ins: Mapping[str, CheckIn]
    """By site code: the last one."""
    exclusions: Mapping[str, Decision] = field(default_factory=dict)
    """Terminal -> the decision that left it out."""
    made_by_hand: Mapping[str, Decision] = field(default_factory=dict)
    """Terminal -> the decision that it is done by hand, although it was to be pushed."""
    causes_before: Mapping[str, Cause] = field(default_factory=dict)
    """Of these, what the last push ended for."""
    rollbacks: Mapping[str, Decision] = field(default_factory=dict)
    """Terminal -> the last decision to roll it back."""
    unreached: tuple[Unreached, ...] = ()
    """Sites with terminals that were not reached, by reason."""
    swipes: Mapping[str, Swipes] = field(default_factory=dict)
    """Terminal -> what a swipe took there before and after, of those where anything was measured."""
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    """Terminal -> the fingerprint of the failure it stands at."""
    failure_texts: Mapping[str, str] = field(default_factory=dict)
    """Fingerprint -> what its terminals said, without what is each one's own."""
    late: Late | None = None
    """Who came late to the plan; in no other number."""
    late_joiners: tuple[LateJoiner, ...] = ()
    """Each of them, by terminal."""
    bytes_sent: int = 0
    """Of files, in all attempts."""
    bytes_saved: int = 0
    """Of files that were not sent, because the terminals had them."""

    def site_of(self, terminal: TerminalRow) -> SiteRow:
        """The site a terminal belongs to."""
        return self.sites[terminal.id.partition("/")[0]]

    def has_problem(self, site: SiteRow) -> bool:
        """Whether the last check-in at the site reports a problem."""
        check_in = self.check_ins.get(site.code)
        return check_in is not None and check_in.kind == "problem"

    @property
    def against_inventory(self) -> dict[str, "InventoryTie"]:
        """How the rollout's `sites` and `terminals` tie to the inventory as it is now."""
        held = {terminal.id for terminal in self.terminals}
        return {
            "sites": InventoryTie.of(set(self.sites), set(self.fleet.sites), {each.site for each in self.late_joiners}),
            "terminals": InventoryTie.of(held, set(self.fleet.terminals), {each.terminal for each in self.late_joiners}),
        }


@dataclass(frozen=True, slots=True)
class InventoryTie:
    """inventory = in the rollout - removed since + not in the rollout; of the last, those that came late are counted once more."""

    inventory: int
    in_rollout: int
    removed_since: int
    not_in_rollout: int
    late: int = 0
    """Of those not in the rollout, late joiners of its plan."""

    @classmethod
    def of(cls, held: set[str], inventory: set[str], late: set[str]) -> "InventoryTie":
        """Compare the codes a rollout holds with those of the inventory; `late` are those of its late joiners."""
        return cls(len(inventory), len(held), len(held - inventory), len(inventory - held), len(late & inventory - held))


@dataclass(frozen=True, slots=True)
class CauseCount:
    """Terminals that ended the same way for the same reason."""

    ending: TerminalState
    cause: Cause
    sites: int
    """Sites that have such a terminal; a site with two causes is in two rows."""
    terminals: int


@dataclass(frozen=True, slots=True)
class Completion:
    """A record and its counts."""

    record: Record
    total: Counts
    by_kind: Mapping[SiteKind, Counts]
    by_district_and_kind: Mapping[tuple[str, SiteKind], Counts]
    """District code and kind, in the inventory's order."""
    by_technician: Mapping[str | None, Counts]
    """Person code; None, the last, is sites nobody is sent to."""
    by_day: Mapping[date | None, Counts]
    """In order; None, the last, is what has not happened yet."""
    causes: tuple[CauseCount, ...]
    """The most terminals first."""
    failures: tuple[FailureCount, ...]
    """As `causes`, each split by fingerprint."""

    @property
    def by_district(self) -> dict[str, Counts]:
        """District code, in the inventory's order -> its hospitals and pharmacies together."""
        districts: defaultdict[str, Counts] = defaultdict(Counts)
        for (district, _kind), counts in self.by_district_and_kind.items():
            districts[district].add(counts)
        return dict(districts)

    @property
    def swipes(self) -> dict[SiteKind | None, tuple[PhaseMedians, ...]]:
        """Both medians of every phase, of the terminals measured before and after: of each kind of site that has one, then (None) of all."""
        by_kind: dict[SiteKind, list[Pair]] = {kind: [] for kind in self.by_kind}
        for terminal in self.record.terminals:
            found = self.record.swipes.get(terminal.id)
            if found is not None and found.before and found.after:
                by_kind[self.record.site_of(terminal).kind].append(Pair(found.before, found.after))
        groups = [*by_kind.items(), (None, [pair for pairs in by_kind.values() for pair in pairs])]
        return {kind: medians(pairs) for kind, pairs in groups if pairs}

    @property
    def groupings(self) -> dict[str, tuple[Counts, ...]]:
        """The counts of every table, by its name; each sums to `total`."""
        return {
            "by_kind": tuple(self.by_kind.values()),
            "by_district": tuple(self.by_district.values()),
            "by_district_and_kind": tuple(self.by_district_and_kind.values()),
            "by_technician": tuple(self.by_technician.values()),
            "by_day": tuple(self.by_day.values()),
        }


def complete(record: Record) -> Completion:
    """Count a record in every way a report shows it."""
    zone, boundary = record.settings.zone, record.settings.day_boundary
    districts = list(record.fleet.districts)
    people = list(record.fleet.people)

    def place(key: tuple[str, SiteKind]) -> tuple[int, str, str]:
        return _position(districts, key[0]), key[0], key[1].value

    def technician(code: str | None) -> tuple[bool, int, str]:
        return code is None, _position(people, code), code or ""

    kind = _group(record, lambda site: site.kind, lambda _, site: site.kind)
    where = _group(record, lambda site: (site.district, site.kind), lambda _, site: (site.district, site.kind))
    who = _group(record, lambda site: site.technician, lambda _, site: site.technician)
    day = _group(record, lambda site: day_of_site(site, zone, boundary), lambda terminal, _: day_of_terminal(terminal, zone, boundary))
    total = Counts()
    for counts in kind.values():
        total.add(counts)
    return Completion(
        record,
        total,
        {key: kind[key] for key in SiteKind if key in kind},
        {key: where[key] for key in sorted(where, key=place)},
        {key: who[key] for key in sorted(who, key=technician)},
        {key: day[key] for key in sorted(day, key=lambda key: (key is None, key or date.min))},
        _causes(record),
        count_failures(record.terminals, record.fingerprints),
    )


def _group(record: Record, of_site: Callable[[SiteRow], K], of_terminal: Callable[[TerminalRow, SiteRow], K]) -> dict[K, Counts]:
    groups: defaultdict[K, Counts] = defaultdict(Counts)
    for site in record.sites.values():
        groups[of_site(site)].add_site(site, has_problem=record.has_problem(site))
    for terminal in record.terminals:
        groups[of_terminal(terminal, record.site_of(terminal))].add_terminal(terminal)
    return groups


def _position(codes: list[str], code: str | None) -> int:
    return codes.index(code) if code in codes else len(codes)


def _causes(record: Record) -> tuple[CauseCount, ...]:
    found: defaultdict[tuple[TerminalState, Cause], list[str]] = defaultdict(list)
    for terminal in record.terminals:
        if terminal.state in NOT_WELL:
            found[terminal.state, terminal.cause].append(record.site_of(terminal).code)
    counted = (CauseCount(ending, cause, len(set(sites)), len(sites)) for (ending, cause), sites in found.items())
    return tuple(sorted(counted, key=lambda row: (-row.terminals, row.ending.value, row.cause.value)))
