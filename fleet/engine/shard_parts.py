"""What the sites of a shard have still to do, as the tables say."""

from collections.abc import Mapping, Sequence

from fleet.model.attempt import TerminalState
from fleet.store import Snapshot, progress

Terminals = Mapping[str, frozenset[str]]
"""Site -> some of its terminals, never none."""
STARTS = frozenset((TerminalState.NOT_STARTED, TerminalState.GOING_BACK))
"""States that a push begins from."""


def what_is_open(snapshot: Snapshot, rollout: str, sites: Sequence[str]) -> tuple[Terminals, Terminals]:
    """What these sites have still to do: terminals that have not started, and unknown ones worth asking again."""
    states = progress.states_of_sites(snapshot, rollout, sites)
    lost = {name for of_site in states.values() for name, state in of_site.items() if state is TerminalState.UNKNOWN}
    lost = progress.collectable(snapshot, rollout, lost) if lost else lost
    waiting, unknown = {}, {}
    for site in sites:
        of_site = states.get(site, {})
        if fresh := frozenset(name for name, state in of_site.items() if state in STARTS):
            waiting[site] = fresh
        if asked := lost & of_site.keys():
            unknown[site] = frozenset(asked)
    return waiting, unknown
