"""The queue of silent terminals, technicians' jobs, and leases, as people type and read them."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fleet.model.actor import FLEET
from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.crew import Assignment
from fleet.model.inventory import Fleet
from fleet.plan import write_plan
from fleet.store import Store, crew, progress
from tests.cli.conftest import ours
from tests.conftest import Cli
from tests.engine.city import COORDINATOR, STAGER, make_fleet, make_plan


@pytest.fixture
def store(cli: Cli, open_with: Callable[[Fleet], Store], tmp_path: Path) -> Store:
    """Two sites of four are silent, and a technician is sent to both: one for four hours, with a try that was not made; one is tried again yet.

    A third answered, with another host key; of the fourth no try is left.
    """
    fleet = ours(make_fleet(4))
    store = open_with(fleet)
    plan = make_plan(fleet, 4, program=STAGER)
    plan = plan.model_copy(update={"playbook": plan.playbook.model_copy(update={"offline_after_h": 3.0})})
    write_plan(plan.model_copy(update={"digest": plan.compute_digest()}), tmp_path / "plan.json")
    assert cli("rollout", "start", tmp_path / "plan.json", "--count", 4).code == 0
    now = datetime.now(UTC)
    for site, hours, due_in, cause in (
        ("s000", 4, -2, Cause.NO_ANSWER),
        ("s001", 1, 1, Cause.NO_ANSWER),
        ("s002", 4, None, Cause.HOST_KEY_CHANGED),
        ("s003", 0, None, Cause.NO_ANSWER),
    ):
        since = now - timedelta(hours=hours, minutes=2)
        ended = AttemptResult(
            terminal=f"{site}/t1", number=1, ending=TerminalState.UNREACHABLE, cause=cause, started_at=since, finished_at=since
        )
        due_at = now + timedelta(hours=due_in) if due_in is not None else None
        with store.write(FLEET, now) as tx:
            progress.record_result(tx, "r1", ended, {"tries": 1, "unreachable_since": since, "due_at": due_at})
    sent_at = now - timedelta(hours=5)  # before they fell silent: whoever is sent after that has the job
    with store.write(COORDINATOR, now) as tx:
        crew.save_assignments(tx, [Assignment(site=f"s00{n}", technician="t01", reason="near", by="c01", at=sent_at) for n in range(4)])
    return store


@pytest.mark.usefixtures("store")
def test_status_shows_who_is_silent_for_how_long_and_what_comes_next(cli: Cli) -> None:
    ran, facts = cli("status"), json.loads(cli("status", "--json").out)

    assert "Nobody answers at terminals: 3; a technician's job: 2" in ran.out
    assert re.search(r"  s000/t1: for 4 h 2 min, tries: 1; a technician's job: silent for 3 h; its next try was due at \d\d:\d\d", ran.out)
    assert re.search(r"  s001/t1: for 1 h 2 min, tries: 1; next one at \d\d:\d\d", ran.out)
    assert "  s003/t1: for 0 h 2 min, tries: 1; a technician's job: no try is left; `fleet rollout retry` tries it again" in ran.out
    assert [(one["terminal"], one["job"], one["why_job"]) for one in facts["offline"]] == [
        ("s000/t1", True, "silent-for-long"),
        ("s001/t1", False, None),
        ("s003/t1", True, "no-try-left"),
    ]


@pytest.mark.usefixtures("store")
def test_a_terminal_that_answered_is_among_the_failures_by_cause_and_in_no_queue(cli: Cli) -> None:
    shown, failures = cli("status").out, cli("status", "--failures").out

    assert "s002/t1" not in shown
    assert "its host key has changed" in failures
    assert "s002/t1" in failures


@pytest.mark.usefixtures("store")
def test_a_terminal_is_still_a_job_and_tried_again_after_a_person_sent_somebody(cli: Cli) -> None:
    assert cli("assign", "s001", "--to", "t01", "--reason", "its router").code == 0

    assert re.search(r"  s001/t1: .*; a technician's job: one was sent; tried again at \d\d:\d\d", cli("status").out)


@pytest.mark.usefixtures("store")
def test_a_technician_s_list_names_their_silent_terminals(cli: Cli) -> None:
    facts = json.loads(cli("assign", "--of", "t01", "--json").out)

    assert {each["code"]: each["offline"] for each in facts} == {"s000": ["t1"], "s001": [], "s002": [], "s003": ["t1"]}


@pytest.mark.usefixtures("store")
def test_only_a_terminal_that_is_a_technician_s_job_may_be_self_tested(cli: Cli) -> None:
    taken = cli("checkin", "s000", "--by", "t01", "--self-test", "t1=4.2.0")
    refused = [cli("checkin", site, "--by", "t01", "--self-test", "t1=4.2.0") for site in ("s001", "s002")]

    assert taken.code == 0, taken.err
    assert [ran.code for ran in refused] == [2, 2]
    assert all("is upgraded over SSH and proves itself" in ran.err for ran in refused)
    assert "Nobody answers at terminals: 2; a technician's job: 1" in cli("status").out


@pytest.mark.usefixtures("store")
def test_a_site_is_held_listed_and_let_go(cli: Cli) -> None:
    nothing = cli("lease")
    held = cli("lease", "s000", "--minutes", 45, "--reason", "new network card")
    listed = json.loads(cli("lease", "--json").out)
    let_go, again = cli("lease", "s000", "--free"), json.loads(cli("lease", "s000", "--free", "--json").out)

    assert "Every site is free." in nothing.err
    assert re.match(r"Site s000 is yours until .*; nothing is pushed to it\.", held.out)
    assert [(each["site"], each["owner"], each["purpose"], each["reason"]) for each in listed] == [
        ("s000", "c01", "by-hand", "new network card")
    ]
    assert "token" not in listed[0]
    assert let_go.out.strip() == "Site s000 is free."
    assert again == {"freed": False, "owner": None}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--free",), "say which site"),
        (("s009",), "there is no site `s009`"),
        (("nope",), "hint: `fleet inventory show` lists the sites"),
        (("s000", "--minutes", "1000"), "a site is held for at most 8 hours"),
        (("s000", "--minutes", "-5"), "a site is held for a minute at least\nhint: give --minutes a number from 1 to 480"),
        (("s000", "--minutes", "0"), "a site is held for a minute at least"),
    ],
)
@pytest.mark.usefixtures("store")
def test_what_makes_no_sense_is_refused(cli: Cli, words: tuple[str, ...], told: str) -> None:
    ran = cli("lease", *words)

    assert ran.code == 2
    assert told in ran.err
