"""Whole nights from a seed: a random fleet, plan and troubles, people who decide at random, orchestrators that are killed, and two at once.

    seed -> Night -> live through it -> what was wrong (nothing), the record, how every terminal ended

Replay one: `python -m tests.rehearsal.nights SEED`; `--calm` is the one in which people have no whims, with kills and without.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from random import Random

from sqlalchemy import event as sql_event
from sqlalchemy import select

from fleet.control.four_eyes import record_author
from fleet.engine.reconcile import Turn
from fleet.errors import ConflictError
from fleet.model.attempt import Cause, TerminalState
from fleet.model.playbook import Approval, KeySource
from fleet.model.rollout import RolloutState, is_held_by_limits
from fleet.push import PushJob
from fleet.rehearsal.orchestrator import SteppedOrchestrator
from fleet.rehearsal.terminals import Fate
from fleet.rollout import ENDED
from fleet.rollout.standing import waiting_waves, waits_past_return
from fleet.settings import Settings
from fleet.store import Store, open_store, progress, rollouts, tables
from tests.engine.city import AT, COORDINATOR, PROGRAM, STAGER, begin, make_fleet, make_plan, set_up
from tests.rehearsal.laws import Laws
from tests.rehearsal.parts import SWAYED, Part, choose, peopled, with_parts
from tests.rehearsal.people import People
from tests.rehearsal.watched import Wall, WatchedTerminals

MOST_EVENTS = 5_000
"""More than any of these nights needs; one that goes on for longer never ends."""
MOST_HANDED = 100
"""Shards that are handed out in one moment; more is one that comes back again and again."""
MOST_DECISIONS = 40
"""One after the other of which none lets anything begin."""
CALM = "--calm"
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


class CircleError(BaseException):
    """It goes round and round in one moment."""


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
    parts: frozenset[Part]


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

    def __post_init__(self) -> None:
        dice = Random(f"night {self.seed}")
        self.dice = Random(f"whims {self.seed}")
        self.agenda = Wall(AT)
        self.parts = choose(dice) - (frozenset() if self.has_whims else SWAYED)
        sites = dice.randint(2, 7)
        fleet = make_fleet(sites, terminals=dice.choice((1, 1, 2, 3)), by_hand=dice.choice((0, 0, 1)))
        self.fleet = peopled(fleet, self.parts, dice)
        canary = dice.randint(1, sites - 1)
        waves = (canary, sites - canary) if dice.random() < 0.7 or sites - canary < 2 else (canary, 1, sites - canary - 1)
        plan = make_plan(
            self.fleet,
            *waves,
            failures=dice.randint(1, 3),
            unreachable=dice.randint(1, 3),
            approval=dice.choice(list(Approval)),
            parallel=dice.randint(1, 6),
            program=STAGER if Part.ROLLBACK in self.parts else PROGRAM,
        )
        self.plan = with_parts(plan, self.fleet, self.parts, dice)
        self.laws = Laws(self.fleet, self.plan, self.agenda)
        offline = dice.choice((0.2, 1.0)) if Part.OFFLINE in self.parts else 0.0
        back_at = {name: AT + timedelta(minutes=dice.randint(1, 90)) for name in self.fleet.terminals if dice.random() < offline}
        lasting = {name: dice.choice(_FATES) for name in self.fleet.terminals}
        first = {name: dice.choice(_FATES) for name in self.fleet.terminals if dice.random() < 0.3} if self.has_whims else {}
        pace = {name: dice.randint(3, 90) for name in self.fleet.terminals}

        def fate(terminal: str, number: int) -> Fate:
            if terminal in back_at and self.agenda.now < back_at[terminal]:
                return Fate(TerminalState.UNREACHABLE, Cause.NO_ANSWER, seconds=5)
            told = first.get(terminal, lasting[terminal]) if number == 1 else lasting[terminal]
            return told if told.ending is TerminalState.UNREACHABLE else replace(told, seconds=float(pace[terminal]))

        self.terminals = WatchedTerminals(fate, KeySource.TOKEN, self._see_a_beginning)
        self.people = People(self.store, self.dice, self.agenda, self.fleet, self.plan, self.parts)
        self.working: SteppedOrchestrator | None = None
        self.replaced: list[SteppedOrchestrator] = []
        """They stand still, and do not know yet that somebody else has the workspace."""
        self.waited = Counter[int]()
        """How often it waited for people, by how many connections had been made by then."""
        self.handed = Counter[datetime]()
        """Shards that were handed out at each moment."""
        self.fuse = 0
        """So many more statements until the one that works is killed; 0 is never."""
        sql_event.listen(self.store.engine, "before_cursor_execute", self._burn)

    # The night itself

    def live(self) -> Told:
        """Until nothing is left to do; whoever is killed is followed by another."""
        set_up(self.store, self.fleet)
        record_author(self.store, COORDINATOR, AT, self.plan)
        begin(self.store, self.fleet, self.plan)
        try:
            self._live_on()
            for old in self.replaced:
                self._thaw(old)
        except CircleError:
            self.wrong.append("it hands out again and again what nothing can begin at")
        self._check_the_end()
        with self.store.read() as snapshot:
            events = snapshot.connection.execute(select(tables.event).order_by(tables.event.c.seq)).all()
            endings = progress.states_of(snapshot, "r1", self.fleet.terminals)
        told = [(row.at, row.kind, row.subject, row.actor, row.body) for row in events if row.subject != "orchestrator"]
        record = sha256(repr(told).encode()).hexdigest()
        return Told(
            record, endings, self.kills, self.handovers, self.refused, self.people.decisions, tuple(dict.fromkeys(self.wrong)), self.parts
        )

    def _live_on(self) -> None:
        for _ in range(MOST_EVENTS):
            turn = self._go_on()
            if turn is not None and not self._is_gone_on_with(turn):
                return
        self.wrong.append("it never comes to its end")

    def _go_on(self) -> Turn | None:
        """One moment; the turn after which nothing moves any more without a person."""
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
        if turn.next_at is not None and turn.next_at < self.agenda.now:
            self.wrong.append(f"it is to be woken at {turn.next_at}, which is past")
        self._check_the_moment()
        if self.has_kills:
            self._trouble_the_orchestrators()
        if self.has_whims and self.dice.random() < 0.08 and self.people.have_a_whim():
            return None
        if not self.agenda.is_empty or (turn.next_at is not None and not _is_for_people(turn.state)):
            self.agenda.go_on_until(turn.next_at)
            return None
        is_at_rest = turn.is_at_rest or turn.next_at is not None
        return turn if working is self.working and not working.has_news and is_at_rest else None

    def _is_gone_on_with(self, turn: Turn) -> bool:
        """At rest, somebody does what it waits for; False where that was all, or does not help."""
        if turn.state is None or turn.state.phase in ENDED:
            return False
        self.waited[self.terminals.connections] += 1
        if self.waited[self.terminals.connections] > MOST_DECISIONS:
            self.wrong.append("whatever people do, nothing begins any more")
            return False
        if words := self.people.see_to(turn.state, alone=turn.is_at_rest and turn.next_at is None):
            self.wrong.append(words)
        return not words

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
        self.handed[self.agenda.now] += what == "dispatch"
        if self.handed[self.agenda.now] > MOST_HANDED:
            raise CircleError
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
        elif roll < 0.26 and Part.CLOCK in self.parts:
            self._set_the_clock(self.dice.choice((-90, -5, 20, 1200)))

    def _set_the_clock(self, seconds: float) -> None:
        self.agenda.set_by(seconds)
        self.terminals.set_by(seconds)
        if self.working is not None:
            self.working.beat()

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
        self.working.sleep()
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

    # What always holds

    def _check_the_moment(self) -> None:
        with self.store.read() as snapshot:
            state = rollouts.newest_rollout(snapshot)
            assert state is not None
            if self.working is not None:
                self.wrong += self.laws.broken_now(snapshot, state, self.working)

    def _see_a_beginning(self, job: PushJob) -> None:
        with self.store.read() as snapshot:
            busy = self.terminals.busy(self.agenda.now)
            self.wrong += self.laws.broken_by_a_beginning(snapshot, job, busy, self.people.at_work)

    def _check_the_end(self) -> None:
        with self.store.read() as snapshot:
            state = rollouts.newest_rollout(snapshot)
            assert state is not None
            self.wrong += self.laws.broken_in_the_end(snapshot, state, self.terminals)


def _is_for_people(state: RolloutState | None) -> bool:
    """Whether people go on at once, although something will move by itself; where a limit holds it, what is down may only wait for its window."""
    waiting = waiting_waves(state) if state is not None else ()
    if waiting and is_held_by_limits(waiting[0]):
        return False
    return state is None or bool(waiting) or waits_past_return(state)


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
    """Replay nights and say what was wrong with them; `--calm` are those in which people only let go on what waits, with kills and without."""
    words = sys.argv[1:]
    for seed in (int(word) for word in words if word != CALM):
        told = [live(seed, has_whims=False, has_kills=kills) for kills in (True, False)] if CALM in words else [live(seed)]
        sys.stdout.write("\n".join(line for one in told for line in _lines(seed, one)) + "\n")


def _lines(seed: int, told: Told) -> Iterator[str]:
    endings = ", ".join(f"{n} {state}" for state, n in Counter(told.endings.values()).items())
    parts = ", ".join(sorted(told.parts)) or "nothing special"
    troubles = f"{told.kills} kills, {told.handovers} handovers, {told.refused} refused, {told.decisions} decisions"
    yield f"night {seed}: {parts}; {troubles}; {endings}; record {told.record[:12]}"
    yield from (f"  {words}" for words in told.wrong)


if __name__ == "__main__":
    main()
