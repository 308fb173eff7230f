"""A fleet in memory under every budget and limit there is: what the store keeps, what the engine does, and workers that only know what they were told.

It follows `fleet.engine.shard_run` and `fleet.store.progress` rule by rule, with the very functions they grant and begin by. Windows are
open, closed or over, and change when the test says so; so do leases, and the time at which what is tried again is due.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

from fleet.model.attempt import Cause, TerminalState
from fleet.model.rollout import (
    RolloutPhase,
    Shard,
    ShardState,
    SiteCounts,
    WaveState,
    is_held_by_limits,
    site_state,
)
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
    TryAgain,
    WaveFacts,
    WaveRule,
    after,
    fresh_room,
    may_begin,
    may_upgrade,
)
from tests.rollout.places import COUNTED, NOT_STARTED, RUNNING, UNKNOWN, Ending, Place, Run
from tests.rollout.world import BAD, Reconciled


@dataclass
class Guarded(Reconciled):
    """The fleet and its workers."""

    most_rounds: ClassVar[int] = 200
    sites: dict[str, Place]
    shard_size: int = 3
    runs: dict[int, Run] = field(default_factory=dict)
    later: set[int] = field(default_factory=set)
    """Planned shards that wait for the window of a site."""
    is_due: bool = False
    """The time has come for everything that is tried again."""
    broken: list[str] = field(default_factory=list)
    """What began and should not have, in words."""

    @property
    def names(self) -> list[str]:
        return sorted(self.sites)

    # What is

    def counts(self, wave: int, district: str | None = None) -> SiteCounts:
        states = Counter(
            site_state({NOT_STARTED if place.silent else place.state: 1}, 0).value.replace("-", "_")
            for place in self.sites.values()
            if place.wave == wave and district in {None, place.district}
        )
        return SiteCounts(**states)

    def by_cause(self, wave: int) -> dict[str, int]:
        return dict(
            Counter(
                place.cause.value for place in self.sites.values() if place.wave == wave and place.state in COUNTED and not place.silent
            )
        )

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
                later=frozenset(self.later),
                not_reached=sum(place.missed for place in here),
                waiting_again=sum(place.again for place in here),
                due_at=self._due_at(here),
                blocked=self._blocked(rule.number),
                by_cause=self.by_cause(rule.number),
                by_district={district: self.counts(rule.number, district) for district in {place.district for place in here}},
            )
        down = {limit: self.down(limit) for limit in range(len(self.rules.limits))}
        return Facts(waves, frozenset(self.lost), down=down)

    def _due_at(self, here: Iterable[Place]) -> datetime | None:
        return (self.now if self.is_due else self.now + timedelta(hours=1)) if any(place.again for place in here) else None

    def _blocked(self, wave: int) -> frozenset[int]:
        """As `with_held`: people have every site that something would begin at."""
        if not may_upgrade(self.state, self.state.waves[wave - 1]):
            return frozenset()
        found = set()
        for number in self.planned(wave):
            waiting, unknown = self.open_of(number)
            wanted = {site for site in (*waiting, *unknown) if self.sites[site].may or (site in waiting and self.sites[site].shut)}
            if wanted and all(self.sites[site].leased for site in wanted):
                found.add(number)
        return frozenset(found)

    def planned(self, wave: int) -> list[int]:
        """The shards of a wave that nobody has."""
        return [n for n, shard in self.shards.items() if shard.wave == wave and shard.state is ShardState.PLANNED]

    def flying(self) -> list[tuple[int, str]]:
        return [(number, site) for number in self.out() for site in sorted(self.runs[number].in_flight)]

    # The reconciler and its orders

    def reconcile(self) -> None:
        for number in [n for n in self.later if any(not self.sites[site].asleep for site in self.left_of(n))]:
            self.give_back(number, knows_windows=True)
        super().reconcile()
        while self._end_missed_under_limits():
            super().reconcile()

    def carry_out(self, action: Action) -> None:
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
                    place.state = NOT_STARTED if isinstance(action, Recover) else UNKNOWN
                    place.unheard = isinstance(action, Recover)
                    if isinstance(action, Abandon):
                        place.endings.append(UNKNOWN)
                        place.asked = False
                self.lost.discard(number)
                self.give_back(number)
            case PutBack(terminals):
                named = {terminal.removesuffix("/t1") for terminal in terminals} or set(self.sites)
                self.put_back(site for site in named if self.sites[site].state in BAD or self.sites[site].missed)
            case TryAgain(wave):
                self.put_back(site for site, place in self.sites.items() if place.again and place.wave == wave)
            case Exclude(terminals):
                self.leave_out(terminal.removesuffix("/t1") for terminal in terminals)

    def put_back(self, sites: Iterable[str]) -> None:
        """These sites have their turn again; where shards wait under a limit, what is down goes first."""
        for site in sites:
            place = self.sites[site]
            place.state, place.again, place.missed, place.late = NOT_STARTED, False, False, False
        waves = {shard.wave for shard in self.shards.values() if shard.state is not ShardState.ENDED}
        for wave in waves if self.rules.limits else ():
            for number in (number for number in self.planned(wave) if self.shards[number].limits):
                self.give_back(number)
            self.cut(wave)

    def _end_missed_under_limits(self) -> bool:
        """What a full limit keeps from workers, and no window lets begin any more, has ended; whether anything has."""
        held = [wave.number for wave in self.state.waves if is_held_by_limits(wave)] if self.state.phase is RolloutPhase.RUNNING else []
        numbers = [number for wave in held for number in self.planned(wave) if self.shards[number].limits]
        over = {number: sites for number in numbers if (sites := [site for site in self.sites_over(number) if self.sites[site].waits])}
        for number, sites in over.items():
            self.end_missed(sites)
            self.hand_in(number)
        return bool(over)

    def sites_over(self, number: int) -> list[str]:
        """Of a shard's sites, those that no window lets begin any more."""
        return [site for site in self.shards[number].sites if self.sites[site].shut]

    def end_missed(self, sites: Iterable[str]) -> None:
        """What never began is missed, what did stays as it was, and over what a worker was lost nobody knows."""
        for site in sites:
            place = self.sites[site]
            if place.unheard and not place.doubtful:
                place.state, place.late, place.asked = UNKNOWN, True, False
                place.endings.append(UNKNOWN)
            elif place.endings:
                place.state, place.late = place.endings[-1], True
            else:
                place.missed = True

    def hand_in(self, number: int) -> None:
        """End a shard, or plan it again with what is left of it."""
        if self.left_of(number):
            self.give_back(number, knows_windows=True)
        else:
            self.change(number, state=ShardState.ENDED, open=0, down=0, grant_parallel=0, grant_failures=0)

    def left_of(self, number: int) -> list[str]:
        """What a shard has still to do, now or once a window opens."""
        waiting, unknown = self.open_of(number)
        return [*waiting, *(site for site in unknown if not self.sites[site].shut)]

    def cut(self, wave: int) -> None:
        taken = {s for shard in self.shards.values() if shard.wave == wave and shard.state is not ShardState.ENDED for s in shard.sites}
        groups: dict[tuple[str, tuple[int, ...]], list[str]] = {}
        for site, place in self.sites.items():
            if place.wave == wave and site not in taken and place.waits:
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
            if self.sites[site].state not in {TerminalState.UPGRADED, RUNNING}:
                place = self.sites[site]
                place.state, place.down, place.again, place.missed = TerminalState.EXCLUDED, False, False, False
        for number, shard in self.shards.items():
            if shard.is_out and shard.limits:
                self.change(number, down=sum(self.sites[site].state is RUNNING for site in shard.sites))
            elif shard.state is ShardState.PLANNED:
                self.give_back(number)
                if not any(self.open_of(number)):
                    self.change(number, state=ShardState.ENDED, open=0, down=0)

    def open_of(self, number: int) -> tuple[list[str], set[str]]:
        sites = self.shards[number].sites
        return [s for s in sites if self.sites[s].waits], {s for s in sites if self.sites[s].collectable}

    def give_back(self, number: int, *, knows_windows: bool = False) -> None:
        """Plan a shard again; only a worker knows which of its sites may begin now, and whether it is to be left alone until one may."""
        waiting, unknown = self.open_of(number)
        left = {*waiting, *unknown}
        counts = {site for site in left if self.sites[site].may or not knows_windows}
        down = sum(self.sites[site].down for site in counts) if self.shards[number].limits else 0
        self.change(number, state=ShardState.PLANNED, grant_parallel=0, grant_failures=0, open=len(left), down=down)
        self.later.discard(number)
        if knows_windows and not counts and any(self.sites[site].asleep for site in left):
            self.later.add(number)

    # The workers

    def end(self, number: int, site: str, ending: Ending) -> None:
        """A push came to its end, and the worker takes a step with it."""
        place = self.sites[site]
        still = place.doubtful and ending.state is TerminalState.UNREACHABLE
        state = UNKNOWN if still else ending.state
        place.asked |= still
        place.state, place.cause = state, ending.cause if state in BAD else Cause.NONE
        place.down = state is UNKNOWN or (state is TerminalState.FAILED and ending.interrupted)
        place.endings.append(state)
        place.unheard = False
        if place.tries and (state is TerminalState.UNREACHABLE or ending.interrupted):
            place.tries, place.again = place.tries - 1, state in BAD and state is not UNKNOWN
        run = self.runs[number]
        run.in_flight.discard(site)
        if place.collectable:
            run.unknown.add(site)
        down = place.down and bool(self.shards[number].limits)
        self.step(number, ended_badly=int(down or (state in BAD and not place.silent)))

    def step(self, number: int, *, ended_badly: int = 0) -> None:
        """As `take_step`."""
        run = self.runs[number]
        if run.seen != self.state.seen_decision:
            run.seen, run.waiting = self.state.seen_decision, self.open_of(number)[0]
            run.down = set(run.waiting) if self.shards[number].limits else set()
        run.down = {site for site in run.down if self.sites[site].down}
        shut_out = self.ask_windows(number)
        self.trim(number, ended_badly=ended_badly + shut_out)
        if self.state.phase is RolloutPhase.RUNNING:
            if may_upgrade(self.state, self.state.waves[self.shards[number].wave - 1]):
                self.begin(number)
            if not run.in_flight and run.unknown:
                asked = {site for site in run.unknown - run.asleep if self.sites[site].state is UNKNOWN and not self.sites[site].leased}
                run.unknown = set()
                self.start(number, asked, asked=True)
                self.trim(number, taken_up=len(asked))
        if not run.in_flight:
            del self.runs[number]
            self.hand_in(number)
            return
        self.trim(number)

    def ask_windows(self, number: int) -> int:
        """As `_by_windows` and `_shut_out`: how many units of the grant go with sites that are down and have no turn."""
        run, shard = self.runs[number], self.shards[number]
        before = run.waiting_down
        if self.state.phase is RolloutPhase.RUNNING:
            over = [site for site in run.waiting if self.sites[site].shut]
            self.end_missed(site for site in over if self.sites[site].waits)
            run.waiting = [site for site in run.waiting if site not in over]
        run.asleep = {site for site in (*run.waiting, *run.unknown) if not self.sites[site].may}
        return max(0, min(len(before - run.waiting_down), shard.down - run.open_down)) if shard.limits else 0

    def begin(self, number: int) -> None:
        run, shard = self.runs[number], self.shards[number]
        may, fresh = may_begin(shard, len(run.in_flight)), fresh_room(shard, down=run.open_down)
        for site in sorted(run.waiting, key=lambda site: site not in run.down) if may else ():
            if site in run.asleep or self.sites[site].leased or (site not in run.down and fresh <= 0):
                continue
            run.waiting.remove(site)
            if self.sites[site].state is NOT_STARTED:
                fresh -= site not in run.down
                self.start(number, {site})
                may -= 1
            if not may:
                break

    def start(self, number: int, sites: set[str], *, asked: bool = False) -> None:
        for site in sites:
            place = self.sites[site]
            if not place.may or place.leased:
                self.broken.append(f"{site} was begun outside its window, or while somebody worked there")
            if not all(wave.passed_at for wave in self.state.waves[: place.wave - 1]):
                self.broken.append(f"{site} of wave {place.wave} was begun past a closed gate")
            place.state, place.down, place.asked = RUNNING, True, asked
            self.runs[number].in_flight.add(site)

    def trim(self, number: int, *, ended_badly: int = 0, taken_up: int = 0) -> None:
        run, shard = self.runs[number], self.shards[number]
        grant = after(shard, ended_badly=ended_badly, taken_up=taken_up, open_sites=run.open)
        down = run.open_down if shard.limits else 0
        self.change(number, grant_parallel=grant["parallel"], grant_failures=grant["failures"], open=run.open, down=down)

    # What must hold

    def overshoot(self) -> str:
        """What is overshot if all that is in flight ends in the worst way, in words; empty when nothing is.

        Whose next push came too late spends its budget at that moment, and nobody can be asked.
        """
        for rule, wave in zip(self.rules.waves, self.state.waves, strict=True):
            here = [place for place in self.sites.values() if place.wave == rule.number and not place.late and not place.silent]
            for name, cap, spent, flying in self._budgets(rule, wave, here):
                if spent + flying > cap:
                    return f"wave {rule.number}, {name}: {spent} and {flying} in flight, {cap} allowed"
        for limit, allowed in enumerate(self.rules.limits):
            if self.down(limit) > allowed:
                return f"limit {limit}: {self.down(limit)} down, {allowed} allowed"
        return ""

    def _budgets(self, rule: WaveRule, wave: WaveState, here: list[Place]) -> Iterable[tuple[str, int, int, int]]:
        def flying(places: list[Place], *, fresh: bool = False) -> int:
            return sum(place.state is RUNNING and not (fresh and place.doubtful) for place in places)

        bad = {TerminalState.FAILED, TerminalState.ROLLED_BACK, UNKNOWN}
        spent = sum(place.state in bad for place in here)
        gone = sum(place.state is TerminalState.UNREACHABLE for place in here)
        yield "failures", rule.failures_allowed + wave.failures_accepted, spent, flying(here)
        yield "unreachable", rule.unreachable_allowed + wave.unreachable_accepted, gone, flying(here, fresh=True)
        for cause, allowed in rule.causes_allowed.items():
            of_cause = sum(place.state in COUNTED and place.cause.value == cause for place in here)
            unknown = sum(place.state is UNKNOWN for place in here)
            yield cause, allowed + wave.causes_accepted.get(cause, 0), of_cause, unknown + flying(here)
        for district, allowance in rule.districts_allowed.items():
            there = [place for place in here if place.district == district]
            accepted = wave.districts_accepted.get(district, (0, 0))
            yield district, allowance.failures + accepted[0], sum(place.state in bad for place in there), flying(there)
            gone = sum(place.state is TerminalState.UNREACHABLE for place in there)
            yield f"{district} unreachable", allowance.unreachable + accepted[1], gone, flying(there, fresh=True)
