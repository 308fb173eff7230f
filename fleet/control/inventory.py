"""Taking in an inventory."""

from collections.abc import Callable
from datetime import datetime

from fleet.control.late import note_late_joiners
from fleet.control.rights import Right
from fleet.control.scope import require_everywhere
from fleet.errors import ConflictError, InputError
from fleet.model.actor import Actor
from fleet.model.inventory import Fleet, Person, Role
from fleet.model.trust import HostKey, HostKeyState
from fleet.store import Store, Tx, fleets, rollouts, trust
from fleet.text import N_


def import_fleet(
    store: Store,
    actor: Actor,
    at: datetime,
    fleet: Fleet,
    summary: dict[str, int],
    *,
    replacing: Fleet | None = None,
    may_enter: Callable[[str], bool] | None = None,
) -> None:
    """Store `fleet` in place of the inventory that is there.

    A terminal whose row carries a host key fingerprint is confirmed by it: the inventory vouches for the key.

    Args:
        store: The workspace's store.
        actor: Who imports; must have the right, unless the workspace has no person yet.
        at: Now.
        fleet: The whole new inventory, already validated.
        summary: Counts of the change, for the event.
        replacing: The inventory that the person saw the change against; None where nobody looked.
        may_enter: Whether an OS user can open the workspace; None where that is not known.

    Raises:
        NotAllowedError: The actor may not import.
        InputError: Somebody could decide and import until now, and nobody could afterwards, or nobody who may enter.
        ConflictError: A rollout that is not finished holds a terminal that would be removed, or somebody else imported since
            `replacing` was read.
    """
    with store.write(actor, at) as tx:
        require_everywhere(tx, actor, Right.IMPORT)
        if replacing is not None and fleets.read_fleet(tx) != replacing:
            raise ConflictError(
                N_("somebody else changed the inventory just now; nothing was changed"),
                hint=N_("look at the change again without --apply"),
            )
        _refuse_when_nobody_could_decide(tx, fleet)
        _refuse_when_nobody_inside_could_decide(fleet, may_enter)
        _refuse_removal_under_a_rollout(tx, fleet)
        fleets.replace_fleet(tx, fleet, summary)
        note_late_joiners(tx, fleet)
        known = trust.read_host_keys(tx)
        vouched = [
            HostKey(
                terminal=terminal.id,
                fingerprint=terminal.host_key,
                state=HostKeyState.CONFIRMED,
                seen_at=at,
                confirmed_by=actor.code,
                confirmed_at=at,
            )
            for terminal in fleet.terminals.values()
            if terminal.host_key is not None and not _is_confirmed(known.get(terminal.id), terminal.host_key)
        ]
        trust.save_host_keys(tx, vouched, "host-keys.confirmed")


def _is_confirmed(known: HostKey | None, fingerprint: str) -> bool:
    return known is not None and known.fingerprint == fingerprint and known.state is HostKeyState.CONFIRMED


def _refuse_when_nobody_could_decide(tx: Tx, fleet: Fleet) -> None:
    if any(map(_can_decide, fleets.read_people(tx).values())) and not any(map(_can_decide, fleet.people.values())):
        raise InputError(
            N_("this leaves no coordinator or manager with a system user: nobody could decide or import any more"),
            hint=N_("keep one in the people table; to hand over, enter the new one first"),
        )


def _refuse_when_nobody_inside_could_decide(fleet: Fleet, may_enter: Callable[[str], bool] | None) -> None:
    if not fleet.people or may_enter is None:
        return
    if not any(_can_decide(person) and may_enter(str(person.os_user)) for person in fleet.people.values()):
        raise InputError(
            N_("no coordinator or manager in these files can open this workspace: nobody could act in it, or import again"),
            hint=N_(
                "enter your own OS user as `os_user` of one of them, or share the workspace first "
                '(docs/operations.md, "One workspace, several people")'
            ),
        )


def _can_decide(person: Person) -> bool:
    return person.role is not Role.TECHNICIAN and person.os_user is not None


def _refuse_removal_under_a_rollout(tx: Tx, fleet: Fleet) -> None:
    for state in rollouts.unfinished_rollouts(tx):
        missing = [terminal for terminal in rollouts.terminals_of_rollout(tx, state.id) if terminal not in fleet.terminals]
        if missing:
            raise ConflictError(
                N_(
                    "rollout {rollout} is not finished and holds {count} {count:terminal|terminals} that this would remove, {first} first",
                    rollout=state.id,
                    count=len(missing),
                    first=missing[0],
                ),
                hint=N_("exclude them from the rollout, or wait until it has ended"),
            )
