"""A rollout that is continued, at real OpenSSH servers: who is finished is not called on again, who is not goes on from where it stood."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from fleet.control import inventory as inventory_control
from fleet.control import releases as release_control
from fleet.control import rollouts as control
from fleet.control.workspace import make_workspace, release_key
from fleet.data import data_dir
from fleet.engine import Orchestrator
from fleet.engine.orchestrator import real_push, utc_now
from fleet.engine.ports import Push
from fleet.model.attempt import AttemptResult, TerminalState
from fleet.model.inventory import Fleet
from fleet.model.playbook import Account, ActivateStep, Approval, Budget, GateRule, Playbook, ProbeStep, RunStep, StageStep, Waves
from fleet.model.rollout import RolloutPhase
from fleet.plan import make_plan
from fleet.settings import Settings
from fleet.store import Store, open_store, reads, rollouts
from fleet.trust.release import add_release
from tests.engine.city import COORDINATOR, make_fleet
from tests.openssh import OpenSSH, running_openssh
from tests.terminal.field import words

pytestmark = pytest.mark.needs("sshd")

ENOUGH_S = 120
SITES = 3
PLAYBOOK = Playbook(
    name="counted",
    account=Account(user="fleet", root="client"),
    steps=(
        StageStep(name="stage"),
        RunStep(
            name="once",
            command=words("sh", "-c", 'echo once >>"$HOME/ran"; : >"$HOME/is-done"'),
            check=words("sh", "-c", 'test -e "$HOME/is-done"'),
            irreversible=True,
        ),
        RunStep(name="breaks", command=words("sh", "-c", 'echo breaks >>"$HOME/ran"; test ! -e "$HOME/is-broken"'), irreversible=True),
        ActivateStep(name="activate", probe=words("sh", "-c", 'echo activate >>"$HOME/ran"')),
        ProbeStep(name="probe", command=words("sh", "-c", 'echo probe >>"$HOME/ran"')),
    ),
    waves=Waves(canary_at_most=1, shares=(100,)),
    gate=GateRule(approval=Approval.CANARY, success=0),
    budget=Budget(failures=100, unreachable=100),
)


@dataclass(frozen=True)
class Town:
    """Three sites with a terminal each; every terminal is a server of its own."""

    settings: Settings
    store: Store
    servers: Mapping[str, OpenSSH]
    canary: str

    def ran(self, terminal: str) -> list[str]:
        """The commands that ran there, in order; an activation is seen by its probe."""
        return (self.servers[terminal].home / "ran").read_text().split()

    def visits(self, terminal: str) -> tuple[int, int]:
        """How many connections its server saw, and how many logins."""
        output = self.servers[terminal].output
        return sum("Connection from" in line for line in output), sum("Accepted publickey" in line for line in output)

    def go_on(self) -> RolloutPhase:
        """A new orchestrator does all that it can do; the rollout's phase then."""
        user = self.servers[self.canary].user
        with Orchestrator(self.settings, self.store, push=_push(self.settings, user)) as orchestrator:
            assert orchestrator.wait_at_rest(ENOUGH_S) is not None
        with self.store.read() as snapshot:
            state = rollouts.newest_rollout(snapshot)
        assert state is not None
        return state.phase

    def attempts(self, terminal: str) -> list[AttemptResult]:
        """Oldest first."""
        with self.store.read() as snapshot:
            return reads.attempts_of_terminal(snapshot, "r1", terminal)[::-1]


def _push(settings: Settings, user: str) -> Push:
    """The real push; these servers know one user, whoever runs the tests, and that may be root, which no playbook may name."""
    push = real_push(settings)
    return lambda job, stop: push(replace(job, account=job.account.model_copy(update={"user": user})), stop)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A started rollout of which nothing was carried out yet."""
    settings = make_workspace(tmp_path / "workspace")
    with ExitStack() as stack:
        fleet, servers = make_fleet(SITES), {}
        for terminal in fleet.terminals:
            directory = tmp_path / terminal.replace("/", "-")
            (directory / "home").mkdir(parents=True)
            servers[terminal] = stack.enter_context(running_openssh(directory, directory / "home"))
            public_key = settings.user_key.with_name(settings.user_key.name + ".pub").read_text()
            (directory / "authorized_keys").write_text(public_key)
        store = stack.enter_context(closing(open_store(settings)))
        fleet = _reaching(fleet, servers)
        inventory_control.import_fleet(store, COORDINATOR, utc_now(), fleet, {"sites": SITES, "terminals": SITES})
        release = add_release(data_dir("playbooks") / "release" / "release.yaml", settings.workspace / "releases")
        signing = release_control.Signing(release_key(settings), settings.zone)
        release = release_control.add_release(store, COORDINATOR, utc_now(), release, signing)
        plan = make_plan(fleet, PLAYBOOK, release)
        control.start_rollout(store, COORDINATOR, utc_now(), plan)
        yield Town(settings, store, servers, plan.waves[0].sites[0].terminals[0].id)


def _reaching(fleet: Fleet, servers: Mapping[str, OpenSSH]) -> Fleet:
    reached = {
        name: terminal.model_copy(update={"port": servers[name].port, "host_key": servers[name].fingerprint})
        for name, terminal in fleet.terminals.items()
    }
    return fleet.model_copy(update={"terminals": reached})


def test_a_rollout_that_is_continued_connects_to_no_terminal_that_is_finished(town: Town) -> None:
    broken, other = (terminal for terminal in town.servers if terminal != town.canary)
    flag = town.servers[broken].home / "is-broken"
    flag.touch()

    town.go_on()
    at_the_gate = {terminal: town.visits(terminal) for terminal in town.servers}
    control.approve(town.store, COORDINATOR, utc_now(), "r1", 1)
    town.go_on()
    after_the_night = {terminal: town.visits(terminal) for terminal in town.servers}
    flag.unlink()
    control.retry(town.store, COORDINATOR, utc_now(), "r1", [], typed=1)
    town.go_on()
    town.go_on()

    assert at_the_gate == {town.canary: (1, 1), broken: (0, 0), other: (0, 0)}
    assert after_the_night == {town.canary: (1, 1), broken: (1, 1), other: (1, 1)}
    assert {terminal: town.visits(terminal) for terminal in town.servers} == {town.canary: (1, 1), broken: (2, 2), other: (1, 1)}
    assert {terminal: [each.ending for each in town.attempts(terminal)] for terminal in town.servers} == {
        town.canary: [TerminalState.UPGRADED],
        broken: [TerminalState.FAILED, TerminalState.UPGRADED],
        other: [TerminalState.UPGRADED],
    }


def test_a_retry_sends_and_does_nothing_again_that_was_in_place_when_it_failed(town: Town) -> None:
    broken = next(terminal for terminal in town.servers if terminal != town.canary)
    flag = town.servers[broken].home / "is-broken"
    flag.touch()
    town.go_on()
    control.approve(town.store, COORDINATOR, utc_now(), "r1", 1)
    town.go_on()
    first = town.ran(broken)
    flag.unlink()

    control.retry(town.store, COORDINATOR, utc_now(), "r1", [broken])
    town.go_on()

    failed, done = town.attempts(broken)
    assert (failed.ending, failed.step) == (TerminalState.FAILED, "breaks")
    assert first == ["once", "breaks"]
    assert town.ran(broken) == [*first, "breaks", "activate", "probe"]
    assert failed.bytes_sent > 0
    assert (done.ending, done.bytes_sent) == (TerminalState.UPGRADED, 0)
    assert town.ran(town.canary) == ["once", "breaks", "activate", "probe"]
