"""Every row that a view reads is vouched for by an event: what was changed, removed or put there by hand is found."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from fleet.errors import FleetError
from fleet.model.actor import FLEET
from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.crew import Assignment, CheckIn
from fleet.model.playbook import KeySource
from fleet.model.release import Artifact, Release, ReleaseFile
from fleet.model.rollout import Decision, DecisionKind
from fleet.model.trust import HostKey, HostKeyState, KeyBinding
from fleet.store import Store, audit, crew, progress, releases, rollouts, trust

NOW = datetime(2026, 3, 14, 14, 0, tzinfo=UTC)
PRINT = "SHA256:" + "A" * 43
FILE = ReleaseFile(path="bin/client", sha256="1" * 64, size=9)


CHANGES = [
    ("UPDATE assignment SET technician = 'zhao-min' WHERE site = 'p1'", "assignment: the row `p1` was changed"),
    ("UPDATE assignment SET distance_km = 0.5 WHERE site = 'p1'", "assignment: the row `p1` was changed"),
    ("DELETE FROM assignment WHERE site = 'p1'", "assignment: the row `p1` of event"),
    ("UPDATE site_progress SET done_at = NULL WHERE site = 'p2'", "site_progress: the row `r1 p2` was changed"),
    ("UPDATE site_progress SET updated_at = NULL WHERE site = 'p4'", "site_progress: the row `r1 p4` was changed"),
    ("UPDATE terminal_progress SET updated_at = NULL WHERE terminal = 'p2/t1'", "terminal_progress: the row `r1 p2/t1` was changed"),
    ("UPDATE terminal_progress SET cause = 'busy' WHERE terminal = 'h1/t1'", "terminal_progress: the row `r1 h1/t1` was changed"),
    ("UPDATE terminal_progress SET detail = 'fine' WHERE terminal = 'p4/t2'", "terminal_progress: the row `r1 p4/t2` was changed"),
    ("UPDATE terminal_progress SET step = 'probe' WHERE terminal = 'h1/t2'", "terminal_progress: the row `r1 h1/t2` was changed"),
    ("DELETE FROM terminal_progress WHERE terminal = 'p3/t1'", "terminal_progress: the row `r1 p3/t1` of event"),
    ("UPDATE check_in SET note = ''", "check_in: the row `1` was changed"),
    ("DELETE FROM check_in", "check_in: the row `1` of event"),
    (
        "INSERT INTO check_in SELECT 7, rollout, site, technician, kind, self_tests, note, actor, at FROM check_in",
        "no event wrote the row `7`",
    ),
    ("DELETE FROM attempt WHERE terminal = 'h1/t1'", "attempt: the row `r1 h1/t1 1` of event"),
    ("UPDATE attempt SET ending = 'upgraded', cause = 'none' WHERE terminal = 'h1/t1'", "attempt: the row `r1 h1/t1 1` was changed"),
    ("UPDATE decision SET actor = 'wang-lei'", "decision: the row `1` was changed"),
    ("DELETE FROM decision", "decision: the row `1` of event"),
    ("UPDATE rollout SET waves = '[]'", "rollout: the row `r1` was changed"),
    ("UPDATE rollout SET done_when = '[\"mark\"]'", "rollout: the row `r1` was changed"),
    ("UPDATE rollout SET phase = 'finished'", "rollout: the row `r1` was changed"),
    ("DELETE FROM rollout", "rollout: the row `r1` of event"),
    ("UPDATE key_binding SET key_card = 'K9'", "key_binding: the row `h1/t1` was changed"),
    ("UPDATE host_key SET fingerprint = 'SHA256:x' WHERE terminal = 'h1/t1'", "host_key: the row `h1/t1` was changed"),
    ("UPDATE host_key SET state = 'confirmed' WHERE terminal = 'h1/t2'", "host_key: the row `h1/t2` was changed"),
    ("UPDATE release SET notes = 'x'", "release: the row `4.2.0` was changed"),
    ("UPDATE site SET name = 'x' WHERE code = 'p1'", "site: the rows were changed after event"),
    ("DELETE FROM person", "person: the rows were changed after event"),
]
NONSENSE = [
    "UPDATE terminal_progress SET state = 'nonsense'",
    "UPDATE terminal_progress SET updated_at = 'nonsense'",
    "UPDATE site_progress SET done_at = 'nonsense', seq = -1",
    "UPDATE site_progress SET state = 'nonsense'",
    "UPDATE rollout SET waves = '7'",
    "UPDATE rollout SET done_when = '7'",
    "UPDATE rollout SET plan_digest = ''",
    "UPDATE attempt SET facts = '7', started_at = ''",
]
SQLITE_NONSENSE = [
    "UPDATE rollout SET waves = '['",
    "UPDATE rollout SET done_when = ''",
    "UPDATE attempt SET log = x'ff'",
    "UPDATE assignment SET distance_km = 'far'",
    "UPDATE site_progress SET claimed = 'yes'",
    "UPDATE terminal_progress SET updated_at = x'00'",
    "DROP TRIGGER event_is_never_changed; UPDATE event SET at = 'nonsense' WHERE seq = 3",
    "DROP TRIGGER event_is_never_changed; UPDATE event SET body = '[' WHERE seq = 3",
    "DROP TRIGGER event_is_never_changed; UPDATE event SET body = '[]' WHERE seq = 3",
]


@pytest.fixture
def night(running: Store, push: Callable[..., AttemptResult]) -> Store:
    """A rollout in which everything happened that leaves a row."""
    with running.write(FLEET, NOW) as tx:
        releases.add_release(tx, Release(version="4.2.0", artifacts=(Artifact(name="client", files=(FILE,)),), added_at=NOW))
        crew.save_assignments(tx, [Assignment(site=site, technician="wang-lei", distance_km=1.1, at=NOW) for site in ("p1", "p2")])
        crew.add_check_in(tx, "r1", CheckIn(site="p2", technician="wang-lei", note="李娜来过", actor="wang-lei", at=NOW))
        key = HostKey(terminal="h1/t1", fingerprint=PRINT, state=HostKeyState.SCANNED, seen_at=NOW)
        trust.save_host_keys(tx, [key, key.model_copy(update={"terminal": "h1/t2"})], "host-keys.scanned")
        binding = KeyBinding(
            terminal="h1/t1", key_card="K1", source=KeySource.BORN_HERE, key_id="2" * 64, host_fingerprint=PRINT, bound_at=NOW
        )
        trust.save_binding(tx, binding)
        trust.note_changed_key(tx, "h1/t2", "SHA256:" + "B" * 43)
        rollouts.add_decision(tx, Decision(rollout="r1", kind=DecisionKind.PAUSE, reason="李娜问", actor="li-na", at=NOW))
        state = rollouts.read_rollout(tx, "r1")
        assert state is not None
        first = state.waves[0].model_copy(update={"approved_by": "li-na", "approved_at": NOW})
        rollouts.save_rollout(tx, state.model_copy(update={"waves": (first, *state.waves[1:]), "seen_decision": 1}))
        progress.mark_running(tx, "r1", ["h1/t1", "p2/t1"])
    push(running, "h1/t1", TerminalState.FAILED, cause=Cause.DISK_FULL)
    push(running, "p2/t1", TerminalState.UPGRADED)
    with running.write(FLEET, NOW) as tx:
        progress.put_back(tx, "r1", ["h1/t1"], "retry")
        progress.exclude(tx, "r1", ["p3/t1"])
        progress.record_self_tests(tx, "r1", {"p1/t2": True, "p4/t2": False}, {"p4/t2": "李娜说屏幕黑"})
        progress.record_mark(tx, "r1", "p2", marked=True)
    return running


def problems(store: Store) -> list[str]:
    with store.read() as snapshot:
        return [str(problem) for problem in audit.check_record(snapshot)[2]]


def problems_after(store: Store, statement: str) -> list[str]:
    """What is found once somebody changed this, which is taken back afterwards."""
    with store.read() as snapshot:
        for part in statement.split(";"):
            snapshot.connection.execute(text(part))
        return [str(problem) for problem in audit.check_record(snapshot)[2]]


def execute(store: Store, *statements: str) -> None:
    with store.engine.connect().execution_options(writes=True) as connection, connection.begin():
        for statement in statements:
            connection.execute(text(statement))


def test_what_the_program_wrote_itself_holds(night: Store) -> None:
    assert problems(night) == []


def test_a_row_changed_by_hand_is_named(night: Store) -> None:
    overlooked = [statement for statement, row in CHANGES if not any(row in problem for problem in problems_after(night, statement))]

    assert overlooked == []


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE plan SET text = replace(text, '\"4.2.0\"', '\"4.2.1\"')", "was changed in the database"),
        ("UPDATE plan SET text = '['", "was changed in the database"),
        ("DELETE FROM plan", "is missing from the database"),
    ],
)
def test_a_plan_changed_by_hand_is_found_and_read_no_more(night: Store, statement: str, problem: str) -> None:
    with night.read() as snapshot:
        state = rollouts.read_rollout(snapshot, "r1")
    assert state is not None
    execute(night, statement)

    assert problems(night) == [f"the plan {state.plan_digest[:12]} {problem}"]
    with night.read() as snapshot, pytest.raises(FleetError, match=r"(?s)the plan .*fleet audit verify"):
        releases.read_plan(snapshot, state.plan_digest)


def test_a_value_that_makes_no_sense_is_a_finding(night: Store) -> None:
    overlooked = [statement for statement in NONSENSE if not problems_after(night, statement)]

    assert overlooked == []


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_a_value_that_only_sqlite_takes_is_a_finding(night: Store) -> None:
    overlooked = [statement for statement in SQLITE_NONSENSE if not problems_after(night, statement)]

    assert overlooked == []


def test_no_text_that_a_person_wrote_is_in_the_chain(night: Store) -> None:
    with night.read() as snapshot:
        bodies = [str(event.body) for event in audit.read_events(snapshot)]

    assert not any("李娜" in body for body in bodies)
