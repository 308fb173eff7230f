"""SSH servers of the library's own to connect to, and what is said over a channel to them."""

import threading
from collections.abc import Callable
from contextlib import suppress

import paramiko
from paramiko import ServerInterface
from paramiko.common import AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from fleet.push.channel import ExecChannel

ENOUGH_S = 30


class Server(ServerInterface):
    """Lets anybody in; what a command reads and says is `serve`'s."""

    def __init__(self, serve: Callable[[paramiko.Channel], None]) -> None:
        self._serve = serve

    def get_allowed_auths(self, username: str) -> str:  # noqa: ARG002
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:  # noqa: ARG002
        return AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:  # noqa: ARG002
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        if command == b"refused":
            return False
        threading.Thread(target=self._serve_it, args=(channel,), daemon=True).start()
        return True

    def _serve_it(self, channel: paramiko.Channel) -> None:
        with suppress(OSError, EOFError):  # the test is over, and the client gone
            self._serve(channel)


def echo(channel: paramiko.Channel) -> None:
    """Say back everything, then end with 7."""
    while data := channel.recv(65536):
        channel.sendall(data)
    channel.send_exit_status(7)
    channel.close()


def swallow(channel: paramiko.Channel) -> None:
    """Say how much came."""
    count = 0
    while data := channel.recv(65536):
        count += len(data)
    channel.sendall(str(count).encode())
    channel.close()


def write_all(channel: ExecChannel, data: bytes) -> None:
    while data:
        count = channel.write((data[:100], data[100 : channel.most_bytes]), ENOUGH_S)
        assert count
        data = data[count:]


def read_all(channel: ExecChannel) -> bytes:
    said = b""
    while data := channel.read(ENOUGH_S):
        said += data
    return said
