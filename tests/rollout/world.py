"""Fleets in memory that do what the orders say, and one with workers that hold to the rules of grants."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from fleet.model.attempt import TerminalState
from fleet.model.playbook import Approval, GateRule
from fleet.model.rollout import (
    Decision,
    DecisionKind,
    RolloutPhase,
    RolloutState,
    Shard,
    ShardState,
    SiteCounts,
    WaveState,
    site_state,
)
from fleet.rollout import (
    NO_EVIDENCE,
    Abandon,
    Action,
    Dispatch,
    Evidence,
    Exclude,
    Facts,
    Grant,
    PlanShards,
    PutBack,
    Recover,
    Rules,
    WaveFacts,
    WaveRule,
    advance,
    after,
    may_begin,
    to_judge,
)

NOW = datetime(2026, 3, 14, 14, 0, tzinfo=UTC)
BAD = frozenset((TerminalState.FAILED, TerminalState.ROLLED_BACK, TerminalState.UNREACHABLE, TerminalState.UNKNOWN))


@dataclass
class Reconciled(ABC):
    """A rollout, its people and its reconciler; a world says what is, and does what the orders say."""

    most_rounds: ClassVar[int] = 100
    rules: Rules
    shards: dict[int, Shard] = field(default_factory=dict, kw_only=True)
    decisions: list[Decision] = field(default_factory=list, kw_only=True)
    lost: set[int] = field(default_factory=set, kw_only=True)
    """Shards whose workers are gone."""
    now: datetime = field(default=NOW, kw_only=True)

    def __post_init__(self) -> None:
        waves = tuple(WaveState(number=rule.number) for rule in self.rules.waves)
        self.state = RolloutState(id="r1", plan_digest="0" * 64, waves=waves, started_at=self.now)

    @property
    @abstractmethod
    def names(self) -> list[str]:
        """The sites' names, sorted."""

    @abstractmethod
    def facts(self) -> Facts:
        """What the reconciler is shown."""

    @abstractmethod
    def carry_out(self, action: Action) -> None:
        """Do what is ordered."""

    def decide(self, kind: DecisionKind, wave: int | None = None, sites: Iterable[str] = ()) -> None:
        terminals = tuple(f"{site}/t1" for site in sites)
        self.decisions.append(
            Decision(id=len(self.decisions) + 1, rollout="r1", kind=kind, wave=wave, terminals=terminals, actor="c01", at=self.now)
        )

    def reconcile(self) -> None:
        for _ in range(self.most_rounds):
            self.now += timedelta(seconds=1)
            state, actions = advance(self.state, self.rules, self.facts(), self.decisions, self.now)
            if state == self.state and not actions:
                return
            self.state = state
            for action in actions:
                self.carry_out(action)
        pytest.fail("it never comes to rest")

    def out(self) -> list[int]:
        return [number for number, shard in self.shards.items() if shard.is_out and number not in self.lost]

    def change(self, number: int, **values: object) -> None:
        self.shards[number] = self.shards[number].model_copy(update=values)


