"""A hundred terminals behind one gateway, a real OpenSSH server with its stock MaxStartups 10:30:100: every one gets through."""

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import pytest

from fleet.cli.common import os_user
from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.inventory import Site, SiteKind, Terminal
from fleet.model.playbook import Account, ProbeStep, Step
from fleet.push import Gate, PushJob, UserKey, load_user_key, push_terminal, scan_host_key
from fleet.push.link import Deadline
from fleet.push.pacing import Key, Scope
from fleet.settings import Settings
from fleet.store import open_store
from fleet.terminal.compile import compile_program
from tests.benchmarks.terminals import Bed, await_port, bed
from tests.conftest import Cli
from tests.engine.city import make_fleet, set_up
from tests.terminal.field import playbook, words

pytestmark = pytest.mark.needs("sshd")

TERMINALS = 110
AT_ONCE = 64
ENOUGH_S = 20
SITE = Site(code="pharmacy-12", kind=SiteKind.PHARMACY, name="A pharmacy", district="qingwan")
STEPS: list[Step] = [ProbeStep(name="command", command=words("true"))]


@dataclass
class County:
    """Terminals, their gateway, and the ssh_config that leads through it."""

    bed: Bed
    key: UserKey
    port: int
    ssh_config: Path
    log: list[str] = field(default_factory=list)
    """What the gateway wrote so far."""

    @property
    def turned_away(self) -> int:
        """Connections that the gateway dropped for having too many that had not logged in."""
        return sum("past MaxStartups" in line for line in self.log)

    def push(
        self,
        host: str,
        gate: Gate,
        *,
        deadline_s: float = 120.0,
        gateway: str | None = "county",
        port: int = 0,
        stop: threading.Event | None = None,
    ) -> AttemptResult:
        account = Account(user="fleet", root="client").model_copy(update={"user": self.bed.user})
        job = PushJob(
            terminal=Terminal(site="pharmacy-12", code="t03", host=host, port=port or self.bed.port, gateway=gateway),
            site=SITE,
            number=1,
            program=compile_program(playbook(STEPS).model_copy(update={"account": account}), STEPS, None, "2.0"),
            artifact=None,
            version="2.0",
            account=account,
            pinned=self.bed.fingerprint,
            deadline_s=deadline_s,
        )
        return push_terminal(job, NoFiles(), self.key, self.ssh_config, stop, gate=gate)


class NoFiles:
    """Nothing is staged here."""

    def open(self, sha256: str) -> BinaryIO:
        raise AssertionError(sha256)


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    directory = tmp_path_factory.mktemp("county")
    with bed(directory / "bed") as terminals, _gateway(directory, terminals) as gateway:
        yield gateway


@contextmanager
def _gateway(directory: Path, terminals: Bed) -> Iterator[County]:
    """A server of its own in front of the terminals, with OpenSSH's own limits."""
    sshd = shutil.which("sshd", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin")))
    assert sshd is not None
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    shutil.copy(terminals.directory / "host_key", directory / "host_key")
    lines = (
        f"Port {port}",
        "ListenAddress 127.0.0.1",
        f"HostKey {directory}/host_key",
        f"AuthorizedKeysFile {terminals.directory}/authorized_keys",
        f"PidFile {directory}/sshd.pid",
        "StrictModes no",
        "UsePAM no",
        "UseDNS no",
        "PermitRootLogin yes",
        "PasswordAuthentication no",
        "MaxStartups 10:30:100",
        "LogLevel VERBOSE",
    )
    (directory / "sshd_config").write_text("".join(f"{line}\n" for line in lines))
    host_key = " ".join((terminals.directory / "host_key.pub").read_text().split()[:2])
    (directory / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}\n")
    config = directory / "ssh_config"
    config.write_text(f"Host county\n  HostName 127.0.0.1\n  Port {port}\n  User {terminals.user}\n  UserKnownHostsFile known_hosts\n")
    made = County(terminals, load_user_key(terminals.directory / "user_key"), port, config)
    with subprocess.Popen(
        [sshd, "-D", "-e", "-f", directory / "sshd_config"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        reader = threading.Thread(target=lambda: made.log.extend(process.stderr or ()))
        reader.start()
        try:
            await_port(port)
            yield made
        finally:
            process.terminate()
            process.wait(ENOUGH_S)
            reader.join(ENOUGH_S)


@pytest.fixture(autouse=True)
def no_threads_are_left(county: County) -> Iterator[None]:  # noqa: ARG001 - it reads the gateway's log in a thread of its own
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(ENOUGH_S)
    assert set(threading.enumerate()) <= before


@contextmanager
def guests(county: County, count: int) -> Iterator[None]:
    """So many others who stand at the gateway and never log in."""
    with ExitStack() as open_:
        for _ in range(count):
            guest = open_.enter_context(socket.create_connection(("127.0.0.1", county.port)))
            guest.settimeout(ENOUGH_S)
            guest.recv(1)
        yield


def push_all(county: County, hosts: list[str], gate: Gate) -> list[AttemptResult]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda host: county.push(host, gate), hosts))


def not_upgraded(results: list[AttemptResult]) -> list[AttemptResult]:
    return [result for result in results if result.ending is not TerminalState.UPGRADED]


def test_this_gateway_turns_away_some_of_those_who_come_all_at_once(county: County) -> None:
    with ExitStack() as open_:
        callers = [open_.enter_context(socket.create_connection(("127.0.0.1", county.port))) for _ in range(AT_ONCE)]
        heard = [_first_words(caller) for caller in callers]

    assert any(words.startswith(b"SSH-") for words in heard)
    assert any(not words.startswith(b"SSH-") for words in heard)


def _first_words(caller: socket.socket) -> bytes:
    caller.settimeout(ENOUGH_S)
    with suppress(ConnectionError):
        return caller.recv(100)
    return b""


def test_every_terminal_gets_through_a_stock_gateway(county: County) -> None:
    hosts = county.bed.empty(TERMINALS)

    results = push_all(county, hosts, Gate())

    assert not_upgraded(results) == []


def test_whoever_is_turned_away_comes_again_and_gets_through(county: County) -> None:
    hosts = county.bed.empty(TERMINALS)
    before = county.turned_away

    with guests(county, 10):
        results = push_all(county, hosts, Gate())

    assert not_upgraded(results) == []
    assert county.turned_away > before


def test_a_scan_gets_through_a_stock_gateway_too(county: County) -> None:
    hosts = county.bed.empty(TERMINALS)
    gate = Gate()
    terminals = [Terminal(site="pharmacy-12", code="t03", host=host, port=county.bed.port, gateway="county") for host in hosts]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(lambda terminal: scan_host_key(terminal, county.ssh_config, county.key, gate), terminals))

    assert {result.fingerprint for result in results} == {county.bed.fingerprint}


