"""Late joiners: sites and terminals that a plan's selection would take today, and that the plan does not hold.

They are shown as `+n` beside the plan's own numbers and never change those: 739 stays 739. A terminal added to a planned site is late, too;
its site stays one of the 739.
"""

from dataclasses import asdict, dataclass
from typing import Any

from fleet.model.base import Code, Noun, Sha256, TerminalId


class LateJoiner(Noun):
    """One terminal that came late to a plan."""

    plan: Sha256
    """Digest of the plan that does not hold it."""
    terminal: TerminalId
    site: Code
    is_new_site: bool
    """The plan holds no terminal of its site at all."""
    rollout: Code | None = None
    """The newest that serves it; None while none does."""


@dataclass(frozen=True, slots=True)
class LateCount:
    """`+n` of one unit: each is in exactly one of the three."""

    done: int = 0
    """Sites that are done, terminals that are proven, in a rollout for late joiners."""
    open: int = 0
    """In such a rollout, and not done there."""
    unplanned: int = 0
    """In no rollout yet."""

    @property
    def total(self) -> int:
        """The n."""
        return self.done + self.open + self.unplanned

    def __add__(self, other: "LateCount") -> "LateCount":
        """Both together."""
        return LateCount(self.done + other.done, self.open + other.open, self.unplanned + other.unplanned)


@dataclass(frozen=True, slots=True)
class LateRollout:
    """A rollout that serves late joiners, and what it has of them."""

    id: str
    plan: str
    """Digest of the plan it carries out."""
    sites: LateCount
    terminals: LateCount


@dataclass(frozen=True, slots=True)
class Late:
    """A plan's own numbers, and who came late to it."""

    original: str
    """The newest rollout of the plan that has the denominator."""
    planned_sites: int
    planned_done: int
    planned_terminals: int
    planned_proven: int
    sites: LateCount
    """Of sites that the plan does not hold at all."""
    terminals: LateCount
    at_planned_sites: int
    """Of the late terminals, those that were added to sites of the plan."""
    rollouts: tuple[LateRollout, ...] = ()
    """Oldest first."""

    @property
    def is_any(self) -> bool:
        """Whether anybody came late."""
        return bool(self.terminals.total)


def late_as_json(late: Late) -> dict[str, Any]:
    """As `fleet status --json` and the export show it."""
    return {
        "of": late.original,
        "planned": {
            "sites": late.planned_sites,
            "done": late.planned_done,
            "terminals": late.planned_terminals,
            "proven": late.planned_proven,
        },
        "sites": _counted(late.sites),
        "terminals": _counted(late.terminals) | {"at_planned_sites": late.at_planned_sites},
        "rollouts": [
            {"rollout": each.id, "plan": each.plan, "sites": _counted(each.sites), "terminals": _counted(each.terminals)}
            for each in late.rollouts
        ],
    }


def _counted(count: LateCount) -> dict[str, int]:
    return {"total": count.total, **asdict(count)}
