"""Rollouts in a given state, written through the store as the orchestrator would; and the real app in front of them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from fleet.data import data_dir
from fleet.inventory import read_fleet
from fleet.model.actor import FLEET, Actor
from fleet.model.attempt import AttemptResult, Cause, StepResult, TerminalState
from fleet.model.crew import Assignment
from fleet.model.inventory import District, Fleet, Person, Role, Site, SiteKind, Terminal
from fleet.model.plan import Plan
from fleet.model.playbook import Playbook, Waves
from fleet.model.release import Artifact, Release, ReleaseFile
from fleet.model.rollout import Decision, RolloutPhase, RolloutState, Verdict, WavePhase, WaveState
from fleet.plan import make_plan, read_playbook
from fleet.settings import Settings
from fleet.store import Store, crew, fleets, open_store, orchestrator, progress, releases, rollouts
from fleet.tui.app import FleetApp
from tests.seals import signed

NOW = datetime(2026, 11, 28, 14, 3, 27, tzinfo=UTC)
COORDINATOR = Actor(code="li-na")
STRANGER = Actor(code="nobody")
SMALL, LARGE, HUGE = (80, 24), (120, 40), (200, 60)
_PROGRAMS = ("bin/client", "bin/health", "bin/swipe-test", "bin/certificate", "bin/encryption")


def small_fleet(names: Mapping[str, str] | None = None) -> Fleet:
    """Two districts, four hospitals of two terminals and eight pharmacies of one; `names` gives sites other names."""
    districts = [
        District(code="qingwan", name="青湾区", name_en="Qingwan"),
        District(code="yunling", name="云岭县", name_en="Yunling"),
    ]
    sites = {
        code: Site(code=code, kind=kind, name=name, district=districts[n % 2].code, opening_hours="08:00-20:00", contact="陈静")
        for kind, prefix, titles in (
            (SiteKind.HOSPITAL, "h", ("海棠清水中医医院", "青湾区人民医院", "云岭县第二医院", "东山医院")),
            (
                SiteKind.PHARMACY,
                "p",
                ("百姓缘药店", "益丰大药房（东门店）", "同济药房", "康泰大药房", "仁和药店", "老街药店", "柳林药房", "新城药店"),
            ),
        )
        for n, (code, name) in enumerate((f"{prefix}{n}", title) for n, title in enumerate(titles, 1))
    }
    sites = {code: site.model_copy(update={"name": (names or {}).get(code, site.name)}) for code, site in sites.items()}
    terminals = [
        Terminal(site=code, code=f"t{n:02}", host="127.0.0.1", port=2000 + 10 * at + n, labels={"vendor": "acme" if at % 3 else "bolt"})
        for at, (code, site) in enumerate(sites.items())
        for n in range(1, 3 if site.kind is SiteKind.HOSPITAL else 2)
    ]
    people = [
        Person(code="li-na", name="李娜", role=Role.COORDINATOR, os_user="lina"),
        Person(code="wang-wei", name="王伟", role=Role.COORDINATOR, os_user="wangwei"),
        Person(code="liu-yang", name="刘洋", role=Role.TECHNICIAN, os_user="liuyang"),
    ]
    return Fleet(
        districts={district.code: district for district in districts},
        sites=sites,
        terminals={terminal.id: terminal for terminal in terminals},
        people={person.code: person for person in people},
    )


def city() -> Fleet:
    """The sample city that ships, with a coordinator of ours."""
    fleet = read_fleet([data_dir("inventory") / "city"])
    people = {**fleet.people, "li-na": Person(code="li-na", name="李娜", role=Role.COORDINATOR)}
    return fleet.model_copy(update={"people": people})


def plan_for(fleet: Fleet, canary: int = 3) -> Plan:
    """The playbook that ships, for this fleet, in three waves."""
    playbook: Playbook = read_playbook(data_dir("playbooks") / "upgrade-client.yaml")
    playbook = playbook.model_copy(update={"waves": Waves(canary_at_most=canary, shares=(40.0, 60.0))})
    return make_plan(fleet, playbook, release())


def release() -> Release:
    """A release with an artifact for each kind of site."""
    files = tuple(ReleaseFile(path=path, sha256=sha256(path.encode()).hexdigest(), size=len(path), mode="0755") for path in _PROGRAMS)
    return signed(
        Release(
            version="4.2.0", artifacts=tuple(Artifact(name=kind, where=f"kind:{kind}", files=files) for kind in ("hospital", "pharmacy"))
        )
    )


@dataclass
class Stage:
    """A workspace with one rollout, whose state a test sets."""

    settings: Settings
    store: Store
    fleet: Fleet
    plan: Plan
    rollout: str = "r1"
    now: datetime = NOW

    def clock(self) -> datetime:
        """The time in the app."""
        return self.now

    def import_fleet(self) -> None:
        """The inventory, and a technician for every site."""
        with self.store.write(COORDINATOR, self.now) as tx:
            fleets.replace_fleet(tx, self.fleet, {})
            technicians = [person.code for person in self.fleet.people.values() if person.role is Role.TECHNICIAN]
            crew.save_assignments(
                tx,
                [
                    Assignment(site=code, technician=technicians[n % len(technicians)], distance_km=1.5)
                    for n, code in enumerate(self.fleet.sites)
                ],
            )

    def start(self) -> None:
        """The rollout begins: its first wave is open, and an orchestrator is alive."""
        waves = tuple(WaveState(number=wave.number) for wave in self.plan.waves)
        state = RolloutState(id=self.rollout, plan_digest=self.plan.digest, waves=waves, started_at=self.now)
        with self.store.write(COORDINATOR, self.now) as tx:
            releases.keep_plan(tx, self.plan)
            rollouts.create_rollout(tx, state, self.plan, self.fleet)
            orchestrator.become_orchestrator(tx, pid=4711, host="duty", user="lina", token="t", last_is_dead=True)
        self.set_wave(1, phase=WavePhase.OPEN, opened_at=self.now)

    def state(self) -> RolloutState:
        """The rollout's position."""
        with self.store.read() as snapshot:
            state = rollouts.read_rollout(snapshot, self.rollout)
        assert state is not None
        return state

    def decisions(self) -> list[Decision]:
        """What people decided about the rollout, oldest first."""
        with self.store.read() as snapshot:
            return rollouts.decisions_after(snapshot, self.rollout, 0)

    def set_phase(self, phase: RolloutPhase) -> None:
        """Where the rollout stands as a whole."""
        with self.store.write(FLEET, self.now) as tx:
            rollouts.save_rollout(tx, self.state().model_copy(update={"phase": phase}))

    def set_wave(self, number: int, **values: Any) -> None:
        """Where a wave stands."""
        state = self.state()
        waves = tuple(wave.model_copy(update=values) if wave.number == number else wave for wave in state.waves)
        with self.store.write(FLEET, self.now) as tx:
            rollouts.save_rollout(tx, state.model_copy(update={"waves": waves}))

    def at_the_gate(self) -> None:
        """The first wave is upgraded and waits for a person."""
        self.end_wave(1)
        values = {"upgraded": 5, "samples": 5, "needed": 95.0, "min_samples": 1}
        self.set_wave(1, phase=WavePhase.GATE, verdict=Verdict.PASS, verdict_code="enough", verdict_values=values)

    def end_wave(self, number: int, ending: TerminalState = TerminalState.UPGRADED) -> None:
        """Every site of a wave ends."""
        for site in self.plan.waves[number - 1].sites:
            self.end(site.code, ending)

    def run(self, site: str) -> None:
        """A site's terminals are being pushed to."""
        with self.store.write(FLEET, self.now) as tx:
            progress.mark_running(tx, self.rollout, [terminal.id for terminal in self.fleet.terminals_of[site]])

    def end(self, site: str, ending: TerminalState = TerminalState.UPGRADED, **values: Any) -> None:
        """A site's terminals end."""
        with self.store.write(FLEET, self.now) as tx:
            ids = [terminal.id for terminal in self.fleet.terminals_of[site]]
            numbers = progress.attempts_of(tx, self.rollout, ids)
            for terminal in ids:
                progress.record_result(tx, self.rollout, self.result(terminal, ending, number=numbers[terminal] + 1, **values))

    def silence(self, site: str, minutes: int = 0, *, next_in: timedelta | None = None, cause: Cause = Cause.NO_ANSWER) -> None:
        """A site's terminals are unreachable, since so many minutes ago; where a try is left, it comes so much later than now."""
        since = self.now - timedelta(minutes=minutes)
        due_at = self.now + next_in if next_in is not None else None
        with self.store.write(FLEET, self.now) as tx:
            for terminal in self.fleet.terminals_of[site]:
                result = self.result(terminal.id, TerminalState.UNREACHABLE, cause=cause, step="")
                progress.record_result(tx, self.rollout, result, {"tries": 1, "due_at": due_at, "unreachable_since": since})

    def result(self, terminal: str, ending: TerminalState, **values: Any) -> AttemptResult:
        """How an attempt ended, with steps."""
        is_well = ending is TerminalState.UPGRADED
        cause = Cause.NONE if is_well else Cause.PROBE_FAILED
        steps = (StepResult(name="stage", ok=True, duration_ms=1200), StepResult(name="activate", ok=is_well, duration_ms=3400))
        defaults = {"number": 1, "step": "" if is_well else "activate", "cause": cause, "steps": steps}
        times = {"started_at": self.now - timedelta(seconds=42), "finished_at": self.now}
        return AttemptResult.model_validate({"terminal": terminal, "ending": ending} | defaults | times | values)


