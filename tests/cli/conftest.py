"""Workspaces for the command line, and the command line as a process of its own, for what one process cannot show twice."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from shutil import copytree

import pytest

from fleet.cli.common import os_user
from fleet.data import data_dir
from fleet.model.actor import FLEET
from fleet.model.inventory import Fleet
from fleet.model.rollout import RolloutPhase, WavePhase
from fleet.settings import Settings
from fleet.store import Store, open_store, rollouts
from tests.conftest import Cli
from tests.engine.city import AT, put_contents, set_up

PROGRAM = Path(sys.executable).with_name("fleet")
Within = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the installed `fleet` in the test's directory: `program("--help", LANG="zh_CN.UTF-8")`."""

    def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        variables = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"} | environment
        return subprocess.run([PROGRAM, *words], cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=60, check=False)

    return run


@pytest.fixture
def within(tmp_path: Path) -> Within:
    """Run `fleet` with the disk of the directory `place` prepared by a shell command: `within("mount ...", "status")`."""
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-r", "-m"]
    if subprocess.run([*unshare, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=False, capture_output=True).returncode:
        pytest.skip("nobody may mount a disk of his own here; run the tests as root, or let the system allow user namespaces")

    def run(before: str, *words: object) -> subprocess.CompletedProcess[str]:
        variables = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
        script = [*unshare, "sh", "-ec", f'{before}\nshift\nexec "$@"', "sh", *map(str, (PROGRAM, PROGRAM, *words))]
        return subprocess.run(script, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=60, check=False)

    return run


def ours(fleet: Fleet) -> Fleet:
    """The fleet with this OS user as its coordinator."""
    return fleet.model_copy(update={"people": {**fleet.people, "c01": fleet.people["c01"].model_copy(update={"os_user": os_user()})}})


def nowhere(fleet: Fleet) -> Fleet:
    """The fleet with host names that no one has, and this OS user as its coordinator."""
    terminals = {name: terminal.model_copy(update={"host": f"{terminal.site}.invalid"}) for name, terminal in fleet.terminals.items()}
    return ours(fleet).model_copy(update={"terminals": terminals})


def put(store: Store, phase: RolloutPhase, *waves: WavePhase) -> None:
    """Bring the rollout where the orchestrator would have brought it."""
    with store.write(FLEET, AT) as tx:
        state = rollouts.newest_rollout(tx)
        assert state is not None
        moved = tuple(wave.model_copy(update={"phase": new}) for wave, new in zip(state.waves, waves, strict=True))
        rollouts.save_rollout(tx, state.model_copy(update={"phase": phase, "waves": moved}))


def write_tables(directory: Path, tables: Mapping[str, str]) -> Path:
    """A new directory with an inventory of these tables."""
    directory.mkdir()
    for name, text in tables.items():
        (directory / f"{name}.csv").write_text(text, "utf-8")
    return directory


@pytest.fixture
def open_with(cli: Cli, tmp_path: Path) -> Iterator[Callable[[Fleet], Store]]:
    """Make the workspace, with a fleet and a release: `open_with(nowhere(make_fleet(6)))`; its store is open to the test's end."""
    with ExitStack() as stores:

        def make(fleet: Fleet) -> Store:
            assert cli("init").code == 0
            store = open_store(Settings(workspace=tmp_path / "workspace"))
            stores.callback(store.close)
            set_up(store, fleet)
            put_contents(tmp_path / "workspace")
            return store

        yield make


@pytest.fixture
def fleet(cli: Cli, tmp_path: Path) -> Cli:
    """The command line, in a workspace that holds the sample town, whose coordinator is whoever runs the tests."""
    people = copytree(data_dir("inventory") / "town", tmp_path / "town") / "people.csv"
    people.write_text(people.read_text("utf-8-sig").replace(",demo-coordinator,", f",{os_user()},"), "utf-8")
    assert cli("init").code == 0
    assert cli("inventory", "import", tmp_path / "town", "--apply").code == 0
    return cli
