"""Host keys of a rehearsal: what nobody has confirmed yet is taken as confirmed, for a plan may be rehearsed before anybody has been there.

A key that has changed stays what it is: that is somebody's decision, not a matter of time.
"""

from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

from fleet.model.attempt import Cause
from fleet.model.inventory import Fleet
from fleet.model.plan import Plan
from fleet.model.trust import HostKey, HostKeyState, pinned_key


def vouched_for(plan: Plan, fleet: Fleet, keys: Mapping[str, HostKey], at: datetime) -> tuple[dict[str, HostKey], int]:
    """The host keys with one for each terminal that a push would otherwise refuse, and how many those are."""
    found = {name: key for name, key in keys.items() if key.state is not HostKeyState.SCANNED}
    missing = [
        name
        for name, program in plan.program_of.items()
        if program is not None and pinned_key(fleet.terminals[name], keys.get(name)) is Cause.HOST_KEY_UNCONFIRMED
    ]
    made = (HostKey(terminal=name, fingerprint=_fingerprint(name), state=HostKeyState.CONFIRMED, seen_at=at) for name in missing)
    return found | {key.terminal: key for key in made}, len(missing)


def _fingerprint(terminal: str) -> str:
    return "SHA256:" + b64encode(sha256(terminal.encode()).digest()).decode().rstrip("=")
