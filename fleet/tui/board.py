"""What the screens show at one moment. Read by `feed`, drawn by the screens; a value, so that a screen can tell what changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from fleet.control.outlook import Outlook
from fleet.control.unreached import Unreached
from fleet.errors import FleetError
from fleet.model.attempt import AttemptResult, TerminalState
from fleet.model.crew import Assignment, CheckIn
from fleet.model.inventory import District, Fleet, Person, Site
from fleet.model.late import Late
from fleet.model.plan import Plan, Wave
from fleet.model.purpose import Only
from fleet.model.rollout import Decision, RolloutState, WaveState
from fleet.model.trust import KeyBinding
from fleet.report.holds import Hold
from fleet.rollout import ENDED, Evidence, phase_after
from fleet.rollout.standing import waiting_waves
from fleet.store.again import Offline, Waiting
from fleet.store.caps import Spent
from fleet.store.failures import FailureGroup
from fleet.store.orchestrator import Orchestrator
from fleet.store.reads import FailureRow, SiteRow, Tallies, Tally, TerminalRow
from fleet.text import N_, Message, current_language

_UTC = ZoneInfo("UTC")
READ_ONLY = N_("this screen was opened with --readonly")
"""Why nothing can be decided there."""


@dataclass(frozen=True, slots=True)
class SiteDetail:
    """One site, whole: for the site's own screen."""

    site: Site | None
    """None when the inventory no longer holds it."""
    row: SiteRow
    terminals: tuple[TerminalRow, ...]
    attempts: Mapping[str, tuple[AttemptResult, ...]]
    """By terminal id, the newest first."""
    bindings: Mapping[str, KeyBinding]
    check_ins: tuple[CheckIn, ...]
    assignment: Assignment | None


@dataclass(frozen=True, slots=True)
class GateEvidence:
    """What the terminals of a wave have shown so far."""

    wave: int
    at: datetime
    """When it was read."""
    found: Evidence


@dataclass(frozen=True, slots=True)
class Board:
    """Everything but the site table's rows."""

    at: datetime
    """When it was read."""
    zone: ZoneInfo = _UTC
    rollout: RolloutState | None = None
    plan: Plan | None = None
    tallies: Tallies | None = None
    late: Late | None = None
    """Who came late to its plan, or whom it serves; beside every other number."""
    spent: Spent = field(default_factory=Spent)
    """What is spent by cause and district, and how many sites are down under each limit."""
    holds: Mapping[int, tuple[Hold, ...]] = field(default_factory=dict)
    """Wave -> what holds it."""
    failures: tuple[FailureRow, ...] = ()
    groups: tuple[FailureGroup, ...] = ()
    """Failures by cause, the most sites first; only while their screen is open."""
    offline: tuple[Offline, ...] = ()
    """Terminals that nobody answers at, the longest silent first; only while their screen is open."""
    has_offline: bool = False
    """Whether there are any."""
    has_turned_away: bool = False
    """Whether there are any that are unreachable and not offline."""
    again: Mapping[int, Waiting] = field(default_factory=dict)
    """Wave -> what is tried again by itself there."""
    pending: Sequence[Decision] = ()
    """What people decided and the orchestrator has not taken in yet."""
    orchestrator: Orchestrator | None = None
    fleet: Fleet = field(default_factory=Fleet)
    refusal: Message | None = None
    """Why this person may not decide; None when they may."""
    site: SiteDetail | None = None
    outlook: Outlook | None = None
    """What lies ahead; None until the plan is there."""
    unreached: tuple[Unreached, ...] = ()
    """Sites that were not reached, by reason."""
    evidence: GateEvidence | None = None
    """Of the wave whose gate is open on the screen, where that gate has not judged."""
    trouble: FleetError | None = None
    """Why there is nothing newer than `at`."""

    @property
    def districts(self) -> Mapping[str, District]:
        """Every district by code, in the inventory's order."""
        return self.fleet.districts

    @property
    def people(self) -> Mapping[str, Person]:
        """Everybody by code."""
        return self.fleet.people

    @property
    def is_alive(self) -> bool:
        """Whether an orchestrator runs the workspace."""
        return self.orchestrator is not None and self.orchestrator.is_alive(self.at)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen in the rollout."""
        return self.rollout is not None and self.rollout.phase in ENDED

    @property
    def is_stopping(self) -> bool:
        """Whether a person has stopped the rollout and no orchestrator has taken that up yet."""
        return self.rollout is not None and not self.is_over and phase_after(self.rollout.phase, self.pending) in ENDED

    @property
    def only_stages(self) -> bool:
        """Whether the rollout brings the release and no more."""
        return self.rollout is not None and self.rollout.only is Only.STAGE

    def share(self, tally: Tally) -> tuple[int, int]:
        """Terminals proven, and all; of a rollout that only stages those that are staged, of all that it was not left out from."""
        if self.only_stages:
            return tally.staged, tally.terminal_count - tally.terminals.get(TerminalState.EXCLUDED, 0)
        return tally.proven, tally.terminal_count

    @property
    def waiting(self) -> WaveState | None:
        """The wave that waits for a person, if one does."""
        return next(iter(waiting_waves(self.rollout, self.pending)), None) if self.rollout else None

    def time(self, at: datetime | None) -> str:
        """A time in the workspace's zone: `14:03:59`, with the date when it is not today's."""
        if at is None:
            return ""
        local = at.astimezone(self.zone)
        return local.strftime("%H:%M:%S" if local.date() == self.at.astimezone(self.zone).date() else "%m-%d %H:%M")

    def clock(self, at: datetime) -> str:
        """A time of this night in the workspace's zone: `03:42`, with the date when it is more than half a day away."""
        is_near = abs((at - self.at).total_seconds()) < 12 * 3600
        return at.astimezone(self.zone).strftime("%H:%M" if is_near else "%m-%d %H:%M")

    def planned(self, number: int) -> Wave | None:
        """The plan's wave of that number."""
        waves = self.plan.waves if self.plan else ()
        return waves[number - 1] if 0 < number <= len(waves) else None

    def wave_name(self, number: int) -> str:
        """The name a person types for a wave; its number until the plan is there."""
        wave = self.planned(number)
        return wave.name if wave else str(number)

    def tally_of_wave(self, number: int) -> Tally:
        """A wave's counts."""
        return self.tallies.by_wave.get(number, Tally()) if self.tallies else Tally()

    def person(self, code: str | None) -> str:
        """A person's name, or the code when the inventory does not know it."""
        if code is None:
            return ""
        person = self.people.get(code)
        return person.name if person else code

    def district(self, code: str) -> str:
        """A district's name in the reader's language."""
        district = self.districts.get(code)
        return district.name_in(current_language()) if district else code
