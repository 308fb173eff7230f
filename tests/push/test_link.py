"""The link: what is gathered leaves in order, and what was read ahead is not lost."""

import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from fleet.push.link import HELD_BYTES, Deadline, Link, connect

PIECE_BYTES = 16 * 1024
MUCH_BYTES = 16 * 1024 * 1024
"""More than all buffers on the way hold."""


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


def _throw_away(far: socket.socket, size: int) -> None:
    while size:
        size -= len(far.recv(min(size, PIECE_BYTES)))


def _nothing_came(far: socket.socket) -> bool:
    far.setblocking(False)
    try:
        far.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    finally:
        far.settimeout(20)
    return False


def test_a_write_waits_for_flush_where_the_link_gathers(ends: tuple[Link, socket.socket]) -> None:
    link, far = ends
    link.gathers = True

    link.send(b"a")
    waited = _nothing_came(far)
    link.flush()

    assert waited
    assert _receive(far, 1) == b"a"


def test_what_was_gathered_leaves_in_order_before_the_other_side_is_waited_for(ends: tuple[Link, socket.socket]) -> None:
    link, far = ends
    link.gathers = True

    link.send(b"a" * PIECE_BYTES)
    link.gather(b"b", b"c")
    assert not link.wait_readable(0.001)

    assert _receive(far, PIECE_BYTES + 2) == b"a" * PIECE_BYTES + b"bc"


def test_no_more_is_gathered_than_the_bound(ends: tuple[Link, socket.socket]) -> None:
    link, far = ends
    link.gathers = True

    for _ in range(HELD_BYTES // PIECE_BYTES):
        link.send(b"a" * PIECE_BYTES)

    assert _receive(far, HELD_BYTES) == b"a" * HELD_BYTES


def test_what_was_read_ahead_is_handed_out_in_order(ends: tuple[Link, socket.socket]) -> None:
    link, far = ends
    far.sendall(b"abcdef")
    far.shutdown(socket.SHUT_WR)

    parts = [link.recv(4), link.recv(4), link.recv(4)]

    assert b"".join(parts) == b"abcdef"
    assert parts[-1] == b""


def test_the_beginning_of_a_packet_is_no_reason_to_read_again_before_its_rest_comes(ends: tuple[Link, socket.socket]) -> None:
    link, far = ends
    link.setblocking(False)
    far.sendall(b"abc")
    link.wait_readable(20)
    link.give_way = lambda: None
    link.fill()
    assert link.take(4) == b""
    gave_way = []

    def give_way() -> None:
        gave_way.append(link.wait_readable(0.001))
        far.sendall(b"d")
        gave_way.append(link.wait_readable(20))

    link.give_way = give_way
    assert link.fill()

    assert gave_way == [False, True]
    assert link.take(4) == b"abcd"


def test_what_was_taken_in_while_sending_had_to_wait_is_there_at_once(ends: tuple[Link, socket.socket]) -> None:
    link, far = ends
    link.setblocking(False)
    far.sendall(b"told")
    read = threading.Thread(target=_throw_away, args=(far, MUCH_BYTES))

    def give_way() -> None:
        link.give_way = None
        read.start()
        link.send(bytes(MUCH_BYTES))
        assert link.wait_readable(20)

    link._drained = True
    link.give_way = give_way
    assert link.fill()
    read.join(20)

    assert link.take(4) == b"told"


def test_what_came_is_acknowledged_when_there_is_nothing_to_say_to_it(ends: tuple[Link, socket.socket]) -> None:
    link, far = ends
    link.setblocking(False)
    link.give_way = lambda: None
    for _ in range(40):  # after so many answers the system waits for the next one to take the acknowledgement along
        link.send(b"asked")
        far.sendall(_receive(far, 5))
        link.wait_readable(20)
        link.fill()
        assert link.take(5) == b"asked"
    held_back = _unacknowledged(far)
    link.wait_readable(0.001)

    assert held_back == 1
    assert _unacknowledged(far) == 0


def test_a_link_that_is_gone_is_found_out_by_reading_and_not_by_what_was_to_leave_before(ends: tuple[Link, socket.socket]) -> None:
    link, far = ends
    link.gathers = True
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    far.close()
    link.send(b"asked")

    readable = [link.wait_readable(20), link.wait_readable(20)]

    assert readable == [True, True]
    assert link.closed_by_peer


def _unacknowledged(end: socket.socket) -> int:
    """Packets of it that were not acknowledged yet: `tcpi_unacked`."""
    (count,) = struct.unpack_from("I", end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 24)
    return int(count)
