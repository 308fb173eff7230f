"""What `advance` sees and what it orders: counters and rules in, actions out. No terminal is ever named but by a person's decision."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from fleet.model.attempt import TerminalState
from fleet.model.caps import DistrictAllowance
from fleet.model.plan import Plan
from fleet.model.playbook import Approval, GateRule
from fleet.model.purpose import Only
from fleet.model.rollout import Shard, ShardState, SiteCounts
from fleet.rollout.evidence import Evidence
from fleet.terminal.compile import goes_back


@dataclass(frozen=True, slots=True)
class WaveRule:
    """What the plan says about one wave."""

    number: int
    failures_allowed: int
    unreachable_allowed: int
    untested: tuple[str, ...] = ()
    """Combinations of this wave that no earlier wave holds."""
    causes_allowed: Mapping[str, int] = field(default_factory=dict)
    districts_allowed: Mapping[str, DistrictAllowance] = field(default_factory=dict)
    """Empty where only the wave's own budgets bind."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the plan says about how a rollout goes on; everything in it but who and what."""

    gate: GateRule
    parallel: int
    """Sites in flight at most, however large the budgets are."""
    waves: tuple[WaveRule, ...]
    only: Only | None = None
    """What the rollout is for, where that is not the whole plan."""
    limits: tuple[int, ...] = ()
    """For each limit of the plan: sites that may be down at once."""
    rehearses: bool = False
    """The way back is rehearsed on the canary."""
    lasting: tuple[str, ...] = ()
    """Of a plan that rehearses: what has no way back."""


def _is_rehearsed(plan: Plan, only: Only | None) -> bool:
    """Whether a rollout of this plan rehearses its way back: it is asked for, and there is a wave behind the canary."""
    return plan.playbook.rollback_rehearsal and only is None and plan.installs and len(plan.waves) > 1


def _lasting_steps(plan: Plan) -> tuple[str, ...]:
    """Steps without a way back, of any program of the plan; a program that does not know the way back at all is named by its digest."""
    named = {step for program in plan.programs.values() for step in program.irreversible}
    named |= {digest[:12] for digest, program in plan.programs.items() if not goes_back(program)}
    return tuple(sorted(named))


def rules_of(plan: Plan, only: Only | None = None) -> Rules:
    """The rules a plan sets for a rollout."""
    if only is Only.STAGE:
        return _rules_of_staging(plan)
    waves = (
        WaveRule(
            wave.number,
            wave.failures_allowed,
            wave.unreachable_allowed,
            tuple(str(stratum) for stratum in wave.untested),
            wave.causes_allowed,
            wave.districts_allowed,
        )
        for wave in plan.waves
    )
    limits = tuple(limit.allowed for limit in plan.limits)
    rules = Rules(gate=plan.playbook.gate, parallel=plan.playbook.parallel, waves=tuple(waves), limits=limits)
    return replace(rules, rehearses=True, lasting=_lasting_steps(plan)) if _is_rehearsed(plan, only) else rules


def _rules_of_staging(plan: Plan) -> Rules:
    """What touches nothing live waits for nobody: the gates only judge, no budget is ever spent, and nobody is down.

    Every site may end badly twice over, failed once and unreachable once, so that even the last one asked again is backed.
    """
    gate = GateRule(success=plan.playbook.gate.success, approval=Approval.NEVER, four_eyes=plan.playbook.gate.four_eyes)
    waves = (WaveRule(wave.number, 2 * len(wave.sites), 2 * len(wave.sites)) for wave in plan.waves)
    return Rules(gate=gate, parallel=plan.playbook.parallel, waves=tuple(waves), only=Only.STAGE)


