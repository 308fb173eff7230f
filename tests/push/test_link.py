"""The link: what is gathered leaves in order, and what was read ahead is not lost."""

import socket
from collections.abc import Iterator

import pytest

from fleet.push.link import HELD_BYTES, LARGE_BYTES, Deadline, Link, connect


@pytest.fixture
def ends() -> Iterator[tuple[Link, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        link = connect("127.0.0.1", server.getsockname()[1], Deadline.after(20))
        far, _ = server.accept()
        far.settimeout(20)
        with link, far:
            yield link, far


def _receive(far: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += far.recv(size - len(data))
    return data


def _nothing_came(far: socket.socket) -> bool:
    far.setblocking(False)
    try:
        far.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    finally:
        far.settimeout(20)
    return False


def test_a_large_write_waits_for_flush(ends: tuple[Link, socket.socket]) -> None:
    link, far = ends
    link.gathers = True

    link.send(b"a" * LARGE_BYTES)
    waited = _nothing_came(far)
    link.flush()

    assert waited
    assert _receive(far, LARGE_BYTES) == b"a" * LARGE_BYTES


def test_a_small_write_takes_the_large_ones_before_it_along(ends: tuple[Link, socket.socket]) -> None:
    link, far = ends
    link.gathers = True

    link.send(b"a" * LARGE_BYTES)
    link.send(b"b")

    assert _receive(far, LARGE_BYTES + 1) == b"a" * LARGE_BYTES + b"b"


def test_no_more_is_gathered_than_the_bound(ends: tuple[Link, socket.socket]) -> None:
    link, far = ends
    link.gathers = True

    for _ in range(HELD_BYTES // LARGE_BYTES):
        link.send(b"a" * LARGE_BYTES)

    assert _receive(far, HELD_BYTES) == b"a" * HELD_BYTES


def test_what_was_read_ahead_is_handed_out_in_order(ends: tuple[Link, socket.socket]) -> None:
    link, far = ends
    far.sendall(b"abcdef")
    far.shutdown(socket.SHUT_WR)

    parts = [link.recv(4), link.recv(4), link.recv(4)]

    assert b"".join(parts) == b"abcdef"
    assert parts[-1] == b""
