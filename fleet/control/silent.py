"""Sites where nobody answers and that are tried again by themselves: how the budgets count them, for whoever grants and for whoever looks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fleet.model.rollout import SiteCounts
from fleet.store import again


@dataclass(frozen=True, slots=True)
class Silent:
    """Sites that count as unreachable, but have a terminal left that is tried again by itself: it waits for that, or for its turn.

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
