"""A small city, a plan over it, and terminals in memory that a push may be sent to."""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from fleet.model.actor import Actor
from fleet.model.attempt import AttemptResult, Cause, KeyEvidence, TerminalState
from fleet.model.inventory import District, Fleet, Person, Reach, Role, Site, SiteKind, Terminal
from fleet.model.plan import Plan, PlannedSite, PlannedTerminal, Program, Wave
from fleet.model.playbook import (
    Account,
    ActivateStep,
    Approval,
    Command,
    GateRule,
    KeySource,
    Playbook,
    PreflightStep,
    StageStep,
)
from fleet.model.purpose import Only
from fleet.model.release import Artifact, Release, ReleaseFile
from fleet.model.rollout import RolloutState, WaveState
from fleet.push import PushJob
from fleet.store import Store, fleets, releases, rollouts
from fleet.terminal.compile import compile_program
from tests.seals import sealed

AT = datetime(2026, 3, 14, 14, 0, tzinfo=UTC)
COORDINATOR = Actor(code="c01")
PROGRAM = Program(digest=sha256(b"true\n").hexdigest(), text="true\n", steps=("preflight",), artifact="client")
RELEASE = Release(
    version="4.2.0",
    artifacts=(Artifact(name="client", files=(ReleaseFile(path="bin/client", sha256=sha256(b"x").hexdigest(), size=1),)),),
)
_STEPS = (StageStep(name="stage"), ActivateStep(name="activate", probe=Command(words=("true",))))
STAGER = compile_program(
    Playbook(name="upgrade", account=Account(user="fleet", root="client"), steps=_STEPS),
    _STEPS,
    sealed(RELEASE.artifacts[0], RELEASE.version),
    RELEASE.version,
)
"""A program that knows how to stage alone."""
PEOPLE = {
    person.code: person
    for person in (
        Person(code="c01", name="李娜", role=Role.COORDINATOR),
        Person(code="m01", name="赵敏", role=Role.MANAGER),
        Person(code="t01", name="王磊", role=Role.TECHNICIAN),
    )
}


def fingerprint(name: str) -> str:
    """A host key's fingerprint that belongs to that name."""
    return "SHA256:" + (sha256(name.encode()).hexdigest() + "A" * 43)[:43]


def make_fleet(sites: int, terminals: int = 1, by_hand: int = 0) -> Fleet:
    """Sites `s000`, `s001`, ... in two districts, so many terminals each over SSH and by hand; their keys are vouched for."""
    codes = [f"s{number:03}" for number in range(sites)]
    machines = [
        Terminal(site=site, code=f"t{place}", host="127.0.0.1", key_card=f"card-{site}-{place}", host_key=fingerprint(f"{site}/t{place}"))
        for site in codes
        for place in range(1, terminals + 1)
    ] + [Terminal(site=site, code=f"h{place}", reach=Reach.BY_HAND) for site in codes for place in range(1, by_hand + 1)]
    return Fleet(
        districts={code: District(code=code, name=code) for code in ("east", "west")},
        sites={
            code: Site(code=code, kind=SiteKind.PHARMACY, name=code, district="east" if number % 2 else "west")
            for number, code in enumerate(codes)
        },
        terminals={machine.id: machine for machine in machines},
        people=PEOPLE,
    )


def make_plan(
    fleet: Fleet,
    *waves: int,
    failures: int = 3,
    unreachable: int = 3,
    approval: Approval = Approval.NEVER,
    parallel: int = 8,
    program: Program = PROGRAM,
) -> Plan:
    """A plan with waves of so many sites, in the fleet's order."""
    sites = list(fleet.sites)
    cut: list[Wave] = []
    for number, size in enumerate(waves, 1):
        chosen, sites = sites[:size], sites[size:]
        planned = tuple(
            PlannedSite(
                code=site,
                terminals=tuple(
                    PlannedTerminal(id=machine.id, reach=machine.reach, program=program.digest if machine.reach is Reach.SSH else None)
                    for machine in fleet.terminals_of[site]
                ),
            )
            for site in chosen
        )
        cut.append(Wave(number=number, name=f"wave-{number}", sites=planned, failures_allowed=failures, unreachable_allowed=unreachable))
    playbook = Playbook(
        name="upgrade",
        account=Account(user="fleet", root="client"),
        steps=(PreflightStep(name="preflight"),),
        gate=GateRule(approval=approval),
        parallel=parallel,
    )
    plan = Plan(
        playbook=playbook, release=RELEASE.version, release_digest=RELEASE.digest, waves=tuple(cut), programs={program.digest: program}
    )
    return plan.model_copy(update={"digest": plan.compute_digest()})


