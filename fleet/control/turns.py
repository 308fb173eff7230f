"""Whose turn comes in time: a plan's night in which nothing fails, lived through in numbers. Pure; no store, no clock, no dice of its own.

    wave by wave: sites wait for their window -> a place comes free -> their pushes run -> rehearsal, soak, approval -> the next wave

- It admits as the engine does (`cutover.admit`), with what pushes were measured to take by then: before enough are, `push_deadline_s` counts.
- In flight are no more sites than the smallest budget, district and limit allow; no more pushes than `parallel`.
- Who is asked (approvals that the plan wants, the point of no return) answers after a time that is assumed, and lets it go on.
- Gateways and lines of different speed are not in it. `fleet rehearse` has all of it; this is fast enough for a plan of a province.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush

from fleet.control.outlook import side_by_side
from fleet.cutover import Begin, Over, Pace, Sample, SiteTime, admit, last_safe_rollback
from fleet.cutover.pace import ENOUGH
from fleet.model.inventory import Fleet
from fleet.model.plan import Plan, PlannedSite, Wave
from fleet.rollout import rules_of
from fleet.rollout.gate import needs_approval
from fleet.rollout.rehearsal import one_of_each_first
from fleet.store.windows import NEWEST

_PACE_LASTS = timedelta(seconds=2)
_ALL = "all"
_Group = tuple[str, tuple[int, ...]]
"""District, and the limits that count its sites: they wait for the same."""
_Token = str | int
"""Of a wave, of a district by its code, of a limit by its place in the plan."""


@dataclass(frozen=True, slots=True)
class Assumed:
    """What nobody knows before the night."""

    seconds: Callable[[str], float]
    """Terminal -> how long a push to it takes, once it is connected; a rollback takes as long."""
    connect_s: float = 0.0
    answer_s: float = 0.0
    """What a person who is asked takes to answer."""


@dataclass(frozen=True, slots=True)
class Turns:
    """How far the night comes."""

    begun: frozenset[str]
    """Sites whose turn comes in time."""
    kept_s: float
    """What a push and its rollback need in the end: so long before a window closes nothing begins any more."""
    asked: int
    """How often a person is waited for."""


def take_turns(plan: Plan, fleet: Fleet, times: Mapping[str, SiteTime], begins_at: datetime, assumed: Assumed) -> Turns:
    """Live through the night.

    Args:
        plan: The plan; it has windows.
        fleet: Its inventory, for districts.
        times: When each site that is pushed to may be touched.
        begins_at: When the rollout is started.
        assumed: What nobody knows before.
    """
    night = _Night(plan, assumed, begins_at)
    for wave in plan.waves:
        sites = [_Site.of(site, fleet.sites[site.code].district, times[site.code], wave) for site in wave.sites if site.code in times]
        _WaveAtWork(night, wave, sites).run()
        night.come_through(wave, sites)
    kept = night.pace().needs(["any"], plan.playbook.parallel)
    return Turns(frozenset(night.begun), kept.total_seconds(), night.asked)


@dataclass(slots=True)
class _Site:
    """A site that is pushed to."""

    code: str
    times: SiteTime
    programs: Mapping[str, str]
    """Terminal -> the digest of its program."""
    group: _Group
    tokens: tuple[_Token, ...]
    left: int = 0
    """Pushes that have not ended."""

    @classmethod
    def of(cls, site: PlannedSite, district: str, times: SiteTime, wave: Wave) -> "_Site":
        tokens: tuple[_Token, ...] = (_ALL, *site.limits)
        if district in wave.districts_allowed:
            tokens = (*tokens, f"district {district}")
        programs = {terminal.id: terminal.program for terminal in site.terminals if terminal.program}
        return cls(site.code, times, programs, (district, site.limits), tokens)


@dataclass(slots=True)
class _Night:
    """What lasts from wave to wave."""

    plan: Plan
    assumed: Assumed
    now: datetime
    begun: set[str] = field(default_factory=set)
    asked: int = 0
    touched: int = 0
    is_past: bool = False
    """A person let it go on past the point of no return."""
    _samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=NEWEST))
    _pace: Pace | None = None
    _pace_at: datetime | None = None

    def pace(self) -> Pace:
        """How long pushes and rollbacks take, by those that ended; a little old, as the engine's is."""
        if self._pace is None or (self._pace_at is not None and self.now - self._pace_at >= _PACE_LASTS):
            self._pace, self._pace_at = Pace.of(self._samples, self.plan.playbook.push_deadline_s), self.now
        return self._pace

    def took(self, program: str, seconds: float, *, is_rollback: bool = False) -> None:
        """A push, or a rollback, ended."""
        self._samples.append(Sample(program, seconds, is_rollback))

    def ask(self) -> None:
        """A person is asked, and answers."""
        self.asked += 1
        self.now += timedelta(seconds=self.assumed.answer_s)

    def ask_past(self) -> None:
        """A person lets it go on past the point of no return, for good."""
        self.ask()
        self.is_past = True

    def is_held(self) -> bool:
        """Whether what was touched might not all go back in time, and nobody has said yet that it goes on all the same."""
        if self.is_past or self.plan.windows is None:
            return False
        clock = last_safe_rollback(self.plan.windows, self.now, self.touched, side_by_side(self.plan), self.pace().rollback)
        return clock is not None and clock.is_past(self.now)

    def come_through(self, wave: Wave, sites: Iterable[_Site]) -> None:
        """From a wave's last push to its end: the way back is rehearsed, it soaks, and a person is asked where one has to be."""
        rules, gate = rules_of(self.plan), self.plan.playbook.gate
        upgraded = [site for site in sites if site.code in self.begun]
        if wave.number == 1 and rules.rehearses:
            self._rehearse(upgraded, min(wave.parallel, self.plan.playbook.parallel))
        following = next((other for other in rules.waves if other.number == wave.number + 1), None)
        if following is None:
            return
        soaked_at = self.now + timedelta(seconds=gate.soak_s if upgraded else 0)
        if self.is_held():
            self.ask_past()
        self.now = max(self.now, soaked_at)
        answered = sum(len(site.programs) for site in upgraded)
        samples = max(gate.min_samples, gate.swipe.min_pairs if gate.swipe else 0)
        if needs_approval(gate, wave.number, following) or answered < samples or following.untested:
            self.ask()

    def _rehearse(self, sites: Iterable[_Site], parallel: int) -> None:
        """One terminal of each program is rolled back and upgraded again, and more until a rollback's time is measured."""
        program_of = {terminal: program for site in sites for terminal, program in site.programs.items()}
        places, count = [0.0] * max(1, parallel), max(len({*program_of.values()}), ENOUGH)
        for terminal in one_of_each_first(program_of)[:count]:
            seconds = self.assumed.seconds(terminal)
            self.took(program_of[terminal], seconds, is_rollback=True)
            self.took(program_of[terminal], seconds)
            places[places.index(min(places))] += 2 * (seconds + self.assumed.connect_s)
        self.now += timedelta(seconds=max(places))


