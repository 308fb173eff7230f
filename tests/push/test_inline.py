"""The installed Paramiko is what `fleet.push.inline` takes it for, and a transport without a thread does what one with a thread does."""

import os
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

import paramiko
import pytest
from paramiko import Transport
from paramiko.auth_handler import AuthHandler
from paramiko.packet import Packetizer

from fleet.push.channel import BACKLOG_BYTES, BATCH_BYTES, open_exec
from fleet.push.inline import CIPHERS, MACS, PACKET_BYTES, InlineTransport, _Packetizer
from tests.push.ssh_servers import ENOUGH_S, Server, echo, read_all, swallow, write_all


def test_the_installed_library_has_every_private_name_that_is_used() -> None:
    with socket.socket() as unused:
        fields = vars(Packetizer(unused))
    both_ways = ["aead", "block_engine", "compress_engine", "iv", "sequence_number"]
    used = [
        *[f"{name}_{way}" for name in both_ways for way in ("in", "out")],
        *["dump_packets", "mac_size_in", "need_rekey", "received_bytes", "received_packets", "remainder", "sent_bytes", "sent_packets"],
    ]

    assert {f"_Packetizer__{name}" for name in (*used, "socket")} <= set(fields)
    assert {
        "_send_user_message",
        "_send_kex_init",
        "_parse_kex_init",
        "_parse_debug",
        "_filter_algorithm",
        "_log",
        "_compute_key",
        "_add_K",
    } <= set(vars(Transport))
    assert "_parse_service_accept" in vars(AuthHandler)
    assert {"_preferred_ciphers", "_preferred_macs"} <= set(vars(Transport))
    assert set(CIPHERS) <= set(vars(Transport)["_cipher_info"])
    assert set(MACS) <= set(vars(Transport)["_mac_info"])
    assert {"_system_host_keys", "_host_keys"} <= set(vars(paramiko.SSHClient()))
    assert {"_inc_iv_counter", "start_handshake", "handshake_timed_out", "complete_handshake", "read_all", "read_message"} <= set(
        vars(Packetizer)
    )
    assert (Packetizer.REKEY_BYTES, Packetizer.REKEY_PACKETS) > (0, 0)


def test_what_is_sent_directly_is_what_the_library_would_have_sent(open_to: Callable[..., InlineTransport]) -> None:
    transport = open_to(echo)
    channel = open_exec(transport, "echo", ENOUGH_S)
    direct = []
    send_direct = transport.packetizer.send_direct
    transport.packetizer.send_direct = lambda *given: direct.append(given) or send_direct(*given)  # type: ignore[func-returns-value, method-assign]
    data = os.urandom(3 * PACKET_BYTES + 11)

    write_all(channel, data)
    channel.end_input()
    said = read_all(channel)

    assert said == data
    assert [len(piece) for _, piece in direct] == [PACKET_BYTES, PACKET_BYTES, PACKET_BYTES, 11]
    assert channel.exit_status(ENOUGH_S) == 7


def test_no_thread_is_started(open_to: Callable[..., InlineTransport]) -> None:
    transport = open_to(echo)

    assert transport.is_active()
    assert not transport.is_alive()


def test_new_keys_are_agreed_on_in_the_middle_of_an_upload(open_to: Callable[..., InlineTransport]) -> None:
    transport = open_to(swallow)
    first = transport.session_id
    channel = open_exec(transport, "swallow", ENOUGH_S)
    transport.packetizer.REKEY_BYTES = 300_000
    exchanged = transport.H
    data = bytes(12_000_000)

    write_all(channel, data)
    channel.end_input()

    assert read_all(channel) == b"12000000"
    assert exchanged != transport.H
    assert transport.session_id == first


def test_new_keys_are_agreed_on_in_the_middle_of_what_comes_in(open_to: Callable[..., InlineTransport]) -> None:
    said = os.urandom(1_000_000)
    transport = open_to(lambda channel: (channel.sendall(said), channel.close()))
    transport.sock.opened = True
    exchanged = transport.H
    transport.packetizer.REKEY_BYTES = 600_000

    assert read_all(open_exec(transport, "speak", ENOUGH_S)) == said
    assert exchanged != transport.H


