"""What holds a wave, and how that is put into words with its numbers.

- A wave is held when it has something to push, nothing of it is in a worker's hands, and no shard of it may begin anything.
- A district whose budget is spent does not hold the others: it is named once they are through, and before that by `standing_caps`.
- What only waits for sites in flight elsewhere is not held: they end, and the question is asked again.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce

from fleet.model.caps import Cap, CapKind, PlannedLimit
from fleet.model.plan import Plan
from fleet.model.rollout import WaveState
from fleet.rollout.caps import caps_of_district, caps_of_wave
from fleet.rollout.facts import WaveFacts, WaveRule
from fleet.rollout.limits import Ledger
from fleet.text import N_, Message


def holding(rule: WaveRule, wave: WaveState, facts: WaveFacts, ledger: Ledger) -> tuple[Cap, ...]:
    """What keeps a wave that has something to push from beginning any of it; empty where something may begin, or is under way."""
    if facts.out:
        return ()
    spent = [cap for cap in caps_of_wave(rule, wave, facts) if not cap.left]
    if not facts.shards:
        return tuple(spent)
    found: dict[str, Cap] = {cap.code: cap for cap in spent}
    for shard in (shard for shard in facts.shards if not shard.is_out):  # one that waits for its window may begin in time
        against = [*(cap for cap in caps_of_district(rule, wave, facts, shard.district) if not cap.left), *ledger.blocking(shard)]
        if not against and not spent:
            return ()
        found |= {cap.code: cap for cap in against}
    return tuple(found.values())


def standing_caps(rule: WaveRule, wave: WaveState, facts: WaveFacts, limits: Sequence[int], down: Mapping[int, int]) -> Iterator[Cap]:
    """Every budget of a wave, and every limit, as it stands: what a person looks through."""
    yield from caps_of_wave(rule, wave, facts)
    for district in rule.districts_allowed:
        yield from caps_of_district(rule, wave, facts, district)
    for limit, allowed in enumerate(limits):
        yield Cap(CapKind.LIMIT, str(limit), down.get(limit, 0), allowed)


_WORDS = {
    CapKind.FAILURES: N_("its failure budget is spent: {spent} {spent:site|sites}, {allowed} may be"),
    CapKind.UNREACHABLE: N_("its budget for unreachable sites is spent: {spent} {spent:site|sites}, {allowed} may be"),
    CapKind.CAUSE: N_("its budget for the cause `{name}` is spent: {spent} {spent:site|sites}, {allowed} may be"),
    CapKind.DISTRICT_FAILURES: N_("the failure budget of district {name} is spent: {spent} {spent:site|sites}, {allowed} may be"),
    CapKind.DISTRICT_UNREACHABLE: N_(
        "the budget of district {name} for unreachable sites is spent: {spent} {spent:site|sites}, {allowed} may be"
    ),
    CapKind.LIMIT: N_("a limit holds it ({name}): {spent} {spent:site is|sites are} down, {allowed} may be"),
}


def cap_words(cap: Cap, plan: Plan, district_name: Mapping[str, str] | None = None) -> Message:
    """What a cap that is reached says, with its numbers; districts by their names where `district_name` has them."""
    names = district_name or {}
    name = cap_name(cap, plan, names) if cap.kind is CapKind.LIMIT else names.get(cap.name, cap.name)
    return Message(_WORDS[cap.kind].text, {"name": name, "spent": cap.spent, "allowed": cap.allowed + cap.accepted})


def cap_name(cap: Cap, plan: Plan, district_name: Mapping[str, str]) -> Message | str:
    """Which cause, district or limit it is on."""
    if cap.kind is CapKind.LIMIT:
        return limit_words(plan.limits[int(cap.name)], district_name)
    if cap.kind is CapKind.DISTRICT_UNREACHABLE:
        return N_("{district}, unreachable", district=district_name.get(cap.name, cap.name))
    return district_name.get(cap.name, cap.name)


def limit_words(limit: PlannedLimit, district_name: Mapping[str, str]) -> Message | str:
    """Which sites a limit counts."""
    select = limit.select or "*"
    if limit.district is None:
        return select
    return N_("{select} in {district}", select=select, district=district_name.get(limit.district, limit.district))


_TAKEN_BACK = N_("it is rolled back because a person wanted it; what has not begun waits for an approval")


def held_words(wave: WaveState, said: Sequence[Message]) -> Message:
    """What holds a wave, for people; `said` is what each of the caps that hold it says."""
    words = [_TAKEN_BACK, *said] if wave.taken_back_by is not None else said
    if not words:
        return N_("a budget of it was spent")
    return reduce(lambda first, second: N_("{first}; {second}", first=first, second=second), words)
