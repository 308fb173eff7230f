"""What a province costs the orchestrator: `python -m tests.benchmarks.province [TERMINALS]`, minutes, most of them to make it.

A night of 100,000 terminals with everything in play (`province_night`). Limits, on two cores: a turn of the reconciler after a result 50 ms,
from the start of a process to the end of its first turn 3 s. Ends with 1 where one does not hold.
"""

import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

from fleet.control.evidence import read_evidence
from fleet.engine.lock import WorkspaceLock
from fleet.engine.plans import Plans
from fleet.engine.reconcile import reconcile
from fleet.engine.shard_run import ShardRun, claim, take_step
from fleet.model.actor import FLEET
from fleet.model.attempt import TerminalState
from fleet.model.rollout import Shard
from fleet.push import PushJob
from fleet.push.collector import settle_collector
from fleet.settings import Settings
from fleet.store import Store, evidence, open_store, rollouts
from tests.benchmarks.province_night import OPENS_AT, bring_half_way, make_night, make_province
from tests.engine.city import AT, result, set_up

TURN_MS, RESTART_S = 50.0, 3.0
TURNS, RESTARTS, IN_HAND = 40, 5, 60
_RESTART = """\
import sys
from datetime import datetime
from pathlib import Path
from time import perf_counter, process_time
began = perf_counter()
from fleet.engine import Orchestrator
from fleet.settings import Settings
from fleet.store import open_store
settings = Settings(workspace=Path(sys.argv[1]))
store = open_store(settings)
now = datetime.fromisoformat(sys.argv[2])
with Orchestrator(settings, store, push=lambda job, stop: stop.wait(), clock=lambda: now) as running:
    while running._turn is None:
        running._turned.acquire(); running._turned.wait(0.01); running._turned.release()
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
    print(perf_counter() - began, process_time(), int(peak.split()[1]) // 1024, flush=True)
    __import__("os")._exit(0)
"""


class Workers:
    """Takes every shard and does nothing with it."""

    def __init__(self) -> None:
        """Nothing is dispatched yet."""
        self.taken: list[tuple[int, int]] = []

    def dispatch(self, shard: int, attempt: int) -> None:
        """Keep it."""
        self.taken.append((shard, attempt))

    def is_lost(self, shard: Shard, now: object) -> bool:  # noqa: ARG002 - the seam's signature
        """Nothing is ever lost here."""
        return False

    def wake(self) -> None:
        """Nobody sleeps."""


@dataclass(frozen=True, slots=True)
class Took:
    """How long something took."""

    wall_s: float
    cpu_s: float
    """Of this process: what others do on the machine is not in it."""


@contextmanager
def timed(into: list[Took]) -> Iterator[None]:
    """Note how long the block takes."""
    wall, cpu = perf_counter(), process_time()
    yield
    into.append(Took(perf_counter() - wall, process_time() - cpu))


class Night:
    """The orchestrator's parts, each called by hand."""

    def __init__(self, store: Store) -> None:
        """It has the workspace, and the collector is set as in its process; nothing is dispatched."""
        settle_collector()
        self.store, self.workers, self.plans, self.lock, self.now = store, Workers(), Plans(), WorkspaceLock(store), AT
        self.lock.take(AT)

    def turn(self, into: list[Took]) -> None:
        """One turn of the reconciler."""
        with timed(into):
            reconcile(self.store, self.workers, self.plans, self.now, self.lock.hold)

    def first_turn(self) -> Took:
        """The one that plans the wave's shards, and learns about those that wait."""
        took: list[Took] = []
        self.turn(took)
        return took[0]

    def pushes(self, turns: list[Took], steps: list[Took]) -> None:
        """Workers claim shards; pushes end, each followed by its worker's step and by a turn."""
        runs: list[ShardRun] = []
        begun: list[PushJob] = []
        for key in self.workers.taken[:IN_HAND]:
            with self.store.write(FLEET, self.now) as tx:
                run = claim(tx, *key, "benchmark")
                assert run is not None
                step = take_step(tx, run, (), self.plans, drains=False)
            if step.run is not None:
                runs.append(step.run)
                begun.append(next(task for task in step.tasks if isinstance(task, PushJob)))
        for run, job in list(zip(runs, begun, strict=True))[:TURNS]:
            self.now += timedelta(seconds=1)
            with timed(steps), self.store.write(FLEET, self.now) as tx:
                take_step(tx, run, (result(job, TerminalState.UPGRADED),), self.plans, drains=False)
            self.turn(turns)

    def opening(self) -> Took:
        """The turn at which the windows of ten districts open."""
        self.now = OPENS_AT
        took: list[Took] = []
        self.turn(took)
        return took[0]


