"""Late joiners: finding them when the inventory or the rollout is another one, and what a rollout that serves them has to be."""

from fleet.errors import ConflictError, InputError
from fleet.model.inventory import Fleet
from fleet.model.late import LateJoiner
from fleet.model.plan import Plan
from fleet.model.rollout import RolloutState
from fleet.plan.late import late_terminals
from fleet.store import Snapshot, Tx, late, releases, rollouts
from fleet.text import N_


def note_late_joiners(tx: Tx, fleet: Fleet) -> None:
    """Find anew who came late to the newest rollout's plan; those that a rollout serves stay, in the inventory or not."""
    newest = rollouts.newest_rollout(tx)
    if newest is None:
        return
    plan = releases.read_plan(tx, newest.original)
    served = late.served_late(tx, plan.digest)
    found = {terminal.id: terminal.site for terminal in late_terminals(fleet, plan)}
    found |= {terminal: terminal.partition("/")[0] for terminal in served}
    joiners = (
        LateJoiner(plan=plan.digest, terminal=terminal, site=site, is_new_site=site not in plan.wave_of, rollout=served.get(terminal))
        for terminal, site in found.items()
    )
    late.note_late(tx, plan.digest, joiners, newest.id)


def original_of(snapshot: Snapshot, rollout: str) -> tuple[RolloutState, Plan, dict[str, str]]:
    """The rollout with the denominator that this one belongs to, its plan, and which late joiners are served by which rollout.

    Raises:
        InputError: There is no such rollout, and none with its denominator.
    """
    state = rollouts.read_rollout(snapshot, rollout)
    if state is None:
        newest = rollouts.newest_rollout(snapshot)
        hint = N_("the newest is {newest}", newest=newest.id) if newest else N_("start one with `fleet rollout start PLAN`")
        raise InputError(N_("there is no rollout {rollout}", rollout=rollout), hint=hint)
    first = late.newest_rollout_of_plan(snapshot, state.original) or state
    return first, releases.read_plan(snapshot, state.original), late.served_late(snapshot, state.original)


def require_late(snapshot: Snapshot, plan: Plan) -> None:
    """Refuse a plan for late joiners that does not fit what is there; any other plan passes.

    Raises:
        InputError: No rollout here carried out the plan that they came late to.
        ConflictError: A rollout holds one of its terminals by now.
    """
    if plan.late_of is None:
        return
    if late.newest_rollout_of_plan(snapshot, plan.late_of) is None:
        what = N_(
            "this plan is for the late joiners of plan {digest}, which no rollout of this workspace carries out", digest=plan.late_of[:12]
        )
        raise InputError(what, hint=N_("make it here, with `fleet plan --late ROLLOUT`"))
    served = late.served_late(snapshot, plan.late_of, but_of=plan.digest)
    taken = sorted(terminal for terminal in plan.program_of if terminal in served)
    if taken:
        what = N_(
            "rollout {rollout} serves {count} {count:terminal|terminals} of this plan by now, {first} first",
            rollout=served[taken[0]],
            count=len(taken),
            first=taken[0],
        )
        raise ConflictError(what, hint=N_("make the plan again with `fleet plan --late {rollout}`", rollout=served[taken[0]]))
