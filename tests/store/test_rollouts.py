"""Rollouts, decisions, plans, releases, assignments and reports come back as they were recorded."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from fleet.model.actor import FLEET
from fleet.model.attempt import AttemptResult, Cause, KeyEvidence, StepResult, TerminalState
from fleet.model.crew import Assignment, CheckIn, SelfTest
from fleet.model.inventory import Fleet
from fleet.model.plan import Plan
from fleet.model.playbook import KeySource
from fleet.model.purpose import Only
from fleet.model.release import Artifact, Release, ReleaseFile
from fleet.model.rollout import Decision, DecisionKind, RolloutPhase, SiteState, Verdict, WavePhase
from fleet.store import Store, audit, crew, progress, reads, releases, rollouts

NOW = datetime(2026, 3, 14, 14, 0, tzinfo=UTC)


def test_a_rollout_begins_with_everything_not_started(running: Store) -> None:
    with running.read() as snapshot:
        tallies = reads.read_tallies(snapshot, "r1")
        states = {row.code: row.state for row in reads.sites_since(snapshot, "r1")}
        problems = audit.check_tables(snapshot, "r1")

    assert tallies.total.terminals == {TerminalState.NOT_STARTED: 8}
    assert tallies.total.by_hand == {TerminalState.NOT_STARTED: 2}
    assert {wave: tally.sites.total for wave, tally in tallies.by_wave.items()} == {1: 2, 2: 3}
    assert states.pop("p4") is SiteState.WAITING_BY_HAND
    assert set(states.values()) == {SiteState.NOT_STARTED}
    assert problems == []


def test_a_rollouts_position_comes_back_as_it_was_saved(running: Store) -> None:
    with running.read() as snapshot:
        state = rollouts.read_rollout(snapshot, "r1")
    assert state is not None
    wave = state.waves[0].model_copy(
        update={"phase": WavePhase.GATE, "verdict": Verdict.INCONCLUSIVE, "verdict_values": {"n": 3, "share": 0.5}, "opened_at": NOW}
    )
    moved = state.model_copy(update={"phase": RolloutPhase.FINISHED, "waves": (wave, state.waves[1]), "finished_at": NOW})
    with running.write(FLEET, NOW) as tx:
        rollouts.save_rollout(tx, moved)
    with running.read() as snapshot:
        assert rollouts.read_rollout(snapshot, "r1") == moved
        assert rollouts.unfinished_rollouts(snapshot) == []


def test_the_newest_rollout_is_the_one_started_last_whatever_its_id(store: Store, fleet: Fleet, start_rollout: Callable[..., Plan]) -> None:
    only_p2 = Fleet(districts=fleet.districts, sites=fleet.sites, terminals={"p2/t1": fleet.terminals["p2/t1"]}, people=fleet.people)
    start_rollout(store, fleet, rollout="z")
    start_rollout(store, only_p2, rollout="a")
    with store.read() as snapshot:
        newest = rollouts.newest_rollout(snapshot)
        of_site = {site: rollouts.newest_rollout_of_site(snapshot, site) for site in ("p1", "p2", "none")}

        assert rollouts.rollout_ids(snapshot) == ["z", "a"]
        assert rollouts.rollout_number(snapshot) == 2
        assert [state.id for state in rollouts.unfinished_rollouts(snapshot)] == ["z", "a"]
    assert newest is not None
    assert newest.id == "a"
    assert {site: state and state.id for site, state in of_site.items()} == {"p1": "z", "p2": "a", "none": None}


def test_decisions_come_in_the_order_they_were_made_each_with_its_event(running: Store) -> None:
    asked = [
        Decision(rollout="r1", kind=DecisionKind.APPROVE, wave=1, actor="li-na", at=NOW),
        Decision(rollout="r1", kind=DecisionKind.EXCLUDE, terminals=("p1/t1",), reason="closed", actor="li-na", at=NOW),
    ]
    with running.write(FLEET, NOW) as tx:
        ids = [rollouts.add_decision(tx, decision) for decision in asked]
    with running.read() as snapshot:
        stored = rollouts.decisions_after(snapshot, "r1", 0)
        later = rollouts.decisions_after(snapshot, "r1", ids[0])
        kinds = [event.kind for event in audit.read_events(snapshot)][-2:]

    assert [decision.model_copy(update={"id": 0}) for decision in stored] == asked
    assert [decision.id for decision in stored] == ids
    assert [decision.id for decision in later] == ids[1:]
    assert kinds == ["rollout.approved", "rollout.excluded"]


def test_a_plan_and_a_release_come_back_as_they_were_kept(running: Store) -> None:
    file = ReleaseFile(path="bin/client", sha256="a" * 64, size=12, mode="0755")
    release = Release(
        version="4.2.0", artifacts=(Artifact(name="x86", where="arch:x86", files=(file,)),), notes="补丁'", added_at=NOW, added_by="li-na"
    )
    with running.write(FLEET, NOW) as tx:
        releases.add_release(tx, release)
        state = rollouts.newest_rollout(tx)
        assert state is not None
        plan = releases.read_plan(tx, state.plan_digest)
        releases.keep_plan(tx, plan)

        assert releases.read_release(tx, "4.2.0") == release
        assert releases.read_release(tx, "9") is None
        assert releases.read_releases(tx) == [release]
        assert plan.compute_digest() == state.plan_digest


def test_an_attempt_comes_back_with_all_it_brought(running: Store) -> None:
    result = AttemptResult(
        terminal="p2/t1",
        number=1,
        ending=TerminalState.FAILED,
        step="probe",
        cause=Cause.PROBE_FAILED,
        detail="'; DROP TABLE attempt; -- 𠮷",
        steps=(StepResult(name="stage", ok=True, duration_ms=12), StepResult(name="probe", ok=False, detail="%s")),
        facts={"swipe_ms": "1200"},
        key=KeyEvidence(source=KeySource.TOKEN, number="7", check_value="ab"),
        host_fingerprint="SHA256:x",
        bytes_sent=5,
        bytes_saved=7,
        log=("一行", "{two}"),
        started_at=NOW,
        finished_at=NOW + timedelta(microseconds=1),
    )
    with running.write(FLEET, NOW) as tx:
        progress.record_result(tx, "r1", result)
    with running.read() as snapshot:
        assert reads.attempts_of_terminal(snapshot, "r1", "p2/t1") == [result]
        assert reads.bytes_of_rollout(snapshot, "r1") == (5, 7)
        (failure,) = reads.failures(snapshot, "r1")
    assert (failure.terminal, failure.site_name, failure.cause, failure.detail) == (
        "p2/t1",
        "西门药店",
        Cause.PROBE_FAILED,
        result.detail,
    )


def test_an_assignment_takes_the_place_of_the_one_before(store: Store) -> None:
    first = Assignment(site="p1", technician="wang-lei", distance_km=1.25)
    second = Assignment(site="p1", technician="zhao-min", covering=("wang-lei",), reason="ill", by="li-na", at=NOW)
    with store.write(FLEET, NOW) as tx:
        crew.save_assignments(tx, [first, Assignment(site="p2", technician="wang-lei")])
        crew.save_assignments(tx, [second])
        crew.save_assignments(tx, [])
    with store.read() as snapshot:
        events = [event for event in audit.read_events(snapshot) if event.kind == "site.assigned"]

        assert crew.read_assignments(snapshot)["p1"] == second
        assert crew.read_assignment(snapshot, "none") is None
    assert [event.subject for event in events] == ["sites", "p1"]
    assert (events[1].body["technicians"], events[1].body["covering"]) == ({"p1": "zhao-min"}, {"p1": ["wang-lei"]})


def test_reports_are_history_oldest_first(running: Store) -> None:
    test = SelfTest(terminal="p1/t2", version="4.2.0", ok=True)
    reports = [
        CheckIn(site="p1", technician="wang-lei", self_tests=(test,), actor="li-na", at=NOW),
        CheckIn(site="p4", technician="wang-lei", kind="problem", note="门锁了", actor="wang-lei", at=NOW),
    ]
    with running.write(FLEET, NOW) as tx:
        for report in reports:
            crew.add_check_in(tx, "r1", report)
    with running.read() as snapshot:
        assert crew.read_check_ins(snapshot, "r1") == reports
        assert crew.read_check_ins(snapshot, "r1", "p4") == reports[1:]
        assert crew.read_check_ins(snapshot, "r2") == []


def test_what_a_rollout_is_for_comes_back_and_one_from_before_that_was_known_is_for_everything(running: Store) -> None:
    with running.read() as snapshot:
        before = rollouts.read_rollout(snapshot, "r1")
    assert before is not None
    after = before.model_copy(update={"only": Only.STAGE, "site_rate": 250_000, "total_rate": 10**12})
    with running.write(FLEET, NOW) as tx:
        rollouts.save_rollout(tx, after)

    with running.read() as snapshot:
        assert rollouts.read_rollout(snapshot, "r1") == after
        assert audit.check_record(snapshot)[2] == []
    assert (before.only, before.site_rate, before.total_rate) == (None, None, None)


def test_a_site_is_staged_when_all_of_it_is_and_never_counts_as_proven_or_done(running: Store) -> None:
    with running.read() as snapshot:
        site = reads.sites_since(snapshot, "r1")[0].code
        terminals = [row.id for row in reads.terminals_of_site(snapshot, "r1", site)]
    for terminal in terminals:
        result = AttemptResult(terminal=terminal, number=1, ending=TerminalState.STAGED, in_place=True, started_at=NOW, finished_at=NOW)
        with running.write(FLEET, NOW) as tx:
            progress.record_result(tx, "r1", result)
    with running.write(FLEET, NOW) as tx:
        progress.record_mark(tx, "r1", site, marked=True)

    with running.read() as snapshot:
        row, total = reads.read_site_row(snapshot, "r1", site), reads.read_tallies(snapshot, "r1").total
        problems = audit.check_tables(snapshot, "r1")
    assert row is not None
    assert (row.state, row.proven, row.done) == (SiteState.STAGED, 0, False)
    assert (total.staged, total.proven, total.sites.staged, total.sites.upgraded, total.done) == (len(terminals), 0, 1, 0, 0)
    assert problems == []
