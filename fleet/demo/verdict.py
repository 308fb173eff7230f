"""Did it end as planted? The difference between what the faults must lead to and what the record says."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fleet.model.attempt import TerminalState
from fleet.model.inventory import Reach, Terminal
from fleet.sim.faults import Fault, expected_ending
from fleet.store.reads import TerminalRow


@dataclass(frozen=True, slots=True)
class Difference:
    """A terminal that ended otherwise than its fault, or its want of one, must lead to."""

    terminal: str
    fault: Fault | None
    expected: TerminalState
    actual: TerminalState


def expected_state(terminal: Terminal, fault: Fault | None) -> TerminalState:
    """Where a terminal must stand when the night is over.

    A link that dropped is no ending: the orchestrator connects again and collects what the terminal did by itself.
    """
    if terminal.reach is Reach.BY_HAND:
        return TerminalState.SELF_TESTED
    if fault is Fault.DROPS_LINK:
        return TerminalState.UPGRADED
    return expected_ending(fault)


def differences(terminals: Mapping[str, Terminal], faults: Mapping[str, Fault], rows: Iterable[TerminalRow]) -> list[Difference]:
    """Every terminal whose ending is not the planted one, by id; empty when the night went as planted."""
    found = {row.id: row.state for row in rows}
    expected = {id_: expected_state(terminal, faults.get(id_)) for id_, terminal in terminals.items()}
    return [
        Difference(id_, faults.get(id_), state, found.get(id_, TerminalState.NOT_STARTED))
        for id_, state in sorted(expected.items())
        if found.get(id_) is not state
    ]
