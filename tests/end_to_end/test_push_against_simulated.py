"""The shipped playbook and release, pushed over real SSH to simulated terminals: each fault ends as it must."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from fleet.data import data_dir
from fleet.inventory import read_fleet
from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.inventory import Fleet, SiteKind
from fleet.model.plan import Plan
from fleet.model.release import Release
from fleet.plan import make_plan, read_playbook
from fleet.push import UserKey
from fleet.push.job import PushJob
from fleet.push.push import push_terminal
from fleet.sim.faults import Fault, expected_cause, expected_ending
from fleet.sim.inventory import reaching
from fleet.sim.scratch import OLD_VERSION, ShellName
from fleet.sim.simulation import Simulation, start_simulation
from fleet.trust.contents import Contents
from fleet.trust.release import add_release
from tests.keys import new_user_key
from tests.seals import signed

DEADLINE_S = 60.0
NO_ANSWER_DEADLINE_S = 3.0
"""Who waits for a terminal that is switched off waits no longer."""


@dataclass(frozen=True, slots=True)
class Night:
    """A fleet with one terminal of every fault, simulated, and all that a push to it needs."""

    fleet: Fleet
    terminals: dict[Fault | None, str]
    plan: Plan
    release: Release
    contents: Contents
    key: UserKey
    simulation: Simulation
    scratch: Path

    def push(self, fault: Fault | None, number: int = 1) -> AttemptResult:
        id_ = self.terminals[fault]
        terminal, program = self.fleet.terminals[id_], self.plan.program_of[id_]
        assert program is not None
        job = PushJob(
            terminal=terminal,
            site=self.fleet.sites[terminal.site],
            number=number,
            program=program,
            artifact=next(artifact for artifact in self.release.artifacts if artifact.name == program.artifact),
            version=self.release.version,
            account=self.plan.playbook.account,
            pinned=terminal.host_key,
            deadline_s=NO_ANSWER_DEADLINE_S if fault is Fault.SWITCHED_OFF else DEADLINE_S,
        )
        return push_terminal(job, self.contents, self.key)

    def live(self, fault: Fault | None) -> str:
        """Name of the release that is live on the terminal's disk."""
        return (self.scratch / "homes" / self.terminals[fault] / "client" / "current").readlink().name


@pytest.fixture(scope="module", params=["sh", pytest.param("busybox", marks=pytest.mark.needs("busybox"))])
def shell(request: pytest.FixtureRequest) -> ShellName:
    name: ShellName = request.param
    return name


@pytest.fixture(scope="module")
def night(shell: ShellName, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    directory = tmp_path_factory.mktemp("night")
    town = read_fleet([data_dir("inventory") / "town"])
    # A hospital's key is born on its terminal, which takes more than busybox has.
    kind = SiteKind.HOSPITAL if shell == "sh" else SiteKind.PHARMACY
    ids = [id_ for id_, terminal in town.terminals.items() if terminal.host is not None and town.sites[terminal.site].kind is kind]
    terminals: dict[Fault | None, str] = dict(zip((None, *Fault), ids, strict=False))
    assert len(terminals) == 1 + len(Fault)
    faults = {id_: fault for fault, id_ in terminals.items() if fault is not None}
    contents = Contents(directory / "releases")
    release = signed(add_release(data_dir("playbooks") / "release" / "release.yaml", contents.directory))
    plan = make_plan(town, read_playbook(data_dir("playbooks") / "upgrade-client.yaml"), release)
    key = new_user_key(directory / "id_ed25519")
    simulated = [town.terminals[id_] for id_ in terminals.values()]
    with start_simulation(simulated, faults, directory / "scratch", key.public_line, seed=1, shell=shell) as simulation:
        fleet = reaching(town, simulation)
        yield Night(fleet, terminals, plan, release, contents, key, simulation, directory / "scratch")


@pytest.fixture(scope="module")
def results(night: Night) -> dict[Fault | None, AttemptResult]:
    """One push to every terminal, all at once."""
    with ThreadPoolExecutor(len(night.terminals)) as pool:
        return dict(zip(night.terminals, pool.map(night.push, night.terminals), strict=True))


@pytest.mark.parametrize("fault", [None, *Fault])
def test_each_fault_ends_as_it_must_and_names_its_cause(results: dict[Fault | None, AttemptResult], fault: Fault | None) -> None:
    result = results[fault]

    assert (result.ending, result.cause) == (expected_ending(fault), expected_cause(fault)), result


def test_a_sound_terminal_has_the_new_release_live_and_what_it_had_was_not_sent(
    night: Night, results: dict[Fault | None, AttemptResult]
) -> None:
    result = results[None]

    assert night.live(None).startswith(f"{night.release.version}-")
    assert result.facts["swipe"] == "ok"
    assert result.bytes_saved > 0
    assert result.host_fingerprint == night.simulation.fingerprints[result.terminal]


@pytest.mark.parametrize("fault", [Fault.DISK_FULL, Fault.FAILING_HEALTH])
def test_a_push_that_does_not_pass_leaves_the_old_client_live(
    night: Night, results: dict[Fault | None, AttemptResult], fault: Fault
) -> None:
    assert results[fault].ending is not TerminalState.UPGRADED
    assert night.live(fault) == OLD_VERSION


def test_nothing_is_sent_to_a_terminal_with_another_host_key(results: dict[Fault | None, AttemptResult], night: Night) -> None:
    result = results[Fault.WRONG_HOST_KEY]

    assert result.bytes_sent == 0
    assert night.live(Fault.WRONG_HOST_KEY) == OLD_VERSION


def test_what_went_on_after_the_link_dropped_is_collected_by_the_next_push(
    night: Night, results: dict[Fault | None, AttemptResult]
) -> None:
    assert results[Fault.DROPS_LINK].ending is TerminalState.UNKNOWN
    again = night.push(Fault.DROPS_LINK)
    while again.cause is Cause.BUSY:  # the terminal is still at it, by itself
        again = night.push(Fault.DROPS_LINK)

    assert again.ending is TerminalState.UPGRADED
    assert again.bytes_sent == 0
    assert night.live(Fault.DROPS_LINK).startswith(f"{night.release.version}-")


def test_a_second_push_finds_everything_in_place_and_sends_nothing(night: Night, results: dict[Fault | None, AttemptResult]) -> None:
    assert results[None].ending is TerminalState.UPGRADED

    again = night.push(None, number=2)

    assert (again.ending, again.in_place, again.bytes_sent) == (TerminalState.UPGRADED, True, 0)
