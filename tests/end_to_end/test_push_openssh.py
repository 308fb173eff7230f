"""Pushes to a real OpenSSH server: end to end, and what must never be sent."""

import io
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from errno import ENOENT
from pathlib import Path
from typing import BinaryIO

import pytest

from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.inventory import Terminal
from fleet.model.playbook import ProbeStep, RunStep, Step
from fleet.push import UserKey, push_terminal, scan_host_key
from tests.keys import new_user_key
from tests.openssh import OpenSSH, Source, make_job, wait_for_transactions
from tests.terminal.field import ENOUGH_S, Build, build, upgrade_steps, words

pytestmark = pytest.mark.needs("sshd")

OLD = build("1.0")
NEW = build("2.0")


@dataclass
class Bench:
    """One account on the server, and pushes to it."""

    server: OpenSSH
    attempts: int = 0

    @property
    def live(self) -> str | None:
        current = self.server.home / "client/current"
        return current.readlink().name if current.is_symlink() else None

    @property
    def terminal(self) -> Terminal:
        return Terminal(site="pharmacy-12", code="t03", host="127.0.0.1", port=self.server.port)

    def push(
        self,
        steps: list[Step],
        release: Build,
        *,
        source: Source | None = None,
        key: UserKey | None = None,
        pinned: str | None = "",
        stop: threading.Event | None = None,
        deadline_s: float = 60.0,
        ssh_config: Path | None = None,
        terminal: Terminal | None = None,
    ) -> AttemptResult:
        self.attempts += 1
        job = make_job(
            self.server,
            steps,
            release,
            self.attempts,
            terminal=terminal or self.terminal,
            pinned=self.server.fingerprint if pinned == "" else pinned,
            deadline_s=deadline_s,
        )
        return push_terminal(job, source or Source(release), key or self.server.key, ssh_config, stop)


@pytest.fixture
def bench(openssh: OpenSSH) -> Iterator[Bench]:
    shutil.rmtree(openssh.home)
    openssh.home.mkdir()
    before = set(threading.enumerate())
    yield Bench(openssh)
    wait_for_transactions(openssh.home)
    for thread in set(threading.enumerate()) - before:
        thread.join(ENOUGH_S)
    assert set(threading.enumerate()) <= before


def test_a_terminal_is_upgraded_end_to_end(bench: Bench) -> None:
    first = bench.push(upgrade_steps("1.0"), OLD)
    second = bench.push(upgrade_steps("2.0"), NEW)
    again = bench.push(upgrade_steps("2.0"), NEW)

    assert (first.ending, first.cause) == (TerminalState.UPGRADED, Cause.NONE), first
    assert (first.bytes_sent, first.bytes_saved) == (OLD.artifact.size, 0)
    assert second.ending is TerminalState.UPGRADED
    assert second.bytes_sent + second.bytes_saved == NEW.artifact.size
    assert second.facts == {"signature": "sshsig", "version": "2.0", "mode": "software", "release": "2.0"}
    assert second.key is not None
    assert second.key.public_key.startswith("ecdsa-sha2-nistp256 ")
    assert second.host_fingerprint == bench.server.fingerprint
    assert (again.ending, again.in_place, again.bytes_sent) == (TerminalState.UPGRADED, True, 0)
    assert bench.live == NEW.name


def test_a_large_file_arrives_whole(bench: Bench) -> None:
    data = bytes(range(256)) * 20_000
    release = build("3.0", {"data/large": ("0644", data)})
    steps: list[Step] = [upgrade_steps("3.0")[1], ProbeStep(name="probe", command=words("true"))]

    result = bench.push(steps, release)

    assert (result.ending, result.bytes_sent) == (TerminalState.UPGRADED, len(data))
    assert (bench.server.home / "client/releases" / release.name / "data/large").read_bytes() == data


def test_a_push_that_ended_while_it_sent_files_is_gone_on_with(bench: Bench) -> None:
    stop = threading.Event()
    source = Source(OLD)
    source.on_open = lambda: stop.set() if len(source.opened) > len(OLD.artifact.files) - 2 else None

    stopped = bench.push(upgrade_steps("1.0"), OLD, source=source, stop=stop)
    wait_for_transactions(bench.server.home)
    arrived = (bench.server.home / "client/.fleet/part").stat().st_size
    again = bench.push(upgrade_steps("1.0"), OLD)

    assert (stopped.ending, stopped.cause) == (TerminalState.FAILED, Cause.STOPPED)
    assert (again.ending, bench.live) == (TerminalState.UPGRADED, OLD.name), again
    assert again.bytes_sent + again.bytes_saved == OLD.artifact.size
    assert arrived - 2048 < again.bytes_saved <= arrived  # the archive's headers are no bytes of files


