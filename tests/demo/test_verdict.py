from fleet.demo.verdict import Difference, differences, expected_state
from fleet.model.attempt import Cause, TerminalState
from fleet.model.inventory import Reach, Terminal
from fleet.sim.faults import Fault
from fleet.store.reads import TerminalRow


def row(terminal: str, state: TerminalState) -> TerminalRow:
    return TerminalRow(terminal, Reach.SSH, "127.0.0.1", 22, None, state, "", Cause.NONE, "", 1, None)


def test_a_night_that_ends_as_planted_has_no_difference() -> None:
    terminals = {f"p1/{code}": Terminal(site="p1", code=code, host="127.0.0.1") for code in ("t1", "t2")}
    rows = [row("p1/t1", TerminalState.UPGRADED), row("p1/t2", TerminalState.ROLLED_BACK)]

    assert differences(terminals, {"p1/t2": Fault.FAILING_HEALTH}, rows) == []


def test_a_sound_terminal_that_failed_is_a_difference() -> None:
    terminals = {"p1/t1": Terminal(site="p1", code="t1", host="127.0.0.1")}

    found = differences(terminals, {}, [row("p1/t1", TerminalState.FAILED)])

    assert found == [Difference("p1/t1", None, TerminalState.UPGRADED, TerminalState.FAILED)]


def test_a_planted_fault_that_did_not_show_is_a_difference() -> None:
    terminals = {"p1/t1": Terminal(site="p1", code="t1", host="127.0.0.1")}

    found = differences(terminals, {"p1/t1": Fault.DISK_FULL}, [row("p1/t1", TerminalState.UPGRADED)])

    assert [(one.expected, one.actual) for one in found] == [(TerminalState.FAILED, TerminalState.UPGRADED)]


def test_a_terminal_that_the_record_does_not_hold_is_a_difference() -> None:
    terminals = {"p1/t1": Terminal(site="p1", code="t1", host="127.0.0.1")}

    assert [one.actual for one in differences(terminals, {}, [])] == [TerminalState.NOT_STARTED]


def test_a_dropped_link_must_end_upgraded_because_its_result_is_collected() -> None:
    terminal = Terminal(site="p1", code="t1", host="127.0.0.1")

    assert expected_state(terminal, Fault.DROPS_LINK) is TerminalState.UPGRADED


def test_a_terminal_done_by_hand_must_end_self_tested() -> None:
    terminal = Terminal(site="p1", code="t1", reach=Reach.BY_HAND)

    assert expected_state(terminal, None) is TerminalState.SELF_TESTED
