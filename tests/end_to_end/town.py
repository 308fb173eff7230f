"""A town of simulated terminals behind real SSH, with a workspace that has its inventory, the sample release and a plan."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from fleet.control import inventory as inventory_control
from fleet.control import releases as release_control
from fleet.control.workspace import make_workspace, release_key
from fleet.data import data_dir
from fleet.demo.night import COORDINATOR
from fleet.demo.sample import sample_city
from fleet.engine import Orchestrator
from fleet.engine.orchestrator import utc_now
from fleet.model.attempt import AttemptResult
from fleet.model.inventory import Fleet, Reach
from fleet.model.plan import Plan
from fleet.model.playbook import Approval, GateRule
from fleet.model.rollout import RolloutState
from fleet.plan import make_plan, read_playbook
from fleet.settings import Settings
from fleet.sim.faults import Fault
from fleet.sim.inventory import reaching
from fleet.sim.simulation import start_simulation
from fleet.store import Store, open_store, reads
from fleet.trust.release import add_release
from tests.engine.waiting import rest

ENOUGH_S = 120
ASKS_NOBODY = GateRule(approval=Approval.NEVER, success=0)


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

    def carry_out(self, rollout: str) -> RolloutState:
        """Until nothing is left to do."""
        with Orchestrator(self.settings, self.store) as orchestrator:
            state = rest(orchestrator, ENOUGH_S)
        assert state.id == rollout
        return state

    def tally(self, rollout: str) -> reads.Tally:
        with self.store.read() as snapshot:
            return reads.read_tallies(snapshot, rollout).total

    def last_attempts(self, rollout: str) -> dict[str, AttemptResult]:
        with self.store.read() as snapshot:
            return {name: reads.attempts_of_terminal(snapshot, rollout, name)[0] for name in self.by_ssh}


@contextmanager
def simulated_town(directory: Path, sites: int, fault: Fault | None = None, **rules: object) -> Iterator[Town]:
    """A town of so many sites, whose terminals all have this fault; the plan's playbook is the sample's with these values."""
    city, playbooks = sample_city(sites), data_dir("playbooks")
    settings = make_workspace(directory / "workspace")
    key = settings.user_key.with_name(settings.user_key.name + ".pub").read_text().strip()
    faults = {name: fault for name, terminal in city.terminals.items() if fault and terminal.reach is Reach.SSH}
    with ExitStack() as stack:
        simulation = stack.enter_context(start_simulation(list(city.terminals.values()), faults, directory / "terminals", key, seed=1))
        store = open_store(settings)
        stack.callback(store.close)
        fleet = reaching(city, simulation)
        kept = {"sites": len(fleet.sites), "terminals": len(fleet.terminals)}
        inventory_control.import_fleet(store, COORDINATOR, utc_now(), fleet, kept)
        release = add_release(playbooks / "release" / "release.yaml", settings.workspace / "releases")
        signing = release_control.Signing(release_key(settings), settings.zone)
        release = release_control.add_release(store, COORDINATOR, utc_now(), release, signing)
        playbook = read_playbook(playbooks / "upgrade-client.yaml").model_copy(update=rules)
        yield Town(settings, store, fleet, make_plan(fleet, playbook, release), directory / "terminals" / "homes")