@pytest.mark.parametrize(
    ("cipher", "broken", "why"),
    [
        ("aes128-gcm@openssh.com", b"\0\0\0\x1c" + bytes(44), "Tag"),
        ("aes128-gcm@openssh.com", b"\xff" * 64, "4294967295 bytes"),
        ("aes128-ctr", b"\xff\xff\xff\xf0" + bytes(60), "4294967268 bytes"),
    ],
)
def test_a_packet_that_was_not_sealed_or_has_no_end_ends_the_connection(
    open_to: Callable[..., InlineTransport], cipher: str, broken: bytes, why: str
) -> None:
    servers: list[Transport] = []

    def tell(channel: paramiko.Channel) -> None:
        servers.append(channel.get_transport())
        channel.recv(1)

    transport = open_to(tell, cipher=cipher)
    channel = open_exec(transport, "wait", ENOUGH_S)
    write_all(channel, b"go")
    transport.pump(lambda: servers, ENOUGH_S)

    servers[0].sock.sendall(broken)

    assert read_all(channel) == b""
    assert not transport.is_active()
    assert why in repr(transport.get_exception())


def test_a_window_smaller_than_a_packet_is_no_obstacle(open_to: Callable[..., InlineTransport]) -> None:
    transport = open_to(swallow, default_window_size=32768)
    channel = open_exec(transport, "swallow", ENOUGH_S)

    write_all(channel, bytes(500_000))
    channel.end_input()

    assert read_all(channel) == b"500000"


def count_in_flight(open_to: Callable[..., InlineTransport], version: str) -> int:
    """How much is sent to a server whose command reads nothing, until no more is taken."""
    done = threading.Event()
    transport = open_to(lambda _: done.wait(ENOUGH_S), version=version)
    channel = open_exec(transport, "wait", ENOUGH_S)
    sent = 0
    with suppress(TimeoutError):
        while sent < 8_000_000:
            sent += channel.write((bytes(channel.most_bytes),), 0.05)
    done.set()
    assert sent < 8_000_000
    return sent


def test_what_a_near_openssh_has_not_read_stays_small(open_to: Callable[..., InlineTransport]) -> None:
    assert BACKLOG_BYTES - BATCH_BYTES < count_in_flight(open_to, "SSH-2.0-OpenSSH_9.2p1") <= BACKLOG_BYTES


def test_another_server_gets_all_that_its_window_takes(open_to: Callable[..., InlineTransport]) -> None:
    assert count_in_flight(open_to, "SSH-2.0-dropbear_2022.83") > 2_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how far away a server is")
def test_a_far_server_gets_all_that_its_window_takes(open_to: Callable[..., InlineTransport], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleet.push.channel.NEAR_S", 0.0)

    assert count_in_flight(open_to, "SSH-2.0-OpenSSH_9.2p1") > 2_000_000


def test_a_server_that_frees_nothing_before_it_has_more_is_found_out(
    open_to: Callable[..., InlineTransport], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.push.channel.UNCHANGED_S", 0.0)

    assert count_in_flight(open_to, "SSH-2.0-OpenSSH_9.2p1") > 2_000_000


def test_a_terminal_that_talks_while_it_is_sent_to_does_not_block(open_to: Callable[..., InlineTransport]) -> None:
    transport = open_to(echo)
    channel = open_exec(transport, "echo", ENOUGH_S)
    said = b""
    data = os.urandom(200_000)

    write_all(channel, data)
    channel.end_input()
    said = read_all(channel)

    assert said == data


def test_a_refused_command_is_an_error_and_not_a_wait(open_to: Callable[..., InlineTransport]) -> None:
    transport = open_to(echo)

    with pytest.raises(paramiko.SSHException):
        open_exec(transport, "refused", ENOUGH_S)


def test_a_server_that_does_not_answer_a_command_is_waited_for_so_long_and_no_longer(open_to: Callable[..., InlineTransport]) -> None:
    held = threading.Event()

    class Silent(Server):
        def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
            held.wait(ENOUGH_S)
            return super().check_channel_exec_request(channel, command)

    transport = open_to(echo, Silent)

    with pytest.raises(paramiko.SSHException, match="Timeout"):
        open_exec(transport, "echo", 0.2)
    held.set()


def test_a_link_that_ends_is_an_end_for_every_wait(open_to: Callable[..., InlineTransport]) -> None:
    def hang_up(channel: paramiko.Channel) -> None:
        channel.recv(1)
        channel.get_transport().sock.shutdown(socket.SHUT_RDWR)

    transport = open_to(hang_up)
    channel = open_exec(transport, "hang up", ENOUGH_S)
    channel.write((b"x",), ENOUGH_S)

    said = read_all(channel)

    assert said == b""
    assert not transport.is_active()


def test_a_handshake_has_its_limit_without_a_timer() -> None:
    with socket.socket() as unused:
        packetizer = _Packetizer(unused)

    packetizer.start_handshake(-1)
    timed_out = packetizer.handshake_timed_out()
    packetizer.complete_handshake()

    assert timed_out
    assert not packetizer.handshake_timed_out()