class Spoilt(Source):
    """A release of which a file was lost, cut short or changed in the workspace since it was signed; one the old release has not."""

    def __init__(self, release: Build, how: str) -> None:
        super().__init__(release)
        self.how = how
        self.file = max((file for file in release.artifact.files if file.sha256 not in OLD.contents), key=lambda file: file.size)

    def open(self, sha256: str) -> BinaryIO:
        if sha256 != self.file.sha256:
            return super().open(sha256)
        if self.how == "lost":
            raise FileNotFoundError(ENOENT, "No such file or directory")
        content = self.release.contents[sha256]
        return io.BytesIO(content[:-1] if self.how == "short" else content[:-1] + bytes((content[-1] ^ 1,)))


@pytest.mark.parametrize("how", ["lost", "short", "changed"])
def test_a_file_that_is_no_longer_whole_in_the_workspace_is_named_as_ours_and_nothing_live_is_touched(bench: Bench, how: str) -> None:
    bench.push(upgrade_steps("1.0"), OLD)
    spoilt = Spoilt(NEW, how)

    result = bench.push(upgrade_steps("2.0"), NEW, source=spoilt)
    live = bench.live
    mended = bench.push(upgrade_steps("2.0"), NEW)

    assert (result.ending, result.cause) == (TerminalState.FAILED, Cause.RELEASE_FILE), result
    assert result.detail.startswith(f"{spoilt.file.path}: ")
    assert live == OLD.name
    assert mended.ending is TerminalState.UPGRADED, mended


def test_a_release_that_does_not_work_is_rolled_back(bench: Bench) -> None:
    bench.push(upgrade_steps("1.0"), OLD)
    (bench.server.home / "break-probe-2.0").touch()

    result = bench.push(upgrade_steps("2.0"), NEW)

    assert (result.ending, result.cause, result.step) == (TerminalState.ROLLED_BACK, Cause.PROBE_FAILED, "activate")
    assert bench.live == OLD.name


def test_a_scan_sees_the_key_that_ssh_keygen_shows_and_does_not_log_in(bench: Bench) -> None:
    seen = len(bench.server.output)

    result = scan_host_key(bench.terminal)

    assert result.fingerprint == bench.server.fingerprint
    assert not any("Accepted" in line or "Failed" in line for line in bench.server.output[seen:])


def test_nothing_is_sent_to_a_server_with_another_key(bench: Bench) -> None:
    seen = len(bench.server.output)
    source = Source(NEW)

    result = bench.push(upgrade_steps("2.0"), NEW, source=source, pinned="SHA256:" + "A" * 43)

    assert (result.ending, result.cause) == (TerminalState.UNREACHABLE, Cause.HOST_KEY_CHANGED)
    assert result.host_fingerprint == bench.server.fingerprint
    assert source.opened == []
    assert not any("Accepted" in line or "Failed" in line for line in bench.server.output[seen:])
    assert list(bench.server.home.iterdir()) == []


def test_nothing_is_sent_to_a_server_whose_key_nobody_confirmed(bench: Bench) -> None:
    seen = len(bench.server.output)

    result = bench.push(upgrade_steps("2.0"), NEW, pinned=None)

    assert (result.ending, result.cause) == (TerminalState.UNREACHABLE, Cause.HOST_KEY_UNCONFIRMED)
    assert bench.server.output[seen:] == []


def test_a_key_the_server_does_not_know_is_refused(bench: Bench, tmp_path: Path) -> None:
    result = bench.push(upgrade_steps("2.0"), NEW, key=new_user_key(tmp_path / "other"))

    assert (result.ending, result.cause) == (TerminalState.UNREACHABLE, Cause.LOGIN_REFUSED)


def test_stopped_before_the_last_word_the_old_release_is_untouched(bench: Bench) -> None:
    bench.push(upgrade_steps("1.0"), OLD)
    stop = threading.Event()

    result = bench.push(upgrade_steps("2.0"), NEW, source=Source(NEW, on_open=stop.set), stop=stop)

    assert (result.ending, result.cause) == (TerminalState.FAILED, Cause.STOPPED)
    assert bench.live == OLD.name
    assert "2.0 start" not in (bench.server.home / "asked").read_text()


def test_stopped_after_the_last_word_it_is_let_finish(bench: Bench) -> None:
    stop = threading.Event()
    fifo = bench.server.home / "gate"
    subprocess.run(["mkfifo", fifo], check=True)
    held = RunStep(name="hold", command=words("sh", "-c", 'read -r _ <"$HOME/gate"'), irreversible=True)
    steps = [*upgrade_steps("2.0")[:2], held, *upgrade_steps("2.0")[4:]]
    opener = threading.Thread(target=lambda: _stop_and_open(stop, fifo))
    opener.start()

    result = bench.push(steps, NEW, stop=stop)
    opener.join()

    assert result.ending is TerminalState.UPGRADED, result


def _stop_and_open(stop: threading.Event, fifo: Path) -> None:
    with fifo.open("w") as gate:  # opens when the step, after the last word, reads
        stop.set()
        gate.write("go on\n")