class _WaveAtWork:
    """One wave, from its opening until the last of its sites has ended or has no window any more."""

    def __init__(self, night: _Night, wave: Wave, sites: Iterable[_Site]) -> None:
        self._night, self._parallel = night, night.plan.playbook.parallel
        self._room: dict[_Token, int] = {_ALL: min(wave.parallel, self._parallel)}
        self._room |= {place: limit.allowed for place, limit in enumerate(night.plan.limits)}
        self._room |= {f"district {code}": min(one.failures, one.unreachable) for code, one in wave.districts_allowed.items()}
        self._asleep: list[tuple[datetime, int, _Site]] = []
        self._ready: dict[_Group, deque[_Site]] = {}
        self._blocked: dict[_Token, set[_Group]] = {}
        """Groups of ready sites that wait until one of these comes free."""
        self._line: deque[tuple[datetime, str, _Site]] = deque()
        """Pushes that wait for a place, each with the moment by which it has to begin."""
        self._flying: list[tuple[datetime, int, str, _Site]] = []
        self._number = 0
        for site in sites:
            self._sleep(site, night.now)

    def run(self) -> None:
        """To its end."""
        while True:
            self._land()
            self._wake()
            is_held = self._begin()
            self._take_off()
            if is_held and not self._flying:
                self._night.ask_past()
                continue
            moments = [heap[0][0] for heap in (self._flying, self._asleep) if heap]
            if not moments:
                return
            self._night.now = max(self._night.now, min(moments))

    def _sleep(self, site: _Site, until: datetime) -> None:
        self._number += 1
        heappush(self._asleep, (until, self._number, site))

    def _wake(self) -> None:
        """Sites whose moment has come are ready, where their window lets them begin."""
        while self._asleep and self._asleep[0][0] <= self._night.now:
            site = heappop(self._asleep)[2]
            if self._begins_by(site) is not None:
                self._ready.setdefault(site.group, deque()).append(site)

    def _begins_by(self, site: _Site) -> datetime | None:
        """Until when a site may begin, if it may now; otherwise it sleeps, or is over."""
        needs = self._night.pace().needs([*site.programs.values()], self._parallel)
        answer = admit(site.times, self._night.now, needs)
        if isinstance(answer, Begin):
            return answer.latest
        if not isinstance(answer, Over):
            self._sleep(site, answer.until)
        return None

    def _begin(self) -> bool:
        """What has room and may, one district's sites together; returns whether the point of no return held some back."""
        is_held = False
        for group, sites in self._chosen().items():
            is_held = is_held or self._night.is_held()
            for site in reversed(sites) if is_held else sites:
                if is_held:
                    self._ready.setdefault(group, deque()).appendleft(site)
                elif (latest := self._begins_by(site)) is not None:
                    site.left = len(site.programs)
                    self._night.touched += site.left
                    self._night.begun.add(site.code)
                    self._line.extend((latest, terminal, site) for terminal in site.programs)
                    continue
                self._free(site)
        return is_held

    def _chosen(self) -> dict[_Group, list[_Site]]:
        """The sites that are next, districts in turn, as far as there is room; their places are taken."""
        chosen: dict[_Group, list[_Site]] = {}
        blocked = set[_Group]().union(*self._blocked.values())
        turn = deque(group for group in self._ready if group not in blocked) if self._room[_ALL] > 0 else deque[_Group]()
        while turn and self._room[_ALL] > 0:
            group = turn.popleft()
            sites = self._ready[group]
            full = next((token for token in sites[0].tokens if self._room[token] < 1), None)
            if full is not None:
                self._blocked.setdefault(full, set()).add(group)
                continue
            site = sites.popleft()
            for token in site.tokens:
                self._room[token] -= 1
            chosen.setdefault(group, []).append(site)
            if sites:
                turn.append(group)
            else:
                del self._ready[group]
        return chosen

    def _free(self, site: _Site) -> None:
        for token in site.tokens:
            self._room[token] += 1
            self._blocked.pop(token, None)

    def _take_off(self) -> None:
        """Pushes begin, as many as may be made at the same time; one whose turn comes too late does not."""
        connect_s = self._night.assumed.connect_s
        while self._line and len(self._flying) < self._parallel:
            latest, terminal, site = self._line.popleft()
            begins_at = self._night.now + timedelta(seconds=connect_s)
            self._number += 1
            if begins_at > latest:
                self._night.begun.discard(site.code)
                heappush(self._flying, (begins_at, self._number, "", site))
            else:
                heappush(self._flying, (begins_at + timedelta(seconds=self._night.assumed.seconds(terminal)), self._number, terminal, site))

    def _land(self) -> None:
        """Pushes that have ended make room."""
        while self._flying and self._flying[0][0] <= self._night.now:
            terminal, site = heappop(self._flying)[2:]
            if terminal:
                self._night.took(site.programs[terminal], self._night.assumed.seconds(terminal))
            site.left -= 1
            if not site.left:
                self._free(site)
