"""What holds a wave, with its numbers and its sites: the words that the commands and the screens share."""

from collections.abc import Mapping
from dataclasses import dataclass

from fleet.control.silent import Silent
from fleet.model.caps import Cap
from fleet.model.plan import Plan
from fleet.model.rollout import RolloutState, WavePhase, WaveState
from fleet.rollout import Rules, WaveFacts, cap_words, held_words, rules_of, standing_caps
from fleet.store import Snapshot, caps
from fleet.store.caps import Spent
from fleet.store.reads import Tallies, Tally
from fleet.text import N_, Message

_NAMED = 5
"""Sites that a line names; it counts the others."""


@dataclass(frozen=True, slots=True)
class Hold:
    """One budget that is spent, or one limit that is reached."""

    cap: Cap
    words: Message
    sites: tuple[str, ...]
    """Codes of the sites that spend it, or that are down."""

    @property
    def line(self) -> Message:
        """Its words and its first sites."""
        if not self.sites:
            return self.words
        named = ", ".join(self.sites[:_NAMED]) + (", ..." if len(self.sites) > _NAMED else "")
        return N_("{what} ({sites})", what=self.words, sites=named)


def caps_now(rollout: RolloutState, wave: WaveState, rules: Rules, tallies: Tallies, spent: Spent) -> tuple[Cap, ...]:
    """Every budget of a wave and every limit, as they stand."""
    tally = tallies.by_wave.get(wave.number, Tally())
    number, silent = wave.number, Silent(spent.silent)
    facts = WaveFacts(
        silent.sites(number, tally.sites),
        by_cause=silent.by_cause(number, spent.by_cause.get(number, {})),
        by_district=silent.by_district(number, spent.by_district.get(number, {})),
    )
    limits = rules.limits if rollout.only is None else ()
    return tuple(standing_caps(rules.waves[wave.number - 1], wave, facts, limits, spent.down))


def read_holds(
    snapshot: Snapshot, rollout: RolloutState, plan: Plan, tallies: Tallies, districts: Mapping[str, str]
) -> dict[int, tuple[Hold, ...]]:
    """Wave -> what holds it, for the waves that are held; `districts` are their names by code."""
    rules = rules_of(plan, rollout.only)
    held = [wave for wave in rollout.waves if wave.phase is WavePhase.HELD]
    spent = caps.read_spent(snapshot, rollout.id) if held else Spent()
    return {
        wave.number: tuple(
            Hold(cap, cap_words(cap, plan, districts), tuple(caps.sites_behind(snapshot, rollout.id, wave.number, cap)))
            for cap in caps_now(rollout, wave, rules, tallies, spent)
            if cap.code in wave.held_by
        )
        for wave in held
    }


def why_held(wave: WaveState, holds: tuple[Hold, ...]) -> Message:
    """Why a wave is held, in one line."""
    return held_words(wave, [hold.line for hold in holds])


def spent_caps(rollout: RolloutState, wave: WaveState, rules: Rules, tallies: Tallies, spent: Spent) -> tuple[Cap, ...]:
    """Of the budgets by cause and district, and of the limits, those that something was spent of."""
    return tuple(cap for cap in caps_now(rollout, wave, rules, tallies, spent) if cap.name and cap.spent)
