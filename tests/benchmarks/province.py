"""What a province costs the orchestrator: `python -m tests.benchmarks.province [TERMINALS]`, some eight minutes, most of them to make it.

A workspace with 100,000 terminals at 49,000 sites, its rollout half way through the largest wave. Limits, on two cores: a turn of the
reconciler after a result 50 ms, from the start of a process to the end of its first turn 3 s. Ends with 1 where one does not hold.
"""

import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter

from fleet.engine.lock import WorkspaceLock
from fleet.engine.plans import Plans
from fleet.engine.reconcile import reconcile
from fleet.model.actor import FLEET
from fleet.model.attempt import TerminalState
from fleet.model.inventory import District, Fleet, Site, SiteKind, Terminal
from fleet.model.plan import Plan
from fleet.model.rollout import Shard, WavePhase
from fleet.settings import Settings
from fleet.store import Store, open_store, progress, rollouts, shards
from tests.engine.city import AT, PEOPLE, PROGRAM, begin, fingerprint, make_plan, set_up

TURN_MS, RESTART_S = 50.0, 3.0
DISTRICTS, TURNS, RESTARTS, IN_HAND, CHUNK = 100, 40, 5, 200, 2_000
_RESTART = """\
import sys
from pathlib import Path
from time import perf_counter
began = perf_counter()
from fleet.engine import Orchestrator
from fleet.settings import Settings
from fleet.store import open_store
settings = Settings(workspace=Path(sys.argv[1]))
store = open_store(settings)
with Orchestrator(settings, store, push=lambda job, stop: stop.wait()) as running:
    while running._turn is None:
        running._turned.acquire(); running._turned.wait(0.01); running._turned.release()
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
    print(perf_counter() - began, int(peak.split()[1]) // 1024, flush=True)
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


def make_province(terminals: int) -> Fleet:
    """Two terminals at most sites, three at some: 100,000 make some 49,000 sites, in a hundred districts."""
    sites: list[str] = []
    machines: dict[str, Terminal] = {}
    while len(machines) < terminals:
        code = f"s{len(sites):05}"
        for place in range(1, 4 if len(sites) % 24 == 0 else 3):
            machine = Terminal(
                site=code, code=f"t{place}", host=f"terminal-{len(machines)}.invalid", host_key=fingerprint(f"{code}{place}")
            )
            machines[machine.id] = machine
        sites.append(code)
    return Fleet(
        districts={f"d{number}": District(code=f"d{number}", name=f"第{number}区") for number in range(DISTRICTS)},
        sites={
            code: Site(code=code, kind=SiteKind.PHARMACY, name=f"潮生大药房{code}", district=f"d{number % DISTRICTS}")
            for number, code in enumerate(sites)
        },
        terminals=machines,
        people=PEOPLE,
    )


def chunks(names: Iterator[str]) -> Iterator[list[str]]:
    """So many at a time."""
    while found := list(islice(names, CHUNK)):
        yield found


def bring_half_way(store: Store, fleet: Fleet, plan: Plan) -> None:
    """The first waves passed, half of the last one upgraded, and its shards planned by a turn."""
    state = begin(store, fleet, plan)
    *before, last = plan.waves
    done = [terminal.id for wave in before for terminal in wave.terminals]
    done += [terminal.id for site in last.sites[: len(last.sites) // 2] for terminal in site.terminals]
    waves = tuple(
        wave.model_copy(
            update={"phase": WavePhase.OPEN, "opened_at": AT}
            | ({} if wave.number == last.number else {"phase": WavePhase.PASSED, "passed_at": AT})
        )
        for wave in state.waves
    )
    for names in chunks(iter(done)):
        with store.write(FLEET, AT) as tx:
            progress.move(tx, state.id, dict.fromkeys(names, TerminalState.UPGRADED), {})
    with store.write(FLEET, AT) as tx:
        rollouts.save_rollout(tx, state.model_copy(update={"waves": waves}))


def measure_turns(store: Store) -> tuple[float, list[float]]:
    """Seconds of the turn that plans a wave's shards, and of turns after a result came in."""
    workers, plans, lock = Workers(), Plans(), WorkspaceLock(store)
    lock.take(AT)
    began = perf_counter()
    reconcile(store, workers, plans, AT, lock.hold)
    first = perf_counter() - began
    for shard, attempt in workers.taken[:IN_HAND]:
        with store.write(FLEET, AT) as tx:
            shards.claim(tx, shard, attempt, "benchmark")
    took = []
    for number in range(TURNS):
        shard, attempt = workers.taken[number % len(workers.taken)]
        with store.write(FLEET, AT) as tx:
            row = shards.read_shard(tx, shard)
            assert row is not None
            shards.set_grant(tx, shard, parallel=max(0, row.grant_parallel - 1), failures=max(0, row.grant_failures - 1))
            shards.set_open(tx, shard, max(0, row.open - 1))
        began = perf_counter()
        reconcile(store, workers, plans, AT, lock.hold)
        took.append(perf_counter() - began)
    lock.leave(AT)
    return first, took


def measure_restarts(workspace: Path) -> list[tuple[float, int]]:
    """Seconds from a process's first line to the end of its first turn, and its MB; killed each time, as a crash would."""
    found = []
    for _ in range(RESTARTS):
        began = perf_counter()
        ran = subprocess.run([sys.executable, "-c", _RESTART, str(workspace)], capture_output=True, text=True, check=False)
        inside, peak = ran.stdout.split()
        found.append((max(float(inside), perf_counter() - began), int(peak)))
    return found


def main(terminals: int) -> int:
    """Print the figures; 1 where a limit does not hold."""
    fleet = make_province(terminals)
    sites = len(fleet.sites)
    waves = (20, sites // 10, sites * 3 // 10)
    plan = make_plan(fleet, *waves, sites - sum(waves), failures=sites // 20, unreachable=sites // 10, parallel=1000, program=PROGRAM)
    with tempfile.TemporaryDirectory() as directory:
        store = open_store(Settings(workspace=Path(directory)), create=True)
        set_up(store, fleet)
        bring_half_way(store, fleet, plan)
        first, turns = measure_turns(store)
        store.close()
        restarts = measure_restarts(Path(directory))
        megabytes = sum(file.stat().st_size for file in Path(directory).glob("fleet.db*")) // 2**20
    turn_ms, restart_s = median(turns) * 1000, median(seconds for seconds, _ in restarts)
    print(f"{terminals} terminals at {sites} sites in {len(plan.waves)} waves; database {megabytes} MB")
    print(f"the turn that plans the shards of {sites - sum(waves)} sites: {first * 1000:.0f} ms")
    print(f"a turn after a result: {turn_ms:.1f} ms, at most {max(turns) * 1000:.1f} ms (limit {TURN_MS:g} ms)")
    print(f"a restart to the end of its first turn: {restart_s:.2f} s (limit {RESTART_S:g} s); peak {max(peak for _, peak in restarts)} MB")
    print(f"this process, with the fleet and the plan in hand: peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")
    return int(turn_ms > TURN_MS or restart_s > RESTART_S)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
