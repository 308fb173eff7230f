"""How a rollout stands: the counters the writer keeps and the shards that are open, read for `rollout.advance`."""

from datetime import datetime

from fleet.engine.ports import Dispatcher
from fleet.model.rollout import RolloutState, Shard
from fleet.rollout import Facts, WaveFacts
from fleet.store import Snapshot, reads, shards


def read_facts(snapshot: Snapshot, state: RolloutState, dispatcher: Dispatcher, now: datetime) -> Facts:
    """The facts of a rollout at this moment."""
    tallies = reads.read_tallies(snapshot, state.id).by_wave
    open_shards: dict[int, list[Shard]] = {}
    for shard in shards.open_shards(snapshot, state.id):
        open_shards.setdefault(shard.wave, []).append(shard)
    waves = {number: WaveFacts(tally.sites, tally.by_ssh, tuple(open_shards.get(number, ()))) for number, tally in tallies.items()}
    out = (shard for wave in waves.values() for shard in wave.out)
    return Facts(waves, frozenset(shard.id for shard in out if dispatcher.is_lost(shard, now)))
