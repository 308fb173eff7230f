"""`fleet watch` as a person starts it, in a real terminal."""

import asyncio
import getpass
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len

from fleet.model.inventory import Fleet, Role
from fleet.settings import SETTINGS_FILE
from fleet.store import rollouts
from fleet.tui.app import FleetApp, run_tui
from tests.conftest import Cli
from tests.tui.conftest import COORDINATOR, Stage, make_stage, plan_for, small_fleet

FLEET = Path(sys.executable).with_name("fleet")


def ours(fleet: Fleet) -> Fleet:
    """The fleet, its coordinator being whoever runs the test."""
    people = {
        code: person.model_copy(update={"os_user": getpass.getuser()}) if person.role is Role.COORDINATOR and code == "li-na" else person
        for code, person in fleet.people.items()
    }
    return fleet.model_copy(update={"people": people})


class Terminal:
    """A tmux of its own, with one command in it."""

    def __init__(self, socket: Path, size: tuple[int, int], *command: object, **environment: str) -> None:
        self.socket = socket
        variables = [f"{name}={value}" for name, value in {"LC_ALL": "C.UTF-8", "COLORTERM": "truecolor", **environment}.items()]
        line = ["env", *variables, *map(str, command)]
        keep = ["sh", "-c", '"$@"; echo "exit code $?"; exec cat', "sh", *line]
        self.tmux("-f", os.devnull, "new-session", "-d", "-x", str(size[0]), "-y", str(size[1]), *keep, ";", "set", "-g", "status", "off")

    def tmux(self, *words: str) -> str:
        """Ask this tmux something."""
        return subprocess.run(["tmux", "-S", self.socket, *words], check=True, capture_output=True, text=True, timeout=30).stdout

    def press(self, *keys: str) -> None:
        """Press keys."""
        self.tmux("send-keys", *keys)

    def shows(self, *texts: str) -> str:
        """Wait until all of these stand on the terminal; what stands there then."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            pane = self.tmux("capture-pane", "-p")
            if all(text in pane for text in texts):
                return pane
            self.tmux("run-shell", "-d", "0.05", "true")
        pytest.fail(f"this never came:\n{pane}")

    def end(self) -> None:
        """Close it."""
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], check=False, capture_output=True, timeout=30)


@pytest.fixture
def open_terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(size: tuple[int, int], *command: object, **environment: str) -> Terminal:
        opened.append(Terminal(tmp_path / f"tmux-{len(opened)}", size, *command, **environment))
        return opened[-1]

    yield start
    for terminal in opened:
        terminal.end()


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Stage]:
    directory = tmp_path / "workspace"
    directory.mkdir()
    (directory / SETTINGS_FILE).write_text("")
    fleet = ours(small_fleet())
    stage = make_stage(directory, fleet, plan_for(fleet))
    stage.start()
    stage.at_the_gate()
    yield stage
    stage.store.close()


@pytest.mark.needs("tmux")
@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
def test_watch_in_a_real_terminal_stands_in_straight_columns_and_q_leaves(
    filled: Stage, open_terminal: Callable[..., Terminal], size: tuple[int, int]
) -> None:
    terminal = open_terminal(size, FLEET, "--workspace", filled.settings.workspace, "watch", FLEET_LANG="en")

    pane = terminal.shows("12/12 sites", "q Quit", "海棠清水中医医院")

    rows = [line for line in pane.splitlines() if "not started" in line]
    assert len({columns_before(line, name) for line in rows for name in ("Qingwan", "Yunling") if name in line}) == 1
    terminal.press("F2")
    terminal.shows("青湾区", "English")
    terminal.press("q")
    terminal.shows("exit code 0")


@pytest.mark.needs("tmux")
def test_watch_approves_in_the_name_of_the_operating_systems_user(filled: Stage, open_terminal: Callable[..., Terminal]) -> None:
    terminal = open_terminal((80, 24), FLEET, "--workspace", filled.settings.workspace, "watch", "--slow", FLEET_LANG="en")
    terminal.shows("at the gate [a]")

    terminal.press("a")
    terminal.shows("Type canary and press Enter")
    terminal.press("c", "a", "n", "a", "r", "y", "Enter")
    terminal.shows("Approved: canary.")

    with filled.store.read() as snapshot:
        assert [one.actor for one in rollouts.decisions_after(snapshot, "r1", 0)] == ["li-na"]


def test_watch_without_a_terminal_says_what_to_use_instead(cli: Cli) -> None:
    ran = cli("watch")

    assert ran.code == 2
    assert "`fleet status --watch` prints lines instead" in ran.err


def test_an_error_of_our_own_reaches_the_door_as_itself(filled: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_self: object, _site: object, _gate: object) -> None:
        message = "broken"
        raise ZeroDivisionError(message)

    monkeypatch.setattr("fleet.tui.feed.Feed.poll", broken)
    monkeypatch.setattr("fleet.tui.app.FleetApp.run", run_headless)

    with pytest.raises(ZeroDivisionError, match="broken"):
        run_tui(filled.settings, COORDINATOR)


def run_headless(app: FleetApp) -> None:
    """As `App.run`, without a terminal."""
    asyncio.run(app.run_async(headless=True))


def columns_before(line: str, word: str) -> int:
    """Cells of a line before a word."""
    return cell_len(line.partition(word)[0])
