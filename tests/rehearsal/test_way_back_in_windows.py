"""The rehearsal of the way back is the program's own doing: it keeps to windows like a push. The real reconciler and desk, one thing at a time."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from fleet.cli.standing import look
from fleet.control import rollouts as control
from fleet.control.rollback import roll_back
from fleet.model.attempt import Cause, TerminalState
from fleet.model.plan import Plan
from fleet.model.playbook import ActivateStep, Approval, Command, KeySource
from fleet.model.purpose import Errand
from fleet.model.rollout import Verdict, WavePhase, WaveState
from fleet.model.windows import Entry, Scope, Windows
from fleet.push import PushJob
from fleet.rehearsal.terminals import Fate, Fates
from fleet.rollout import verdict_words
from fleet.rollout.standing import Standing
from fleet.store import Store, progress
from fleet.store.ways_back import errands_of
from fleet.store.windows import terminals_not_reached
from fleet.text import render
from tests.engine.city import AT, COORDINATOR, STAGER, begin, make_fleet, make_plan, set_up, with_program
from tests.rehearsal.laws import Laws
from tests.rehearsal.nights import empty_store
from tests.rehearsal.stepped import followed, to_the_end
from tests.rehearsal.watched import Wall, WatchedTerminals

MINUTE = timedelta(minutes=1)
FLEET = make_fleet(4)
OTHER = STAGER.model_copy(update={"digest": "f" * 64})
"""A program of its own that does the same."""
_ACTIVATES = (ActivateStep(name="activate", probe=Command(words=("true",))),)


def entry(begins_in: int, ends_in: int, *sites: str) -> Entry:
    scope = Scope.SITE if sites else Scope.PLAN
    return Entry(scope=scope, sites=sites, begins_at=AT + begins_in * MINUTE, ends_at=AT + ends_in * MINUTE)


def rehearsing(*windows: Entry, other: tuple[str, ...] = (), parallel: int = 8) -> Plan:
    """A canary of `s000` and `s001`, then the rest; the sites in `other` have the other program."""
    plan = make_plan(FLEET, 2, 2, program=STAGER, approval=Approval.ALWAYS, parallel=parallel)
    waves = tuple(
        wave.model_copy(update={"sites": tuple(with_program(site, OTHER) if site.code in other else site for site in wave.sites)})
        for wave in plan.waves
    )
    update = {
        "playbook": plan.playbook.model_copy(update={"rollback_rehearsal": True, "steps": _ACTIVATES}),
        "programs": {STAGER.digest: STAGER} | ({OTHER.digest: OTHER} if other else {}),
        "waves": waves,
        "windows": Windows(zone="Asia/Shanghai", suspensions=(entry(-60, 900),), windows=windows) if windows else None,
    }
    plan = plan.model_copy(update=update)
    return plan.model_copy(update={"digest": plan.compute_digest()})


class Night:
    """A rollout of that plan, in which every connection is looked at."""

    def __init__(self, store: Store, plan: Plan, fates: Fates = lambda _name, _number: Fate()) -> None:
        """It has begun."""
        self.store, self.agenda, self.wrong = store, Wall(AT), list[str]()
        self.laws = Laws(FLEET, plan, self.agenda)
        self.jobs: list[PushJob] = []
        begin(store, FLEET, plan)
        self.orchestrator = followed(store, self.agenda, WatchedTerminals(fates, KeySource.TOKEN, self._see))

    def _see(self, job: PushJob) -> None:
        self.jobs.append(job)
        with self.store.read() as snapshot:
            self.wrong += self.laws.broken_by_a_beginning(snapshot, job, (), {})

    def live(self) -> WaveState:
        """Until people are asked; how its canary stands then."""
        for _ in range(50):
            to_the_end(self.agenda, self.orchestrator)
            turn = self.orchestrator.work()
            assert turn.state is not None
            canary = turn.state.waves[0]
            if self.agenda.is_empty and (turn.next_at is None or canary.phase is not WavePhase.OPEN):
                return canary
            if self.agenda.is_empty and turn.next_at is not None:
                self.agenda.let_pass((turn.next_at - self.agenda.now).total_seconds())
                self.orchestrator.work()
        raise AssertionError("it never comes to its gate")

    def rehearsed(self) -> list[str]:
        """Terminals that were connected to, to be taken back in rehearsal."""
        return [job.terminal.id for job in self.jobs if job.errand is Errand.REHEARSAL]

    def states(self) -> dict[str, TerminalState]:
        """How each terminal stands; what is wanted of it besides must be nothing."""
        with self.store.read() as snapshot:
            assert errands_of(snapshot, "r1", FLEET.terminals) == {}
            return progress.states_of(snapshot, "r1", FLEET.terminals)


@pytest.fixture
def store() -> Iterator[Store]:
    with empty_store() as made:
        set_up(made, FLEET)
        yield made


def test_where_one_site_was_closed_early_nothing_of_it_goes_back_and_a_person_decides(store: Store) -> None:
    night = Night(store, rehearsing(entry(120, 900), entry(0, 60, "s000"), other=("s000",)))

    canary = night.live()
    words = verdict_words(canary)

    assert night.wrong == []
    assert night.rehearsed() == ["s001/t1"]
    assert night.states()["s000/t1"] is TerminalState.UPGRADED
    assert (canary.phase, canary.verdict, canary.verdict_code) == (WavePhase.GATE, Verdict.INCONCLUSIVE, "rehearsal-windows")
    assert words is not None
    assert "s000/t1" in render(words)


def test_a_terminal_whose_window_leaves_no_time_to_go_back_come_again_and_go_back_once_more_is_not_chosen(store: Store) -> None:
    night = Night(store, rehearsing(entry(0, 25, "s000"), entry(0, 900, "s001"), other=("s001",)))  # three times 10 minutes

    canary = night.live()

    assert night.rehearsed() == ["s001/t1"]
    assert (canary.verdict_code, canary.verdict_values["lacking_named"]) == ("rehearsal-windows", "s000/t1")
    assert night.states()["s000/t1"] is TerminalState.UPGRADED


def test_of_a_program_one_with_time_is_rehearsed_instead_of_one_without(store: Store) -> None:
    night = Night(store, rehearsing(entry(0, 25, "s000")))

    canary = night.live()

    assert night.rehearsed() == ["s001/t1"]
    assert (canary.verdict, canary.verdict_code) == (Verdict.PASS, "enough")


def slow_in_rehearsal(name: str, number: int) -> Fate:
    return Fate(seconds=3_000) if (name, number) == ("s001/t1", 2) else Fate()


def test_a_terminal_that_was_chosen_and_whose_window_is_over_before_it_began_keeps_its_upgrade_and_a_person_decides(store: Store) -> None:
    plan = rehearsing(entry(0, 40, "s000"), entry(0, 900, "s001"), other=("s000",), parallel=1)
    night = Night(store, plan, slow_in_rehearsal)

    canary = night.live()

    assert night.wrong == []
    assert night.rehearsed() == ["s001/t1"]
    assert night.states()["s000/t1"] is TerminalState.UPGRADED
    assert (canary.verdict, canary.verdict_code) == (Verdict.INCONCLUSIVE, "rehearsal-windows")
    assert (canary.verdict_values["rehearsed"], canary.verdict_values["lacking_named"]) == (1, "s000/t1")


def test_one_that_went_back_too_slowly_to_come_again_in_its_window_counts_as_not_reached_and_fails_the_gate(store: Store) -> None:
    plan = rehearsing(entry(0, 40, "s001"), entry(0, 900, "s000"), other=("s001",))
    night = Night(store, plan, slow_in_rehearsal)

    canary = night.live()

    assert night.wrong == []
    assert night.states()["s001/t1"] is TerminalState.NOT_STARTED
    with store.read() as snapshot:
        assert terminals_not_reached(snapshot, "r1")["s001/t1"] is Cause.WINDOW_CLOSED
    assert (canary.verdict, canary.verdict_code, canary.verdict_values["rehearsals_failed"]) == (Verdict.FAIL, "rehearsal-failed", 1)


def test_a_retry_in_a_window_rehearses_what_had_no_time_before(store: Store) -> None:
    night = Night(store, rehearsing(entry(0, 25, "s000"), entry(600, 900, "s000"), entry(0, 25, "s001"), entry(600, 900, "s001")))
    first = night.live()
    night.agenda.let_pass(11 * 3600)
    control.retry(store, COORDINATOR, night.agenda.now, "r1")
    night.orchestrator.work()
    second = night.live()

    assert (first.verdict_code, second.verdict_code) == ("rehearsal-windows", "enough")
    assert sorted(night.rehearsed()) == ["s000/t1", "s001/t1"]


def paused_before_the_rehearsal(store: Store) -> Night:
    """Paused as soon as one of two is taken back, so that the other waits."""
    night = Night(store, rehearsing(entry(0, 900), other=("s001",), parallel=1))
    while not night.rehearsed():
        night.agenda.go_on()
        night.orchestrator.work()
    return night


def test_while_a_rollout_is_paused_no_rehearsal_begins_and_it_goes_on_when_it_is_resumed(store: Store) -> None:
    night = paused_before_the_rehearsal(store)
    control.pause(store, COORDINATOR, night.agenda.now, "r1")
    night.orchestrator.work()
    to_the_end(night.agenda, night.orchestrator)
    begun, standing = night.rehearsed(), look(store).standing
    control.resume(store, COORDINATOR, night.agenda.now, "r1")
    night.orchestrator.work()

    assert (begun, standing) == (["s001/t1"], Standing.WAITING)
    assert night.live().verdict is Verdict.PASS
    assert night.rehearsed() == ["s001/t1", "s000/t1"]


def test_a_rollback_that_a_person_wants_while_it_rehearses_leaves_nothing_on_the_new_release(store: Store) -> None:
    night = paused_before_the_rehearsal(store)

    meant = roll_back(store, COORDINATOR, night.agenda.now, "r1", wave=1, reason="slow")
    night.orchestrator.work()
    night.live()

    assert set(meant.terminals) == {"s000/t1", "s001/t1"}
    assert {name: state for name, state in night.states().items() if name < "s002"} == {
        "s000/t1": TerminalState.TAKEN_BACK,
        "s001/t1": TerminalState.TAKEN_BACK,
    }
