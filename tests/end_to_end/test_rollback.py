"""A town upgraded and taken back again over real SSH: the old clients are live, everything adds up, and the record holds."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from fleet.control import inventory as inventory_control
from fleet.control import releases as release_control
from fleet.control import rollouts as control
from fleet.control.rollback import roll_back
from fleet.control.workspace import make_workspace, release_key
from fleet.data import data_dir
from fleet.demo.night import COORDINATOR
from fleet.demo.sample import sample_city
from fleet.engine import Orchestrator
from fleet.engine.orchestrator import utc_now
from fleet.model.attempt import TerminalState
from fleet.model.inventory import Fleet, Reach
from fleet.model.plan import Plan
from fleet.model.playbook import Approval, Budget, GateRule
from fleet.plan import make_plan, read_playbook
from fleet.settings import Settings
from fleet.sim.inventory import reaching
from fleet.sim.simulation import start_simulation
from fleet.store import Store, open_store, reads
from fleet.store.audit import check_record
from fleet.trust.release import add_release

SITES = 8
ENOUGH_S = 120


@dataclass(frozen=True)
class Town:
    """A workspace with a plan, and the simulated terminals it is for."""

    settings: Settings
    store: Store
    fleet: Fleet
    plan: Plan
    homes: Path

    @property
    def by_ssh(self) -> list[str]:
        return [name for name, terminal in self.fleet.terminals.items() if terminal.reach is Reach.SSH]

    def live(self) -> dict[str, str]:
        return {name: (self.homes / name / "client/current").readlink().name for name in self.by_ssh}

    def tally(self) -> reads.Tally:
        with self.store.read() as snapshot:
            return reads.read_tallies(snapshot, "r1").total

    def carry_out(self) -> None:
        with Orchestrator(self.settings, self.store) as orchestrator:
            assert orchestrator.wait_at_rest(ENOUGH_S) is not None


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    directory = tmp_path_factory.mktemp("town")
    city, playbooks = sample_city(SITES), data_dir("playbooks")
    settings = make_workspace(directory / "workspace")
    key = settings.user_key.with_name(settings.user_key.name + ".pub").read_text().strip()
    with ExitStack() as stack:
        simulation = stack.enter_context(start_simulation(list(city.terminals.values()), {}, directory / "terminals", key, seed=1))
        store = open_store(settings)
        stack.callback(store.close)
        fleet = reaching(city, simulation)
        kept = {"sites": len(fleet.sites), "terminals": len(fleet.terminals)}
        inventory_control.import_fleet(store, COORDINATOR, utc_now(), fleet, kept)
        release = add_release(playbooks / "release" / "release.yaml", settings.workspace / "releases")
        release = release_control.add_release(
            store, COORDINATOR, utc_now(), release, release_control.Signing(release_key(settings), settings.zone)
        )
        playbook = read_playbook(playbooks / "upgrade-client.yaml").model_copy(
            update={"gate": GateRule(approval=Approval.NEVER, success=0), "budget": Budget(failures=100, unreachable=100)}
        )
        yield Town(settings, store, fleet, make_plan(fleet, playbook, release), directory / "terminals" / "homes")


def test_a_town_goes_back_to_what_was_live_before_and_comes_again_without_a_byte(town: Town) -> None:
    before = town.live()
    control.start_rollout(town.store, COORDINATOR, utc_now(), town.plan)
    town.carry_out()
    assert town.tally().terminals[TerminalState.UPGRADED] == len(town.by_ssh)
    assert not set(town.live().values()) & set(before.values())

    roll_back(town.store, COORDINATOR, utc_now(), "r1", terminals=town.by_ssh, reason="a drill")
    town.carry_out()

    tally = town.tally()
    assert tally.terminals[TerminalState.TAKEN_BACK] == len(town.by_ssh)
    assert (tally.sites.total, tally.proven) == (SITES, 0)
    assert town.live() == before

    control.retry(town.store, COORDINATOR, utc_now(), "r1", town.by_ssh)
    town.carry_out()

    with town.store.read() as snapshot:
        last = {name: reads.attempts_of_terminal(snapshot, "r1", name)[0] for name in town.by_ssh}
        assert check_record(snapshot)[2] == []
    assert {result.ending for result in last.values()} == {TerminalState.UPGRADED}
    assert sum(result.bytes_sent for result in last.values()) == 0
