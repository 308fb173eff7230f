"""What becomes of terminals whose orchestrator was killed over them."""

from collections.abc import Iterator

import pytest

from fleet.model.attempt import Cause, TerminalState
from fleet.model.playbook import KeySource
from fleet.rehearsal.agenda import Agenda
from fleet.rehearsal.orchestrator import SteppedOrchestrator
from fleet.rehearsal.terminals import Fate, SimulatedTerminals
from fleet.store import Store, reads
from fleet.store.audit import check_chain, check_tables
from tests.engine.city import AT, begin, make_fleet, make_plan, set_up
from tests.rehearsal.nights import empty_store
from tests.rehearsal.stepped import followed, to_the_end

TERMINAL = "s000/t1"


@pytest.fixture
def store() -> Iterator[Store]:
    with empty_store() as made:
        fleet = make_fleet(1)
        set_up(made, fleet)
        begin(made, fleet, make_plan(fleet, 1))
        yield made
        with made.read() as snapshot:
            assert [*map(str, check_chain(snapshot)[2]), *map(str, check_tables(snapshot, "r1"))] == []


def started(store: Store, agenda: Agenda, fate: Fate) -> SteppedOrchestrator:
    terminals = SimulatedTerminals(lambda _terminal, _number: fate, KeySource.TOKEN)
    return followed(store, agenda, terminals)


def stands(store: Store) -> tuple[TerminalState, Cause, int]:
    with store.read() as snapshot:
        row = reads.terminals_of_site(snapshot, "r1", "s000")[0]
    return row.state, row.cause, row.attempts


def test_a_terminal_that_is_silent_after_a_kill_is_unknown_for_its_program_may_have_run(store: Store) -> None:
    agenda = Agenda(AT)
    terminals = SimulatedTerminals(lambda _terminal, _number: Fate(heard=False, then_silent=True), KeySource.TOKEN)
    first = followed(store, agenda, terminals)
    agenda.go_on()
    first.die()

    second = followed(store, agenda, terminals)
    to_the_end(agenda, second)

    assert stands(store)[0] is TerminalState.UNKNOWN


def test_a_terminal_that_waits_after_a_kill_says_why(store: Store) -> None:
    agenda = Agenda(AT)
    first = started(store, agenda, Fate())
    first.die()

    from fleet.control import rollouts
    from tests.engine.city import COORDINATOR

    rollouts.pause(store, COORDINATOR, AT, "r1")
    second = started(store, agenda, Fate())

    assert stands(store) == (TerminalState.NOT_STARTED, Cause.ORCHESTRATOR_LOST, 0)
    assert second.is_alive


def test_an_orchestrator_killed_while_it_asks_again_leaves_the_terminal_to_be_asked_again(store: Store) -> None:
    agenda = Agenda(AT)
    terminals = SimulatedTerminals(lambda _terminal, _number: Fate(TerminalState.ROLLED_BACK, Cause.PROBE_FAILED, heard=False))
    first = followed(store, agenda, terminals)
    agenda.go_on()
    agenda.go_on()
    first.work()
    assert stands(store) == (TerminalState.RUNNING, Cause.LINK_LOST, 1)
    first.die()

    second = followed(store, agenda, terminals)
    to_the_end(agenda, second)

    assert stands(store) == (TerminalState.ROLLED_BACK, Cause.PROBE_FAILED, 2)
    assert max(terminals.made.values()) == 1


def test_a_terminal_that_was_never_connected_is_unreachable(store: Store) -> None:
    agenda = Agenda(AT)
    orchestrator = started(store, agenda, Fate(TerminalState.UNREACHABLE, Cause.NO_ANSWER))

    to_the_end(agenda, orchestrator)

    assert stands(store) == (TerminalState.UNREACHABLE, Cause.NO_ANSWER, 1)
