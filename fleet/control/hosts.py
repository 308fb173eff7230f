"""Host keys: what a scan saw, and what a person confirmed."""

from collections.abc import Collection, Mapping
from datetime import datetime

from fleet.control.leases import refuse_in_use
from fleet.control.rights import Right, require
from fleet.control.scope import require_sites
from fleet.errors import InputError
from fleet.model.actor import Actor
from fleet.model.trust import HostKey, HostKeyState
from fleet.store import Store, trust
from fleet.text import N_


def record_scan(store: Store, actor: Actor, at: datetime, seen: Mapping[str, str]) -> dict[HostKeyState, int]:
    """Keep the fingerprints a scan saw (terminal id -> fingerprint); how many ended in which state.

    A new key waits for a person. A key that differs from the confirmed one marks the terminal changed: nothing is sent there.
    """
    with store.write(actor, at) as tx:
        require(tx, actor, Right.TRUST)
        known = trust.read_host_keys(tx, seen)
        keys = [_scanned(known.get(terminal), terminal, fingerprint, at) for terminal, fingerprint in seen.items()]
        trust.save_host_keys(tx, [key for key in keys if key != known.get(key.terminal)], "host-keys.scanned")
    return {state: sum(key.state is state for key in keys) for state in HostKeyState}


def confirm(
    store: Store, actor: Actor, at: datetime, terminals: Collection[str], *, changed_too: bool = True
) -> tuple[list[HostKey], list[str]]:
    """Trust the keys that were seen of these terminals.

    Args:
        store: The workspace's store.
        actor: Who looked at them.
        at: This moment.
        terminals: Whose keys.
        changed_too: Also those that differ from a key that was confirmed before; only for somebody who named the terminals one by one.

    Returns:
        The keys that were not trusted before, and the terminals that are left as they were because their key has changed.

    Raises:
        InputError: A terminal was never scanned.
        NotAllowedError: The actor may not confirm, or not in the district of one of them.
        ConflictError: Somebody else works at the site of a key that waits; the message says who and since when. Nothing is confirmed.
    """
    with store.write(actor, at) as tx:
        require_sites(tx, actor, Right.TRUST, {name.partition("/")[0] for name in terminals})
        known = trust.read_host_keys(tx, terminals)
        unseen = [terminal for terminal in terminals if terminal not in known]
        if unseen:
            raise InputError(
                N_("{count} {count:terminal was|terminals were} never scanned, {first} first", count=len(unseen), first=unseen[0]),
                hint=N_("run `fleet hosts scan` first"),
            )
        left = {HostKeyState.CONFIRMED} if changed_too else {HostKeyState.CONFIRMED, HostKeyState.CHANGED}
        confirmed = [
            key.model_copy(
                update={
                    "fingerprint": key.seen_fingerprint or key.fingerprint,
                    "seen_fingerprint": None,
                    "state": HostKeyState.CONFIRMED,
                    "confirmed_by": actor.code,
                    "confirmed_at": at,
                }
            )
            for key in known.values()
            if key.state not in left
        ]
        refuse_in_use(tx, {key.terminal.partition("/")[0] for key in confirmed}, actor.code)
        trust.save_host_keys(tx, confirmed, "host-keys.confirmed")
    return confirmed, [] if changed_too else [key.terminal for key in known.values() if key.state is HostKeyState.CHANGED]


def _scanned(known: HostKey | None, terminal: str, fingerprint: str, at: datetime) -> HostKey:
    if known is None or known.state is HostKeyState.SCANNED:
        return HostKey(terminal=terminal, fingerprint=fingerprint, state=HostKeyState.SCANNED, seen_at=at)
    if known.fingerprint == fingerprint:
        return (
            known
            if known.state is HostKeyState.CONFIRMED
            else known.model_copy(update={"state": HostKeyState.CONFIRMED, "seen_fingerprint": None, "seen_at": at})
        )
    return known.model_copy(update={"state": HostKeyState.CHANGED, "seen_fingerprint": fingerprint, "seen_at": at})