@dataclass
class World(Reconciled):
    """Sites of one terminal each, `SITE/t1`; some are done by hand."""

    by_hand: frozenset[str] = frozenset()
    states: dict[str, TerminalState] = field(default_factory=dict)
    wave_of: dict[str, int] = field(default_factory=dict)
    in_flight: dict[int, set[str]] = field(default_factory=dict)
    asked_again: set[str] = field(default_factory=set)
    ordered: list[Action] = field(default_factory=list)
    began: list[str] = field(default_factory=list)
    shard_size: int = 3
    districts: int = 1
    evidence: Evidence = NO_EVIDENCE
    ended_at: dict[int, datetime] = field(default_factory=dict)
    """Wave -> when its last push ended."""

    @property
    def names(self) -> list[str]:
        return sorted(self.states)

    def add(self, wave: int, sites: Iterable[str]) -> None:
        for site in sites:
            self.states[site] = TerminalState.NOT_STARTED
            self.wave_of[site] = wave

    # What is

    def counts(self, wave: int) -> SiteCounts:
        states = Counter(
            site_state({state: 1}, int(site in self.by_hand and state is TerminalState.NOT_STARTED)).value.replace("-", "_")
            for site, state in self.states.items()
            if self.wave_of[site] == wave
        )
        return SiteCounts(**states)

    def facts(self) -> Facts:
        waves = {}
        for rule in self.rules.waves:
            sites = [site for site in self.states if self.wave_of[site] == rule.number]
            shards = tuple(s for s in self.shards.values() if s.wave == rule.number and s.state is not ShardState.ENDED)
            by_ssh = Counter(self.states[site] for site in sites if site not in self.by_hand)
            waves[rule.number] = WaveFacts(self.counts(rule.number), by_ssh, shards)
        facts = Facts(waves, frozenset(self.lost))
        for number in to_judge(self.state, facts, self.now):
            facts = facts.with_evidence(number, self.evidence, self.ended_at.get(number))
        return facts

    @property
    def last_ended_at(self) -> datetime:
        return max(self.ended_at.values())

    # What the orders do

    def carry_out(self, action: Action) -> None:
        self.ordered.append(action)
        match action:
            case PlanShards(wave):
                todo = [s for s, n in self.wave_of.items() if n == wave and self.is_open(s)]
                for start in range(0, len(todo), self.shard_size):
                    sites = tuple(todo[start : start + self.shard_size])
                    number = len(self.shards) + 1
                    self.shards[number] = Shard(
                        id=number, rollout="r1", wave=wave, district=f"d{number % self.districts}", sites=sites, open=len(sites)
                    )
            case Dispatch(shard, parallel, failures):
                self.change(shard, state=ShardState.RUNNING, grant_parallel=parallel, grant_failures=failures)
                self.in_flight[shard] = set()
            case Grant(shard, parallel, failures):
                self.change(shard, grant_parallel=parallel, grant_failures=failures)
            case Recover(shard) | Abandon(shard):
                ending = TerminalState.NOT_STARTED if isinstance(action, Recover) else TerminalState.UNKNOWN
                self.states |= dict.fromkeys(self.in_flight.pop(shard), ending)
                self.lost.discard(shard)
                self.give_back(shard)
            case PutBack(terminals):
                named = {terminal.removesuffix("/t1") for terminal in terminals} or set(self.states)
                again = [s for s in named if self.states[s] in BAD and s not in self.by_hand]
                self.states |= dict.fromkeys(again, TerminalState.NOT_STARTED)
            case Exclude(terminals):
                left_out = [terminal.removesuffix("/t1") for terminal in terminals]
                self.states |= {s: TerminalState.EXCLUDED for s in left_out if self.states[s] is not TerminalState.RUNNING}

    def is_open(self, site: str) -> bool:
        if site in self.by_hand:
            return False
        state = self.states[site]
        return state is TerminalState.NOT_STARTED or (state is TerminalState.UNKNOWN and site not in self.asked_again)

    def give_back(self, shard: int) -> None:
        self.change(shard, state=ShardState.PLANNED, grant_parallel=0, grant_failures=0)

    # What a worker does

    def begin(self, number: int) -> None:
        """Start what the grant allows; with nothing in flight and nothing to start, collect, end, or give back."""
        shard, flying = self.shards[number], self.in_flight[number]
        may = may_begin(shard, len(flying)) if self.state.phase is RolloutPhase.RUNNING else 0
        fresh = [site for site in shard.sites if self.is_open(site) and self.states[site] is TerminalState.NOT_STARTED]
        for site in fresh[:may]:
            self.start(number, site)
        if flying:
            return
        unknown = [site for site in shard.sites if self.is_open(site) and self.states[site] is TerminalState.UNKNOWN]
        if unknown and self.state.phase is RolloutPhase.RUNNING:
            self.asked_again |= set(unknown)
            self.trim(number, taken_up=len(unknown))
            for site in unknown:
                self.start(number, site)
        elif any(self.is_open(site) for site in shard.sites):
            self.give_back(number)
        else:
            self.change(number, state=ShardState.ENDED, open=0)

    def start(self, number: int, site: str) -> None:
        self.states[site] = TerminalState.RUNNING
        self.in_flight[number].add(site)
        self.began.append(site)

    def end(self, number: int, site: str, ending: TerminalState) -> None:
        was_asked = site in self.asked_again
        if was_asked and ending is TerminalState.UNREACHABLE:
            ending = TerminalState.UNKNOWN
        self.in_flight[number].discard(site)
        self.states[site] = ending
        self.ended_at[self.wave_of[site]] = self.now
        self.trim(number, ended_badly=int(ending in BAD))

    def trim(self, number: int, *, ended_badly: int = 0, taken_up: int = 0) -> None:
        shard = self.shards[number]
        open_sites = sum(self.is_open(site) for site in shard.sites) + len(self.in_flight[number])
        grant = after(shard, ended_badly=ended_badly, taken_up=taken_up, open_sites=max(open_sites, taken_up))
        self.change(number, grant_parallel=grant["parallel"], grant_failures=grant["failures"], open=open_sites)

    # What comes of it when every terminal ends the same way

    def run(self, ending: TerminalState = TerminalState.UPGRADED) -> None:
        """Until nothing moves any more."""
        self.reconcile()
        for _ in range(10_000):
            busy = self.out()
            if not busy:
                return
            for number in busy:
                self.begin(number)
                for site in sorted(self.in_flight[number]):
                    self.end(number, site, ending)
            self.reconcile()
        pytest.fail("it never ends")


def make_world(
    *waves: int, failures: int = 2, unreachable: int = 2, gate: GateRule | None = None, parallel: int = 8, untested: int | None = None
) -> World:
    """A world of waves with so many sites each; nobody has to approve unless `gate` says so."""
    rules = Rules(
        gate=gate or GateRule(approval=Approval.NEVER),
        parallel=parallel,
        waves=tuple(
            WaveRule(number, failures, unreachable, ("pharmacy / acme / small",) if number == untested else ())
            for number in range(1, len(waves) + 1)
        ),
    )
    world = World(rules)
    for number, size in enumerate(waves, 1):
        world.add(number, [f"w{number}-{place}" for place in range(size)])
    return world
