"""A thousand pushes at the same time, in one `fleet run`: what they take of our memory. The terminals are processes of their own."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from fleet.control.workspace import make_workspace
from fleet.model.inventory import Fleet
from fleet.model.plan import Plan, PlannedSite, PlannedTerminal, Wave
from fleet.model.playbook import Approval, GateRule, RunStep, StageStep, Step
from fleet.model.release import Release
from fleet.push import load_user_key
from fleet.settings import Settings
from fleet.sim.inventory import reaching
from fleet.sim.simulation import start_simulation
from fleet.store import fleets, open_store, reads, releases
from fleet.terminal.compile import compile_program
from tests.engine.city import AT, COORDINATOR, begin, make_fleet
from tests.terminal.field import build, playbook, words

PUSHES = 1000
MOST_BYTES = 300 * 1000 * 1000
ENOUGH_S = 900
BUILD = build("2.0")


@pytest.fixture
def gate(tmp_path: Path) -> tuple[Path, Path]:
    """A pipe at which every terminal waits, and the file in which each has left a byte before."""
    os.mkfifo(tmp_path / "gate")
    (tmp_path / "held").touch()
    return tmp_path / "gate", tmp_path / "held"


@pytest.fixture
def night(tmp_path: Path, gate: tuple[Path, Path]) -> Iterator[Settings]:
    """A started rollout over a thousand sites; each terminal stages the release, then waits at the gate."""
    settings = make_workspace(tmp_path / "workspace")
    for name, data in BUILD.contents.items():
        (settings.workspace / "releases" / name).write_bytes(data)
    fleet = make_fleet(PUSHES)
    key = load_user_key(settings.user_key)
    with start_simulation(list(fleet.terminals.values()), {}, tmp_path / "terminals", key.public_line, seed=1) as simulation:
        fleet = reaching(fleet, simulation)
        _start(settings, fleet, _plan(fleet, gate))
        yield settings


def _plan(fleet: Fleet, gate: tuple[Path, Path]) -> Plan:
    way, held = gate
    waits = words("sh", "-c", f"printf x >>'{held}'; read -r _ <'{way}' || :", timeout_s=ENOUGH_S)
    steps: list[Step] = [StageStep(name="stage", timeout_s=ENOUGH_S), RunStep(name="hold", command=waits, irreversible=True)]
    whole = playbook(steps).model_copy(
        update={"parallel": PUSHES, "push_deadline_s": float(ENOUGH_S), "gate": GateRule(approval=Approval.NEVER)}
    )
    program = compile_program(whole, steps, BUILD.artifact, BUILD.version)
    sites = tuple(
        PlannedSite(
            code=site,
            terminals=tuple(PlannedTerminal(id=terminal.id, reach=terminal.reach, program=program.digest) for terminal in terminals),
        )
        for site, terminals in fleet.terminals_of.items()
    )
    wave = Wave(number=1, name="all", sites=sites, failures_allowed=PUSHES, unreachable_allowed=PUSHES)
    release = Release(version=BUILD.version, artifacts=(BUILD.artifact,))
    plan = Plan(playbook=whole, release=release.version, release_digest=release.digest, waves=(wave,), programs={program.digest: program})
    return plan.model_copy(update={"digest": plan.compute_digest()})


def _start(settings: Settings, fleet: Fleet, plan: Plan) -> None:
    store = open_store(settings)
    with store.write(COORDINATOR, AT) as tx:
        fleets.replace_fleet(tx, fleet, {})
        release = Release(version=BUILD.version, artifacts=(BUILD.artifact,))
        releases.add_release(tx, release.model_copy(update={"added_at": AT, "added_by": "c01"}))
    begin(store, fleet, plan)
    store.close()


@dataclass
class Run:
    """A `fleet run`, and the most memory it was seen to hold."""

    process: subprocess.Popen[bytes]
    peak_bytes: int = 0

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        until = time.monotonic() + ENOUGH_S
        while not is_so():
            assert time.monotonic() < until
            self.look()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(0.2)
                assert is_so(), self.process.returncode

    def look(self) -> None:
        """Its own high-water mark, as long as it is there to be read."""
        with suppress(FileNotFoundError, ProcessLookupError, KeyError):
            self.peak_bytes = self.figures("status")["VmHWM"] * 1024

    def figures(self, name: str) -> dict[str, int]:
        """The numbers of a file of its /proc, kB where they are sizes."""
        lines = Path(f"/proc/{self.process.pid}/{name}").read_text().splitlines()
        split = (line.split() for line in lines)
        return {first.rstrip(":"): int(value) for first, value, *_rest in (words for words in split if len(words) > 1) if value.isdigit()}


@pytest.mark.long
def test_a_thousand_pushes_at_the_same_time_take_less_than_300_mb(
    night: Settings, gate: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    way, held = gate

    with subprocess.Popen([Path(sys.executable).with_name("fleet"), "--workspace", night.workspace, "run", "--once"]) as process:
        run = Run(process)
        run.wait_until(lambda: held.stat().st_size == PUSHES)
        threads = run.figures("status")["Threads"]
        pss_bytes = run.figures("smaps_rollup")["Pss"] * 1024
        with way.open("w"):
            pass
        run.wait_until(lambda: _upgraded(night) == PUSHES)
        process.wait(ENOUGH_S)

    with capsys.disabled():
        sys.stdout.write(
            f"\n{PUSHES} pushes: {pss_bytes / 1e6:.0f} MB (PSS) while they wait, {run.peak_bytes / 1e6:.0f} MB (RSS) at most\n"
        )
    assert threads > PUSHES
    assert 0 < run.peak_bytes < MOST_BYTES
    assert _upgraded(night) == PUSHES


def _upgraded(settings: Settings) -> int:
    store = open_store(settings)
    try:
        with store.read() as snapshot:
            return reads.read_tallies(snapshot, "r1").total.sites.upgraded
    finally:
        store.close()
