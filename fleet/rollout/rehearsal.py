"""The way back, rehearsed on the canary before wave 2 opens: when it is due, and what it means for the gate. Pure.

- Due once the canary has nothing left to push: at least one upgraded terminal of each program is rolled back and upgraded
  again, each timed; and so many in all that how long a rollback takes is measured.
- It is part of the gate's evidence. A rehearsal that failed fails the gate; a program that cannot go back leaves it inconclusive, and so
  does one for whose rehearsal no window left time: that proves nothing for or against the way back, so a person decides.
- A retry after such a verdict rehearses anew.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from math import ceil

from fleet.model.attempt import TerminalState
from fleet.model.rollout import RolloutPhase, RolloutState, Verdict, WavePhase, WaveState
from fleet.rollout.facts import Facts, Rehearsal, Rules, WaveFacts
from fleet.rollout.gate import Judgement
from fleet.text import N_, Message

_OUR_CODES = frozenset(("rehearsal-failed", "rehearsal-lasting", "rehearsal-windows", "rehearsal-none"))
_NO_TIME = frozenset(("rehearsal-windows", "rehearsal-none"))
_NAMED = 3
"""Terminals that a verdict names; of more it says how many there are."""


def is_due(state: RolloutState, rules: Rules, facts: Facts) -> bool:
    """Whether the canary is to be rehearsed now: it is through, and was not rehearsed yet."""
    canary, seen = state.waves[0], facts.wave(1)
    ready = rules.rehearses and state.phase is RolloutPhase.RUNNING and canary.phase is WavePhase.OPEN and canary.rehearsed_at is None
    return ready and not seen.has_work and seen.count(TerminalState.UPGRADED) > 0


def begun(state: RolloutState, now: datetime) -> RolloutState:
    """The position once the rehearsal is ordered."""
    canary = state.waves[0].model_copy(update={"rehearsed_at": now})
    return state.model_copy(update={"waves": (canary, *state.waves[1:])})


def anew(wave: WaveState) -> WaveState:
    """The wave after a person retries: what stood in its way because of the rehearsal is rehearsed once more."""
    if wave.verdict_code not in _OUR_CODES:
        return wave
    wave = wave.model_copy(update={"rehearsed_at": None})
    if wave.phase is not WavePhase.GATE:
        return wave
    return wave.model_copy(update={"phase": WavePhase.OPEN, "verdict": None, "verdict_code": "", "verdict_values": {}})


def waits_for_time(state: RolloutState) -> bool:
    """Whether the canary is at its gate because no window left time for the rehearsal: a retry rehearses anew, though nothing is unfinished."""
    return state.waves[0].phase is WavePhase.GATE and state.waves[0].verdict_code in _NO_TIME


def with_rehearsal(judgement: Judgement, rules: Rules, wave: WaveState, facts: WaveFacts) -> Judgement:
    """What the gate after the canary says once the rehearsal is part of its evidence."""
    seen = facts.rehearsal
    if wave.rehearsed_at is None or seen is None:
        return judgement
    values = judgement.values | {"rehearsed": seen.tried, "rehearsals_failed": seen.failed}
    if seen.back_s:
        values |= {"back_p50_s": percentile(seen.back_s, 50), "back_p95_s": percentile(seen.back_s, 95)}
    if seen.again_s:
        values |= {"again_p50_s": percentile(seen.again_s, 50), "again_p95_s": percentile(seen.again_s, 95)}
    judgement = Judgement(judgement.verdict, judgement.code, values)
    if judgement.verdict is Verdict.FAIL and (judgement.code == "causes" or not seen.failed):
        return judgement
    return next(_against(seen, rules, values), judgement)


def _against(seen: Rehearsal, rules: Rules, values: dict[str, str | int | float]) -> Iterator[Judgement]:
    """What keeps the gate from passing, what decides first."""
    if seen.failed:
        yield Judgement(Verdict.FAIL, "rehearsal-failed", values)
    if rules.lasting:
        yield Judgement(Verdict.INCONCLUSIVE, "rehearsal-lasting", values | {"steps": ", ".join(rules.lasting)})
    if seen.lacking:
        named = ", ".join(seen.lacking[:_NAMED]) + (", ..." if len(seen.lacking) > _NAMED else "")
        yield Judgement(Verdict.INCONCLUSIVE, "rehearsal-windows", values | {"lacking": len(seen.lacking), "lacking_named": named})
    if not seen.tried:
        yield Judgement(Verdict.INCONCLUSIVE, "rehearsal-none", values)


def percentile(seconds: tuple[float, ...], percent: int) -> float:
    """The smallest of these that is not exceeded by so many percent of them (nearest rank); at least one is there."""
    return sorted(seconds)[max(0, ceil(len(seconds) * percent / 100) - 1)]


def rehearsal_words(wave: WaveState) -> Message | None:
    """What the rehearsal of a wave came to, for people; None where there was none, or it is not through."""
    values = wave.verdict_values
    if wave.verdict is None or "rehearsed" not in values:
        return None
    if "back_p50_s" not in values or "again_p50_s" not in values:
        return N_(
            "Way back rehearsed on terminals: {rehearsed}; failed: {failed}",
            rehearsed=_n(values, "rehearsed"),
            failed=_n(values, "rehearsals_failed"),
        )
    return N_(
        "Way back rehearsed on terminals: {rehearsed}; failed: {failed}; back in {back} (p50), {back_most} (p95); upgraded again in {again}, {again_most}",
        rehearsed=_n(values, "rehearsed"),
        failed=_n(values, "rehearsals_failed"),
        back=_time(values, "back_p50_s"),
        back_most=_time(values, "back_p95_s"),
        again=_time(values, "again_p50_s"),
        again_most=_time(values, "again_p95_s"),
    )


def _n(values: dict[str, str | int | float], name: str) -> int:
    return int(values.get(name, 0))


def _time(values: dict[str, str | int | float], name: str) -> str:
    seconds = float(values.get(name, 0.0))
    return f"{seconds:.2f} s" if seconds < 1 else str(timedelta(seconds=round(seconds, 1))).partition("00000")[0]


def one_of_each_first(program_of: Mapping[str, str]) -> list[str]:
    """Terminals in their order program by program, so that every program has its turn before any has a second one."""
    turns: Counter[str] = Counter()
    turn_of: dict[str, int] = {}
    for name, program in program_of.items():
        turn_of[name] = turns[program]
        turns[program] += 1
    return sorted(program_of, key=turn_of.__getitem__)
