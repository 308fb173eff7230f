"""What `fleet rollout` and `fleet run --once` answer: whose turn it is, and what has taken effect."""

import os
import socket
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from fleet.control import leases
from fleet.engine.orchestrator import utc_now
from fleet.model.actor import FLEET
from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.settings import Settings
from fleet.store import Store, open_store, orchestrator, progress
from tests.cli.conftest import nowhere
from tests.conftest import Cli
from tests.engine.city import AT, COORDINATOR, STAGER, begin, make_fleet, make_plan, put_contents, set_up


@pytest.fixture
def store(cli: Cli, tmp_path: Path) -> Iterator[Store]:
    """A workspace with a rollout of two sites, two terminals each, nothing pushed yet."""
    cli("init")
    store = open_store(Settings(workspace=tmp_path / "workspace"))
    fleet = nowhere(make_fleet(2, terminals=2))
    set_up(store, fleet)
    put_contents(tmp_path / "workspace")
    begin(store, fleet, make_plan(fleet, 2, unreachable=2, program=STAGER))
    yield store
    store.close()


def fail(store: Store, *terminals: str) -> None:
    """Have a push to each of these fail."""
    with store.write(FLEET, AT) as tx:
        for name in terminals:
            ended = AttemptResult(
                terminal=name,
                number=1,
                ending=TerminalState.FAILED,
                cause=Cause.PROBE_FAILED,
                step="activate",
                started_at=AT,
                finished_at=AT,
            )
            progress.record_result(tx, "r1", ended)


def test_run_once_ends_with_3_where_all_that_is_left_is_a_site_somebody_works_at(cli: Cli, store: Store) -> None:
    for site in ("s000", "s001"):
        leases.hold(store, COORDINATOR, utc_now(), site, timedelta(minutes=30))

    ran = cli("run", "--once")
    status = cli("status")

    assert ran.code == 3, ran.err
    for told in (ran.err, status.out):
        assert "Site s000 waits for 李娜, who works there, until 20" in told
        assert "at the latest. Let go: fleet lease s001 --free" in told


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("words", [("stop",), ("pause",)])
def test_a_decision_says_that_it_is_recorded_and_when_it_takes_effect(cli: Cli, words: tuple[str, ...]) -> None:
    ran = cli("rollout", *words)

    assert ran.code == 0
    assert "is recorded" in ran.out.splitlines()[0]
    assert ran.out.splitlines()[1] == "No orchestrator runs now; it takes effect when one does: fleet run"


def test_a_decision_says_that_the_orchestrator_that_runs_takes_it_up(cli: Cli, store: Store) -> None:
    assert cli("rollout", "pause").code == 0
    with store.write(FLEET, utc_now()) as tx:
        orchestrator.become_orchestrator(tx, pid=1, host="elsewhere", user="fleet", token="t", last_is_dead=False)

    ran = cli("rollout", "resume")

    assert ran.out.splitlines() == ["The end of the pause is recorded.", "The orchestrator takes it up."]


def test_a_site_s_name_means_all_of_its_terminals(cli: Cli, store: Store) -> None:
    fail(store, "s000/t1", "s000/t2", "s001/t1")

    ran = cli("rollout", "retry", "s000")

    assert (ran.code, ran.out) == (0, "Terminals that will be pushed again: 2\n")


@pytest.mark.usefixtures("store")
def test_a_site_that_is_not_there_is_told_with_the_nearest_spelling(cli: Cli) -> None:
    ran = cli("rollout", "retry", "s00")

    assert ran.code == 2
    assert ran.err.splitlines()[0] == "there is no site `s00`"
    assert "hint: did you mean `s00" in ran.err


def test_status_says_that_an_orchestrator_which_was_killed_is_gone(cli: Cli, store: Store) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        with store.write(FLEET, utc_now()) as tx:
            host = socket.gethostname()
            orchestrator.become_orchestrator(tx, pid=process.pid, host=host, user="fleet", token="t", last_is_dead=False)
        alive = cli("status")
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and its parent has not asked yet
        gone = cli("status")

    assert f"Orchestrator: pid {process.pid} on " in alive.out
    assert f"The orchestrator is gone: pid {process.pid} on " in gone.out
    assert "Start one: fleet run" in gone.out
