"""Whole nights from a seed: a random fleet, plan and troubles, people who decide at random, orchestrators that are killed, and two at once.

    seed -> Night -> live through it -> what was wrong (nothing), the record, how every terminal ended

Replay one: `python -m tests.rehearsal.nights SEED`.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from random import Random

from sqlalchemy import event as sql_event
from sqlalchemy import select

from fleet.control import rollouts as control
from fleet.control.exclusions import exclude
from fleet.control.silent import Silent
from fleet.errors import ConflictError, FleetError
from fleet.model.again import AgainRule, Trouble
from fleet.model.attempt import Cause, TerminalState
from fleet.model.inventory import Reach
from fleet.model.plan import Plan
from fleet.model.playbook import Approval, KeySource
from fleet.model.rollout import RolloutPhase, RolloutState, WavePhase
from fleet.rehearsal.agenda import Agenda
from fleet.rehearsal.orchestrator import SteppedOrchestrator
from fleet.rehearsal.terminals import Fate, SimulatedTerminals
from fleet.settings import Settings
from fleet.store import Store, again, open_store, progress, reads, rollouts, tables
from fleet.store.audit import check_chain, check_tables
from tests.engine.city import AT, COORDINATOR, begin, make_fleet, make_plan, set_up

MOST_EVENTS = 5_000
"""More than any of these nights needs; one that goes on for longer never ends."""
SHARED_MEMORY = Path("/dev/shm")
_FATES = (
    *(Fate(),) * 12,
    *(Fate(TerminalState.UNREACHABLE, Cause.NO_ANSWER, seconds=5),) * 3,
    *(Fate(TerminalState.FAILED, Cause.DISK_FULL, "preflight"),) * 2,
    *(Fate(TerminalState.ROLLED_BACK, Cause.PROBE_FAILED, "preflight"),) * 2,
    *(Fate(heard=False),) * 2,
    Fate(TerminalState.ROLLED_BACK, Cause.PROBE_FAILED, "preflight", heard=False),
    Fate(heard=False, then_silent=True),
)


class KilledError(BaseException):
    """The process that did this is gone; nobody catches it but the night."""


@dataclass(frozen=True)
class Told:
    """What a night came to."""

    record: str
    """sha256 over every event with its time, but for the orchestrators' own, which name their process: the same in any process."""
    endings: dict[str, TerminalState]
    kills: int
    handovers: int
    """Orchestrators that lost the workspace to another while they stood still."""
    refused: int
    decisions: int
    wrong: tuple[str, ...]


