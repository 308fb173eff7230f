"""A town staged days before its night, over real SSH: nothing live changes, and the night's rollout sends no artifact."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from fleet.control import inventory as inventory_control
from fleet.control import releases as release_control
from fleet.control import rollouts as control
from fleet.control.workspace import make_workspace, release_key
from fleet.data import data_dir
from fleet.demo.night import COORDINATOR
from fleet.demo.sample import sample_city
from fleet.engine import Orchestrator
from fleet.engine.orchestrator import utc_now
from fleet.model.attempt import AttemptResult, TerminalState
from fleet.model.inventory import Fleet, Reach
from fleet.model.plan import Plan
from fleet.model.playbook import Approval, GateRule
from fleet.model.purpose import Limits, Only
from fleet.model.rollout import RolloutPhase, RolloutState
from fleet.plan import make_plan, read_playbook
from fleet.settings import Settings
from fleet.sim.inventory import reaching
from fleet.sim.simulation import start_simulation
from fleet.store import Store, open_store, reads
from fleet.store.audit import check_record
from fleet.trust.release import add_release

SITES = 20
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

    def live(self) -> dict[str, object]:
        """What each terminal's client and boot hook rest on: the link, everything behind it, the journal, the hook."""
        found: dict[str, object] = {}
        for name in self.by_ssh:
            root = self.homes / name / "client"
            current, work = root / "current", root / ".fleet"
            behind = {str(path): path.lstat().st_mtime_ns for path in current.resolve().rglob("*") if path.is_file()}
            kept = {file: (work / file).read_bytes() for file in ("journal", "boot.sh") if (work / file).exists()}
            found[name] = (current.is_symlink() and current.readlink(), current.lstat().st_ino, behind, kept)
        return found

    def carry_out(self, rollout: RolloutState) -> RolloutState:
        """Until nothing is left to do."""
        with Orchestrator(self.settings, self.store) as orchestrator:
            turn = orchestrator.wait_at_rest(ENOUGH_S)
        assert turn is not None
        assert turn.state is not None
        assert turn.state.id == rollout.id
        return turn.state

    def last_attempts(self, rollout: str) -> dict[str, AttemptResult]:
        with self.store.read() as snapshot:
            return {name: reads.attempts_of_terminal(snapshot, rollout, name)[0] for name in self.by_ssh}

    def tally(self, rollout: str) -> reads.Tally:
        with self.store.read() as snapshot:
            return reads.read_tallies(snapshot, rollout).total


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
        signing = release_control.Signing(release_key(settings), settings.zone)
        release = release_control.add_release(store, COORDINATOR, utc_now(), release, signing)
        playbook = read_playbook(playbooks / "upgrade-client.yaml")
        playbook = playbook.model_copy(update={"gate": GateRule(approval=Approval.NEVER, success=0)})
        plan = make_plan(fleet, playbook, release)
        yield Town(settings, store, fleet, plan, directory / "terminals" / "homes")


def test_a_staged_town_is_upgraded_on_its_night_without_a_byte_of_the_release(town: Town) -> None:
    before = town.live()

    staging = control.start_rollout(
        town.store, COORDINATOR, utc_now(), town.plan, only=Only.STAGE, limits=Limits(site_rate=2_000_000, total_rate=8_000_000)
    )
    staged = town.carry_out(staging)

    first = town.last_attempts(staging.id)
    tally = town.tally(staging.id)
    assert staged.phase is RolloutPhase.FINISHED
    assert {result.ending for result in first.values()} == {TerminalState.STAGED}, first
    assert all(result.bytes_sent > 0 for result in first.values())
    assert (tally.staged, tally.proven, tally.done, tally.sites.upgraded) == (len(town.by_ssh), 0, 0, 0)
    assert tally.sites.staged + tally.sites.excluded == SITES
    assert town.live() == before

    night = control.start_rollout(town.store, COORDINATOR, utc_now(), town.plan)
    state = town.carry_out(night)
    while state.phase is RolloutPhase.RUNNING:
        waiting = next(wave for wave in state.waves if wave.phase.value in {"gate", "held"})
        control.approve(town.store, COORDINATOR, utc_now(), night.id, waiting.number)
        state = town.carry_out(night)

    second = town.last_attempts(night.id)
    assert {result.ending for result in second.values()} == {TerminalState.UPGRADED}, second
    assert sum(result.bytes_sent for result in second.values()) == 0
    assert town.tally(night.id).terminals[TerminalState.UPGRADED] == len(town.by_ssh)
    assert all((town.homes / name / "client/current").readlink().name.startswith(town.plan.release) for name in town.by_ssh)
    with town.store.read() as snapshot:
        assert check_record(snapshot)[2] == []
