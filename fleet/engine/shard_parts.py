"""What the sites of a shard have still to do, as the tables say, and planning it again with that."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from fleet.model.attempt import TerminalState
from fleet.store import Snapshot, Tx, caps, progress, shards

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


def together(waiting: Terminals, unknown: Terminals) -> dict[str, list[str]]:
    """Site -> all that it has still to do: a push of that is what has to fit into its window."""
    return {site: [*waiting.get(site, ()), *unknown.get(site, ())] for site in {**waiting, **unknown}}


def give_back(
    tx: Tx, shard: int, rollout: str, left: Collection[str], *, awake: Collection[str] | None = None, opens_at: datetime | None = None
) -> None:
    """Plan a shard again that has these sites still to do; of those, the `awake` ones may begin now. Without it, all."""
    row = shards.read_shard(tx, shard)
    shards.put_back(tx, shard, opens_at)
    down = caps.down_among(tx, rollout, left if awake is None else awake) if row is not None and row.limits else ()
    shards.set_open(tx, shard, len(left), len(down))