@dataclass
class Night:
    """One night in the making."""

    seed: int
    store: Store
    has_kills: bool = True
    has_whims: bool = True
    """Whether people pause, stop, retry and exclude as they like; otherwise they only let go on what waits."""
    wrong: list[str] = field(default_factory=list)
    kills: int = 0
    handovers: int = 0
    refused: int = 0
    decisions: int = 0

    def __post_init__(self) -> None:
        dice = Random(f"night {self.seed}")
        self.dice = Random(f"whims {self.seed}")
        self.agenda = Agenda(AT)
        sites = dice.randint(2, 9)
        self.fleet = make_fleet(sites, terminals=dice.randint(1, 3), by_hand=dice.choice((0, 0, 1)))
        canary = dice.randint(1, sites - 1)
        waves = (canary, sites - canary) if dice.random() < 0.7 or sites - canary < 2 else (canary, 1, sites - canary - 1)
        self.failures, self.unreachable, self.parallel = dice.randint(1, 3), dice.randint(1, 3), dice.randint(1, 6)
        self.plan = make_plan(
            self.fleet,
            *waves,
            failures=self.failures,
            unreachable=self.unreachable,
            approval=dice.choice(list(Approval)),
            parallel=self.parallel,
        )
        if Random(f"tries {self.seed}").random() < 0.5:
            self.plan = _trying_again(self.plan)
        lasting = {name: dice.choice(_FATES) for name in self.fleet.terminals}
        first = {name: dice.choice(_FATES) for name in self.fleet.terminals if dice.random() < 0.3} if self.has_whims else {}
        pace = {name: dice.randint(3, 90) for name in self.fleet.terminals}

        def fate(terminal: str, number: int) -> Fate:
            told = first.get(terminal, lasting[terminal]) if number == 1 else lasting[terminal]
            return told if told.ending is TerminalState.UNREACHABLE else replace(told, seconds=float(pace[terminal]))

        self.terminals = SimulatedTerminals(fate, KeySource.TOKEN)
        self.ssh = [name for name, terminal in self.fleet.terminals.items() if terminal.reach is Reach.SSH]
        self.working: SteppedOrchestrator | None = None
        self.replaced: list[SteppedOrchestrator] = []
        """They stand still, and do not know yet that somebody else has the workspace."""
        self.fuse = 0
        """So many more statements until the one that works is killed; 0 is never."""
        sql_event.listen(self.store.engine, "before_cursor_execute", self._burn)

    # The night itself

    def live(self) -> Told:
        """Until nothing is left to do; whoever is killed is followed by another."""
        set_up(self.store, self.fleet)
        begin(self.store, self.fleet, self.plan)
        for _ in range(MOST_EVENTS):
            state = self._go_on()
            if state is not None and not self._is_decided(state):
                break
        else:
            self.wrong.append("it never comes to its end")
        for old in self.replaced:
            self._thaw(old)
        self._check_the_end()
        with self.store.read() as snapshot:
            events = snapshot.connection.execute(select(tables.event).order_by(tables.event.c.seq)).all()
            endings = progress.states_of(snapshot, "r1", self.fleet.terminals)
        told = [(row.at, row.kind, row.subject, row.actor, row.body) for row in events if row.subject != "orchestrator"]
        record = sha256(repr(told).encode()).hexdigest()
        return Told(record, endings, self.kills, self.handovers, self.refused, self.decisions, tuple(self.wrong))

    def _go_on(self) -> RolloutState | None:
        """One moment; the position where nothing moves any more without a person."""
        try:
            working = self.working or self._start()
            if self.has_kills and self.dice.random() < 0.1:
                self.fuse = self.dice.randint(1, 60)
            turn = working.work()
        except KilledError:
            self._kill()
            return None
        finally:
            self.fuse = 0
        self._check_the_moment()
        if self.has_kills:
            self._trouble_the_orchestrators()
        if self.has_whims and self.dice.random() < 0.08:
            self._whim()
        if not self.agenda.is_empty:
            self.agenda.go_on()
            return None
        if turn.next_at is not None and turn.next_at > self.agenda.now:
            self.agenda.let_pass((turn.next_at - self.agenda.now).total_seconds())
            return None
        return turn.state if working is self.working and not working.has_news and turn.is_at_rest else None

    def _start(self) -> SteppedOrchestrator:
        self.working = SteppedOrchestrator(self.store, self.terminals, self.agenda, at_gateway=4, before=self._may_die)
        self.working.start()
        return self.working

    def _kill(self) -> None:
        if self.working is not None:
            self.working.die()
            self.working, self.kills = None, self.kills + 1

    def _burn(self, *_: object) -> None:
        """Each statement brings the end nearer; the one that is its last is never carried out."""
        if self.fuse:
            self.fuse -= 1
            if not self.fuse:
                raise KilledError

    def _may_die(self, what: str) -> None:
        if self.fuse and what in {"dispatch", "follow"} and self.dice.random() < 0.3:
            self.fuse = 0
            raise KilledError

    # Two at once

    def _trouble_the_orchestrators(self) -> None:
        roll = self.dice.random()
        if roll < 0.05:
            self._second_is_refused()
        elif roll < 0.1:
            self._stand_still_and_be_replaced()
        elif roll < 0.2 and self.replaced:
            self._thaw(self.replaced.pop(0))
        elif roll < 0.24:
            self._kill()

    def _second_is_refused(self) -> None:
        assert self.working is not None
        second = SteppedOrchestrator(self.store, self.terminals, self.agenda, at_gateway=4)
        self.working.beat()
        try:
            second.start()
        except ConflictError:
            self.refused += 1
        else:
            self.wrong.append("a second orchestrator took a workspace whose first was alive")

    def _stand_still_and_be_replaced(self) -> None:
        """The machine sleeps; what was going on elsewhere goes on, and half a minute later somebody starts another."""
        for _ in range(3):
            if not self.agenda.is_empty:
                self.agenda.go_on()
        self.agenda.let_pass(30)
        assert self.working is not None
        self.replaced.append(self.working)
        self._start()

    def _thaw(self, old: SteppedOrchestrator) -> None:
        """One that was replaced goes on where it stood: its writer first, which has not heard, then its turn, which is refused."""
        before = self._standing()
        old.write()
        if self._standing() != before:
            self.wrong.append("an orchestrator that was replaced has still changed something")
        try:
            old.work()
        except ConflictError:
            self.handovers += 1
        else:
            self.wrong.append("an orchestrator that was replaced could take a turn")
        old.die()

    def _standing(self) -> object:
        with self.store.read() as snapshot:
            rows = snapshot.connection.execute(select(tables.terminal_progress).order_by(tables.terminal_progress.c.terminal)).all()
            shards = snapshot.connection.execute(select(tables.shard).order_by(tables.shard.c.id)).all()
        return rows, shards

    # People

    def _whim(self) -> None:
        """Somebody decides something, sensible or not, perhaps twice; what is refused is refused with words."""
        terminals = self.dice.sample(self.ssh, min(2, len(self.ssh)))
        deeds = (
            lambda: control.pause(self.store, COORDINATOR, self.agenda.now, "r1"),
            lambda: control.resume(self.store, COORDINATOR, self.agenda.now, "r1"),
            lambda: control.stop(self.store, COORDINATOR, self.agenda.now, "r1"),
            lambda: control.retry(self.store, COORDINATOR, self.agenda.now, "r1"),
            lambda: control.retry(self.store, COORDINATOR, self.agenda.now, "r1", terminals),
            lambda: exclude(self.store, COORDINATOR, self.agenda.now, "r1", terminals, reason="closed"),
            lambda: control.approve(self.store, COORDINATOR, self.agenda.now, "r1", self.dice.randint(1, len(self.plan.waves))),
        )
        weights = (4, 6, 1, 3, 3, 2, 3)
        for deed in [self.dice.choices(deeds, weights)[0]] * self.dice.choice((1, 1, 2)):
            with suppress(FleetError):
                deed()
                self.decisions += 1

    def _is_decided(self, state: RolloutState) -> bool:
        """At rest, somebody lets go on what waits; False where nothing does."""
        waiting = [wave for wave in state.waves if wave.phase in {WavePhase.GATE, WavePhase.HELD}]
        with suppress(FleetError):
            if state.phase is RolloutPhase.PAUSED:
                return control.resume(self.store, COORDINATOR, self.agenda.now, "r1")
            if state.phase is RolloutPhase.RUNNING and waiting:
                control.approve(self.store, COORDINATOR, self.agenda.now, "r1", waiting[0].number)
                self.decisions += 1
                return True
            if state.phase is RolloutPhase.RUNNING:
                self.wrong.append("it neither works nor waits for anybody")
        return False

    # What always holds

    def _check_the_moment(self) -> None:
        with self.store.read() as snapshot:
            state = rollouts.newest_rollout(snapshot)
            by_wave = reads.read_tallies(snapshot, "r1").by_wave
            silent = Silent(again.silent_sites(snapshot, "r1"))
            total = reads.read_tallies(snapshot, "r1").total.sites
        assert state is not None
        if total.total != len(self.fleet.sites):
            self.wrong.append(f"the endings add up to {total.total} of {len(self.fleet.sites)} sites")
        for wave in state.waves:
            sites = silent.sites(wave.number, by_wave[wave.number].sites)
            if sites.spent_failures > self.failures + wave.failures_accepted:
                self.wrong.append(f"wave {wave.number} overshot its failure budget")
            if sites.unreachable > self.unreachable + wave.unreachable_accepted:
                self.wrong.append(f"wave {wave.number} overshot its budget for unreachable sites")

    def _check_the_end(self) -> None:
        with self.store.read() as snapshot:
            _count, _head, problems = check_chain(snapshot)
            problems += check_tables(snapshot, "r1")
            state = rollouts.newest_rollout(snapshot)
            states = progress.states_of(snapshot, "r1", self.fleet.terminals)
            events = snapshot.connection.execute(select(tables.event).order_by(tables.event.c.seq)).all()
        assert state is not None
        self.wrong += map(str, problems)
        self.wrong += [f"{name} was really made {n} times" for name, n in self.terminals.made.items() if n > 1]
        self.wrong += [f"the release went live on {name} {n} times" for name, n in self.terminals.flips.items() if n > 1]
        told = [name for name in self.ssh if states[name] is TerminalState.UPGRADED and not self.terminals.flips[name]]
        self.wrong += [f"{name} counts as upgraded and is not" for name in told]
        if state.phase is RolloutPhase.FINISHED:
            left = [name for name in self.ssh if states[name] in {TerminalState.NOT_STARTED, TerminalState.RUNNING}]
            self.wrong += [f"it is finished, but {name} is {states[name]}" for name in left]
        self.wrong += self._past_a_gate(events)

    def _past_a_gate(self, events: object) -> Iterator[str]:
        passed: set[int] = set()
        for row in events:  # type: ignore[attr-defined]
            if row.kind == "wave.passed":
                passed.add(row.body["wave"])
            for name in row.body["terminals"] if row.kind == "push.began" else ():
                wave = self.plan.wave_of[name.partition("/")[0]]
                if not passed.issuperset(range(1, wave)):
                    yield f"{name} of wave {wave} was begun, but only {sorted(passed)} had passed"


