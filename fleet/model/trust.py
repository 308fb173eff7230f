"""Host keys and key bindings."""

from enum import StrEnum

from pydantic import AwareDatetime

from fleet.model.attempt import Cause
from fleet.model.base import Code, FreeText, Noun, Sha256, TerminalId, Version
from fleet.model.inventory import Fingerprint, Terminal
from fleet.model.playbook import KeySource


class HostKeyState(StrEnum):
    """Whether a terminal's host key may be trusted."""

    SCANNED = "scanned"
    """Seen on the network; a person has yet to confirm it."""
    CONFIRMED = "confirmed"
    CHANGED = "changed"
    """Another key was seen since; nothing is sent until a person decides."""


class HostKey(Noun):
    """A terminal's pinned host key."""

    terminal: TerminalId
    fingerprint: Fingerprint
    state: HostKeyState
    seen_fingerprint: Fingerprint | None = None
    """For CHANGED: what the network shows now."""
    seen_at: AwareDatetime
    confirmed_by: Code | None = None
    confirmed_at: AwareDatetime | None = None


def pinned_key(terminal: Terminal, key: HostKey | None) -> str | Cause:
    """The fingerprint a connection must show; a cause where no connection may be made."""
    if key is not None and key.state is HostKeyState.CHANGED:
        return Cause.HOST_KEY_CHANGED
    if key is not None and key.state is HostKeyState.CONFIRMED:
        return key.fingerprint
    return terminal.host_key or Cause.HOST_KEY_UNCONFIRMED


class KeyBinding(Noun):
    """Terminal, key card, key and host, bound to each other."""

    terminal: TerminalId
    key_card: Code | None
    source: KeySource
    key_id: Sha256 | FreeText
    """born-here: sha256 of the public key; else the key's number."""
    public_key: FreeText = ""
    check_value: FreeText = ""
    host_fingerprint: Fingerprint
    bound_at: AwareDatetime
    release: Version | None = None
    """The release that showed the key; None where that was not kept yet."""
    set_aside_at: AwareDatetime | None = None
    """When that release was taken back: the key is still the terminal's and nobody else's, but no client works with it now."""
