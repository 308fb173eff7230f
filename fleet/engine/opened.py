"""Shards whose window has opened: what of them is down is counted again, for while they waited it was not theirs to push.

Otherwise a limit that such a site has filled would keep the site itself from being pushed.
"""

from fleet.engine.admission import ask
from fleet.engine.plans import Plans
from fleet.engine.shard_parts import give_back, together, what_is_open
from fleet.model.rollout import RolloutState
from fleet.store import Tx, shards


def count_down_again(tx: Tx, state: RolloutState, plans: Plans) -> None:
    """Bring the shards under limits whose time has come in line with what of them may begin now. Harmless to repeat."""
    for shard in shards.opened_under_limits(tx, state.id, tx.at):
        waiting, unknown = what_is_open(tx, state.id, shard.sites)
        terminals = together(waiting, unknown)
        admitted = ask(tx, state, plans, terminals, tx.at)
        awake = [site for site in terminals if admitted.may(site)]
        give_back(tx, shard.id, state.id, terminals.keys(), awake=awake, opens_at=admitted.opens_at(terminals))
