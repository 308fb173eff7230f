"""What all tests share: parts from Debian, strict runs, figures in the report, a workspace, a clock, the command line, one language."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from fleet.model.actor import FLEET
from fleet.model.inventory import Fleet
from fleet.model.plan import Plan, PlannedSite, PlannedTerminal, Wave
from fleet.model.playbook import Account, DoneWhen, Playbook, PreflightStep
from fleet.model.rollout import RolloutState, WaveState
from fleet.settings import Settings
from fleet.store import Store, fleets, releases, rollouts
from fleet.text import use_language

ROOT = Path(__file__).parent.parent
STRICT = bool(os.environ.get("FLEET_TEST_STRICT") or os.environ.get("CI"))
POINTS, FIGURES = "points", "figures"
_EXTRA_DIRECTORIES = ("/usr/sbin", "/sbin")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell leaves it for what it starts with `&`; our programs would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)
hypothesis_settings.register_profile("fleet", deadline=None)  # a timing is no test
hypothesis_settings.load_profile("fleet")


def _packages() -> dict[str, str]:
    lines = (ROOT / ".ci/packages").read_text("utf-8").splitlines()
    return dict(line.split() for line in lines if line.strip() and not line.startswith("#"))


def program(part: str) -> str | None:
    """Path of a part's program, also where an ordinary user's PATH does not look."""
    return shutil.which(part) or shutil.which(part, path=os.pathsep.join(_EXTRA_DIRECTORIES))


def pytest_runtest_setup(item: pytest.Item) -> None:
    packages = _packages()
    for part in (part for mark in item.iter_markers("needs") for part in mark.args):
        if part not in packages:
            pytest.fail(f"`{part}` does not stand in .ci/packages", pytrace=False)
        if program(part) is None:
            pytest.skip(f"`{part}` is not installed; `make system-packages` installs it (Debian package {packages[part]})")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _no_skip(report, item.nodeid)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _no_skip(report, collector.nodeid)
    return report


def _no_skip(report: pytest.TestReport | pytest.CollectReport, where: str) -> None:
    """Under FLEET_TEST_STRICT a skip is a failure; a known bug marked xfail is not a skip."""
    if STRICT and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{where} must not be skipped here: {reason}"


@pytest.fixture
def count(record_property: Callable[[str, object], None]) -> Callable[[str, int, list[str]], None]:
    """Report so many points of a kind, and fail when any was bad: `count("cuts", 390, bad)`."""

    def report(kind: str, points: int, bad: list[str]) -> None:
        record_property(POINTS, (kind, points, len(bad)))
        assert points
        assert not bad, "\n".join(bad[:10])

    return report


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Have a line of figures printed at the end of the report."""
    return lambda line: record_property(FIGURES, line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many points there were, how many bad ones, and what else was told."""
    totals: dict[str, list[int]] = {}
    for report in (*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")):
        for name, value in report.user_properties if report.when == "call" else ():
            if name == POINTS:
                kind, points, bad = value
                total = totals.setdefault(kind, [0, 0])
                total[0] += points
                total[1] += bad
            elif name == FIGURES:
                terminalreporter.write_line(str(value))
    for kind, (points, bad) in sorted(totals.items()):
        terminalreporter.write_line(f"{kind}: {points} points, {bad} bad")


@pytest.fixture(scope="session")
def seed() -> str:
    """The commit's name, or where there is no git, a constant."""
    ran = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return ran.stdout.strip() or "no commit"


@pytest.fixture(autouse=True)
def _in_english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test begins in English, with no FLEET_* of the person who runs it, and leaves no language behind."""
    for name in [name for name in os.environ if name.startswith("FLEET_") and not name.startswith("FLEET_TEST")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    use_language("en")
    yield
    use_language("en")


@pytest.fixture
def workspace(tmp_path: Path) -> Settings:
    """Settings of an empty workspace directory of its own; `open_store(workspace, create=True)` makes its database."""
    directory = tmp_path / "workspace"
    directory.mkdir(mode=0o700)
    return Settings(workspace=directory)


@dataclass
class Clock:
    """A clock that stands still until it is told."""

    now: datetime = datetime(2026, 3, 14, 14, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **duration: float) -> datetime:
        """Move on by `timedelta(**duration)`; returns the new time."""
        self.now += timedelta(**duration)
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock at 22:00 in Shanghai on 14 March 2026."""
    return Clock()


@dataclass(frozen=True)
class Ran:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str


Cli = Callable[..., Ran]


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run a `fleet` command in this process, its workspace in the test's directory: `cli("inventory", "check", path)`."""
    monkeypatch.setenv("FLEET_WORKSPACE", str(tmp_path / "workspace"))

    def run_command(*words: object) -> Ran:
        from fleet.cli.app import run

        capfd.readouterr()
        code = run([str(word) for word in words])
        out, err = capfd.readouterr()
        return Ran(code, out, err)

    return run_command


@pytest.fixture
def start_rollout(clock: Clock) -> Callable[..., Plan]:
    """Store a fleet and begin a rollout of release 4.2.0 over it, nothing pushed yet: `start_rollout(store, fleet)`.

    `waves` is how many sites each wave takes, the last the rest; every site with terminals is planned.
    """

    def start(
        store: Store,
        fleet: Fleet,
        *,
        rollout: str = "r1",
        waves: tuple[int, ...] = (),
        done_when: tuple[DoneWhen, ...] = (DoneWhen.MACHINE, DoneWhen.MARK),
    ) -> Plan:
        playbook = Playbook(
            name="upgrade-client",
            account=Account(user="client", root="client"),
            steps=(PreflightStep(name="preflight"),),
            done_when=done_when,
        )
        rest = [
            PlannedSite(code=site, terminals=tuple(PlannedTerminal(id=terminal.id, reach=terminal.reach) for terminal in terminals))
            for site, terminals in fleet.terminals_of.items()
        ]
        planned: list[Wave] = []
        for size in (*waves, len(rest)):
            sites, rest = tuple(rest[:size]), rest[size:]
            number = len(planned) + 1
            planned.append(Wave(number=number, name=f"w{number}", sites=sites, failures_allowed=5, unreachable_allowed=5))
        plan = Plan(playbook=playbook, release="4.2.0", release_digest="0" * 64, waves=tuple(planned), programs={})
        plan = plan.model_copy(update={"digest": plan.compute_digest()})
        state = RolloutState(
            id=rollout, plan_digest=plan.digest, waves=tuple(WaveState(number=wave.number) for wave in planned), started_at=clock.now
        )
        with store.write(FLEET, clock.now) as tx:
            fleets.replace_fleet(tx, fleet, {"sites": len(fleet.sites)})
            releases.keep_plan(tx, plan)
            rollouts.create_rollout(tx, state, plan, fleet)
        return plan

    return start
