"""Failures by cause: finding a group, and the terminals that exactly it is about."""

import re
from collections.abc import Sequence

from fleet.errors import InputError
from fleet.store import Snapshot
from fleet.store.failures import FailureGroup, members_of_group, read_groups
from fleet.text import N_

_FINGERPRINT = re.compile(r"[0-9a-f]{4,16}")


def find_group(snapshot: Snapshot, rollout: str, word: str) -> FailureGroup:
    """The group of that fingerprint; its first four digits are enough where only one begins with them.

    Raises:
        InputError: No terminal stands there now, or several groups begin so.
    """
    typed = word.strip().casefold()
    if not _FINGERPRINT.fullmatch(typed):
        raise InputError(N_("`{word}` is no fingerprint of a failure", word=word), hint=_SEE)
    found = [group for group in read_groups(snapshot, rollout) if group.fingerprint.startswith(typed)]
    if not found:
        raise InputError(N_("no terminal stands at failure {word} now; it may have been retried", word=typed), hint=_SEE)
    if len(found) > 1:
        raise InputError(
            N_("{count} failures begin with {word}", count=len(found), word=typed),
            hint=N_("one of: {names}", names=", ".join(group.fingerprint for group in found)),
        )
    return found[0]


def members(snapshot: Snapshot, rollout: str, word: str) -> Sequence[str]:
    """Ids of exactly the terminals that stand at this failure now; never none. Raises as `find_group`."""
    return members_of_group(snapshot, rollout, find_group(snapshot, rollout, word).fingerprint)


_SEE = N_("`fleet status --failures` lists them")
