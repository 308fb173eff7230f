"""Counting sites and terminals by where they stand, in one group or many."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from fleet.model.attempt import PROVEN, TerminalState
from fleet.model.inventory import Reach
from fleet.model.rollout import SiteState
from fleet.store.reads import SiteRow, TerminalRow


@dataclass(slots=True)
class Counts:
    """Sites and terminals of one group. Every site has one state, every terminal one; the marks are counted beside them."""

    site_states: Counter[SiteState] = field(default_factory=Counter)
    marked: int = 0
    """Sites with a technician's mark."""
    claimed: int = 0
    """Sites with a mark that are not done: other evidence the plan asks for is missing."""
    problems: int = 0
    """Sites whose last check-in reports a problem."""
    done: int = 0
    terminal_states: Counter[TerminalState] = field(default_factory=Counter)
    waiting_by_hand: int = 0
    """Terminals done by hand that nobody has done yet; of those not started."""

    @property
    def sites(self) -> int:
        """All sites of the group."""
        return self.site_states.total()

    @property
    def terminals(self) -> int:
        """All terminals of the group."""
        return self.terminal_states.total()

    @property
    def proven(self) -> int:
        """Terminals with evidence that they are on the new release: the machine's, or a technician's self-test."""
        return sum(self.terminal_states[state] for state in PROVEN)

    @property
    def done_share(self) -> float | None:
        """Done sites of all sites; None where there is no site."""
        return self.done / self.sites if self.sites else None

    @property
    def proven_share(self) -> float | None:
        """Proven terminals of all terminals; None where there is no terminal."""
        return self.proven / self.terminals if self.terminals else None

    def add_site(self, site: SiteRow, *, has_problem: bool) -> None:
        """Count one site, and whether its last check-in reports a problem."""
        self.site_states[site.state] += 1
        self.marked += site.claimed
        self.claimed += is_claimed(site)
        self.problems += has_problem
        self.done += site.done

    def add_terminal(self, terminal: TerminalRow) -> None:
        """Count one terminal."""
        self.terminal_states[terminal.state] += 1
        self.waiting_by_hand += waits_by_hand(terminal)

    def add(self, other: "Counts") -> None:
        """Count all that another group holds."""
        self.site_states += other.site_states
        self.marked += other.marked
        self.claimed += other.claimed
        self.problems += other.problems
        self.done += other.done
        self.terminal_states += other.terminal_states
        self.waiting_by_hand += other.waiting_by_hand


def is_claimed(site: SiteRow) -> bool:
    """Whether the site is marked but not done."""
    return site.claimed and not site.done


def waits_by_hand(terminal: TerminalRow) -> bool:
    """Whether a technician has to do the terminal, and has not yet."""
    return terminal.state is TerminalState.NOT_STARTED and terminal.reach is Reach.BY_HAND


def day_of(at: datetime, zone: ZoneInfo, boundary: time) -> date:
    """The day `at` counts for: days begin at `boundary` by the zone's clocks, so that a night's work is one day."""
    local = at.astimezone(zone)
    return local.date() if local.time() >= boundary else local.date() - timedelta(days=1)


def day_of_site(site: SiteRow, zone: ZoneInfo, boundary: time) -> date | None:
    """The day a site became done or, short of that, last moved; None while nothing has happened there."""
    moved = site.done_at or site.updated_at
    return None if moved is None or (site.state is SiteState.NOT_STARTED and not site.claimed) else day_of(moved, zone, boundary)


def day_of_terminal(terminal: TerminalRow, zone: ZoneInfo, boundary: time) -> date | None:
    """The day a terminal came to where it stands, as one does that people took off the pushes; None while nothing has happened to it."""
    if terminal.updated_at is None or (terminal.state is TerminalState.NOT_STARTED and not waits_by_hand(terminal)):
        return None
    return day_of(terminal.updated_at, zone, boundary)
