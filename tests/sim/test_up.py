"""`fleet sim up`."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paramiko
import pytest

from fleet.inventory import read_fleet
from tests.conftest import Cli

FLEET = Path(sys.executable).with_name("fleet")
TIMEOUT_S = 20.0


@pytest.fixture
def key_file(tmp_path: Path, public_line: str) -> Path:
    file = tmp_path / "user.pub"
    file.write_text(public_line)
    return file


@contextmanager
def up(directory: Path, key_file: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Four sites as a process of its own, from its ready line on; whoever is not interrupted inside is at the end."""
    command = [str(FLEET), "sim", "up", "--json", "--sites", "4", "--inventory-out", str(directory / "inventory")]
    environment = {"PATH": "/usr/bin:/bin", "TMPDIR": str(directory), "LC_ALL": "C.UTF-8"}
    with subprocess.Popen(
        [*command, "--user-key", str(key_file), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=directory,
        env=environment,
    ) as process:
        assert process.stdout is not None
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGINT)


def run(key: paramiko.PKey, address: dict[str, Any], command: str) -> str:
    with paramiko.Transport((address["host"], address["port"])) as link:
        link.connect(username="anybody", pkey=key)
        channel = link.open_session(timeout=TIMEOUT_S)
        channel.exec_command(command)
        return channel.makefile().read().decode()


def test_the_inventory_it_writes_reaches_what_it_says_it_raised(tmp_path: Path, key_file: Path, user_key: paramiko.PKey) -> None:
    with up(tmp_path, key_file) as (_, ready):
        fleet = read_fleet([Path(ready["inventory"])])
        answers = {id_: run(user_key, address, "echo here") for id_, address in ready["terminals"].items()}

    assert len(fleet.sites) == 4
    assert answers
    assert set(answers.values()) == {"here\n"}
    for id_, address in ready["terminals"].items():
        terminal = fleet.terminals[id_]
        assert (terminal.host, terminal.port, terminal.host_key) == (address["host"], address["port"], address["host_key"])


def test_planted_faults_are_named(tmp_path: Path, key_file: Path) -> None:
    with up(tmp_path, key_file, "--faults", "100") as (_, ready):
        terminals = ready["terminals"]

    assert all(address["fault"] for address in terminals.values())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_ends_well_and_leaves_no_scratch_behind(tmp_path: Path, key_file: Path, number: signal.Signals) -> None:
    with up(tmp_path, key_file) as (process, _):
        process.send_signal(number)
        _, err = process.communicate(timeout=TIMEOUT_S)

    assert (process.returncode, err) == (0, "The simulated terminals are ended.\n")
    assert list(tmp_path.glob("fleet-sim-*")) == []


def test_a_named_scratch_directory_keeps_what_is_on_the_terminals(tmp_path: Path, key_file: Path, user_key: paramiko.PKey) -> None:
    heard = []
    for turn in ("first", "second"):
        (tmp_path / turn).mkdir()
        with up(tmp_path / turn, key_file, "--dir", str(tmp_path / "kept")) as (_, ready):
            heard.append(run(user_key, next(iter(ready["terminals"].values())), "echo line >>note; cat note"))

    assert heard == ["line\n", "line\nline\n"]


def test_without_a_user_key_it_says_how_to_get_one(cli: Cli, tmp_path: Path) -> None:
    ran = cli("sim", "up", "--inventory-out", tmp_path / "inventory")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines() == [
        "there is no user key for the terminals to accept",
        f"  at: {tmp_path}/workspace/id_ed25519.pub",
        "hint: run `fleet init` first, or name a public key with --user-key",
    ]
    assert not (tmp_path / "inventory").exists()


def test_an_inventory_that_is_there_is_not_written_over(cli: Cli, tmp_path: Path, key_file: Path) -> None:
    (tmp_path / "sites.csv").write_text("mine")

    ran = cli("sim", "up", "--inventory-out", tmp_path, "--user-key", key_file)

    assert ran.code == 2
    assert ran.err.splitlines()[0] == "the directory holds an inventory already: sites.csv"
    assert (tmp_path / "sites.csv").read_text() == "mine"


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("", "--inventory-out needs a directory"),
        ("user.pub", "--inventory-out needs a directory"),
        ("none/inventory", "the directory above it is not there"),
        ("n" * 300, "File name too long"),
    ],
)
def test_a_place_for_no_inventory_is_refused(
    cli: Cli, tmp_path: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch, *, out: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)

    ran = cli("sim", "up", "--inventory-out", out, "--user-key", key_file)

    assert ran.code == 2
    assert said in ran.err
    assert not (tmp_path / "none").exists()


def test_a_share_of_faults_is_a_number(cli: Cli, tmp_path: Path, key_file: Path) -> None:
    ran = cli("sim", "up", "--inventory-out", tmp_path / "inventory", "--user-key", key_file, "--faults", "nan")

    assert ran.code == 2
    assert "--faults must be a number from 0 to 100" in ran.err


def test_more_sites_than_the_city_has_are_refused(cli: Cli, tmp_path: Path, key_file: Path) -> None:
    ran = cli("sim", "up", "--inventory-out", tmp_path / "inventory", "--user-key", key_file, "--sites", 100_000)

    assert ran.code == 2
    assert "hint: ask for 1 to " in ran.err


def test_a_simulation_that_ends_by_itself_is_told(tmp_path: Path, key_file: Path, user_key: paramiko.PKey) -> None:
    with up(tmp_path, key_file, "--dir", str(tmp_path / "scratch")) as (process, ready):
        server = int(run(user_key, next(iter(ready["terminals"].values())), "echo $PPID"))
        os.kill(server, signal.SIGKILL)
        _, err = process.communicate(timeout=TIMEOUT_S)

    assert process.returncode == 1
    assert err.startswith(f"the simulated terminals ended by themselves\n  at: {tmp_path}/scratch/simulation.log\n")
