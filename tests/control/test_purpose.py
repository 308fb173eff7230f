"""Starting a rollout that only stages, or sends slower: what is refused, who is left out, and what comes after it."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from fleet.control.checkin import Report, check_in
from fleet.control.crew import assign
from fleet.control.exclusions import exclude
from fleet.control.rollouts import retry, start_rollout
from fleet.errors import ConflictError, InputError, NotAllowedError
from fleet.model.actor import FLEET, Actor
from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.inventory import Fleet
from fleet.model.plan import Plan
from fleet.model.purpose import NO_LIMITS, Limits, Only
from fleet.model.rollout import RolloutPhase, RolloutState, SiteState
from fleet.settings import Settings
from fleet.store import Store, open_store, progress, reads, rollouts
from fleet.store.audit import check_record, read_events
from tests.engine.city import AT, PROGRAM, STAGER, make_fleet, make_plan, set_up

COORDINATOR, TECHNICIAN = Actor(code="c01"), Actor(code="t01")


@dataclass
class Eve:
    """The days before a night: an inventory of three sites with a terminal over SSH and one by hand, a release, a plan."""

    store: Store
    fleet: Fleet
    plan: Plan

    def start(self, only: Only | None = Only.STAGE, limits: Limits = NO_LIMITS, plan: Plan | None = None) -> RolloutState:
        return start_rollout(self.store, COORDINATOR, AT, plan or self.plan, only=only, limits=limits)

    def end(self, terminal: str, ending: TerminalState, cause: Cause = Cause.NONE, rollout: str = "r1") -> None:
        result = AttemptResult(terminal=terminal, number=1, ending=ending, cause=cause, started_at=AT, finished_at=AT)
        with self.store.write(FLEET, AT) as tx:
            progress.mark_running(tx, rollout, [terminal])
            progress.record_result(tx, rollout, result)

    def put(self, rollout: RolloutState, phase: RolloutPhase) -> None:
        with self.store.write(FLEET, AT) as tx:
            rollouts.save_rollout(tx, rollout.model_copy(update={"phase": phase}))

    def sites(self) -> dict[str, SiteState]:
        with self.store.read() as snapshot:
            return {row.code: row.state for row in reads.sites_since(snapshot, "r1")}


@pytest.fixture
def eve(workspace: Settings) -> Iterator[Eve]:
    store = open_store(workspace, create=True)
    fleet = make_fleet(3, terminals=1, by_hand=1)
    set_up(store, fleet)
    yield Eve(store, fleet, make_plan(fleet, 1, 2, program=STAGER))
    with store.read() as snapshot:
        problems = check_record(snapshot)[2]
    store.close()
    assert [str(problem) for problem in problems] == []


def test_what_it_is_for_and_how_fast_is_kept_and_in_the_record(eve: Eve) -> None:
    state = eve.start(limits=Limits(site_rate=250_000, total_rate=2_500_000))

    with eve.store.read() as snapshot:
        kept = rollouts.newest_rollout(snapshot)
        started = next(event for event in read_events(snapshot) if event.kind == "rollout.started")
    assert kept == state
    assert (state.only, state.limits) == (Only.STAGE, Limits(site_rate=250_000, total_rate=2_500_000))
    assert (started.actor, started.at) == ("c01", AT)
    assert {name: started.body[name] for name in ("only", "site_rate", "total_rate")} == {
        "only": "stage",
        "site_rate": 250_000,
        "total_rate": 2_500_000,
    }


def test_an_ordinary_rollout_says_nothing_of_either(eve: Eve) -> None:
    eve.start(only=None)

    with eve.store.read() as snapshot:
        started = next(event for event in read_events(snapshot) if event.kind == "rollout.started")
    assert not started.body.keys() & {"only", "site_rate", "total_rate"}


def test_what_is_done_by_hand_is_left_out_of_staging(eve: Eve) -> None:
    eve.start()
    for site in eve.fleet.sites:
        eve.end(f"{site}/t1", TerminalState.STAGED)

    assert set(eve.sites().values()) == {SiteState.STAGED}


def test_a_site_with_a_terminal_that_could_not_be_staged_is_not_staged(eve: Eve) -> None:
    eve.start()
    eve.end("s000/t1", TerminalState.STAGED)
    eve.end("s001/t1", TerminalState.FAILED, Cause.DISK_FULL)

    assert eve.sites() == {"s000": SiteState.STAGED, "s001": SiteState.FAILED, "s002": SiteState.NOT_STARTED}
    eve.put(eve_state(eve), RolloutPhase.FINISHED)
    assert retry(eve.store, COORDINATOR, AT, "r1") == 1


def test_what_is_staged_is_not_left_out_any_more(eve: Eve) -> None:
    eve.start()
    eve.end("s000/t1", TerminalState.STAGED)

    with pytest.raises(InputError, match="is done already"):
        exclude(eve.store, COORDINATOR, AT, "r1", ["s000/t1"], reason="closed")


def test_only_who_may_decide_may_stage(eve: Eve) -> None:
    with pytest.raises(NotAllowedError):
        start_rollout(eve.store, TECHNICIAN, AT, eve.plan, only=Only.STAGE)


def test_the_night_begins_once_staging_is_over_and_not_before(eve: Eve) -> None:
    state = eve.start()
    with pytest.raises(ConflictError, match="r1 is unfinished"):
        eve.start(only=None)

    eve.put(state, RolloutPhase.STOPPED)
    night = eve.start(only=None)

    assert (night.id, night.only, night.plan_digest) == ("r2", None, state.plan_digest)


def test_a_plan_of_an_older_version_is_made_again_before_it_stages_or_sends_slower(eve: Eve) -> None:
    old = make_plan(eve.fleet, 3, program=PROGRAM)

    for only, limits in ((Only.STAGE, NO_LIMITS), (None, Limits(site_rate=250_000))):
        with pytest.raises(InputError, match="older version") as refusal:
            eve.start(only, limits, old)
        assert "fleet plan" in str(refusal.value)
    assert eve.start(None, NO_LIMITS, old).only is None


def test_a_plan_that_stages_nothing_cannot_be_staged(eve: Eve) -> None:
    nothing = PROGRAM.model_copy(update={"artifact": None})

    with pytest.raises(InputError, match="stages nothing"):
        eve.start(plan=make_plan(eve.fleet, 3, program=nothing))


@pytest.mark.parametrize("limits", [Limits(site_rate=1_000), Limits(total_rate=1_000)])
def test_a_rate_with_which_nothing_arrives_in_a_day_is_refused_and_nothing_is_started(eve: Eve, limits: Limits) -> None:
    program = STAGER.model_copy(update={"text": STAGER.text + "#" * 40_000_000})
    plan = make_plan(eve.fleet, 3, program=program)

    with pytest.raises(InputError) as refusal:
        eve.start(limits=limits, plan=plan)

    assert "at these rates a push may take" in str(refusal.value)
    assert "raise --site-rate or --total-rate" in str(refusal.value)
    with eve.store.read() as snapshot:
        assert rollouts.newest_rollout(snapshot) is None


def test_nobody_checks_in_while_the_release_is_only_staged(eve: Eve) -> None:
    assign(eve.store, COORDINATOR, AT, "s000", "t01", reason="nearest")
    state = eve.start()

    with pytest.raises(InputError) as refusal:
        check_in(eve.store, TECHNICIAN, AT, Report("s000", "t01"))
    eve.put(state, RolloutPhase.FINISHED)
    eve.start(only=None)
    taken = check_in(eve.store, TECHNICIAN, AT, Report("s000", "t01"))

    assert str(refusal.value) == (
        "rollout r1 only stages its release, so there is nothing to check in yet\n"
        "hint: check in when the upgrade itself was started; nothing live has changed at site `s000`"
    )
    assert taken.rollout == "r2"


def eve_state(eve: Eve) -> RolloutState:
    with eve.store.read() as snapshot:
        state = rollouts.newest_rollout(snapshot)
    assert state is not None
    return state
