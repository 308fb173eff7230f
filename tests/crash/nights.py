"""A night whose orchestrator is killed with -9 again and again: real `fleet run` processes, real SSH to simulated terminals.

template workspaces, a rollout begun in each -> a copy for every round -> kill, start again, kill ... -> run to the end -> count
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from time import monotonic

from fleet.cli.standing import look
from fleet.control import rollouts as control
from fleet.control.workspace import make_workspace
from fleet.model.attempt import TerminalState
from fleet.model.inventory import Fleet
from fleet.model.playbook import Approval
from fleet.model.release import Release
from fleet.model.rollout import Verdict, WavePhase
from fleet.plan import make_plan, read_playbook
from fleet.rollout.standing import Standing
from fleet.settings import Settings
from fleet.sim.inventory import reaching
from fleet.sim.simulation import start_simulation
from fleet.store import Store, fleets, open_store, progress, reads, releases, rollouts
from fleet.store.audit import check_chain, check_tables
from fleet.trust.release import add_release
from tests.crash.links import release, wrong_counts
from tests.engine.city import AT, COORDINATOR, begin, make_fleet
from tests.openssh import wait_for_sessions
from tests.seals import signed
from tests.terminal.field import Build

FILE_BYTES = 600_000
MOST_KILLS = 8
"""Of one round."""
LONGEST_S = 0.5
"""From an orchestrator's first push to its death; it makes three at a time, each shorter than this."""
SHARED, TWICE = 0.3, 0.25
"""How often two workspaces push to the same terminals, and how often a second orchestrator is started in a workspace."""
LOOK_EVERY_S = 0.01
ENOUGH_S = 120
RETRIES = 5
PLAYBOOK = """\
name: upgrade
account: {{user: client, root: client}}
steps:
  - step: stage
  - step: configure
    file: etc/client.conf
    values: {{mode: software}}
    per_terminal: {{card: key-card}}
  - step: activate
    stop: [bin/client, stop]
    migrate: [bin/client, migrate]
    start: [bin/client, start]
    probe: [bin/client, probe]
    timeout_s: {limit}
waves: {{canary_at_most: 1, shares: [100]}}
gate: {{success: 1, min_samples: 1, approval: {approval}}}
budget: {{failures: 100, unreachable: 100}}
parallel: 3
push_deadline_s: 60
"""


@dataclass
class Figures:
    """What the kills came to."""

    kills: int = 0
    """Of orchestrators that had pushes in flight."""
    pushes: int = 0
    """That were in flight then."""
    other_kills: int = 0
    refused: int = 0
    """Orchestrators that found another one in the workspace."""
    shared: int = 0
    """Rounds in which two workspaces pushed to the same terminals."""
    rounds: int = 0

    def __str__(self) -> str:
        return (
            f"{self.kills} kills with {self.pushes} pushes in flight and {self.other_kills} others in {self.rounds} nights; "
            f"{self.refused} second orchestrators refused, {self.shared} nights of two workspaces on the same terminals"
        )