def make_stage(directory: Path, fleet: Fleet, plan: Plan) -> Stage:
    """A workspace in `directory` that holds the fleet, and no rollout yet."""
    settings = Settings(workspace=directory)
    stage = Stage(settings, open_store(settings, create=True), fleet, plan)
    stage.import_fleet()
    return stage


@pytest.fixture(scope="session")
def small_plan() -> Plan:
    return plan_for(small_fleet())


@pytest.fixture
def empty_stage(tmp_path: Path, small_plan: Plan) -> Iterator[Stage]:
    stage = make_stage(tmp_path, small_fleet(), small_plan)
    yield stage
    stage.store.close()


@pytest.fixture
def stage(empty_stage: Stage) -> Stage:
    empty_stage.start()
    return empty_stage


class Screenful:
    """The app as its user sees and uses it."""

    def __init__(self, app: FleetApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def lines(self) -> list[str]:
        """What is on the screen, line by line."""
        return ["".join(segment.text for segment in strip) for strip in self.app.screen._compositor.render_strips()]

    @property
    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(self.lines)

    async def press(self, *keys: str) -> None:
        """Press keys, and let the app act on them."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Type a text."""
        await self.press(*("space" if character == " " else character for character in text))

    async def until(self, claim: Callable[[], bool]) -> None:
        """Let the app live until the claim holds; its polls bring news."""
        for _turn in range(400):
            if claim():
                return
            await self.pilot.pause(0.02)
        pytest.fail(f"this never came:\n{self.text}")

    async def shows(self, *texts: str) -> None:
        """Wait until all of these stand on the screen."""
        await self.until(lambda: all(text in self.text for text in texts))

    async def news(self) -> None:
        """Wait until the app has looked again, twice to be sure that it began after now."""
        for _time in range(2):
            board = self.app.board
            await self.until(lambda board=board: self.app.board is not board)  # type: ignore[misc]
        await self.pilot.pause()


@asynccontextmanager
async def watching(stage: Stage, size: tuple[int, int] = LARGE, actor: Actor = COORDINATOR, **options: Any) -> AsyncIterator[Screenful]:
    """The app in front of a stage, after it has read everything."""
    app = FleetApp(stage.store, actor, stage.settings, pace_s=0.1, clock=stage.clock, **options)
    async with app.run_test(size=size) as pilot:
        screen = Screenful(app, pilot)
        await screen.until(lambda: bool(app.board.fleet.sites))
        await screen.news()
        yield screen


def play(scene: Coroutine[Any, Any, None]) -> None:
    """Run a scene to its end."""
    asyncio.run(scene)
