"""Cutting what a wave has still to do into shards: of one district each, and under the same limits all of it."""

from collections.abc import Sequence
from itertools import groupby

from fleet.store import Tx, caps, shards

SHARD_SITES = 50
"""Sites of one shard, at most."""


def cut_sites(tx: Tx, rollout: str, wave: int, places: Sequence[tuple[str, str]]) -> None:
    """Plan shards for these sites, each (district, site), in this order."""
    limits = caps.limits_of(tx, rollout, wave)
    down = caps.down_among(tx, rollout, limits)

    def sort(place: tuple[str, str]) -> tuple[str, tuple[int, ...]]:
        return place[0], limits.get(place[1], ())

    parts = [
        shards.Part(district, sites[start : start + SHARD_SITES], under, len(down.intersection(sites[start : start + SHARD_SITES])))
        for (district, under), group in groupby(sorted(places, key=sort), key=sort)
        for sites in [[site for _district, site in group]]
        for start in range(0, len(sites), SHARD_SITES)
    ]
    shards.add_shards(tx, rollout, wave, parts)
