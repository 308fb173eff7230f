"""The troubles a simulated terminal can be given, which terminals get one, and how each must end."""

from collections.abc import Iterable
from enum import StrEnum
from random import Random

from fleet.model.attempt import Cause, TerminalState
from fleet.model.inventory import Reach, Terminal

_ENOUGH_FOR_ALL = 10
"""Terminals per kind of fault from which on every kind is planted at least once."""


class Fault(StrEnum):
    """One trouble of one simulated terminal."""

    REFUSES = "refuses"
    """Nothing listens: the connection is refused."""
    SLOW = "slow"
    """Answers late and in small pieces, but does everything."""
    DISK_FULL = "disk-full"
    """`df` on the terminal says that 4 KiB are left."""
    FAILING_HEALTH = "failing-health"
    """The new client does not pass its probe."""
    DROPS_LINK = "drops-link"
    """The connection is cut once, after the program began and heard from us; what runs detached runs on. Later connections hold."""
    SWITCHED_OFF = "switched-off"
    """No packet is ever answered; connecting times out."""
    WRONG_HOST_KEY = "wrong-host-key"
    """Shows another host key than the inventory's."""


_EXPECTED = {
    None: (TerminalState.UPGRADED, Cause.NONE),
    Fault.REFUSES: (TerminalState.UNREACHABLE, Cause.REFUSED),
    Fault.SLOW: (TerminalState.UPGRADED, Cause.NONE),
    Fault.DISK_FULL: (TerminalState.FAILED, Cause.DISK_FULL),
    Fault.FAILING_HEALTH: (TerminalState.ROLLED_BACK, Cause.PROBE_FAILED),
    Fault.DROPS_LINK: (TerminalState.UNKNOWN, Cause.LINK_LOST),
    Fault.SWITCHED_OFF: (TerminalState.UNREACHABLE, Cause.NO_ANSWER),
    Fault.WRONG_HOST_KEY: (TerminalState.UNREACHABLE, Cause.HOST_KEY_CHANGED),
}


def expected_ending(fault: Fault | None) -> TerminalState:
    """How one upgrade attempt on a terminal with this fault must end; None is a sound terminal."""
    return _EXPECTED[fault][0]


def expected_cause(fault: Fault | None) -> Cause:
    """The cause that attempt must name."""
    return _EXPECTED[fault][1]


def plant_faults(terminals: Iterable[Terminal], percent: float, seed: int) -> dict[str, Fault]:
    """Choose terminals for faults, the kinds in turn; same terminals, percent and seed, same choice.

    Args:
        terminals: Those reached by SSH are chosen from; order does not matter.
        percent: Of the terminals reached by SSH, 0 to 100. Above 0 at least one is chosen, and in a fleet of 70 or more one of every kind.
        seed: Decides which.

    Returns:
        Terminal id -> its fault, for those that have one, sorted by id.
    """
    ids = sorted(terminal.id for terminal in terminals if terminal.reach is Reach.SSH)
    if not ids or percent <= 0:
        return {}
    kinds = list(Fault)
    least = len(kinds) if len(ids) >= _ENOUGH_FOR_ALL * len(kinds) else 1
    count = min(len(ids), max(least, round(len(ids) * percent / 100)))
    random = Random(seed)  # noqa: S311 - reproducible on purpose, no secret
    random.shuffle(kinds)
    chosen = random.sample(ids, count)
    return dict(sorted((terminal, kinds[index % len(kinds)]) for index, terminal in enumerate(chosen)))
