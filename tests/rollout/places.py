"""A site of the fleet in memory, what a push comes to there, and what a worker knows of its shard."""

from dataclasses import dataclass, field

from fleet.model.attempt import Cause, TerminalState
from fleet.model.caps import DistrictAllowance
from fleet.model.playbook import Approval, GateRule
from fleet.rollout import Rules, WaveRule

COUNTED = frozenset((TerminalState.FAILED, TerminalState.ROLLED_BACK, TerminalState.UNREACHABLE))
NOT_STARTED, RUNNING, UNKNOWN = TerminalState.NOT_STARTED, TerminalState.RUNNING, TerminalState.UNKNOWN


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
    state: TerminalState = NOT_STARTED
    cause: Cause = Cause.NONE
    down: bool = False
    endings: list[TerminalState] = field(default_factory=list)
    asleep: bool = False
    """Its window is closed, and opens again."""
    shut: bool = False
    """No window lets it begin any more."""
    leased: bool = False
    """Somebody works there."""
    tries: int = 0
    """How often it is still tried again by itself."""
    again: bool = False
    """It ended badly, and waits for its next try."""
    missed: bool = False
    """Nothing ever began there, and no window lets it any more."""
    unheard: bool = False
    """A worker was lost over it, and nobody heard of it since."""
    asked: bool = False
    """Last it was only asked how its attempt before had ended."""
    late: bool = False
    """Its next push came too late, so that it stays as it was before."""

    @property
    def may(self) -> bool:
        """Whether its window lets a push begin."""
        return not self.asleep and not self.shut

    @property
    def waits(self) -> bool:
        """Whether it is to be pushed."""
        return self.state is NOT_STARTED and not self.missed

    @property
    def silent(self) -> bool:
        """Nobody answered there, and it is tried again: nothing is spent yet."""
        return self.state is TerminalState.UNREACHABLE and self.again

    @property
    def collectable(self) -> bool:
        """Ended unknown, and worth asking once more."""
        return self.state is UNKNOWN and not self.asked

    @property
    def doubtful(self) -> bool:
        """Its attempt before ended unknown: to be unreachable now does not change that."""
        return self.endings[-1:] == [UNKNOWN]


@dataclass
class Run:
    """What a worker knows of its shard."""

    waiting: list[str]
    unknown: set[str]
    down: set[str]
    in_flight: set[str] = field(default_factory=set)
    seen: int = 0
    """The last decision that it looked again after."""
    asleep: set[str] = field(default_factory=set)
    """Of what waits or is to be asked again, what no window lets begin now."""

    @property
    def open(self) -> int:
        """Sites it has still to do now."""
        return len(({*self.waiting, *self.unknown} - self.asleep) | self.in_flight)

    @property
    def waiting_down(self) -> set[str]:
        """Of those that are not in flight, the ones that are down."""
        return {*self.down.intersection(self.waiting), *self.unknown} - self.asleep

    @property
    def open_down(self) -> int:
        """Of all, the ones that are down or may be."""
        return len(self.waiting_down | self.in_flight)


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