@dataclass
class Night:
    """Simulated terminals, and workspaces whose rollout has begun."""

    directory: Path
    homes: dict[str, Path]
    ports: frozenset[int]
    images: Path
    made: Build
    templates: list[Path]
    """The first is used in every round; the other two push to the same terminals, one of them under the same names of attempts."""
    figures: Figures = field(default_factory=Figures)

    def undisturbed(self) -> "End":
        """How a round ends in which nobody is killed."""
        self._reset()
        workspace = self._copy(self.templates[0])
        self._run_to_the_end(workspace)
        return end_of(workspace)

    def survive(self, dice: Random, most_kills: int = MOST_KILLS, *, like: "End | None" = None) -> list[str]:
        """One round; returns what was wrong. With `like` no other workspace meddles, and it is to end so."""
        self._reset()
        self.figures.rounds += 1
        shared = dice.random() < SHARED and like is None
        self.figures.shared += shared
        used = [self.templates[0], dice.choice(self.templates[1:])] if shared else [self.templates[0]]
        workspaces = [self._copy(template) for template in used]
        for _ in range(most_kills):
            for workspace in workspaces:
                approve_what_waits(workspace)
            unfinished = [workspace for workspace in workspaces if has_work(workspace)]
            if not unfinished:
                break
            twice = len(unfinished) == 1 and dice.random() < TWICE
            self._run_and_kill(unfinished * 2 if twice else unfinished, dice.uniform(0, LONGEST_S))
        if like is not None:
            self._run_to_the_end(workspaces[0])
        wrong = [words for workspace in workspaces for words in self._finish(workspace, RETRIES if shared else 0)]
        if like is not None and (end := end_of(workspaces[0])) != like:
            wrong.append(f"it ends as {end}, without kills as {like}")
        for home in self.homes.values():
            wait_for_sessions(home)
        return wrong + [f"{name}: {words}" for name, home in self.homes.items() for words in wrong_counts(home, self.made)]

    def _reset(self) -> None:
        for name, home in self.homes.items():
            shutil.rmtree(home / "client", ignore_errors=True)
            (home / "started").unlink(missing_ok=True)
            shutil.copytree(self.images / name, home / "client", symlinks=True)

    def _copy(self, template: Path) -> Path:
        workspace = self.directory / "workspaces" / template.name
        shutil.rmtree(workspace, ignore_errors=True)
        shutil.copytree(template, workspace)
        return workspace

    def _run_and_kill(self, workspaces: list[Path], seconds: float) -> None:
        """Start an orchestrator in each, all at once; so many seconds after the first push every one that runs is killed with -9."""
        with ExitStack() as stack:
            processes = [stack.enter_context(start_orchestrator(workspace)) for workspace in workspaces]
            said = [process.stderr.readline() if process.stderr else "" for process in processes]
            running = [process for process, line in zip(processes, said, strict=True) if "The orchestrator runs" in line]
            refused = sum("another orchestrator" in line for line in said)
            assert (len(running), refused) == (len(set(workspaces)), len(workspaces) - len(set(workspaces))), said
            self._await_push(running, set(workspaces))
            with suppress(subprocess.TimeoutExpired):
                running[0].wait(seconds)
            for process in running:
                pushes = pushes_of(process.pid, self.ports)
                process.kill()
                self.figures.pushes += pushes
                self.figures.kills += pushes > 0
                self.figures.other_kills += pushes == 0
        self.figures.refused += refused

    def _await_push(self, running: list[subprocess.Popen[str]], workspaces: set[Path]) -> None:
        """Until one of them has a connection to a terminal, or none goes on without a person."""
        until = monotonic() + ENOUGH_S
        while not any(pushes_of(process.pid, self.ports) for process in running) and any(map(has_work, workspaces)):
            assert monotonic() < until, "no push begins"
            with suppress(subprocess.TimeoutExpired):
                running[0].wait(LOOK_EVERY_S)

    def _finish(self, workspace: Path, retries: int) -> list[str]:
        """Run until nothing is left to do; a terminal that another workspace held is tried again, as a person would."""
        for tried in range(1 + retries):
            if self._left(workspace) == 0:
                break
            if tried:
                with opened(workspace) as store:
                    control.retry(store, COORDINATOR, datetime.now(UTC), "r1")
            with start_orchestrator(workspace, "--once") as process:
                process.communicate(timeout=ENOUGH_S)
        with opened(workspace) as store, store.read() as snapshot:
            _count, _head, problems = check_chain(snapshot)
            problems += check_tables(snapshot, "r1")
        left = self._left(workspace)
        return [*map(str, problems), *([f"{workspace.name}: {left} terminals are not upgraded"] if left else [])]

    def _run_to_the_end(self, workspace: Path) -> None:
        """Run, and let go on what waits for an approval, until nothing is left to do."""
        while approve_what_waits(workspace) or has_work(workspace):
            with start_orchestrator(workspace, "--once") as process:
                process.communicate(timeout=ENOUGH_S)

    def _left(self, workspace: Path) -> int:
        """Terminals that are not proven."""
        with opened(workspace) as store, store.read() as snapshot:
            return len(self.homes) - len(progress.terminals_in(snapshot, "r1", [TerminalState.UPGRADED]))


@dataclass(frozen=True)
class End:
    """How a rollout stands in the end, but for when that was."""

    phase: str
    gates: tuple[object, ...]
    """Of each wave its phase, its verdict with the numbers it rests on, and who approved it."""
    counts: tuple[object, ...]
    decisions: tuple[object, ...]
    terminals: tuple[object, ...]
    """Of each its state, its cause and how many attempts it took."""


def end_of(workspace: Path) -> End:
    """How the workspace's rollout stands."""
    with opened(workspace) as store, store.read() as snapshot:
        state = rollouts.newest_rollout(snapshot)
        assert state is not None
        tallies = reads.read_tallies(snapshot, state.id)
        moments = {"opened_at", "passed_at", "approved_at"}
        return End(
            state.phase,
            tuple(repr(wave.model_dump(exclude=moments)) for wave in state.waves),
            tuple((number, repr(tally)) for number, tally in sorted(tallies.by_wave.items())),
            tuple((one.kind, one.wave, one.actor) for one in rollouts.decisions_after(snapshot, state.id, 0)),
            tuple((row.id, row.state, row.cause, row.attempts) for row in reads.all_terminals(snapshot, state.id)),
        )


