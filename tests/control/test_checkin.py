"""What a technician's report comes to."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from fleet.control.checkin import CheckedIn, Report, check_in
from fleet.control.crew import assign
from fleet.errors import InputError, NotAllowedError
from fleet.model.actor import FLEET, Actor
from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.inventory import District, Fleet, Person, Reach, Role, Site, SiteKind, Terminal
from fleet.model.plan import Plan
from fleet.model.playbook import DoneWhen
from fleet.model.rollout import Decision, DecisionKind, SiteState
from fleet.settings import Settings
from fleet.store import Store, audit, crew, fleets, open_store, progress, reads, rollouts

NOW = datetime(2026, 3, 14, 14, 0, tzinfo=UTC)
LI, WANG, ZHANG, STRANGER = Actor(code="li-na"), Actor(code="wang-lei"), Actor(code="zhang-wei"), Actor(code="nobody")
CITY = Fleet(
    districts={"qingwan": District(code="qingwan", name="青湾区")},
    sites={code: Site(code=code, kind=SiteKind.PHARMACY, name=f"药店{code}", district="qingwan") for code in ("p1", "p2", "p3")},
    terminals={
        "p1/t1": Terminal(site="p1", code="t1", host="127.0.0.1"),
        "p1/t2": Terminal(site="p1", code="t2", reach=Reach.BY_HAND),
        "p2/t1": Terminal(site="p2", code="t1", host="127.0.0.1"),
    },
    people={
        "li-na": Person(code="li-na", name="李娜", role=Role.COORDINATOR),
        "wang-lei": Person(code="wang-lei", name="王磊", role=Role.TECHNICIAN, district="qingwan"),
        "zhang-wei": Person(code="zhang-wei", name="张伟", role=Role.TECHNICIAN),
    },
)


@dataclass
class Desk:
    """A workspace where reports come in. wang-lei has p1 and p3, zhang-wei has p2 and covers p3."""

    store: Store

    def report(
        self,
        site: str = "p1",
        technician: str = "wang-lei",
        *,
        actor: Actor = WANG,
        note: str | None = None,
        problem: str | None = None,
        shown: Mapping[str, str] | None = None,
        failed: Mapping[str, str] | None = None,
    ) -> CheckedIn:
        return check_in(self.store, actor, NOW, Report(site, technician, note, problem, shown, failed))

    def push(self, terminal: str) -> None:
        result = AttemptResult(terminal=terminal, number=1, ending=TerminalState.UPGRADED, started_at=NOW, finished_at=NOW)
        with self.store.write(FLEET, NOW) as tx:
            progress.record_result(tx, "r1", result)

    def ends_unreachable(self, terminal: str, cause: Cause) -> None:
        ending = TerminalState.UNREACHABLE
        result = AttemptResult(terminal=terminal, number=1, ending=ending, cause=cause, started_at=NOW, finished_at=NOW)
        with self.store.write(FLEET, NOW) as tx:
            progress.record_result(tx, "r1", result)

    def terminal(self, code: str) -> reads.TerminalRow:
        with self.store.read() as snapshot:
            return next(row for row in reads.all_terminals(snapshot, "r1") if row.id == code)

    def kinds_of_events(self) -> list[str]:
        with self.store.read() as snapshot:
            return [event.kind for event in audit.read_events(snapshot)]

    def is_sound(self) -> bool:
        with self.store.read() as snapshot:
            return not audit.check_chain(snapshot)[2] and not audit.check_tables(snapshot, "r1")


@pytest.fixture
def idle(workspace: Settings) -> Iterator[Desk]:
    """People are sent, but no rollout was started."""
    store = open_store(workspace, create=True)
    with store.write(FLEET, NOW) as tx:
        fleets.replace_fleet(tx, CITY, {})
    assign(store, LI, NOW, "p1", "wang-lei", reason="near")
    assign(store, LI, NOW, "p2", "zhang-wei", reason="near")
    assign(store, LI, NOW, "p3", "wang-lei", reason="near", covering=["zhang-wei"])
    yield Desk(store)
    store.close()


@pytest.fixture
def desk(idle: Desk, start_rollout: Callable[..., Plan]) -> Desk:
    """A rollout of release 4.2.0 holds p1 and p2; p3 has no terminal."""
    start_rollout(idle.store, CITY)
    return idle


def test_a_mark_without_machine_evidence_is_claimed_not_done(desk: Desk) -> None:
    taken = desk.report("p2", "zhang-wei", actor=ZHANG)

    assert (taken.site.claimed, taken.site.done, taken.site.state) == (True, False, SiteState.NOT_STARTED)
    assert desk.is_sound()


def test_evidence_and_mark_together_are_done_in_either_order(desk: Desk) -> None:
    desk.report("p2", "zhang-wei", actor=ZHANG)
    desk.push("p2/t1")
    desk.push("p1/t1")
    taken = desk.report(shown={"t2": "4.2.0"})
    with desk.store.read() as snapshot:
        rows = reads.sites_since(snapshot, "r1")

    assert taken.site.done
    assert {row.code: row.done for row in rows} == {"p1": True, "p2": True}
    assert desk.is_sound()


def test_a_self_test_is_evidence_under_its_own_name(desk: Desk) -> None:
    desk.push("p1/t1")
    taken = desk.report(shown={"p1/t2": "4.2.0"})

    assert desk.terminal("p1/t2").state is TerminalState.SELF_TESTED
    assert taken.site.state is SiteState.UPGRADED
    assert taken.untested == ()


@pytest.mark.parametrize("typed", ["４.２.０", " v4.2.0 ", "V４.２.０"])
def test_a_version_is_read_as_input_methods_write_it(desk: Desk, typed: str) -> None:
    desk.push("p1/t1")
    desk.report(shown={"p1/t2": typed})

    assert desk.terminal("p1/t2").state is TerminalState.SELF_TESTED


@pytest.mark.parametrize("typed", ["好了", "4.2.0 ok", "yes!"])
def test_what_is_no_version_is_no_failed_self_test_either(desk: Desk, typed: str) -> None:
    desk.push("p1/t1")

    with pytest.raises(InputError, match="is no version"):
        desk.report(shown={"p1/t2": typed})

    assert desk.terminal("p1/t2").state is TerminalState.NOT_STARTED


def test_a_mark_names_the_terminals_that_still_lack_their_self_test(desk: Desk) -> None:
    assert desk.report().untested == ("p1/t2",)


def test_a_terminal_that_shows_another_version_has_not_passed_and_the_site_is_not_marked(desk: Desk) -> None:
    taken = desk.report(shown={"t2": "4.1.9"})
    row = desk.terminal("p1/t2")

    assert (taken.check_in.kind, taken.site.claimed) == ("problem", False)
    assert (row.state, row.cause, row.detail) == (TerminalState.FAILED, Cause.SELF_TEST, "4.1.9 != 4.2.0")


def test_a_terminal_too_old_to_be_reached_safely_is_done_by_hand_and_checked_in(desk: Desk) -> None:
    desk.ends_unreachable("p1/t1", Cause.SSH_TOO_OLD)

    failed = desk.report(failed={"t1": "the reader is dead"})
    passed = desk.report(shown={"t1": "4.2.0", "t2": "4.2.0"})

    assert (failed.check_in.kind, passed.check_in.kind) == ("problem", "mark")
    assert desk.terminal("p1/t1").state is TerminalState.SELF_TESTED
    assert passed.site.state is SiteState.UPGRADED
    assert desk.report(shown={"t1": "4.2.0"}).repeated
    assert desk.is_sound()


def test_a_terminal_that_could_not_be_reached_for_another_reason_is_pushed_again_instead(desk: Desk) -> None:
    desk.ends_unreachable("p1/t1", Cause.NO_ANSWER)

    with pytest.raises(InputError, match="proves itself"):
        desk.report(shown={"t1": "4.2.0"})


def test_a_failed_self_test_keeps_the_technicians_words(desk: Desk) -> None:
    desk.report(failed={"t2": "no paper"})
    row = desk.terminal("p1/t2")

    assert (row.state, row.detail) == (TerminalState.FAILED, "no paper")
    assert desk.is_sound()


def test_a_self_test_that_passes_later_makes_good_the_one_that_failed(desk: Desk) -> None:
    desk.report(failed={"t2": "no paper"})
    desk.report(shown={"t2": "4.2.0"})
    row = desk.terminal("p1/t2")

    assert (row.state, row.cause, row.detail) == (TerminalState.SELF_TESTED, Cause.NONE, "")


def test_a_problem_takes_the_mark_back(desk: Desk) -> None:
    desk.report()
    taken = desk.report(problem="the reader is broken")

    assert (taken.check_in.kind, taken.site.claimed) == ("problem", False)
    assert desk.kinds_of_events()[-2:] == ["site.checked-in", "site.unmarked"]


def test_a_repeated_mark_changes_nothing(desk: Desk) -> None:
    first = desk.report(shown={"t2": "4.2.0"})
    before = desk.kinds_of_events()
    again, with_test = desk.report(), desk.report(shown={"t2": "4.2.0"})

    assert (first.repeated, again.repeated, with_test.repeated) == (False, True, True)
    assert desk.kinds_of_events() == before


def test_a_mark_repeated_with_a_new_self_test_is_taken(desk: Desk) -> None:
    desk.report()
    again = desk.report(shown={"t2": "4.2.0"})

    assert not again.repeated
    assert desk.kinds_of_events().count("site.marked") == 1


def test_a_new_note_on_a_marked_site_is_recorded_once(desk: Desk) -> None:
    desk.report()
    noted, again = desk.report(note="the key is at the desk"), desk.report(note="the key is at the desk")
    with desk.store.read() as snapshot:
        stored = [(each.kind, each.note) for each in crew.read_check_ins(snapshot, "r1", "p1")]

    assert (noted.repeated, again.repeated) == (False, True)
    assert stored == [("mark", ""), ("mark", "the key is at the desk")]
    assert desk.kinds_of_events().count("site.marked") == 1


def test_a_self_test_that_is_told_twice_alike_is_taken(desk: Desk) -> None:
    taken = desk.report(shown={"t2": "4.2.0", "p1/t2": "4.2.0"})

    assert [test.terminal for test in taken.check_in.self_tests] == ["p1/t2"]


def test_people_and_sites_may_be_called_by_their_names(desk: Desk) -> None:
    taken = desk.report("药店p1", "王磊")

    assert (taken.check_in.site, taken.check_in.technician, taken.check_in.actor) == ("p1", "wang-lei", "wang-lei")
    assert taken.site.claimed


def test_a_coordinator_reports_for_a_technician_and_both_are_recorded(desk: Desk) -> None:
    taken = desk.report(actor=LI)
    with desk.store.read() as snapshot:
        last = list(audit.read_events(snapshot))[-1]
        stored = crew.read_check_ins(snapshot, "r1", "p1")

    assert (last.actor, last.on_behalf) == ("li-na", "wang-lei")
    assert stored == [taken.check_in]
    assert (taken.check_in.actor, taken.check_in.technician) == ("li-na", "wang-lei")


def test_a_technicians_own_report_is_on_nobodys_behalf(desk: Desk) -> None:
    desk.report()
    with desk.store.read() as snapshot:
        last = list(audit.read_events(snapshot))[-1]

    assert (last.actor, last.on_behalf) == ("wang-lei", None)


def test_a_technician_checks_in_for_themselves_only(desk: Desk) -> None:
    with pytest.raises(NotAllowedError, match="王磊 is a technician, and checks in for themselves only"):
        desk.report("p2", "zhang-wei", actor=WANG)


def test_a_stranger_checks_nothing_in(desk: Desk) -> None:
    with pytest.raises(NotAllowedError, match="may look but not check a site in"):
        desk.report(actor=STRANGER)


@pytest.mark.parametrize("actor", [ZHANG, LI])
def test_only_the_assigned_or_a_covering_technician_may_mark(desk: Desk, actor: Actor) -> None:
    with pytest.raises(NotAllowedError) as refusal:
        desk.report("p1", "zhang-wei", actor=actor)

    assert "site `p1` is `wang-lei`'s, and 张伟 does not cover for them" in str(refusal.value)
    assert "fleet assign p1 --to wang-lei --cover zhang-wei --reason ..." in str(refusal.value)


def test_a_covering_technician_may_mark(desk: Desk) -> None:
    assign(desk.store, LI, NOW, "p1", "wang-lei", reason="ill", covering=["zhang-wei"])

    assert desk.report("p1", "zhang-wei", actor=ZHANG).site.claimed


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"site": "p11"}, "there is no site `p11`\nhint: did you mean `p1`?"),
        ({"technician": "wang-li"}, "there is no technician `wang-li`\nhint: did you mean `wang-lei`?"),
        ({"shown": {"t9": "4.2.0"}}, "site `p1` has no terminal `t9` in this rollout\nhint: did you mean `p1/t2`?"),
        ({"shown": {"p2/t1": "4.2.0"}}, "site `p1` has no terminal `p2/t1` in this rollout\nhint: did you mean `p1/t2`?"),
        ({"shown": {"t1": "4.2.0"}}, "p1/t1 is upgraded over SSH and proves itself; a self-test is for terminals done by hand"),
        ({"shown": {"t2": "4.2.0"}, "failed": {"t2": "no"}}, "the self-test of p1/t2 cannot both pass and fail"),
        ({"shown": {"t2": "4.1.0", "p1/t2": "4.2.0"}}, "the self-test of p1/t2 is given twice, and the two differ"),
        ({"failed": {"t2": "no paper", "p1/t2": "no power"}}, "the self-test of p1/t2 is given twice, and the two differ"),
        ({"problem": ""}, "the problem is empty\nhint: say it in a few words, or leave the option out"),
        ({"problem": " \u3000", "note": "hello"}, "the problem is empty"),
        ({"note": " "}, "the note is empty"),
        ({"note": "well", "problem": "not well"}, "give a note or a problem, not both"),
        ({"note": "a\x00b"}, "the note holds the character U+0000, which is not allowed"),
    ],
)
def test_a_wrong_report_says_what_is_wrong_and_changes_nothing(desk: Desk, said: dict[str, str], complaint: str) -> None:
    before = desk.kinds_of_events()
    with pytest.raises(InputError) as refusal:
        desk.report(actor=LI, **said)  # type: ignore[arg-type]

    assert complaint in str(refusal.value)
    assert desk.kinds_of_events() == before


def test_a_check_in_before_any_rollout_says_so(idle: Desk) -> None:
    with pytest.raises(InputError, match="no rollout has been started yet"):
        idle.report()


def test_a_site_that_no_rollout_holds_says_so(desk: Desk) -> None:
    with pytest.raises(InputError, match="no rollout holds site `p3`"):
        desk.report("p3")


def test_a_site_nobody_is_sent_to_says_so(desk: Desk) -> None:
    with desk.store.write(FLEET, NOW) as tx:
        extra = Site(code="p4", kind=SiteKind.PHARMACY, name="新药店", district="qingwan")
        fleets.replace_fleet(tx, CITY.model_copy(update={"sites": {**CITY.sites, "p4": extra}}), {})
    with pytest.raises(NotAllowedError, match="nobody is sent to site `p4` yet"):
        desk.report("p4")


def test_an_excluded_site_takes_no_report(desk: Desk) -> None:
    with desk.store.write(LI, NOW) as tx:
        rollouts.add_decision(
            tx, Decision(rollout="r1", kind=DecisionKind.EXCLUDE, terminals=("p2/t1",), reason="being rebuilt", actor=LI.code, at=NOW)
        )
        progress.exclude(tx, "r1", ["p2/t1"])

    with pytest.raises(InputError, match="site `p2` is excluded from rollout r1") as refusal:
        desk.report("p2", "zhang-wei", actor=ZHANG)
    assert "hint: 李娜 (`li-na`) left it out: being rebuilt" in str(refusal.value)


def test_a_report_counts_in_the_newest_rollout_that_holds_the_site(desk: Desk, start_rollout: Callable[..., Plan]) -> None:
    terminals = {"p2/t1": CITY.terminals["p2/t1"]}
    only_p2 = Fleet(districts=CITY.districts, sites=CITY.sites, terminals=terminals, people=CITY.people)
    start_rollout(desk.store, only_p2, rollout="r2")

    assert desk.report("p1").rollout == "r1"
    assert desk.report("p2", "zhang-wei", actor=ZHANG).rollout == "r2"


def test_where_the_mark_is_not_asked_for_the_evidence_alone_is_done(idle: Desk, start_rollout: Callable[..., Plan]) -> None:
    start_rollout(idle.store, CITY, done_when=(DoneWhen.MACHINE,))
    idle.push("p2/t1")
    with idle.store.read() as snapshot:
        row = reads.read_site_row(snapshot, "r1", "p2")

    assert row is not None
    assert (row.done, row.claimed) == (True, False)
