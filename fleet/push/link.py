"""The TCP link under an SSH connection: one deadline for everything that happens on it, and no delays of its own.

- A read or write after the deadline fails, whatever the layers above are waiting for, so that no server can hold a push longer.
- Until the connection has been opened only so much is read: an endless greeting ends.
- Nagle's algorithm is off, and acknowledgements are not held back: together they cost 55 ms of every connect.
- The system is asked seldom: what has arrived is read in one go, and what is sent before anything is waited for leaves together (`flush`).
"""

import errno
import select
import socket
import struct
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import Self

from fleet.model.attempt import Cause

Buffer = bytes | memoryview
CONNECT_S = 10.0
MAX_GREETING_BYTES = 256 * 1024
MAX_FIRST_WORDS_BYTES = 128
FIRST_BYTES = 2048
"""As much as is waited for: a thousand silent links hold a buffer of this size each. What more has arrived is read in one go."""
AHEAD_BYTES = 64 * 1024
MAX_AHEAD_BYTES = 1024 * 1024
"""While we wait to send, no more is read than this."""
HELD_BYTES = 128 * 1024
_DEAD_LINK_MS = 30_000
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)
_TCP_INFO = struct.Struct("=148xI")
"""The beginning of Linux's `struct tcp_info`, up to `tcpi_min_rtt` in microseconds. The smoothed time would count what a busy server takes."""
_NO_ROUTE = frozenset((errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.EADDRNOTAVAIL))


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Self:
        """The moment `seconds` from now."""
        return cls(monotonic() + seconds)

    @property
    def passed(self) -> bool:
        """Whether it is over."""
        return monotonic() >= self.at

    def within(self, seconds: float) -> float:
        """How long something may take that should take `seconds` at most; never quite 0, which would mean not to wait at all."""
        return max(0.001, min(seconds, self.at - monotonic()))


class LinkError(Exception):
    """The terminal cannot be reached, and why. A result, not a fault of ours; never leaves this package."""

    def __init__(self, cause: Cause, detail: str = "") -> None:
        """Keep the cause, and what the system or the library said about it."""
        super().__init__(cause, detail)
        self.cause = cause
        self.detail = detail


class DroppedError(LinkError):
    """The server hung up before it had said who it is: it has too many logins already, or will have nobody. Another try may pass."""