def with_program(site: PlannedSite, program: Program) -> PlannedSite:
    """The site with that program for each of its terminals."""
    return site.model_copy(update={"terminals": tuple(one.model_copy(update={"program": program.digest}) for one in site.terminals)})


def put_contents(workspace: Path) -> None:
    """Put the contents of the release's files into the workspace."""
    (workspace / "releases" / RELEASE.artifacts[0].files[0].sha256).write_bytes(b"x")


def set_up(store: Store, fleet: Fleet) -> None:
    """Import the fleet and add the release."""
    with store.write(COORDINATOR, AT) as tx:
        fleets.replace_fleet(tx, fleet, {})
        releases.add_release(tx, RELEASE.model_copy(update={"added_at": AT, "added_by": "c01"}))


def begin(store: Store, fleet: Fleet, plan: Plan, rollout: str = "r1", only: Only | None = None) -> RolloutState:
    """Record a rollout of the plan, as `start_rollout` does."""
    waves = tuple(WaveState(number=wave.number) for wave in plan.waves)
    state = RolloutState(id=rollout, plan_digest=plan.digest, waves=waves, started_at=AT, only=only)
    with store.write(COORDINATOR, AT) as tx:
        releases.keep_plan(tx, plan)
        rollouts.create_rollout(tx, state, plan, fleet)
    return state


@dataclass
class Terminals:
    """Terminals in memory: what a push comes to is scripted, everything else upgrades. Counts connections; may be held shut."""

    endings: dict[str, list[AttemptResult | TerminalState | Exception]] = field(default_factory=dict)
    """Terminal -> what its attempts come to, in order; after the last one it upgrades."""
    connections: Counter[str] = field(default_factory=Counter)
    attempts: list[str] = field(default_factory=list)
    """Names of the attempts that were asked for, in order."""
    errands: Counter[str] = field(default_factory=Counter)
    """Terminal -> how often it was to be taken back."""
    most_at_once: int = 0
    opened: threading.Event = field(default_factory=threading.Event)
    """Pushes wait for it; set unless a test holds them."""
    silent: frozenset[str] = frozenset()
    """Districts whose terminals keep a push waiting until the test opens all."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Terminal -> key number it shows, where not its own."""

    def __post_init__(self) -> None:
        self.opened.set()
        self._let_go = threading.Event()
        self._now = 0
        self._changed = threading.Condition()

    def __call__(self, job: PushJob, stop: threading.Event) -> AttemptResult:
        name = job.terminal.id
        with self._changed:
            self.connections[name] += 1
            self.attempts.append(f"{name}#{job.number}")
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            self._changed.notify_all()
        gate = self._let_go if job.site.district in self.silent else self.opened
        while not gate.wait(0.01) and not stop.is_set():
            pass
        with self._changed:
            self._now -= 1
            script = self.endings.get(name, [])
            ending = script.pop(0) if script else TerminalState.TAKEN_BACK if job.errand else TerminalState.UPGRADED
            self.errands[name] += job.errand is not None
        if stop.is_set() and not self.opened.is_set():
            return result(job, TerminalState.FAILED, Cause.STOPPED)
        if isinstance(ending, Exception):
            raise ending
        if isinstance(ending, AttemptResult):
            return ending
        return result(job, ending, key=self.keys.get(name))

    def let_go(self) -> None:
        """Nobody is silent any more."""
        self._let_go.set()

    def wait_for_pushes(self, count: int) -> None:
        """Until so many pushes run at once."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._now >= count, 20), f"only {self._now} pushes began"


def result(job: PushJob, ending: TerminalState, cause: Cause = Cause.NONE, key: str | None = None) -> AttemptResult:
    """A result as the real push makes it."""
    name = job.terminal.id
    good = ending is TerminalState.UPGRADED and job.errand is None
    evidence = KeyEvidence(source=KeySource.TOKEN, number=key or f"key-of-{name.replace('/', '-')}", check_value="ok") if good else None
    if ending is TerminalState.UNREACHABLE:
        cause = Cause.NO_ANSWER
    return AttemptResult(
        terminal=name,
        number=job.number,
        errand=job.errand,
        ending=ending,
        step="" if good else "preflight",
        cause=cause,
        key=evidence,
        host_fingerprint="" if ending is TerminalState.UNREACHABLE else (job.pinned or ""),
        started_at=AT,
        finished_at=AT,
    )
