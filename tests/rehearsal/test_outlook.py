"""The forecast of a night that is lived through: looked at again and again, it never names what is past, nor a finish before a soak's end."""

from collections.abc import Iterator
from datetime import timedelta
from random import Random

import pytest

from fleet.control.outlook import Outlook, read_outlook
from fleet.model.plan import Plan
from fleet.model.playbook import KeySource
from fleet.model.rollout import RolloutPhase, WavePhase
from fleet.rehearsal.agenda import Agenda
from fleet.rehearsal.terminals import Fate, SimulatedTerminals
from fleet.store import Store, reads
from tests.engine.city import AT, STAGER, begin, make_fleet, make_plan, set_up
from tests.engine.waiting import state_of
from tests.rehearsal.nights import empty_store
from tests.rehearsal.stepped import followed

FLEET = make_fleet(18)
MINUTE = timedelta(minutes=1)
SOAK = 15 * MINUTE


@pytest.fixture
def store() -> Iterator[Store]:
    with empty_store() as made:
        set_up(made, FLEET)
        yield made


def soaking(soak: timedelta) -> Plan:
    """Three waves of six sites, one at a time, each of which soaks."""
    plan = make_plan(FLEET, 6, 6, 6, failures=1, unreachable=1, program=STAGER)
    gate = plan.playbook.gate.model_copy(update={"soak_s": int(soak.total_seconds())})
    plan = plan.model_copy(update={"playbook": plan.playbook.model_copy(update={"gate": gate})})
    return plan.model_copy(update={"digest": plan.compute_digest()})


def lived(store: Store, plan: Plan, seconds: float | None = None) -> Iterator[tuple[Agenda, Outlook]]:
    """The night at every moment, and every seventeen seconds in which nothing happens; a push takes as long, or 10 to 40 seconds."""
    agenda, dice = Agenda(AT), Random(5)
    begin(store, FLEET, plan)
    fates = {name: Fate(seconds=seconds or dice.randint(10, 40)) for name in FLEET.terminals}
    orchestrator = followed(store, agenda, SimulatedTerminals(lambda name, _number: fates[name], KeySource.TOKEN))
    while state_of(store).phase is RolloutPhase.RUNNING:
        with store.read() as snapshot:
            yield agenda, read_outlook(snapshot, state_of(store), plan, reads.read_tallies(snapshot, "r1"), now=agenda.now)
        if agenda.is_empty:
            agenda.let_pass(17)
        else:
            agenda.go_on()
        orchestrator.work()


def test_no_forecast_names_a_moment_that_is_past_or_a_finish_before_the_end_of_a_soak(store: Store) -> None:
    seen = during_a_soak = 0
    for agenda, ahead in lived(store, soaking(SOAK)):
        if ahead.forecast is not None:
            seen += 1
            assert agenda.now < ahead.forecast.p50_at <= ahead.forecast.p80_at
            for wave in state_of(store).waves:
                if wave.phase is WavePhase.OPEN and wave.soaks_until is not None:
                    during_a_soak += 1
                    assert ahead.forecast.p50_at >= wave.soaks_until + SOAK * (3 - wave.number)
    assert seen > during_a_soak > 100


def test_where_every_push_takes_as_long_the_forecast_is_the_finish_to_the_minute_from_the_first_soak_on(store: Store) -> None:
    foretold = {
        ahead.forecast.p80_at
        for _agenda, ahead in lived(store, soaking(SOAK), seconds=20)
        if ahead.forecast is not None and state_of(store).waves[0].soaks_until is not None
    }

    finished_at = state_of(store).finished_at
    assert finished_at is not None
    # between two pushes the engine takes a second that no push counts
    assert max(foretold) - min(foretold) <= MINUTE
    assert abs(max(foretold) - finished_at) <= MINUTE


def test_the_forecast_of_a_plan_that_soaks_for_no_time_is_that_of_its_pushes(store: Store) -> None:
    _agenda, ahead = next(seen for seen in lived(store, soaking(timedelta())) if seen[1].forecast is not None)

    assert ahead.forecast is not None
    assert ahead.forecast.p80_at <= AT + 15 * MINUTE