def measure_judging(store: Store) -> Took:
    """What is read of the largest wave that has ended, for its gate: swipes, bindings and causes."""
    took: list[Took] = []
    plans = Plans()
    with store.read() as snapshot:
        state = rollouts.newest_rollout(snapshot)
        assert state is not None
        plan = plans.of(snapshot, state).plan
        with timed(took):
            read_evidence(snapshot, plan, state.id, 3)
            evidence.last_ended_at(snapshot, state.id, 3)
    return took[0]


def measure_restarts(workspace: Path, now: datetime) -> tuple[list[Took], int]:
    """From a process's first line to the end of its first turn, and the most MB; killed each time, as a crash would."""
    found, most = [], 0
    for _ in range(RESTARTS):
        began = perf_counter()
        words = [sys.executable, "-c", _RESTART, str(workspace), now.isoformat()]
        ran = subprocess.run(words, capture_output=True, text=True, check=False)
        inside, cpu, peak = ran.stdout.split()
        found.append(Took(max(float(inside), perf_counter() - began), float(cpu)))
        most = max(most, int(peak))
    return found, most


def main(terminals: int) -> int:
    """Print the figures; 1 where a limit does not hold."""
    fleet = make_province(terminals)
    plan = make_night(fleet)
    with tempfile.TemporaryDirectory() as directory:
        store = open_store(Settings(workspace=Path(directory)), create=True)
        set_up(store, fleet)
        bring_half_way(store, fleet, plan)
        megabytes = sum(file.stat().st_size for file in Path(directory).glob("fleet.db*")) // 2**20
        print(f"{terminals} terminals at {len(fleet.sites)} sites in {len(plan.waves)} waves; database {megabytes} MB")
        holds = measure(store, Path(directory))
        store.close()
    print(f"this process, with the fleet and the plan in hand: peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")
    return int(not holds)


def measure(store: Store, workspace: Path) -> bool:
    """Print what everything takes in a workspace that is half way; whether the limits hold."""
    night = Night(store)
    turns: list[Took] = []
    steps: list[Took] = []
    first = night.first_turn()
    night.pushes(turns, steps)
    opening = night.opening()
    night.lock.leave(night.now)
    restarts, peak = measure_restarts(workspace, night.now)
    turn_ms, restart_s = median(took.wall_s for took in turns) * 1000, median(took.wall_s for took in restarts)
    print(f"a turn after a result: {words(turns)} (limit {TURN_MS:g} ms)")
    print(f"the worker's step with it: {words(steps)}")
    print(f"a restart to the end of its first turn: {words(restarts)} (limit {RESTART_S:g} s); peak {peak} MB")
    for what, took in (
        ("the turn that plans the last wave's shards", first),
        ("the turn at which the windows of ten districts open", opening),
        ("what is read for the gate of the third wave", measure_judging(store)),
    ):
        print(f"once: {what}: {took.wall_s * 1000:.0f} ms, {took.cpu_s * 1000:.0f} ms of CPU")
    return turn_ms <= TURN_MS and restart_s <= RESTART_S


def words(many: list[Took]) -> str:
    """Median and worst."""
    wall, cpu = [took.wall_s * 1000 for took in many], [took.cpu_s * 1000 for took in many]
    return f"{median(wall):.1f} ms, at most {max(wall):.1f} ms; CPU {median(cpu):.1f} ms, at most {max(cpu):.1f} ms"


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
