"""The shim, a bench for every scenario and shell, and the counts at the end of the report."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.crash.machine import compile_shim
from tests.crash.matrix import Bench, make_bench
from tests.crash.scenarios import Scenario

POINTS = "points"
FIGURES = "figures"


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shim, compiled once."""
    return compile_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture(scope="session")
def seed() -> str:
    """The commit's name, or where there is no git, a constant."""
    ran = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return ran.stdout.strip() or "no commit"


@pytest.fixture
def bench(tmp_path: Path, shim: Path) -> Callable[[Scenario, str], Bench]:
    """Prepare a scenario on a shell: `bench(FORWARD, "dash")`."""

    def make(scenario: Scenario, shell: str) -> Bench:
        return make_bench(tmp_path / f"{scenario.name}-{shell}", shell, shim, scenario)

    return make


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
