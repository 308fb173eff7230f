"""The demo's stage: a workspace, simulated terminals, an inventory that reaches them, a release, a plan, a started rollout."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fleet.control import crew as crew_control
from fleet.control import inventory as inventory_control
from fleet.control import releases as release_control
from fleet.control import rollouts as rollout_control
from fleet.control.workspace import make_workspace, release_key
from fleet.data import data_dir
from fleet.demo.sample import sample_city
from fleet.model.actor import Actor
from fleet.model.inventory import Fleet, Reach
from fleet.model.plan import Plan
from fleet.plan import make_plan, read_playbook, write_plan
from fleet.settings import Settings
from fleet.sim.faults import Fault, plant_faults
from fleet.sim.inventory import reaching
from fleet.sim.simulation import Simulation, start_simulation
from fleet.store import Store, open_store
from fleet.trust.release import add_release

COORDINATOR = Actor(code="demo-coordinator")
"""The person of the sample fleets who approves the demo's gates."""
SCRATCH = "terminals"
"""Directory of the simulated terminals' disks, below the demo's own."""


@dataclass(frozen=True, slots=True)
class Night:
    """Everything is ready; nothing has been pushed yet."""

    settings: Settings
    store: Store
    simulation: Simulation
    fleet: Fleet
    faults: Mapping[str, Fault]
    plan: Plan
    rollout: str

    @property
    def reached_by_ssh(self) -> int:
        """Terminals that are pushed to."""
        return sum(terminal.reach is Reach.SSH for terminal in self.fleet.terminals.values())


@contextmanager
def prepare_night(out: Path, *, sites: int | None, seed: int, fault_percent: float, at: datetime) -> Iterator[Night]:
    """Set the stage below `out`, and end the simulation afterwards; the workspace stays.

    Args:
        out: Directory for the workspace and the terminals' disks; made here.
        sites: How many of the sample city's sites; None is all.
        seed: Decides faults and host keys.
        fault_percent: Of the terminals reached by SSH.
        at: Now.

    Raises:
        InputError: The city has no so many sites. Nothing was made.
    """
    city = sample_city(sites)
    out.mkdir(parents=True)
    settings = make_workspace(out / "workspace")
    faults = plant_faults(city.terminals.values(), fault_percent, seed)
    key = settings.user_key.with_name(settings.user_key.name + ".pub").read_text().strip()
    with ExitStack() as stack:
        simulation = stack.enter_context(start_simulation(list(city.terminals.values()), faults, out / SCRATCH, key, seed))
        store = open_store(settings)
        stack.callback(store.close)
        fleet = reaching(city, simulation)
        plan = _record(settings, store, fleet, out / "plan.json", at)
        rollout = rollout_control.start_rollout(store, COORDINATOR, at, plan)
        yield Night(settings, store, simulation, fleet, faults, plan, rollout.id)


def _record(settings: Settings, store: Store, fleet: Fleet, plan_file: Path, at: datetime) -> Plan:
    """What a bureau would do by hand before the night: import, add the release, send the technicians, plan."""
    inventory_control.import_fleet(store, COORDINATOR, at, fleet, {"sites": len(fleet.sites), "terminals": len(fleet.terminals)})
    playbooks = data_dir("playbooks")
    release = add_release(playbooks / "release" / "release.yaml", settings.workspace / "releases")
    release = release_control.add_release(store, COORDINATOR, at, release, release_control.Signing(release_key(settings), settings.zone))
    crew_control.apply_assignments(store, COORDINATOR, at)
    playbook = read_playbook(playbooks / "upgrade-client.yaml")
    # What is planted does not pass by itself, and nobody waits through a demo for tries that are minutes apart.
    plan = make_plan(fleet, playbook.model_copy(update={"retry": ()}), release)
    write_plan(plan, plan_file)
    return plan
