"""A rollout's position, what a person decided about it, and what the reconciler hands out."""

from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import AwareDatetime, BeforeValidator, Field

from fleet.model.attempt import PROVEN, SPENDS_FAILURES, SUCCEEDED, TerminalState
from fleet.model.base import Code, FreeText, Noun, Sha256, TerminalId, unless
from fleet.model.caps import is_lifted_by_approval
from fleet.model.purpose import Limits, Only, Rate

Count = Annotated[int, Field(ge=0)]


class RolloutPhase(StrEnum):
    """Where a rollout stands as a whole."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    """For good; what had not begun stays not-started. `retry` starts the unfinished anew."""
    FINISHED = "finished"


class WavePhase(StrEnum):
    """Where one wave stands."""

    CLOSED = "closed"
    OPEN = "open"
    GATE = "gate"
    """Every terminal it will push has ended; the gate has not let the next wave through."""
    HELD = "held"
    """Its failure budget is spent; nothing more starts until a person approves going on."""
    PASSED = "passed"


class Verdict(StrEnum):
    """What the evidence of a wave says."""

    PASS = "pass"  # noqa: S105 - a gate's verdict
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


class DecisionKind(StrEnum):
    """What a person may decide about a rollout."""

    APPROVE = "approve"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    RETRY = "retry"
    EXCLUDE = "exclude"
    ROLLBACK = "rollback"
    BY_HAND = "by-hand"
    GO_PAST = "go-past"
    """Go on although what was touched could no longer all go back in time."""


class Decision(Noun):
    """What a person decided; a row with who and when, read by the reconciler."""

    id: int = 0
    """Given by the store; rises."""
    rollout: Code
    kind: DecisionKind
    wave: int | None = None
    terminals: tuple[TerminalId, ...] = ()
    """For exclude, by-hand, rollback and retry; of a retry, empty is every unfinished one."""
    reason: FreeText = ""
    plan_digest: Sha256 | None = None
    """Of an approval, the plan it is about; None where that was not kept yet."""
    actor: Code
    on_behalf: Code | None = None
    asked_by: Code | None = None
    """Of an exclusion that a second person confirmed: who asked for it; `actor` is who confirmed."""
    at: AwareDatetime
    refused: FreeText | None = None
    """Why the orchestrator did not take it in: whoever decided had lost the right by then. None: it was taken in, or waits."""


class SiteCounts(Noun):
    """Sites of a wave (or district, or fleet) by where they stand. Every site is in exactly one."""

    not_started: Count = 0
    running: Count = 0
    upgraded: Count = 0
    """Every terminal not excluded is proven."""
    staged: Count = 0
    """Of a rollout that only stages: the release waits on every terminal not excluded."""
    failed: Count = 0
    rolled_back: Count = 0
    unreachable: Count = 0
    unknown: Count = 0
    waiting_by_hand: Count = 0
    """Only terminals done by hand are still open."""
    excluded: Count = 0
    going_back: Count = 0
    """A terminal waits to be rolled back on purpose."""
    taken_back: Count = 0
    """Rolled back on purpose; spends no budget."""

    @property
    def total(self) -> int:
        """All sites."""
        return sum(getattr(self, name) for name in type(self).model_fields)

    @property
    def spent_failures(self) -> int:
        """Sites that spend the failure budget."""
        return self.failed + self.rolled_back + self.unknown


class SiteState(StrEnum):
    """Where a site stands in a rollout, from its terminals. The worst of them speaks for the site."""

    NOT_STARTED = "not-started"
    RUNNING = "running"
    UPGRADED = "upgraded"
    STAGED = "staged"
    FAILED = "failed"
    ROLLED_BACK = "rolled-back"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"
    WAITING_BY_HAND = "waiting-by-hand"
    EXCLUDED = "excluded"
    GOING_BACK = "going-back"
    TAKEN_BACK = "taken-back"


SITE_FAILURES = frozenset((SiteState.FAILED, SiteState.ROLLED_BACK, SiteState.UNKNOWN))


_WORST_FIRST: tuple[TerminalState, ...] = (
    TerminalState.GOING_BACK,
    TerminalState.UNKNOWN,
    TerminalState.ROLLED_BACK,
    TerminalState.FAILED,
    TerminalState.UNREACHABLE,
    TerminalState.TAKEN_BACK,
)
"""One such terminal speaks for its site; before them all, one that is being pushed."""


def site_state(states: dict[TerminalState, int], by_hand_open: int) -> SiteState:
    """Where a site stands.

    Args:
        states: How many of its terminals are in each state; all of them, by-hand ones included.
        by_hand_open: How many of the not-started ones are done by hand.
    """
    live: dict[TerminalState, int] = {state: n for state, n in states.items() if n and state is not TerminalState.EXCLUDED}
    if not live:
        return SiteState.EXCLUDED
    if live.get(TerminalState.RUNNING):
        return SiteState.RUNNING
    for state in _WORST_FIRST:
        if live.get(state):
            return SiteState(state.value)
    if set(live) <= SUCCEEDED:
        return SiteState.UPGRADED if set(live) <= PROVEN else SiteState.STAGED
    waiting = live.get(TerminalState.NOT_STARTED, 0)
    return SiteState.WAITING_BY_HAND if waiting == by_hand_open else SiteState.NOT_STARTED


class Accepted(NamedTuple):
    """What one district had spent when a person last said go on."""

    failures: Count
    unreachable: Count


class WaveState(Noun):
    """One wave's position; the rollout's state holds one for each."""

    number: Annotated[int, Field(ge=1)]
    phase: WavePhase = WavePhase.CLOSED
    verdict: Verdict | None = None
    verdict_code: str = ""
    """Why, as a code the doors have words for (`fleet.rollout.verdict_words`)."""
    verdict_values: dict[str, str | int | float] = {}
    approved_by: Code | None = None
    approved_at: AwareDatetime | None = None
    opened_at: AwareDatetime | None = None
    passed_at: AwareDatetime | None = None
    soaks_until: AwareDatetime | None = None
    """When the gate will judge, or judged; set once its last push has ended."""
    failures_accepted: Count = 0
    """Sites that had spent the failure budget when a person last said go on; the budget is granted anew beyond them."""
    unreachable_accepted: Count = 0
    """As above, for the unreachable."""
    rehearsed_at: AwareDatetime | None = None
    """When the way back began to be rehearsed on it."""
    taken_back_by: Code | None = None
    """Who wanted the wave rolled back while some of it had not begun; nothing of that begins until a person approves."""
    causes_accepted: dict[Code, Count] = Field(default={}, exclude_if=unless({}))
    """As above, by cause."""
    districts_accepted: dict[Code, Accepted] = Field(default={}, exclude_if=unless({}))
    """As above, by district."""
    held_by: tuple[str, ...] = Field(default=(), exclude_if=unless(()))
    """What held it when it was last held, as `fleet.rollout.caps` names it."""


def is_held_by_limits(wave: WaveState) -> bool:
    """Whether only limits hold a wave: no approval lifts them, the sites that are down have to be seen to."""
    return wave.phase is WavePhase.HELD and bool(wave.held_by) and not any(map(is_lifted_by_approval, wave.held_by))


class RolloutState(Noun):
    """A rollout's position: a row, not a log."""

    id: Code
    plan_digest: Sha256
    phase: RolloutPhase = RolloutPhase.RUNNING
    waves: tuple[WaveState, ...]
    seen_decision: int = 0
    """Id of the last decision taken in."""
    started_at: AwareDatetime
    finished_at: AwareDatetime | None = None
    only: Only | None = None
    """What it is for, where that is not the whole plan."""
    site_rate: Rate | None = None
    total_rate: Rate | None = None
    late_of: Sha256 | None = None
    """Digest of the plan whose late joiners it serves; None where it has a denominator of its own."""
    past_return_at: AwareDatetime | None = None
    """Since when the point of no return is past: nothing more is upgraded until a person goes past it, or the suspension ends."""
    past_return_by: Code | None = None
    """Who decided to go past it."""

    @property
    def original(self) -> str:
        """Digest of the plan whose sites and terminals are the denominator here."""
        return self.late_of or self.plan_digest

    @property
    def is_past_return(self) -> bool:
        """Whether the point of no return holds everything up."""
        return self.past_return_at is not None and self.past_return_by is None

    @property
    def limits(self) -> Limits:
        """How fast its pushes may send."""
        return Limits(site_rate=self.site_rate, total_rate=self.total_rate)

    @property
    def current(self) -> WaveState | None:
        """The first wave that has not passed."""
        return next((wave for wave in self.waves if wave.phase is not WavePhase.PASSED), None)