def test_a_push_past_its_deadline_is_unknown_and_the_terminal_goes_on_by_itself(bench: Bench) -> None:
    fifo = bench.server.home / "gate"
    subprocess.run(["mkfifo", fifo], check=True)
    held = RunStep(name="hold", command=words("sh", "-c", 'read -r _ <"$HOME/gate"'), irreversible=True)
    steps = [*upgrade_steps("2.0")[:2], held, *upgrade_steps("2.0")[4:]]

    late = bench.push(steps, NEW, deadline_s=2)
    with fifo.open("w") as gate:
        gate.write("go on\n")
    again = bench.push(steps, NEW)
    while again.cause is Cause.BUSY:
        again = bench.push(steps, NEW)

    assert (late.ending, late.cause, late.step) == (TerminalState.UNKNOWN, Cause.DEADLINE, "hold")
    assert (again.ending, again.in_place) == (TerminalState.UPGRADED, True)


def test_a_terminal_that_never_stops_talking_is_hung_up_on(bench: Bench, openssh: OpenSSH) -> None:
    keys = openssh.directory / "authorized_keys"
    usual = keys.read_text()
    keys.write_text(f'command="while :; do echo endless words; done" {usual}')
    try:
        result = bench.push(upgrade_steps("2.0"), NEW)
    finally:
        keys.write_text(usual)

    assert (result.ending, result.cause) == (TerminalState.FAILED, Cause.TOO_MUCH_OUTPUT)
    assert len(result.log) <= 60


def test_an_account_that_may_run_nothing_is_told_by_what_its_shell_says(bench: Bench, openssh: OpenSSH) -> None:
    keys = openssh.directory / "authorized_keys"
    usual = keys.read_text()
    keys.write_text(f'command="echo This account is not available.; exit 1" {usual}')
    try:
        result = bench.push(upgrade_steps("2.0"), NEW)
    finally:
        keys.write_text(usual)

    assert (result.ending, result.cause) == (TerminalState.FAILED, Cause.PROTOCOL)
    assert result.log == ("This account is not available.",)


def _ssh_config(directory: Path, server: OpenSSH, known: str) -> Path:
    (directory / "known_hosts").write_text(known)
    config = directory / "ssh_config"
    config.write_text(
        f"Host county\n  HostName 127.0.0.1\n  Port {server.port}\n  User {server.user}\n  UserKnownHostsFile known_hosts\n"
        "Host jumped\n  HostName 127.0.0.1\n  ProxyJump county\n"
    )
    return config


@pytest.mark.parametrize("host", ["127.0.0.1", "jumped"])
def test_a_terminal_behind_a_gateway_is_reached_through_it(bench: Bench, tmp_path: Path, host: str) -> None:
    public = (bench.server.directory / "host_key.pub").read_text()
    config = _ssh_config(tmp_path, bench.server, f"[127.0.0.1]:{bench.server.port} {public}")
    gateway = "county" if host == "127.0.0.1" else None
    terminal = bench.terminal.model_copy(update={"host": host, "gateway": gateway})

    scanned = scan_host_key(terminal, config, bench.server.key)
    result = bench.push(upgrade_steps("2.0"), NEW, ssh_config=config, terminal=terminal)

    assert scanned.fingerprint == bench.server.fingerprint
    assert result.ending is TerminalState.UPGRADED, result


def test_a_gateway_that_nobody_knows_is_not_passed(bench: Bench, tmp_path: Path) -> None:
    config = _ssh_config(tmp_path, bench.server, "")
    terminal = bench.terminal.model_copy(update={"gateway": "county"})

    result = bench.push(upgrade_steps("2.0"), NEW, ssh_config=config, terminal=terminal)

    assert (result.ending, result.cause) == (TerminalState.UNREACHABLE, Cause.GATEWAY_KEY)
    assert "known_hosts" in result.detail


def test_what_is_wrong_with_a_gateway_is_told_apart(bench: Bench, tmp_path: Path) -> None:
    public = (bench.server.directory / "host_key.pub").read_text()
    config = _ssh_config(tmp_path, bench.server, f"[127.0.0.1]:{bench.server.port} {public}")
    behind = {name: bench.terminal.model_copy(update={"gateway": name}) for name in ("county", "county.invalid")}

    unnamed = scan_host_key(behind["county.invalid"], None, bench.server.key)
    refused = scan_host_key(behind["county"], config, new_user_key(tmp_path / "other"))
    config.write_text(config.read_text().replace(f"Port {bench.server.port}", "Port 1"))
    closed = scan_host_key(behind["county"], config, bench.server.key)

    assert [one.cause for one in (unnamed, refused, closed)] == [Cause.GATEWAY_NAME, Cause.GATEWAY_LOGIN, Cause.GATEWAY]
    assert [one.detail.split(":")[0] for one in (unnamed, refused, closed)] == ["county.invalid", "county", "county"]
