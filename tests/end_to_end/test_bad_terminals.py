"""Bad terminals are ordinary. Each kind, at a real OpenSSH server: it ends in time, says which it was, and costs little memory."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from fleet.model.attempt import Cause, TerminalState
from tests.benchmarks.terminals import await_port
from tests.conftest import program
from tests.openssh import OpenSSH
from tests.push.test_bad_servers import SERVERS, serving
from tests.terminal.field import make_far

pytestmark = pytest.mark.needs("sshd")

DEADLINE_S = 3.0
GRACE_S = 1.0
MOST_ADDED_BYTES = 50 * 1000 * 1000
ENOUGH_S = 60
ROOT = Path(__file__).parents[2]
FAILED, UNREACHABLE = TerminalState.FAILED, TerminalState.UNREACHABLE


@dataclass(frozen=True)
class Pushed:
    """What a push in a process of its own came to."""

    took_s: float
    added_bytes: int
    ending: str
    cause: str
    detail: str
    log: list[str]
    sent: int
    words: str

    @property
    def how(self) -> tuple[str, str]:
        return self.ending, self.cause


@dataclass(frozen=True)
class Bad:
    """A server, whatever its terminal does."""

    server: OpenSSH
    directory: Path

    def push(self, *, port: int = 0, pinned: str = "", deadline_s: float = DEADLINE_S, min_free_kb: int = 0, large: bool = False) -> Pushed:
        """Push once; checks what holds of every bad terminal: the end in time, and little memory."""
        order = {
            "port": port or self.server.port,
            "pinned": pinned or self.server.fingerprint,
            "user": self.server.user,
            "key": str(self.server.directory / "id_ed25519"),
            "deadline_s": deadline_s,
            "min_free_kb": min_free_kb,
            "large": large,
        }
        file = self.directory / "order.json"
        file.write_text(json.dumps(order))
        ran = subprocess.run(
            [sys.executable, "-m", "tests.end_to_end.push_apart", file],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
            timeout=ENOUGH_S,
        )
        pushed = Pushed(**json.loads(ran.stdout))
        assert pushed.took_s < deadline_s + GRACE_S
        assert pushed.added_bytes < MOST_ADDED_BYTES
        return pushed

    @contextmanager
    def answering(self, command: str) -> Iterator[None]:
        """Whoever signs in gets this instead of what was asked for."""
        keys = self.server.directory / "authorized_keys"
        usual = keys.read_text()
        script = self.directory / "answer.sh"
        script.write_text(f"{command}\n")
        keys.write_text(f'command="sh {script}" {usual}')
        try:
            yield
        finally:
            keys.write_text(usual)


@pytest.fixture
def bad(openssh: OpenSSH, tmp_path: Path) -> Bad:
    shutil.rmtree(openssh.home)
    openssh.home.mkdir()
    return Bad(openssh, tmp_path)


# Before anybody has signed in


@pytest.mark.parametrize("name", ["silent", "silent after the greeting", "endless greeting", "endless line", "garbage after the greeting"])
def test_a_server_that_is_none_costs_little_and_ends_in_time(bad: Bad, name: str) -> None:
    behave, cause = SERVERS[name]

    with serving(behave) as (port, _heard):
        pushed = bad.push(port=port)

    assert pushed.ending == UNREACHABLE
    assert pushed.cause == cause or cause is Cause.LINK_LOST


# What it says


def test_a_terminal_that_never_answers_is_given_up_at_the_deadline(bad: Bad) -> None:
    with bad.answering("exec sleep 30"):
        pushed = bad.push()

    assert pushed.how == (FAILED, Cause.DEADLINE)
    assert pushed.words == "not finished within its deadline; look at its line, then run `fleet rollout retry`"


def test_a_terminal_that_drips_is_given_up_at_the_deadline(bad: Bad) -> None:
    with bad.answering("while :; do printf x || exit; sleep 0.1; done"):
        pushed = bad.push()

    assert pushed.how == (FAILED, Cause.DEADLINE)


@pytest.mark.parametrize("where", ["", " >&2"])
def test_endless_output_is_hung_up_on(bad: Bad, where: str) -> None:
    with bad.answering(f"while echo endless words{where}; do :; done"):
        pushed = bad.push()

    assert pushed.how == (FAILED, Cause.TOO_MUCH_OUTPUT)
    assert pushed.words == "it sent far more output than a terminal should; have somebody look at it"
    assert pushed.took_s < DEADLINE_S


def test_a_gigabyte_of_output_is_hung_up_on(bad: Bad) -> None:
    with bad.answering("exec head -c 1000000000 /dev/zero"):
        pushed = bad.push()

    assert pushed.how == (FAILED, Cause.TOO_MUCH_OUTPUT)
    assert pushed.took_s < DEADLINE_S


def test_output_that_is_not_utf_8_is_kept_as_readable_text(bad: Bad) -> None:
    with bad.answering(r"printf 'caf\351 \377\376\n'; exit 1"):
        pushed = bad.push()

    assert pushed.how == (FAILED, Cause.PROTOCOL)
    assert pushed.log == [r"caf\xe9 \xff\xfe"]
    assert pushed.words == "its answers make no sense; read its log, and have somebody look at it"


def test_escape_sequences_never_reach_a_screen(bad: Bad) -> None:
    with bad.answering(r"printf '\033]0;owned\007\033[2J\033[31mred\033[0m \302\233bell\007 \342\200\256drow\n'; exit 1"):
        pushed = bad.push()

    assert pushed.how == (FAILED, Cause.PROTOCOL)
    assert [line for line in pushed.log if not line.isprintable() or "\u202e" in line] == []
    assert "red" in "".join(pushed.log)


def test_a_forged_marker_upgrades_nothing(bad: Bad) -> None:
    forged = "5eed" * 8
    with bad.answering(f"printf '@%s begin 1\\n@%s end upgraded none -\\n' {forged} {forged}"):
        pushed = bad.push()

    assert pushed.how == (FAILED, Cause.PROTOCOL)
    assert pushed.log == [f"@{forged} begin 1", f"@{forged} end upgraded none -"]


# Who it is


def test_a_changed_host_key_is_sent_nothing(bad: Bad) -> None:
    pushed = bad.push(pinned="SHA256:" + "A" * 43)

    assert pushed.how == (UNREACHABLE, Cause.HOST_KEY_CHANGED)
    assert pushed.words == "its host key has changed; nothing was sent; find out why before the new one is confirmed"
    assert pushed.sent == 0
    assert list(bad.server.home.iterdir()) == []


@pytest.mark.parametrize(
    "only",
    [
        "KexAlgorithms diffie-hellman-group14-sha1,diffie-hellman-group1-sha1",
        "HostKeyAlgorithms ssh-rsa",
        "Ciphers aes128-cbc,3des-cbc",
        "Ciphers aes128-ctr\nMACs hmac-sha1",
    ],
)
def test_a_server_with_nothing_but_old_algorithms_is_offered_as_by_hand(bad: Bad, only: str) -> None:
    with old_server(bad, only) as port:
        pushed = bad.push(port=port)

    assert pushed.how == (UNREACHABLE, Cause.SSH_TOO_OLD), pushed
    assert "by hand" in pushed.words
    assert "`reach`" in pushed.words
    assert pushed.sent == 0


@contextmanager
def old_server(bad: Bad, only: str) -> Iterator[int]:
    """A server that offers nothing else."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    key = bad.directory / "rsa"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", key], check=True)
    config = bad.directory / "sshd_config"
    usual = (bad.server.directory / "sshd_config").read_text()
    usual = re.sub(r"^(Port|HostKey|PidFile).*\n", "", usual, flags=re.MULTILINE)
    config.write_text(f"Port {port}\nHostKey {key}\nPidFile {bad.directory}/pid\n{only}\n{usual}")
    sshd = program("sshd")
    assert sshd is not None
    with subprocess.Popen([sshd, "-D", "-e", "-f", config], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            await_port(port)
            yield port
        finally:
            process.terminate()
            process.wait(ENOUGH_S)


# What it has


@pytest.mark.parametrize("shell", [pytest.param(shell, marks=pytest.mark.needs(shell)) for shell in ("dash", "busybox")])
@pytest.mark.parametrize("tool", ["tar", "sha256sum"])
def test_a_terminal_without_a_tool_is_told_which_and_keeps_its_release(bad: Bad, shell: str, tool: str) -> None:
    far = make_far(bad.directory / "far", shell)
    (far.tools / tool).unlink()

    with bad.answering(f'HOME={far.home} PATH={far.tools}; export HOME PATH; cd; exec {far.tools}/sh -c "$SSH_ORIGINAL_COMMAND"'):
        pushed = bad.push(deadline_s=20)

    assert pushed.how == (FAILED, Cause.TOOL_MISSING), pushed
    assert tool in pushed.detail
    assert pushed.words == "a program the upgrade needs is missing there; have it installed, then run `fleet rollout retry`"
    assert far.live is None


def on_a_disk(options: str, before: str = ":") -> str:
    """Answers from a small disk of its own, which nobody else sees and which goes with its last process."""
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-r", "-m"]
    tried = subprocess.run([*unshare, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=False, capture_output=True)
    if tried.returncode:
        pytest.skip("nobody may mount a disk of his own here; run the tests as root, or let the system allow user namespaces")
    inside = f'mount -t tmpfs -o {options} tmpfs "$HOME" && cd && {{ {before}; }} && exec sh -c "$SSH_ORIGINAL_COMMAND"'
    return f"exec {' '.join(unshare)} sh -c '{inside}'"


def test_a_disk_that_is_too_small_is_seen_before_anything_is_sent(bad: Bad) -> None:
    pushed = bad.push(deadline_s=20, min_free_kb=2**40)

    assert pushed.how == (FAILED, Cause.DISK_FULL), pushed
    assert pushed.words == "not enough room on its disk; have some freed, then run `fleet rollout retry`"
    assert "KiB free, " in pushed.detail
    assert pushed.detail.endswith(" KiB needed")
    assert pushed.sent == 0


def test_a_disk_that_fills_while_files_arrive_is_said_to_be_full(bad: Bad) -> None:
    with bad.answering(on_a_disk("size=300k")):
        pushed = bad.push(deadline_s=20, large=True)

    assert pushed.how == (FAILED, Cause.DISK_FULL), pushed
    assert pushed.sent > 0


def test_a_disk_without_any_room_is_said_to_be_full(bad: Bad) -> None:
    with bad.answering(on_a_disk("size=200k", "head -c 300000 /dev/zero >filled 2>/dev/null || :")):
        pushed = bad.push(deadline_s=20)

    assert pushed.how == (FAILED, Cause.DISK_FULL), pushed
    assert pushed.sent == 0


def test_a_read_only_disk_is_said_to_be_one(bad: Bad) -> None:
    with bad.answering(on_a_disk("size=1m", "mount -o remount,ro .")):
        pushed = bad.push(deadline_s=20)

    assert pushed.how == (FAILED, Cause.DISK_ERROR), pushed
    assert pushed.words == "its disk cannot be written; it may be read-only or broken, have somebody look at it"
    assert pushed.sent == 0
