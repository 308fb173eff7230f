"""Servers that are none, or bad ones: each ends within its deadline, with a cause, and leaves nothing behind."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic

import pytest

from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.inventory import Site, SiteKind, Terminal
from fleet.push import PushJob, UserKey, push_terminal, scan_host_key
from fleet.terminal.compile import compile_program
from tests.keys import new_user_key
from tests.terminal.field import build, playbook, upgrade_steps

DEADLINE_S = 3.0
GRACE_S = 1.0
PINNED = "SHA256:" + "A" * 43
RELEASE = build("2.0")
STEPS = upgrade_steps("2.0")

Behaviour = Callable[[socket.socket], None]


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> UserKey:
    return new_user_key(tmp_path_factory.mktemp("key") / "id_ed25519")


@pytest.fixture(autouse=True)
def no_threads_are_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(GRACE_S)
    assert set(threading.enumerate()) <= before


class NoFiles:
    """A source that is never asked: nothing is sent to a server that nobody knows."""

    def open(self, sha256: str) -> socket.SocketIO:
        raise AssertionError(sha256)


def terminal(port: int, host: str = "127.0.0.1") -> Terminal:
    return Terminal(site="pharmacy-12", code="t03", host=host, port=port)


def push(
    port: int, key: UserKey, *, host: str = "127.0.0.1", pinned: str | None = PINNED, stop: threading.Event | None = None
) -> AttemptResult:
    job = PushJob(
        terminal=terminal(port, host),
        site=Site(code="pharmacy-12", kind=SiteKind.PHARMACY, name="A pharmacy", district="qingwan"),
        number=1,
        program=compile_program(playbook(STEPS), STEPS, RELEASE.artifact, "2.0"),
        artifact=RELEASE.artifact,
        version="2.0",
        account=playbook(STEPS).account,
        pinned=pinned,
        deadline_s=DEADLINE_S,
    )
    return push_terminal(job, NoFiles(), key, stop=stop)  # type: ignore[arg-type]


@contextmanager
def serving(behave: Behaviour) -> Iterator[tuple[int, list[bytes]]]:
    """A server that treats its clients like this, one after the other; its port, and what it heard."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = threading.Thread(target=_serve, args=(listener, behave, heard))
        client.start()
        try:
            yield listener.getsockname()[1], heard
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            client.join()


def _serve(listener: socket.socket, behave: Behaviour, heard: list[bytes]) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                behave(connection)
                while data := connection.recv(4096):
                    heard.append(data)


def says(words: bytes) -> Behaviour:
    return lambda connection: connection.sendall(words)


def says_forever(words: bytes) -> Behaviour:
    def say(connection: socket.socket) -> None:
        while True:
            connection.sendall(words)

    return say


def drips(connection: socket.socket) -> None:
    """One byte at a time, as long as anybody listens."""
    connection.settimeout(0.05)
    while True:
        connection.send(b"x")
        with suppress(TimeoutError):
            if not connection.recv(4096):
                return


SERVERS = {
    "silent": (says(b""), Cause.NO_ANSWER),
    "closes at once": (lambda connection: connection.shutdown(socket.SHUT_RDWR), Cause.REFUSED),
    "speaks HTTP": (says(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 200), Cause.NOT_SSH),
    "endless greeting": (says_forever(b"welcome\r\n" * 1000), Cause.NOT_SSH),
    "endless line": (says_forever(b"x" * 100_000), Cause.NOT_SSH),
    "dripping greeting": (drips, Cause.DEADLINE),
    "silent after the greeting": (says(b"SSH-2.0-tarpit\r\n"), Cause.DEADLINE),
    "SSH 1": (says(b"SSH-1.5-old\r\n"), Cause.SSH_TOO_OLD),
    "garbage after the greeting": (says(b"SSH-2.0-odd\r\n" + b"\xff" * 50_000), Cause.LINK_LOST),
}


@pytest.mark.parametrize("name", SERVERS)
def test_a_bad_server_ends_within_the_deadline_and_names_its_cause(name: str, key: UserKey) -> None:
    behave, cause = SERVERS[name]

    with serving(behave) as (port, _):
        began = monotonic()
        result = push(port, key)
        took = monotonic() - began

    assert result.ending is TerminalState.UNREACHABLE
    assert result.cause is cause or (cause is Cause.LINK_LOST and result.cause is not Cause.NONE), result
    assert took < DEADLINE_S + GRACE_S


def test_nothing_listening_is_refused(key: UserKey) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    assert push(port, key).cause is Cause.REFUSED


def test_a_name_that_nobody_knows_is_said_to_be_unknown(key: UserKey) -> None:
    result = push(22, key, host="pharmacy-12.invalid")

    assert (result.ending, result.cause) == (TerminalState.UNREACHABLE, Cause.NAME_UNKNOWN)


def test_a_terminal_whose_host_key_nobody_confirmed_is_not_even_connected_to(key: UserKey) -> None:
    with serving(says(b"SSH-2.0-x\r\n")) as (port, heard):
        result = push(port, key, pinned=None)

    assert (result.ending, result.cause) == (TerminalState.UNREACHABLE, Cause.HOST_KEY_UNCONFIRMED)
    assert heard == []


def test_a_push_stopped_before_it_began_connects_to_nobody(key: UserKey) -> None:
    stop = threading.Event()
    stop.set()

    with serving(says(b"SSH-2.0-x\r\n")) as (port, heard):
        result = push(port, key, stop=stop)

    assert (result.ending, result.cause) == (TerminalState.FAILED, Cause.STOPPED)
    assert heard == []


def test_a_scan_of_a_bad_server_is_a_result_too() -> None:
    with serving(says(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 200)) as (port, _):
        result = scan_host_key(terminal(port))

    assert (result.fingerprint, result.cause) == (None, Cause.NOT_SSH)


def test_an_ssh_config_that_is_not_there_is_our_mistake(key: UserKey, tmp_path: Path) -> None:
    from fleet.errors import InputError

    with pytest.raises(InputError, match="the ssh_config file cannot be read"):
        scan_host_key(terminal(22), tmp_path / "none", key)