class Link(socket.socket):
    """A TCP socket that keeps the rules above. One thread reads; any may write."""

    deadline: Deadline
    heard_bytes: int = 0
    first_words: bytes = b""
    """The beginning of what was heard."""
    opened: bool = False
    """Set when the connection above is authenticated."""
    closed_by_peer: bool = False
    gathers: bool = False
    """Whether writes wait for each other, until there is a lot or the other side is waited for. Who waits in another way calls `flush` first."""
    give_way: Callable[[], None] | None = None
    """What to call instead of waiting for bytes, on a socket that does not block: returns when there are some, or raises."""

    def __init__(self, family: int, kind: int, protocol: int) -> None:
        """Nothing is connected yet."""
        super().__init__(family, kind, protocol)
        self._ahead = b""
        """Received; what stands before `_asked` has been asked for."""
        self._asked = 0
        self._too_few = 0
        """So many bytes that were not asked for were here when more were wanted."""
        self._incoming: select.poll | None = None
        """Asks whether there is something to read."""
        self._unanswered = False
        """Something was received, and nothing was sent since that would have acknowledged it."""
        self._drained = False
        """The last read took all there was: another would only say that there is nothing yet."""
        self._held: list[bytes] = []
        """Writes that have not left yet, in order."""
        self._held_bytes = 0
        self._writing = threading.Lock()

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Receive."""
        if self._asked == len(self._ahead):
            self.fill(flags)
        data = self._ahead[self._asked : self._asked + bufsize]
        self._asked += len(data)
        return data

    def fill(self, flags: int = 0) -> bool:
        """Receive what there is, behind what was not asked for yet; False at the end. Waits, or gives way, while there is nothing."""
        self._too_few = len(self._ahead) - self._asked
        while True:
            if self._drained and self.give_way is not None:
                self._drained = False
                self.give_way()
            if len(self._ahead) - self._asked > self._too_few:  # taken in while sending had to wait
                return True
            try:
                data = self._receive(flags)
            except BlockingIOError:
                if self.give_way is None:
                    raise
                self.give_way()
            else:
                self._ahead, self._asked = self._ahead[self._asked :] + data, 0
                return bool(data)

    def take(self, size: int) -> bytes:
        """So many bytes that are here already; none where there are fewer."""
        end = self._asked + size
        if end > len(self._ahead):
            return b""
        data, self._asked = self._ahead[self._asked : end], end
        return data

    def send(self, data: bytes | bytearray | memoryview, flags: int = 0, /) -> int:  # type: ignore[override]  # narrower than any buffer
        """Send, with what comes after it where the link gathers; before the deadline only."""
        self._write((bytes(data),), len(data), flags)
        return len(data)

    def gather(self, *pieces: bytes) -> None:
        """As `send`, without a copy of the pieces."""
        self._write(pieces, sum(map(len, pieces)), 0)

    def wait_readable(self, seconds: float) -> bool:
        """Whether there is something to read within that time, or the deadline passed: then a read says so. What was sent leaves before."""
        if len(self._ahead) - self._asked > self._too_few:
            return True
        if self._held:
            self.let_leave()
        self._acknowledge()
        if self._incoming is None:
            self._incoming = select.poll()
            self._incoming.register(self, select.POLLIN)
        return bool(self._incoming.poll(self._milliseconds(seconds))) or self.deadline.passed

    def round_trip_s(self) -> float:
        """How long the system has seen a packet take there and back, at least; infinite where it does not tell."""
        if sys.platform != "linux":
            return inf
        try:
            told = self.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
        except OSError:
            return inf
        return int(_TCP_INFO.unpack(told)[-1]) / 1_000_000 if len(told) == _TCP_INFO.size else inf

    def flush(self) -> None:
        """Send what waits."""
        with self._writing:
            self._let_go(0)

    def let_leave(self) -> None:
        """As `flush`; but where the link is gone, the next read says so."""
        try:
            self.flush()
        except OSError:
            self._held.clear()
            self._held_bytes = 0

    def _receive(self, flags: int) -> bytes:
        if monotonic() >= self.deadline.at:
            raise OSError(errno.ETIME, "deadline")
        if not self.opened and self.heard_bytes > MAX_GREETING_BYTES:
            raise OSError(errno.EMSGSIZE, "endless greeting")
        try:
            data = super().recv(FIRST_BYTES, flags)
            self._drained = 0 < len(data) < FIRST_BYTES
            if len(data) == FIRST_BYTES:
                with suppress(BlockingIOError):
                    data += super().recv(AHEAD_BYTES, flags | socket.MSG_DONTWAIT)
        except ConnectionError:
            self.closed_by_peer = True
            raise
        if self.heard_bytes < MAX_FIRST_WORDS_BYTES:
            self.first_words = (self.first_words + data)[:MAX_FIRST_WORDS_BYTES]
        self.heard_bytes += len(data)
        self.closed_by_peer = self.closed_by_peer or not data
        self._unanswered = bool(data)
        if self.give_way is None:
            self._acknowledge()
        return data

    def _acknowledge(self) -> None:
        """Have what was received acknowledged at once, where nothing that was sent since has done so."""
        if self._unanswered and _QUICKACK is not None:
            with suppress(OSError):  # a link that is gone: the next read says so
                self.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        self._unanswered = False

    def _write(self, pieces: Sequence[bytes], size: int, flags: int) -> None:
        with self._writing:
            self._held += pieces
            self._held_bytes += size
            if not self.gathers or self._held_bytes >= HELD_BYTES:
                self._let_go(flags)

    def _let_go(self, flags: int) -> None:
        """Send everything. A socket that takes nothing for a while is asked again, until the deadline or until it is closed."""
        while self._held:
            if monotonic() >= self.deadline.at:
                raise OSError(errno.ETIME, "deadline")
            try:
                count = super().sendmsg(self._held, (), flags)
            except TimeoutError:
                continue
            except BlockingIOError:
                self._wait_writable()
                continue
            except ConnectionError:
                self.closed_by_peer = True
                raise
            self._held_bytes -= count
            self._unanswered = False
            if not self._held_bytes:
                self._held.clear()
                return
            while self._held and count >= len(self._held[0]):
                count -= len(self._held.pop(0))
            if count:
                self._held[0] = self._held[0][count:]

    def _wait_writable(self) -> None:
        """Wait until more can be sent; the other side may have to say something first, so that is taken in."""
        takes_in = len(self._ahead) - self._asked < MAX_AHEAD_BYTES
        poll = select.poll()
        poll.register(self, select.POLLOUT | (select.POLLIN if takes_in else 0))
        found = poll.poll(self._milliseconds(CONNECT_S))
        if found and found[0][1] == select.POLLIN:
            self._ahead, self._asked = self._ahead[self._asked :] + self._receive(0), 0

    def _milliseconds(self, seconds: float) -> int:
        return max(1, int(1000 * min(seconds, self.deadline.at - monotonic())))


def connect(host: str, port: int, deadline: Deadline) -> Link:
    """A link to the first of the host's addresses that answers.

    Raises:
        LinkError: None does.
    """
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise LinkError(Cause.NAME_UNKNOWN, str(error)) from None
    failure = LinkError(Cause.NAME_UNKNOWN)
    for family, kind, protocol, _, address in addresses:
        link = Link(family, kind, protocol)
        try:
            link.deadline = deadline
            link.settimeout(deadline.within(CONNECT_S))
            link.connect(address)
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                link.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _DEAD_LINK_MS)
        except OSError as error:
            link.close()
            failure = LinkError(_cause(error), error.strerror or str(error))
        else:
            return link
    raise failure


def _cause(error: OSError) -> Cause:
    if isinstance(error, ConnectionRefusedError):
        return Cause.REFUSED
    return Cause.NO_ROUTE if error.errno in _NO_ROUTE else Cause.NO_ANSWER