NO_EVIDENCE = Evidence()


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What the rehearsal of the way back came to so far."""

    tried: int = 0
    """Terminals that were to be rolled back and upgraded again."""
    failed: int = 0
    """Of these, the ones that did not come all the way."""
    back_s: tuple[float, ...] = ()
    """How long each way back took."""
    again_s: tuple[float, ...] = ()
    """How long each upgrade after it took."""
    lacking: tuple[str, ...] = ()
    """Terminals whose window left no time for it; only of a wave that is about to be judged."""


@dataclass(frozen=True, slots=True)
class WaveFacts:
    """How a wave stands at one moment."""

    sites: SiteCounts = field(default_factory=SiteCounts)
    by_ssh: Mapping[TerminalState, int] = field(default_factory=dict)
    """Its terminals that are reached by SSH, by state."""
    shards: tuple[Shard, ...] = ()
    """Those that have not ended."""
    going_back: frozenset[int] = frozenset()
    """Of these, the ones with a terminal that waits to be taken back."""
    later: frozenset[int] = frozenset()
    """Of these, the ones whose sites all wait for their window."""
    not_reached: int = 0
    """Terminals that have not started, and that no window lets start any more."""
    by_cause: Mapping[str, int] = field(default_factory=dict)
    """Sites that ended failed, rolled back or unreachable, by cause."""
    by_district: Mapping[str, SiteCounts] = field(default_factory=dict)
    evidence: Evidence = NO_EVIDENCE
    """What its terminals showed; only of a wave that is about to be judged (`to_judge`)."""
    last_ended_at: datetime | None = None
    """When its last push ended; likewise."""

    rehearsal: Rehearsal | None = None
    """Of the canary, where the way back was rehearsed on it."""
    waiting_again: int = 0
    """Terminals that ended badly and are tried again by themselves when that is due."""
    may_give_back: int = 0
    """Their sites that spend its failure budget now."""
    due_at: datetime | None = None
    """When the first of them is."""
    blocked: frozenset[int] = frozenset()
    """Shards of which people have every site that is open; they wait until one is free again."""
    down_in_use: Mapping[int, int] = field(default_factory=dict)
    """Shard under limits of whose sites that are down people have every one -> how many: only a grant beyond these lets another begin."""

    def is_due(self, now: datetime) -> bool:
        """Whether one of them is due now."""
        return self.due_at is not None and self.due_at <= now

    def count(self, *states: TerminalState) -> int:
        """Terminals reached by SSH in one of these states."""
        return sum(self.by_ssh.get(state, 0) for state in states)

    @property
    def not_started(self) -> int:
        """Terminals reached by SSH that are still to be started."""
        return self.count(TerminalState.NOT_STARTED) - self.not_reached

    @property
    def has_work(self) -> bool:
        """Whether it has something to push, now or later by itself, or a shard that is not ended: some of it may still be collected."""
        return bool(self.shards or self.waiting_again) or self.not_started + self.count(TerminalState.RUNNING, TerminalState.GOING_BACK) > 0

    @property
    def out(self) -> tuple[Shard, ...]:
        """Shards handed to a worker."""
        return tuple(shard for shard in self.shards if shard.is_out)

    @property
    def waiting(self) -> tuple[Shard, ...]:
        """Shards that nobody has yet, and that somebody may begin with."""
        held = self.later | self.blocked
        return tuple(shard for shard in self.shards if shard.state is ShardState.PLANNED and shard.id not in held)


@dataclass(frozen=True, slots=True)
class Facts:
    """How a rollout stands at one moment."""

    waves: Mapping[int, WaveFacts]
    """By number; a wave that is not there has not a single site."""
    lost: frozenset[int] = frozenset()
    """Shards that are out, but whose worker is gone."""
    is_past_return: bool = False
    """What is touched now might not all go back before the suspension ends."""
    down: Mapping[int, int] = field(default_factory=dict)
    """Limit -> sites it counts that are down."""
    held_until: datetime | None = None
    """When the first site that stops a shard from being handed out is free again."""
    opens_while_held: bool = False
    """Or a window opens before that for other sites of such a shard."""

    def wave(self, number: int) -> WaveFacts:
        """How wave `number` stands."""
        return self.waves.get(number, _NOTHING)

    def with_evidence(self, number: int, evidence: Evidence, last_ended_at: datetime | None) -> "Facts":
        """The same, with what the terminals of wave `number` showed."""
        seen = replace(self.wave(number), evidence=evidence, last_ended_at=last_ended_at)
        return replace(self, waves={**self.waves, number: seen})

    def with_rehearsal(self, number: int, rehearsal: Rehearsal | None) -> "Facts":
        """The same, with what the rehearsal on wave `number` came to."""
        return replace(self, waves={**self.waves, number: replace(self.wave(number), rehearsal=rehearsal)})

    def without_lost(self, shards: Iterable[int]) -> "Facts":
        """The same, with these shards not lost: they are only just being handed out."""
        return replace(self, lost=self.lost - frozenset(shards))


_NOTHING = WaveFacts()
NO_SITES = SiteCounts()


@dataclass(frozen=True, slots=True)
class PlanShards:
    """Cut what a wave has still to do into shards."""

    wave: int


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Hand a shard to a worker, with its first grant."""

    shard: int
    parallel: int
    failures: int


@dataclass(frozen=True, slots=True)
class Grant:
    """Give a shard that is out a larger grant; its next beat brings it there."""

    shard: int
    parallel: int
    failures: int


@dataclass(frozen=True, slots=True)
class Recover:
    """A shard's worker is gone: plan the shard again, and the terminals it was at."""

    shard: int


@dataclass(frozen=True, slots=True)
class Abandon:
    """A shard's worker is gone and nobody may go on: what became of the terminals it was at is unknown."""

    shard: int


@dataclass(frozen=True, slots=True)
class PutBack:
    """A person wants these unfinished terminals (empty: every one) pushed again."""

    terminals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rehearse:
    """Roll upgraded terminals of a wave back, of each program one at least, and upgrade them again."""

    wave: int


@dataclass(frozen=True, slots=True)
class TakeBack:
    """A person wants the release before live again on these terminals."""

    terminals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Push the terminals of a wave again that are due."""

    wave: int


@dataclass(frozen=True, slots=True)
class Exclude:
    """A person leaves these terminals out."""

    terminals: tuple[str, ...]


Action = PlanShards | Dispatch | Grant | Recover | Abandon | PutBack | Rehearse | TryAgain | TakeBack | Exclude