def approve_what_waits(workspace: Path) -> bool:
    """As a coordinator does where a gate has passed and the plan wants somebody to say so."""
    with opened(workspace) as store:
        stand = look(store)
        waiting = [wave for wave in stand.rollout.waves if wave.phase is WavePhase.GATE and wave.verdict is Verdict.PASS]
        approved = {decision.wave for decision in stand.pending}
        if not waiting or waiting[0].number in approved:
            return False
        control.approve(store, COORDINATOR, datetime.now(UTC), "r1", waiting[0].number)
        return True


def has_work(workspace: Path) -> bool:
    """Whether an orchestrator has something to do there; not where all is done, or a person has to decide over what failed."""
    with opened(workspace) as store:
        return look(store).standing is Standing.AT_WORK


def pushes_of(pid: int, ports: frozenset[int]) -> int:
    """Connections that this process has to these ports."""
    sockets = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            sockets.add(str(descriptor.readlink()))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(f"socket:[{row[9]}]" in sockets and int(row[2].partition(":")[2], 16) in ports for row in rows if row[3] == "01")


@contextmanager
def start_orchestrator(workspace: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A `fleet run` of its own."""
    environment = {**os.environ, "FLEET_WORKSPACE": str(workspace), "LC_ALL": "C.UTF-8"}
    command = [sys.executable, "-c", "from fleet.cli.app import main; main()", "run", *words]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def opened(workspace: Path) -> Iterator[Store]:
    """The workspace's store."""
    store = open_store(Settings(workspace=workspace))
    try:
        yield store
    finally:
        store.close()


@contextmanager
def night(directory: Path, sites: int, approval: Approval = Approval.NEVER) -> Iterator[Night]:
    """Terminals on the old client with a `state` of their own, and the workspaces; `approval` is what their gates want."""
    made = release("4.2.0", FILE_BYTES)
    source = directory / "release"
    for file in made.artifact.files:
        path = source / "files" / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(made.contents[file.sha256])
        path.chmod(int(file.mode, 8))
    (source / "release.yaml").write_text("version: 4.2.0\nartifacts:\n  - name: all\n    source: files\n")
    city = make_fleet(sites)
    first, *_ = templates = [directory / "templates" / name for name in ("first", "namesake", "stranger")]
    first.parent.mkdir()
    settings = make_workspace(first, None)
    public = Path(f"{settings.user_key}.pub").read_text().strip()
    with start_simulation(list(city.terminals.values()), {}, directory / "scratch", public, seed=1) as simulation:
        fleet = reaching(city, simulation)
        # Signed once: with another signature it would be another program, and no attempt of two workspaces would have the same name.
        taken_in = signed(add_release(source / "release.yaml", first / "releases"))
        for template in templates:
            _begin(template, first, fleet, taken_in, approval)
        homes = {name: directory / "scratch/homes" / name for name in fleet.terminals}
        images = directory / "images"
        for name, home in homes.items():
            state = home / "client/current/state"
            state.mkdir()
            (state / "applied").touch()
            shutil.copytree(home / "client", images / name, symlinks=True)
        ports = frozenset(address.port for address in simulation.addresses.values())
        yield Night(directory, homes, ports, images, made, templates)


def _begin(workspace: Path, first: Path, fleet: Fleet, taken_in: Release, approval: Approval) -> None:
    """Prepare a workspace up to a rollout that has begun; `stranger` has another playbook (a step may take
    a second less), so its attempts have other names."""
    if workspace != first:
        settings, theirs = make_workspace(workspace, None), Settings(workspace=first)
        for end in ("", ".pub"):
            shutil.copy(f"{theirs.user_key}{end}", f"{settings.user_key}{end}")
        shutil.copytree(first / "releases", workspace / "releases", dirs_exist_ok=True)
    playbook = workspace / "playbook.yaml"
    playbook.write_text(PLAYBOOK.format(limit=39 if workspace.name == "stranger" else 40, approval=approval.value))
    with opened(workspace) as store:
        with store.write(COORDINATOR, AT) as tx:
            fleets.replace_fleet(tx, fleet, {})
            releases.add_release(tx, taken_in.model_copy(update={"added_at": AT, "added_by": COORDINATOR.code}))
        begin(store, fleet, make_plan(fleet, read_playbook(playbook), taken_in))
