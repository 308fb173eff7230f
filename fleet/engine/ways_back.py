"""Taking terminals back: who is meant by a decision, the shards that it needs at once, and what follows from a result.

- Meant is what may be on the new release: upgraded, unknown, failed after it had gone live, or being pushed to just now.
- A rollback does not wait for what its wave has still to upgrade: sites that stand in no open shard get shards of their own.
- What ends well is settled, and its key binding is set aside; what does not keeps its errand, so that a retry goes on with it.
"""

from collections.abc import Collection
from itertools import groupby

from fleet.engine.cutting import cut_sites
from fleet.engine.shard_parts import what_is_open
from fleet.model.attempt import AttemptResult, TerminalState
from fleet.model.plan import Plan
from fleet.model.purpose import Errand
from fleet.model.rollout import RolloutState, WavePhase
from fleet.rollout import ENDED, may_upgrade
from fleet.store import Tx, caps, progress, shards, trust, ways_back


def take_back(tx: Tx, rollout: str, terminals: Collection[str], errand: Errand) -> None:
    """Have these terminals taken back, as far as they may be on the new release."""
    meant = progress.may_be_live(tx, rollout, terminals)
    if meant:
        ways_back.send_back(tx, rollout, meant, errand)
        cut_shards(tx, rollout, {name.partition("/")[0] for name in meant})


def cut_shards(tx: Tx, rollout: str, sites: Collection[str]) -> None:
    """Shards for those of these sites that stand in none that is open."""
    held = {site for shard in shards.open_shards(tx, rollout) for site in shard.sites}
    places = sorted(progress.places_of(tx, rollout, [site for site in sites if site not in held]))
    for wave, of_wave in groupby(places, key=lambda place: place[0]):
        cut_sites(tx, rollout, wave, [(district, site) for _wave, district, site in of_wave])


def cut_apart(tx: Tx, state: RolloutState, plan: Plan) -> None:
    """Where nothing is upgraded, give what goes back shards of its own, apart from sites that are down and wait for that. Harmless to repeat.

    What is down goes before the others of its shard, and a grant has to reach beyond it. Where it has no turn, all the others would wait
    for a larger grant than the budgets and limits may have.
    """
    if not plan.limits or state.phase in ENDED:
        return
    waves = {wave.number for wave in state.waves if wave.phase is not WavePhase.CLOSED and not may_upgrade(state, wave)}
    back = ways_back.sites_going_back(tx, state.id) if waves else set[str]()
    for shard in shards.open_shards(tx, state.id) if back else ():
        if shard.is_out or not shard.down or shard.wave not in waves or back.isdisjoint(shard.sites):
            continue
        waiting, unknown = what_is_open(tx, state.id, shard.sites)
        rest = {*waiting, *unknown} - back
        if caps.down_among(tx, state.id, rest):
            shards.drop(tx, shard.id)
            cut_shards(tx, state.id, back.intersection(shard.sites))
            cut_shards(tx, state.id, rest)


def follow_up(tx: Tx, rollout: str, result: AttemptResult) -> None:
    """What a stored result leads to where something special is, or was, wanted of its terminal."""
    wanted = ways_back.errands_of(tx, rollout, [result.terminal]).get(result.terminal)
    if result.errand is not None:
        if result.ending is TerminalState.TAKEN_BACK:
            trust.set_binding_aside(tx, result.terminal)
        is_known = result.ending is not TerminalState.UNKNOWN  # where it is not, the next attempt tells
        if result.ending is TerminalState.TAKEN_BACK or (wanted is Errand.REHEARSAL and is_known):
            ways_back.settle(tx, rollout, result.terminal)
        if result.ending is TerminalState.TAKEN_BACK and wanted is Errand.REHEARSAL:
            progress.put_back(tx, rollout, [result.terminal], "rehearsed")
    elif wanted is not None:
        # It was wanted while the terminal was being upgraded. Where that came to nothing, nothing is left to take back.
        if progress.may_be_live(tx, rollout, [result.terminal]):
            ways_back.send_back(tx, rollout, [result.terminal], wanted)
        else:
            ways_back.settle(tx, rollout, result.terminal)
