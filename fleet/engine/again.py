"""Tries that we make by ourselves: what a push that ended badly leaves to be done, and taking it up when it is due."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fleet.engine.ways_back import cut_shards
from fleet.model.attempt import RETRIED, AttemptResult, Cause, TerminalState
from fleet.model.playbook import Playbook
from fleet.model.rollout import SiteCounts
from fleet.rollout import Tried, next_try
from fleet.store import Tx, again, progress


@dataclass(frozen=True, slots=True)
class Silent:
    """Sites that count as unreachable only because of a terminal that is tried again by itself.

    Nothing was touched there, so they count as not started until their tries are spent, against every budget alike.
    """

    found: Sequence[again.SilentSites]

    def sites(self, wave: int, counts: SiteCounts) -> SiteCounts:
        """A wave's counts with these sites not ended yet."""
        return _not_ended(counts, sum(each.sites for each in self.found if each.wave == wave))

    def by_cause(self, wave: int, spent: Mapping[str, int]) -> Mapping[str, int]:
        """What is spent by cause, without these sites."""
        counts = dict(spent)
        for each in self.found:
            if each.wave == wave and each.cause in counts:
                counts[each.cause] -= each.sites
        return counts

    def by_district(self, wave: int, spent: Mapping[str, SiteCounts]) -> Mapping[str, SiteCounts]:
        """The counts by district with these sites not ended yet."""
        counts = dict(spent)
        for each in self.found:
            if each.wave == wave and each.district in counts:
                counts[each.district] = _not_ended(counts[each.district], each.sites)
        return counts


def _not_ended(counts: SiteCounts, silent: int) -> SiteCounts:
    return (
        counts.model_copy(update={"unreachable": counts.unreachable - silent, "not_started": counts.not_started + silent})
        if silent
        else counts
    )


NOTHING: dict[str, Any] = {"due_at": None, "tries": None, "unreachable_since": None}
"""What is kept of a terminal that is not to be tried again."""


def kept_of(tx: Tx, rollout: str, result: AttemptResult, playbook: Playbook | None, *, is_collected: bool) -> dict[str, Any]:
    """What a terminal's row is to keep of its tries after this result.

    `is_collected`: an attempt that ended unknown is asked again at once, so nothing is due yet.
    """
    if result.ending not in RETRIED:
        return NOTHING
    row = again.read_row(tx, rollout, result.terminal)
    since = (row.unreachable_since or result.finished_at) if result.ending is TerminalState.UNREACHABLE else None
    tries = row.tries + 1
    due = None
    if playbook is not None and result.cause is not Cause.STOPPED and not is_collected:
        tried = Tried(rollout, result.terminal, result.number, tries, result.cause, result.finished_at, since)
        due = next_try(playbook.retry, tried, playbook.offline_after_h)
    return {"due_at": due, "tries": tries, "unreachable_since": since}


def take_up(tx: Tx, rollout: str, wave: int) -> None:
    """Have the terminals of a wave pushed again that are due, for what they were pushed for."""
    due = again.due(tx, rollout, wave, tx.at)
    if due:
        progress.put_back(tx, rollout, due, "due")
        cut_shards(tx, rollout, {name.partition("/")[0] for name in due})
