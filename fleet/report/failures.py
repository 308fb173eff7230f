"""Failures by cause and fingerprint, counted from the terminals: the same groups that `fleet status --failures` shows."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fleet.model.attempt import Cause, TerminalState
from fleet.model.fingerprint import GROUPED
from fleet.store.reads import TerminalRow


@dataclass(frozen=True, slots=True)
class FailureCount:
    """Terminals that ended the same way for the same reason, and said the same."""

    ending: TerminalState
    cause: Cause
    fingerprint: str
    """Empty for those that ended before failures had fingerprints."""
    sites: int
    """Sites that have such a terminal; a site with two failures is in two rows."""
    terminals: int


def count_failures(terminals: Iterable[TerminalRow], fingerprints: Mapping[str, str]) -> tuple[FailureCount, ...]:
    """Every terminal that did not end well in exactly one row; the most terminals first."""
    found: defaultdict[tuple[TerminalState, Cause, str], list[str]] = defaultdict(list)
    for terminal in terminals:
        if terminal.state in GROUPED:
            found[terminal.state, terminal.cause, fingerprints.get(terminal.id, "")].append(terminal.id.partition("/")[0])
    counted = (FailureCount(*key, sites=len(set(sites)), terminals=len(sites)) for key, sites in found.items())
    return tuple(sorted(counted, key=lambda row: (-row.terminals, row.ending.value, row.cause.value, row.fingerprint)))
