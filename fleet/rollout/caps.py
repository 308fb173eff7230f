"""What may keep a site from being pushed: the budgets of its wave, of a cause, of its district, and the limits on what is down at once.

- Any site in flight may end with any cause. So what is left for a wave is the least of what is left under each budget of the whole wave.
- A site that ended unknown counts under every cause: nobody knows yet which it was, and it is asked again on the unit that it spent.
"""

from collections.abc import Iterator

from fleet.model.caps import Cap, CapKind
from fleet.model.rollout import Accepted, SiteCounts, WaveState
from fleet.rollout.facts import NO_SITES, WaveFacts, WaveRule


def caps_of_wave(rule: WaveRule, wave: WaveState, facts: WaveFacts) -> Iterator[Cap]:
    """The budgets that count every site of a wave."""
    sites = facts.sites
    yield Cap(CapKind.FAILURES, "", sites.spent_failures, rule.failures_allowed, wave.failures_accepted)
    yield Cap(CapKind.UNREACHABLE, "", sites.unreachable, rule.unreachable_allowed, wave.unreachable_accepted)
    for cause, allowed in rule.causes_allowed.items():
        yield Cap(CapKind.CAUSE, cause, spent_by(facts, cause), allowed, wave.causes_accepted.get(cause, 0))


def caps_of_district(rule: WaveRule, wave: WaveState, facts: WaveFacts, district: str) -> Iterator[Cap]:
    """The budgets that count a wave's sites of one district, where it has its own."""
    allowed = rule.districts_allowed.get(district)
    if allowed is None:
        return
    sites, accepted = facts.by_district.get(district, NO_SITES), wave.districts_accepted.get(district, Accepted(0, 0))
    yield Cap(CapKind.DISTRICT_FAILURES, district, sites.spent_failures, allowed.failures, accepted.failures)
    yield Cap(CapKind.DISTRICT_UNREACHABLE, district, sites.unreachable, allowed.unreachable, accepted.unreachable)


def spent_by(facts: WaveFacts, cause: str) -> int:
    """Sites that spend the budget of a cause: those that ended badly for it, and all whose ending is not known."""
    return facts.by_cause.get(cause, 0) + facts.sites.unknown


def left_of(rule: WaveRule, wave: WaveState, facts: WaveFacts) -> int:
    """Sites of a wave that may still end badly, whatever becomes of them."""
    return min(cap.left for cap in caps_of_wave(rule, wave, facts))


def left_of_district(rule: WaveRule, wave: WaveState, facts: WaveFacts, district: str) -> int:
    """Sites of a district that may still end badly in a wave by its own budgets, which it must have."""
    return min(cap.left for cap in caps_of_district(rule, wave, facts, district))


def accept(rule: WaveRule, wave: WaveState, facts: WaveFacts) -> WaveState:
    """The wave with every budget granted anew beyond what it has been spent on."""
    sites = facts.sites
    districts = {code: facts.by_district.get(code, NO_SITES) for code in rule.districts_allowed}
    return wave.model_copy(
        update={
            "failures_accepted": sites.spent_failures,
            "unreachable_accepted": sites.unreachable,
            "causes_accepted": {cause: spent_by(facts, cause) for cause in rule.causes_allowed},
            "districts_accepted": {code: _accepted(counts) for code, counts in districts.items()},
        }
    )


def _accepted(sites: SiteCounts) -> Accepted:
    return Accepted(sites.spent_failures, sites.unreachable)
