"""What is counted of a group, in the order every table and file shows it. The keys do not change; docs/export.md says what each means."""

from collections.abc import Callable
from dataclasses import dataclass

from fleet.model.attempt import TerminalState
from fleet.model.rollout import SiteState
from fleet.report.counts import Counts
from fleet.report.words import CLAIMED, DONE, MARKED, PROBLEM, site_state_words, terminal_state_words
from fleet.text import N_, Message


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of a group."""

    key: str
    words: Message
    value: Callable[[Counts], int | float | None]
    is_share: bool = False
    """A share of one, shown as percent; None of an empty group."""


def _site_state(state: SiteState) -> Measure:
    return Measure(state.value, site_state_words(state), lambda counts: counts.site_states[state])


def _terminal_state(state: TerminalState) -> Measure:
    return Measure(state.value, terminal_state_words(state), lambda counts: counts.terminal_states[state])


OF_SITES = (
    Measure("total", N_("all"), lambda counts: counts.sites),
    Measure("done", DONE, lambda counts: counts.done),
    Measure("done-share", N_("done, %"), lambda counts: counts.done_share, is_share=True),
    Measure("marked", MARKED, lambda counts: counts.marked),
    Measure("claimed", CLAIMED, lambda counts: counts.claimed),
    Measure("problem", PROBLEM, lambda counts: counts.problems),
    *(_site_state(state) for state in SiteState),
)
OF_TERMINALS = (
    Measure("total", N_("all"), lambda counts: counts.terminals),
    Measure("proven", N_("proven"), lambda counts: counts.proven),
    Measure("proven-share", N_("proven, %"), lambda counts: counts.proven_share, is_share=True),
    Measure(SiteState.WAITING_BY_HAND.value, site_state_words(SiteState.WAITING_BY_HAND), lambda counts: counts.waiting_by_hand),
    *(_terminal_state(state) for state in TerminalState),
)
SITES = N_("Sites")
TERMINALS = N_("Terminals")