class ShardState(StrEnum):
    """Where a shard stands."""

    PLANNED = "planned"
    DISPATCHED = "dispatched"
    RUNNING = "running"
    ENDED = "ended"


class Shard(Noun):
    """Sites of one district and one wave that one worker pushes."""

    id: int
    rollout: Code
    wave: int
    district: Code
    sites: tuple[Code, ...]
    state: ShardState = ShardState.PLANNED
    attempt: Count = 0
    """The fence: a claim, a beat and every write carry it."""
    owner: str | None = None
    beat_at: AwareDatetime | None = None
    grant_parallel: Count = 0
    """Sites it may have in flight at once."""
    grant_failures: Count = 0
    """Sites that may end badly before it stops itself."""
    open: Count = 0
    """Sites it has still to do now, those in flight included; those that wait for their window are not in it."""
    opens_at: AwareDatetime | None = None
    """Nothing in it may begin before; None is now."""
    limits: Annotated[tuple[int, ...], BeforeValidator(lambda value: value or ())] = ()
    """Limits that count its sites, all of them the same: places in the plan's `limits`."""
    down: Annotated[Count, BeforeValidator(lambda value: value or 0)] = 0
    """Of a shard under limits: sites it has still to do now that are down, those in flight included."""

    @property
    def is_out(self) -> bool:
        """Handed to a worker, claimed or not yet."""
        return self.state in (ShardState.DISPATCHED, ShardState.RUNNING)


__all__ = [
    "SITE_FAILURES",
    "SPENDS_FAILURES",
    "Count",
    "Decision",
    "DecisionKind",
    "RolloutPhase",
    "RolloutState",
    "Shard",
    "ShardState",
    "SiteCounts",
    "SiteState",
    "Verdict",
    "WavePhase",
    "WaveState",
    "site_state",
]