def _trying_again(plan: Plan) -> Plan:
    """The plan with tries that are made by themselves, after what passes by itself."""
    rules = (AgainRule(on=(Trouble.LINK, Trouble.COMMAND), attempts=3, wait_s=60, jitter=0.5),)
    plan = plan.model_copy(update={"playbook": plan.playbook.model_copy(update={"retry": rules})})
    return plan.model_copy(update={"digest": plan.compute_digest()})


@cache
def _template() -> bytes:
    """An empty workspace's database, made once for each process."""
    with _directory() as directory:
        open_store(Settings(workspace=directory), create=True).close()
        return (directory / "fleet.db").read_bytes()


@contextmanager
def _directory() -> Iterator[Path]:
    """A directory of its own, in memory where the system has such a place."""
    with tempfile.TemporaryDirectory(prefix="fleet-night-", dir=SHARED_MEMORY if SHARED_MEMORY.is_dir() else None) as directory:
        yield Path(directory)


@contextmanager
def empty_store() -> Iterator[Store]:
    """A store of its own."""
    with _directory() as directory:
        (directory / "fleet.db").write_bytes(_template())
        store = open_store(Settings(workspace=directory))
        try:
            yield store
        finally:
            store.close()


def live(seed: int, *, has_kills: bool = True, has_whims: bool = True) -> Told:
    """Live through the night of that seed."""
    with empty_store() as store:
        return Night(seed, store, has_kills, has_whims).live()


def main() -> None:
    """Replay nights and say what was wrong with them."""
    for seed in map(int, sys.argv[1:]):
        told = live(seed)
        endings = ", ".join(f"{n} {state}" for state, n in Counter(told.endings.values()).items())
        troubles = f"{told.kills} kills, {told.handovers} handovers, {told.refused} refused, {told.decisions} decisions"
        lines = [f"night {seed}: {troubles}; {endings}; record {told.record[:12]}", *(f"  {words}" for words in told.wrong)]
        sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
