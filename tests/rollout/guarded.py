"""A fleet in memory under every budget and limit there is: what the store keeps, what the engine does, and workers that only know what they were told.

It follows `fleet.engine.shard_run` and `fleet.store.progress` rule by rule, with the very functions they grant and begin by.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

from fleet.model.attempt import Cause, TerminalState
from fleet.model.caps import DistrictAllowance
from fleet.model.playbook import Approval, GateRule
from fleet.model.rollout import RolloutPhase, Shard, ShardState, SiteCounts, WaveState, site_state
from fleet.rollout import (
    Abandon,
    Action,
    Dispatch,
    Exclude,
    Facts,
    Grant,
    PlanShards,
    PutBack,
    Recover,
    Rules,
    WaveFacts,
    WaveRule,
    after,
    fresh_room,
    may_begin,
)
from tests.rollout.world import BAD, Reconciled

COUNTED = frozenset((TerminalState.FAILED, TerminalState.ROLLED_BACK, TerminalState.UNREACHABLE))
_NOT_STARTED, _RUNNING, _UNKNOWN = TerminalState.NOT_STARTED, TerminalState.RUNNING, TerminalState.UNKNOWN


@dataclass(frozen=True)
class Ending:
    """What a push comes to."""

    state: TerminalState
    cause: Cause = Cause.NONE
    interrupted: bool = False


WELL = Ending(TerminalState.UPGRADED)


@dataclass
class Place:
    """A site of one terminal."""

    wave: int
    district: str
    limits: tuple[int, ...] = ()
    state: TerminalState = _NOT_STARTED
    cause: Cause = Cause.NONE
    down: bool = False
    endings: list[TerminalState] = field(default_factory=list)

    @property
    def collectable(self) -> bool:
        """Ended unknown, and worth asking once more."""
        return self.state is _UNKNOWN and self.endings[-2:-1] != [_UNKNOWN]

    @property
    def doubtful(self) -> bool:
        """Its attempt before ended unknown: to be unreachable now does not change that."""
        return self.endings[-1:] == [_UNKNOWN]


@dataclass
class Run:
    """What a worker knows of its shard."""

    waiting: list[str]
    unknown: set[str]
    down: set[str]
    in_flight: set[str] = field(default_factory=set)
    seen: int = 0
    """The last decision that it looked again after."""

    @property
    def open(self) -> int:
        return len({*self.waiting, *self.unknown, *self.in_flight})

    @property
    def open_down(self) -> int:
        return len({*self.down.intersection(self.waiting), *self.unknown, *self.in_flight})


@dataclass
class Guarded(Reconciled):
    """The fleet and its workers."""

    most_rounds: ClassVar[int] = 200
    sites: dict[str, Place]
    shard_size: int = 3
    runs: dict[int, Run] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        return sorted(self.sites)

    # What is

    def counts(self, wave: int, district: str | None = None) -> SiteCounts:
        states = Counter(
            site_state({place.state: 1}, 0).value.replace("-", "_")
            for place in self.sites.values()
            if place.wave == wave and district in {None, place.district}
        )
        return SiteCounts(**states)

    def by_cause(self, wave: int) -> dict[str, int]:
        return dict(Counter(place.cause.value for place in self.sites.values() if place.wave == wave and place.state in COUNTED))

    def down(self, limit: int) -> int:
        return sum(limit in place.limits and place.down for place in self.sites.values())

    def facts(self) -> Facts:
        waves = {}
        for rule in self.rules.waves:
            here = [place for place in self.sites.values() if place.wave == rule.number]
            waves[rule.number] = WaveFacts(
                self.counts(rule.number),
                Counter(place.state for place in here),
                tuple(s for s in self.shards.values() if s.wave == rule.number and s.state is not ShardState.ENDED),
                by_cause=self.by_cause(rule.number),
                by_district={district: self.counts(rule.number, district) for district in {place.district for place in here}},
            )
        down = {limit: self.down(limit) for limit in range(len(self.rules.limits))}
        return Facts(waves, frozenset(self.lost), down=down)

    def flying(self) -> list[tuple[int, str]]:
        return [(number, site) for number in self.out() for site in sorted(self.runs[number].in_flight)]

    # The orders

    def carry_out(self, action: Action) -> None:  # noqa: C901, PLR0912 - every order, one after the other
        match action:
            case PlanShards(wave):
                self.cut(wave)
            case Dispatch(number, parallel, failures):
                self.change(number, state=ShardState.RUNNING, grant_parallel=parallel, grant_failures=failures)
                waiting, unknown = self.open_of(number)
                down = {site for site in waiting if self.sites[site].down} if self.shards[number].limits else set()
                self.runs[number] = Run(waiting, unknown, down, seen=self.state.seen_decision)
            case Grant(number, parallel, failures):
                self.change(number, grant_parallel=parallel, grant_failures=failures)
            case Recover(number) | Abandon(number):
                for site in self.runs.pop(number).in_flight:
                    place = self.sites[site]
                    place.state = _NOT_STARTED if isinstance(action, Recover) else _UNKNOWN
                    if isinstance(action, Abandon):
                        place.endings.append(_UNKNOWN)
                self.lost.discard(number)
                self.give_back(number)
            case PutBack(terminals):
                named = {terminal.removesuffix("/t1") for terminal in terminals} or set(self.sites)
                for site in named:
                    if self.sites[site].state in BAD:
                        self.sites[site].state = _NOT_STARTED
                waves = {shard.wave for shard in self.shards.values() if shard.state is not ShardState.ENDED}
                for number, shard in self.shards.items():
                    if shard.state is ShardState.PLANNED and shard.limits:
                        self.give_back(number)
                for wave in waves if self.rules.limits else ():
                    self.cut(wave)
            case Exclude(terminals):
                self.leave_out(terminal.removesuffix("/t1") for terminal in terminals)

    def cut(self, wave: int) -> None:
        taken = {s for shard in self.shards.values() if shard.wave == wave and shard.state is not ShardState.ENDED for s in shard.sites}
        groups: dict[tuple[str, tuple[int, ...]], list[str]] = {}
        for site, place in self.sites.items():
            if place.wave == wave and site not in taken and self.is_open(site):
                groups.setdefault((place.district, place.limits), []).append(site)
        for (district, limits), sites in sorted(groups.items()):
            for start in range(0, len(sites), self.shard_size):
                part = tuple(sites[start : start + self.shard_size])
                number = len(self.shards) + 1
                down = sum(self.sites[site].down for site in part) if limits else 0
                self.shards[number] = Shard(
                    id=number, rollout="r1", wave=wave, district=district, sites=part, open=len(part), limits=limits, down=down
                )

    def leave_out(self, sites: Iterable[str]) -> None:
        for site in sites:
            if self.sites[site].state not in {TerminalState.UPGRADED, _RUNNING}:
                self.sites[site].state, self.sites[site].down = TerminalState.EXCLUDED, False
        for number, shard in self.shards.items():
            if shard.is_out and shard.limits:
                self.change(number, down=sum(self.sites[site].state is _RUNNING for site in shard.sites))
            elif shard.state is ShardState.PLANNED:
                self.give_back(number)
                if not any(self.open_of(number)):
                    self.change(number, state=ShardState.ENDED, open=0, down=0)

    def is_open(self, site: str) -> bool:
        return self.sites[site].state is _NOT_STARTED or self.sites[site].collectable

    def open_of(self, number: int) -> tuple[list[str], set[str]]:
        sites = self.shards[number].sites
        return [s for s in sites if self.sites[s].state is _NOT_STARTED], {s for s in sites if self.sites[s].collectable}

    def give_back(self, number: int) -> None:
        waiting, unknown = self.open_of(number)
        left = {*waiting, *unknown}
        down = sum(self.sites[site].down for site in left) if self.shards[number].limits else 0
        self.change(number, state=ShardState.PLANNED, grant_parallel=0, grant_failures=0, open=len(left), down=down)

    # The workers

    def end(self, number: int, site: str, ending: Ending) -> None:
        """A push came to its end, and the worker takes a step with it."""
        place = self.sites[site]
        state = _UNKNOWN if place.doubtful and ending.state is TerminalState.UNREACHABLE else ending.state
        place.state, place.cause = state, ending.cause if state in BAD else Cause.NONE
        place.down = state is _UNKNOWN or (state is TerminalState.FAILED and ending.interrupted)
        place.endings.append(state)
        run = self.runs[number]
        run.in_flight.discard(site)
        if place.collectable:
            run.unknown.add(site)
        self.step(number, ended_badly=int(state in BAD))

    def step(self, number: int, *, ended_badly: int = 0) -> None:
        """As `take_step`."""
        run = self.runs[number]
        if run.seen != self.state.seen_decision:
            run.seen, run.waiting = self.state.seen_decision, self.open_of(number)[0]
            run.down = set(run.waiting) if self.shards[number].limits else set()
        run.down = {site for site in run.down if self.sites[site].down}
        self.trim(number, ended_badly=ended_badly)
        if self.state.phase is RolloutPhase.RUNNING:
            self.begin(number)
            if not run.in_flight and run.unknown:
                asked = {site for site in run.unknown if self.sites[site].state is _UNKNOWN}
                run.unknown = set()
                self.start(number, asked)
                self.trim(number, taken_up=len(asked))
        if not run.in_flight:
            del self.runs[number]
            if any(self.open_of(number)):
                self.give_back(number)
            else:
                self.change(number, state=ShardState.ENDED, open=0, down=0, grant_parallel=0, grant_failures=0)
            return
        self.trim(number)

    def begin(self, number: int) -> None:
        run, shard = self.runs[number], self.shards[number]
        may, fresh = may_begin(shard, len(run.in_flight)), fresh_room(shard, down=run.open_down)
        for site in sorted(run.waiting, key=lambda site: site not in run.down) if may else ():
            if site not in run.down and fresh <= 0:
                continue
            run.waiting.remove(site)
            if self.sites[site].state is _NOT_STARTED:
                fresh -= site not in run.down
                self.start(number, {site})
                may -= 1
            if not may:
                break

    def start(self, number: int, sites: set[str]) -> None:
        for site in sites:
            self.sites[site].state, self.sites[site].down = _RUNNING, True
            self.runs[number].in_flight.add(site)

    def trim(self, number: int, *, ended_badly: int = 0, taken_up: int = 0) -> None:
        run, shard = self.runs[number], self.shards[number]
        grant = after(shard, ended_badly=ended_badly, taken_up=taken_up, open_sites=run.open)
        down = run.open_down if shard.limits else 0
        self.change(number, grant_parallel=grant["parallel"], grant_failures=grant["failures"], open=run.open, down=down)

    # What must hold

    def overshoot(self) -> str:
        """What is overshot if all that is in flight ends in the worst way, in words; empty when nothing is."""
        for rule, wave in zip(self.rules.waves, self.state.waves, strict=True):
            here = [place for place in self.sites.values() if place.wave == rule.number]
            for name, cap, spent, flying in self._budgets(rule, wave, here):
                if spent + flying > cap:
                    return f"wave {rule.number}, {name}: {spent} and {flying} in flight, {cap} allowed"
        for limit, allowed in enumerate(self.rules.limits):
            if self.down(limit) > allowed:
                return f"limit {limit}: {self.down(limit)} down, {allowed} allowed"
        return ""

    def _budgets(self, rule: WaveRule, wave: WaveState, here: list[Place]) -> Iterable[tuple[str, int, int, int]]:
        def flying(places: list[Place], *, fresh: bool = False) -> int:
            return sum(place.state is _RUNNING and not (fresh and place.doubtful) for place in places)

        bad = {TerminalState.FAILED, TerminalState.ROLLED_BACK, _UNKNOWN}
        spent = sum(place.state in bad for place in here)
        gone = sum(place.state is TerminalState.UNREACHABLE for place in here)
        yield "failures", rule.failures_allowed + wave.failures_accepted, spent, flying(here)
        yield "unreachable", rule.unreachable_allowed + wave.unreachable_accepted, gone, flying(here, fresh=True)
        for cause, allowed in rule.causes_allowed.items():
            of_cause = sum(place.state in COUNTED and place.cause.value == cause for place in here)
            unknown = sum(place.state is _UNKNOWN for place in here)
            yield cause, allowed + wave.causes_accepted.get(cause, 0), of_cause, unknown + flying(here)
        for district, allowance in rule.districts_allowed.items():
            there = [place for place in here if place.district == district]
            accepted = wave.districts_accepted.get(district, (0, 0))
            yield district, allowance.failures + accepted[0], sum(place.state in bad for place in there), flying(there)
            gone = sum(place.state is TerminalState.UNREACHABLE for place in there)
            yield f"{district} unreachable", allowance.unreachable + accepted[1], gone, flying(there, fresh=True)


def rules_for(
    waves: int,
    *,
    failures: int = 99,
    unreachable: int = 99,
    causes: dict[str, int] | None = None,
    districts: dict[str, tuple[int, int]] | None = None,
    limits: tuple[int, ...] = (),
    parallel: int = 32,
    approval: Approval = Approval.NEVER,
) -> Rules:
    """The same budgets for every wave."""
    allowances = {code: DistrictAllowance(failures=f, unreachable=u) for code, (f, u) in (districts or {}).items()}
    return Rules(
        gate=GateRule(success=0.0, approval=approval),
        parallel=parallel,
        waves=tuple(WaveRule(n, failures, unreachable, (), causes or {}, allowances) for n in range(1, waves + 1)),
        limits=limits,
    )
