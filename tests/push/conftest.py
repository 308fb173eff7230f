"""A transport without a thread, open to a server of the library's own."""

import socket
import threading
from collections.abc import Callable, Iterator

import paramiko
import pytest
from paramiko import Transport

from fleet.push.inline import InlineTransport
from fleet.push.link import Deadline, connect
from tests.keys import new_user_key
from tests.push.ssh_servers import ENOUGH_S, Server


@pytest.fixture
def open_to(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., InlineTransport]]:
    """Open an inline transport to a server whose commands are `serve`."""
    key = new_user_key(tmp_path_factory.mktemp("key") / "id")
    open_ones: list[Transport] = []

    def open_transport(
        serve: Callable[[paramiko.Channel], None],
        kind: type["Server"] = Server,
        version: str = "SSH-2.0-any",
        cipher: str = "aes128-gcm@openssh.com",
        **server_options: int,
    ) -> InlineTransport:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            link = connect("127.0.0.1", listener.getsockname()[1], Deadline.after(ENOUGH_S))
            far, _ = listener.accept()
        server = Transport(far, **server_options)  # type: ignore[arg-type]  # sizes only
        server.local_version = version
        server.add_server_key(key.private)
        server.start_server(server=kind(serve), event=threading.Event())
        transport = InlineTransport(link)
        transport.get_security_options().ciphers = (cipher,)
        transport.get_security_options().digests = ("hmac-sha2-256-etm@openssh.com",)
        open_ones.extend((transport, server))
        transport.start_client(timeout=ENOUGH_S)
        transport.auth_publickey("anybody", key.private)
        return transport

    yield open_transport
    for transport in open_ones:
        if isinstance(transport, InlineTransport):
            transport.end()
        transport.close()
        if transport.is_alive():
            transport.join(ENOUGH_S)