def test_fleet_hosts_scan_signs_in_at_the_gateways_on_the_way(
    county: County, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (host,) = county.bed.empty(1)
    cli("init")
    monkeypatch.setenv("FLEET_KEY_FILE", str(county.bed.directory / "user_key"))
    monkeypatch.setenv("FLEET_SSH_CONFIG", str(county.ssh_config))
    fleet = make_fleet(1)
    behind = {"host": host, "port": county.bed.port, "gateway": "county", "host_key": None}
    terminals = {name: terminal.model_copy(update=behind) for name, terminal in fleet.terminals.items()}
    people = {**fleet.people, "c01": fleet.people["c01"].model_copy(update={"os_user": os_user()})}
    store = open_store(Settings(workspace=tmp_path / "workspace"))
    set_up(store, fleet.model_copy(update={"terminals": terminals, "people": people}))
    store.close()

    scanned = cli("hosts", "scan")

    assert (scanned.code, county.bed.fingerprint in cli("hosts", "show").out) == (0, True), scanned


def test_a_gateway_that_lets_nobody_in_is_named_at_the_deadline(county: County, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        full = threading.Thread(target=_turn_everybody_away, args=(listener,))
        full.start()
        config = tmp_path / "ssh_config"
        config.write_text(f"Host county\n  HostName 127.0.0.1\n  Port {listener.getsockname()[1]}\n")
        began = time.monotonic()
        result = replace(county, ssh_config=config).push("127.10.1.1", Gate(), deadline_s=2)
        took_s = time.monotonic() - began
        listener.shutdown(socket.SHUT_RDWR)
        full.join()

    assert (result.ending, result.cause) == (TerminalState.UNREACHABLE, Cause.GATEWAY)
    assert result.detail.startswith("county: Exceeded MaxStartups (")
    assert took_s < 3


def _turn_everybody_away(listener: socket.socket) -> None:
    with suppress(OSError):
        while True:
            caller, _ = listener.accept()
            with caller, suppress(ConnectionError):
                caller.sendall(b"Exceeded MaxStartups\r\n")


def test_a_stop_ends_the_wait_for_a_turn_and_nothing_was_touched(county: County) -> None:
    gate, stop = Gate({Scope.GATEWAY: 1, Scope.DISTRICT: 1, Scope.ALL: 1}), threading.Event()

    with gate.turn([Key(Scope.ALL)], Deadline.after(ENOUGH_S)), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(county.push, "127.10.1.1", gate, stop=stop)
        stop.set()
        result = waiting.result(ENOUGH_S)

    assert (result.ending, result.cause) == (TerminalState.FAILED, Cause.STOPPED)


def test_silent_terminals_in_numbers_do_not_stop_the_others(county: County) -> None:
    (host,) = county.bed.empty(1)
    gate = Gate({Scope.GATEWAY: 8, Scope.DISTRICT: 4, Scope.ALL: 4}, clock=lambda: time.monotonic() * 20)  # silence counts sooner

    with socket.create_server(("127.0.0.1", 0), backlog=50) as tarpit, ThreadPoolExecutor(20) as pool:
        port = tarpit.getsockname()[1]
        ended: list[str] = []
        silent = [
            pool.submit(lambda: ended.append(county.push("127.0.0.1", gate, deadline_s=6, gateway=None, port=port).cause))
            for _ in range(12)
        ]
        result = county.push(host, gate, gateway=None)
        ended_before = list(ended)
        for push in silent:
            push.result()

    assert result.ending is TerminalState.UPGRADED
    assert ended_before == []
    assert set(ended) <= {Cause.NO_ANSWER, Cause.DEADLINE}
