"""A town upgraded and taken back again over real SSH: the old clients are live, everything adds up, and the record holds."""

from collections.abc import Iterator

import pytest

from fleet.control import rollouts as control
from fleet.control.rollback import roll_back
from fleet.demo.night import COORDINATOR
from fleet.engine.orchestrator import utc_now
from fleet.model.attempt import TerminalState
from fleet.model.playbook import Budget
from fleet.store.audit import check_record
from tests.end_to_end.town import ASKS_NOBODY, Town, simulated_town

SITES = 8


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with simulated_town(tmp_path_factory.mktemp("town"), SITES, gate=ASKS_NOBODY, budget=Budget(failures=100, unreachable=100)) as made:
        yield made


def live(town: Town) -> dict[str, str]:
    return {name: (town.homes / name / "client/current").readlink().name for name in town.by_ssh}


def test_a_town_goes_back_to_what_was_live_before_and_comes_again_without_a_byte(town: Town) -> None:
    before = live(town)
    control.start_rollout(town.store, COORDINATOR, utc_now(), town.plan)
    town.carry_out("r1")
    assert town.tally("r1").terminals[TerminalState.UPGRADED] == len(town.by_ssh)
    assert not set(live(town).values()) & set(before.values())

    roll_back(town.store, COORDINATOR, utc_now(), "r1", terminals=town.by_ssh, reason="a drill")
    town.carry_out("r1")

    tally = town.tally("r1")
    assert tally.terminals[TerminalState.TAKEN_BACK] == len(town.by_ssh)
    assert (tally.sites.total, tally.proven) == (SITES, 0)
    assert live(town) == before
    assert {(result.bytes_sent, result.bytes_saved) for result in town.last_attempts("r1").values()} == {(0, 0)}

    control.retry(town.store, COORDINATOR, utc_now(), "r1", town.by_ssh)
    town.carry_out("r1")

    last = town.last_attempts("r1")
    with town.store.read() as snapshot:
        assert check_record(snapshot)[2] == []
    assert {result.ending for result in last.values()} == {TerminalState.UPGRADED}
    assert sum(result.bytes_sent for result in last.values()) == 0
