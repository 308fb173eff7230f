"""The shim, and a bench for every scenario and shell."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash.machine import compile_shim
from tests.crash.matrix import Bench, make_bench
from tests.crash.scenarios import Scenario


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shim, compiled once."""
    return compile_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def bench(tmp_path: Path, shim: Path) -> Callable[[Scenario, str], Bench]:
    """Prepare a scenario on a shell: `bench(FORWARD, "dash")`."""

    def make(scenario: Scenario, shell: str) -> Bench:
        return make_bench(tmp_path / f"{scenario.name}-{shell}", shell, shim, scenario)

    return make
