"""What is counted, where, and when nothing is said at all."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from fleet.control.checkin import Report, check_in
from fleet.errors import FleetError, InputError
from fleet.model.actor import FLEET, Actor
from fleet.model.attempt import Cause, TerminalState
from fleet.model.inventory import Fleet, SiteKind
from fleet.model.rollout import SiteState
from fleet.report.completion import Completion
from fleet.report.counts import Counts, day_of
from fleet.report.reading import read_completion
from fleet.report.tables import completion_table
from fleet.settings import Settings
from fleet.store import Store, fleets, open_store

AT = datetime(2026, 3, 15, 2, 0, tzinfo=UTC)


def test_every_site_and_terminal_of_the_plan_is_counted_once(completion: Completion) -> None:
    assert (completion.total.sites, completion.total.terminals) == (9, 10)


def test_every_table_sums_to_the_total(completion: Completion) -> None:
    for groups in completion.groupings.values():
        total = Counts()
        for counts in groups:
            total.add(counts)

        assert total == completion.total


def test_the_endings_are_never_one_number(completion: Completion) -> None:
    assert completion.total.terminal_states == {
        TerminalState.UPGRADED: 1,
        TerminalState.SELF_TESTED: 1,
        TerminalState.FAILED: 1,
        TerminalState.ROLLED_BACK: 1,
        TerminalState.UNREACHABLE: 1,
        TerminalState.UNKNOWN: 1,
        TerminalState.EXCLUDED: 1,
        TerminalState.NOT_STARTED: 3,
    }


def test_a_marked_site_without_evidence_is_claimed_not_done(completion: Completion) -> None:
    total = completion.total

    assert (total.marked, total.claimed, total.done) == (2, 1, 1)
    assert total.site_states[SiteState.UPGRADED] == 1


def test_sites_count_for_their_technician_or_for_nobody(completion: Completion) -> None:
    assert {code: counts.sites for code, counts in completion.by_technician.items()} == {"wang-lei": 2, None: 7}
    assert list(completion.by_technician)[-1] is None


def test_districts_come_in_the_inventorys_order(completion: Completion) -> None:
    assert list(completion.by_district_and_kind) == [
        ("qingwan", SiteKind.HOSPITAL),
        ("qingwan", SiteKind.PHARMACY),
        ("heshan", SiteKind.PHARMACY),
    ]


def test_a_nights_work_is_one_day_until_the_day_boundary(completion: Completion) -> None:
    days = completion.by_day

    assert list(days) == [date(2026, 3, 14), date(2026, 3, 15), None]
    assert (days[date(2026, 3, 14)].terminals, days[date(2026, 3, 15)].terminals, days[None].terminals) == (6, 1, 3)
    assert (days[date(2026, 3, 15)].done, days[date(2026, 3, 15)].claimed) == (1, 1)


@pytest.mark.parametrize(
    ("at", "boundary", "day"),
    [
        (datetime(2026, 3, 14, 21, 59, 59, 999999, tzinfo=UTC), time(6), date(2026, 3, 14)),
        (datetime(2026, 3, 14, 22, 0, tzinfo=UTC), time(6), date(2026, 3, 15)),
        (datetime(2026, 3, 14, 16, 0, tzinfo=UTC), time(0), date(2026, 3, 15)),
        (datetime(2026, 12, 31, 17, 0, tzinfo=UTC), time(6), date(2026, 12, 31)),
    ],
)
def test_a_day_begins_at_the_boundary_by_the_clocks_of_the_zone(at: datetime, boundary: time, day: date) -> None:
    assert day_of(at, ZoneInfo("Asia/Shanghai"), boundary) == day


def test_failures_are_counted_by_their_cause(completion: Completion) -> None:
    found = {(row.ending, row.cause): (row.sites, row.terminals) for row in completion.causes}

    assert found == {
        (TerminalState.FAILED, Cause.DISK_FULL): (1, 1),
        (TerminalState.ROLLED_BACK, Cause.PROBE_FAILED): (1, 1),
        (TerminalState.UNREACHABLE, Cause.NO_ANSWER): (1, 1),
        (TerminalState.UNKNOWN, Cause.LINK_LOST): (1, 1),
    }


def test_the_rollout_ties_to_an_inventory_that_has_changed_since(store: Store, workspace: Settings, city: Fleet) -> None:
    terminals = {code: terminal for code, terminal in city.terminals.items() if code != "p8/t1"}
    late = city.terminals["p7/t1"].model_copy(update={"code": "t9"})
    changed = Fleet(districts=city.districts, sites=city.sites, terminals=terminals | {late.id: late}, people=city.people)
    with store.write(FLEET, AT) as tx:
        fleets.replace_fleet(tx, changed, {})
    with store.read() as snapshot:
        tie = read_completion(snapshot, workspace, AT).record.against_inventory["terminals"]

    assert (tie.inventory, tie.in_rollout, tie.removed_since, tie.not_in_rollout) == (10, 10, 1, 1)
    assert tie.inventory == tie.in_rollout - tie.removed_since + tie.not_in_rollout


@pytest.mark.parametrize(
    ("damage", "difference"),
    [
        (
            "UPDATE tally SET n = n + 1 WHERE unit = 'site' AND state = 'unreachable'",
            "in qingwan, pharmacy, the counter site unreachable says 2, counting gives 1",
        ),
        ("DELETE FROM tally WHERE state = 'rolled-back'", "the counter site rolled-back says 0, counting gives 1 (2 differences in all)"),
        ("DELETE FROM terminal_progress WHERE terminal = 'p8/t1'", "of the terminals of the plan, p8/t1 is not in the rollout"),
        ("DELETE FROM site_progress WHERE site = 'p8'", "of the sites of the plan, p8 is not in the rollout"),
        (
            "UPDATE site_progress SET proven = 2 WHERE site = 'p2'",
            "site p2 says: terminals 1, proven 2; counting gives: 1 and 0",
        ),
        (
            "UPDATE terminal_progress SET state = 'upgraded' WHERE terminal = 'p2/t1'",
            "site p2 says: terminals 1, proven 0; counting gives: 1 and 1",
        ),
    ],
)
def test_numbers_that_do_not_tie_are_refused_and_the_difference_is_named(
    store: Store, workspace: Settings, damage: str, difference: str
) -> None:
    with store.write(FLEET, AT) as tx:
        tx.connection.execute(text(damage))
    with store.read() as snapshot, pytest.raises(FleetError) as refusal:
        read_completion(snapshot, workspace, AT)

    assert refusal.value.exit_code == 1
    assert str(refusal.value).startswith("the numbers do not tie, so nothing was written: ")
    assert difference in str(refusal.value)


def test_without_a_rollout_there_is_nothing_to_count(workspace: Settings) -> None:
    store = open_store(workspace, create=True)
    with store.read() as snapshot, pytest.raises(InputError, match="no rollout has been started yet"):
        read_completion(snapshot, workspace, AT)
    store.close()


def test_an_unknown_rollout_says_which_there_are(store: Store, workspace: Settings) -> None:
    with store.read() as snapshot, pytest.raises(InputError) as refusal:
        read_completion(snapshot, workspace, AT, "r7")

    assert str(refusal.value) == "there is no rollout `r7`\nhint: one of: r1"


def test_the_table_for_the_screen_leaves_out_what_did_not_happen(completion: Completion) -> None:
    headings, rows = completion_table(completion)

    assert headings[:4] == ["district", "kind", "Sites: all", "Sites: done"]
    assert "Terminals: running" not in headings
    assert rows[0][:4] == ["Qingwan", "hospital", 1, 1]
    assert rows[-1][:4] == ["total", "", 9, 1]


def test_a_reported_problem_is_counted_until_the_site_is_marked(store: Store, workspace: Settings) -> None:
    check_in(store, Actor(code="wang-lei"), AT, Report("p1", "wang-lei", problem="door locked"))
    with store.read() as snapshot:
        reported = read_completion(snapshot, workspace, AT).total
    check_in(store, Actor(code="wang-lei"), AT, Report("p1", "wang-lei", note="open now"))
    with store.read() as snapshot:
        marked = read_completion(snapshot, workspace, AT).total

    assert (reported.problems, reported.marked) == (1, 1)
    assert (marked.problems, marked.marked) == (0, 2)


def do_damage(store: Store, sql: str) -> None:
    """Change the record as somebody does who gets past the database's own refusal to change events."""
    with store.write(FLEET, AT) as tx:
        for trigger in ("event_is_never_changed", "event_is_never_removed"):
            tx.connection.execute(text(f"DROP TRIGGER IF EXISTS {trigger}"))
        tx.connection.execute(text(sql))


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        ("UPDATE event SET actor = 'nobody' WHERE seq = 3", "event 3 (site.assigned) was changed"),
        ("DELETE FROM event WHERE seq = 3", "event 3 is missing"),
        ("DELETE FROM event WHERE seq > 9", "the last is 9, a site names "),
    ],
)
def test_a_record_whose_events_were_changed_proves_nothing_and_is_refused(
    store: Store, workspace: Settings, damage: str, problem: str
) -> None:
    do_damage(store, damage)
    with store.read() as snapshot, pytest.raises(FleetError) as refusal:
        read_completion(snapshot, workspace, AT)

    assert refusal.value.exit_code == 1
    assert str(refusal.value).startswith("the events were changed, so nothing was written: ")
    assert problem in str(refusal.value)
    assert "fleet audit verify" in str(refusal.value)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE assignment SET technician = 'li-na' WHERE site = 'h1'",
        "UPDATE site_progress SET done_at = '2026-01-01 00:00:00' WHERE site = 'h1'",
        "UPDATE terminal_progress SET detail = 'another' WHERE terminal = 'p2/t1'",
        "UPDATE attempt SET bytes_sent = 99999999 WHERE terminal = 'h1/t1'",
        "DELETE FROM check_in WHERE site = 'p1'",
        "UPDATE check_in SET note = 'another'",
        "UPDATE person SET name = 'another'",
        "UPDATE site SET name = 'another' WHERE code = 'p1'",
    ],
)
def test_rows_that_were_changed_by_hand_are_refused_although_they_tie(store: Store, workspace: Settings, damage: str) -> None:
    do_damage(store, damage)
    with store.read() as snapshot, pytest.raises(FleetError, match="nothing was written") as refusal:
        read_completion(snapshot, workspace, AT)

    assert refusal.value.exit_code == 1
    assert "fleet audit verify" in str(refusal.value)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE terminal_progress SET state = 'nonsense' WHERE terminal = 'p2/t1'",
        "UPDATE terminal_progress SET updated_at = 'yesterday' WHERE terminal = 'p2/t1'",
        "UPDATE rollout SET waves = '['",
        "UPDATE rollout SET phase = 'gone'",
        "UPDATE check_in SET kind = 'maybe'",
        "UPDATE tally SET state = 'nonsense' WHERE unit = 'ssh' AND state = 'failed'",
    ],
)
def test_a_record_that_cannot_be_read_is_said_to_be_damaged(store: Store, workspace: Settings, damage: str) -> None:
    do_damage(store, damage)
    with store.read() as snapshot, pytest.raises(FleetError, match="the record is damaged") as refusal:
        read_completion(snapshot, workspace, AT)

    assert refusal.value.exit_code == 1
    assert "fleet audit verify" in str(refusal.value)
