"""A night on simulated terminals that goes on when the test says so."""

from collections.abc import Callable

from fleet.rehearsal.agenda import Agenda
from fleet.rehearsal.orchestrator import SteppedOrchestrator
from fleet.rehearsal.terminals import SimulatedTerminals
from fleet.store import Store


def followed(
    store: Store, agenda: Agenda, terminals: SimulatedTerminals, before: Callable[[str], None] = lambda _: None
) -> SteppedOrchestrator:
    """An orchestrator that has done all it can at the first moment."""
    made = SteppedOrchestrator(store, terminals, agenda, at_gateway=4, before=before)
    made.start()
    made.work()
    return made


def to_the_end(agenda: Agenda, orchestrator: SteppedOrchestrator) -> None:
    """From moment to moment until nothing is due."""
    while not agenda.is_empty:
        agenda.go_on()
        orchestrator.work()
