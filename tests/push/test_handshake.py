"""A handshake of ours is the library's, with less of what is the same every time."""

import socket
from collections.abc import Callable
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import paramiko
import pytest
from paramiko import Transport
from paramiko.auth_handler import AuthHandler

from fleet.push import inline
from fleet.push.channel import open_exec
from fleet.push.inline import InlineTransport
from tests.push.ssh_servers import ENOUGH_S, echo, read_all, swallow, write_all


def test_offers_and_keys_are_what_the_library_would_have_made(open_to: Callable[..., InlineTransport]) -> None:
    first: Any = open_to(echo)
    second: Any = open_to(echo)
    here, there = socket.socketpair()
    with here, there:
        theirs: Any = Transport(here)
        theirs.get_security_options().ciphers = ("aes128-gcm@openssh.com",)
        theirs.get_security_options().digests = ("hmac-sha2-256-etm@openssh.com",)
        theirs._send_kex_init()
        sizes = (8, 16, 32, 64, 100)
        second.K = 2**255 - 19
        second.kex_engine = SimpleNamespace(hash_algo=sha256)
        keys = [vars(Transport)["_compute_key"](second, letter, size) for letter in "ABCDEF" for size in sizes]

    offers = [vars(transport)["_latest_kex_init"] for transport in (first, second, theirs)]
    assert len({offer[17:] for offer in offers}) == 1
    assert len({offer[:17] for offer in offers}) == 3
    assert [second._compute_key(letter, size) for letter in "ABCDEF" for size in sizes] == keys


def agreed(transport: Transport) -> dict[str, object]:
    """Everything that the two offers decided."""
    names = [
        name for name in vars(transport) if name.startswith(("local_c", "local_m", "remote_c", "remote_m", "_remote", "host_key_type"))
    ]
    return {name: vars(transport)[name] for name in (*names, "agreed_on_strict_kex")}


def test_what_was_agreed_with_a_server_before_is_agreed_again(open_to: Callable[..., InlineTransport]) -> None:
    inline._AGREEMENTS.clear()
    first = open_to(echo)
    made = dict(inline._AGREEMENTS)
    again = open_to(echo)
    other = open_to(echo, strict_kex=False)

    assert len(made) == 1
    assert len(inline._AGREEMENTS) == 2
    assert len(agreed(first)) >= 10
    assert agreed(first) == agreed(again) == {**agreed(other), "agreed_on_strict_kex": True}
    assert agreed(other)["agreed_on_strict_kex"] is False


def test_new_keys_are_agreed_on_as_the_library_does_it(open_to: Callable[..., InlineTransport]) -> None:
    inline._AGREEMENTS.clear()
    transport = open_to(swallow)
    channel = open_exec(transport, "swallow", ENOUGH_S)
    transport.packetizer.REKEY_BYTES = 300_000

    write_all(channel, bytes(2_000_000))
    channel.end_input()

    assert read_all(channel) == b"2000000"
    assert len(inline._AGREEMENTS) == 1


def test_something_said_before_the_offer_ends_a_strict_handshake_with_a_known_server_too(
    open_to: Callable[..., InlineTransport], monkeypatch: pytest.MonkeyPatch
) -> None:
    offer = vars(Transport)["_send_kex_init"]

    def speak_first(transport: Any) -> None:
        transport._send_message(paramiko.Message(b"\x02\0\0\0\0"))
        offer(transport)

    open_to(echo)
    monkeypatch.setattr(Transport, "_send_kex_init", speak_first)

    with pytest.raises(paramiko.SSHException, match="not the first packet"):
        open_to(echo)


def test_servers_that_offer_something_new_every_time_fill_no_memory(
    open_to: Callable[..., InlineTransport], monkeypatch: pytest.MonkeyPatch
) -> None:
    inline._AGREEMENTS.clear()
    monkeypatch.setattr(inline, "_MOST_AGREEMENTS", 1)

    transports = [open_to(echo, strict_kex=strict) for strict in (True, False, True, False)]

    assert len(inline._AGREEMENTS) == 1
    assert [agreed(transport)["agreed_on_strict_kex"] for transport in transports] == [True, False, True, False]


def test_the_login_goes_out_once_and_does_not_wait_for_the_service(
    open_to: Callable[..., InlineTransport], monkeypatch: pytest.MonkeyPatch
) -> None:
    logins = []
    methods: dict[str, Callable[[AuthHandler, paramiko.Message], None]] = dict(vars(AuthHandler))
    take_login, accept = methods["_parse_userauth_request"], methods["_parse_service_request"]

    def take(handler: AuthHandler, message: paramiko.Message) -> None:
        logins.append(message)
        if len(logins) == 1:
            accept(handler, paramiko.Message(b"\0\0\0\x0cssh-userauth"))
        take_login(handler, message)

    monkeypatch.setattr(AuthHandler, "_parse_userauth_request", take)
    monkeypatch.setattr(AuthHandler, "_parse_service_request", lambda *_: None)
    transport = open_to(echo)
    channel = open_exec(transport, "echo", ENOUGH_S)
    channel.end_input()

    assert read_all(channel) == b""
    assert len(logins) == 1
