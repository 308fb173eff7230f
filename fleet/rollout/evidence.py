"""What a wave's terminals showed, put together for its gate: swipes before and after, causes, bindings. Pure.

- A pair is one terminal with both measurements. Who has only one says nothing about what the upgrade changed.
- A percentile is the least measured value that so many percent do not exceed; nothing is made up in between.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

from fleet.model.gate import BEFORE, MEDIAN, Phase

LONGEST_MS = 24 * 3600 * 1000
"""What claims to have taken longer is no measurement."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What a swipe took on one terminal, in milliseconds by phase; the total is always there, on both sides."""

    before: Mapping[Phase, int]
    after: Mapping[Phase, int]


@dataclass(frozen=True, slots=True)
class PhaseMedians:
    """The medians of one phase, over the `n` pairs that name it on both sides."""

    phase: Phase
    n: int
    before_ms: int
    after_ms: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What `judge` is told beyond the counters; read once, when the wave is judged."""

    pairs: tuple[Pair, ...] = ()
    causes: Mapping[str, int] = field(default_factory=dict)
    """Cause -> terminals reached by SSH that ended badly for it, as they stand now."""
    to_bind: int = 0
    """Upgraded terminals that the playbook binds a key on."""
    unbound: int = 0
    """Of these, the ones whose binding was not read back, or is not what is kept."""
    made_by_hand: int = 0
    """Where the plan wants four eyes: terminals that people made by-hand after they had been pushed, and that are not left out."""


def measured(facts: Mapping[str, str], prefix: str = "") -> dict[Phase, int]:
    """The phases of a swipe among what a terminal told; empty without a total."""
    found = {phase: value for phase in Phase if (value := _milliseconds(facts.get(prefix + phase.fact, ""))) is not None}
    return found if Phase.TOTAL in found else {}


def pair_of(attempts: Sequence[Mapping[str, str]]) -> Pair | None:
    """A terminal's pair, from the facts of its attempts in one rollout, oldest first.

    The first measurement before counts, because nothing had been touched then; of those after, the last attempt's.
    """
    before = first_before(attempts)
    after = measured(attempts[-1]) if attempts else {}
    return Pair(before, after) if before and after else None


def first_before(attempts: Iterable[Mapping[str, str]]) -> dict[Phase, int]:
    """What was measured before, first of all; empty where it never was."""
    return next((found for facts in attempts if (found := measured(facts, BEFORE))), {})


def medians(pairs: Iterable[Pair]) -> tuple[PhaseMedians, ...]:
    """Both medians of every phase that a pair names on both sides, the total first; empty without a pair."""
    known = tuple(pairs)
    found = []
    for phase in Phase:
        both = [(pair.before[phase], pair.after[phase]) for pair in known if phase in pair.before and phase in pair.after]
        if both:
            before, after = zip(*both, strict=True)
            found.append(PhaseMedians(phase, len(both), percentile_ms(before, MEDIAN), percentile_ms(after, MEDIAN)))
    return tuple(found)


def percentile_ms(values: Sequence[int], percent: float) -> int:
    """The least of the values that `percent` of them do not exceed; at least one value."""
    # Rounded first: 0.07 * 100 is 7.000000000000001, and its ceiling would be the eighth.
    rank = max(1, ceil(round(percent * len(values) / 100, 9)))
    return sorted(values)[rank - 1]


def _milliseconds(text: str) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        return None
    return int(text) if int(text) <= LONGEST_MS else None


def swipe_values(pairs: Sequence[Pair]) -> dict[str, int]:
    """The medians as a verdict keeps them: `swipe_total_n`, `swipe_total_before_ms`, `swipe_total_after_ms`, and so for each phase."""
    return {
        f"swipe_{one.phase.value}_{name}": value
        for one in medians(pairs)
        for name, value in (("n", one.n), ("before_ms", one.before_ms), ("after_ms", one.after_ms))
    }


def swipe_medians(values: Mapping[str, str | int | float]) -> tuple[PhaseMedians, ...]:
    """The medians a verdict keeps; the inverse of `swipe_values`."""
    return tuple(
        PhaseMedians(phase, *(int(values[f"swipe_{phase.value}_{name}"]) for name in ("n", "before_ms", "after_ms")))
        for phase in Phase
        if f"swipe_{phase.value}_n" in values
    )
