"""A link that is cut after so many bytes: a TCP relay between a push and a real SSH server."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum

_AT_ONCE = struct.pack("ii", 1, 0)
PIECE_BYTES = 64 * 1024


class Way(StrEnum):
    """Which bytes are counted."""

    THERE = "there"
    """To the terminal."""
    BACK = "back"


@dataclass(frozen=True)
class LinkCut:
    """Cut both directions when so many bytes have gone this way."""

    way: Way
    at: int

    @property
    def is_abrupt(self) -> bool:
        """Whether both ends get a reset, and what is on its way is lost; else they read what has come, and then its end. Both happen."""
        return self.at // 256 % 2 == 1


@dataclass
class Relay:
    """One connection's way to the server, and how much has passed."""

    server_port: int
    cut: LinkCut | None
    passed: dict[Way, int] = field(default_factory=lambda: dict.fromkeys(Way, 0))
    was_cut: bool = False
    port: int = 0

    def serve(self, listener: socket.socket) -> None:
        """Carry the one connection that comes, until it ends."""
        with suppress(OSError):  # the listener is closed where none comes
            near, _ = listener.accept()
            with near, socket.create_connection(("127.0.0.1", self.server_port)) as far:
                back = threading.Thread(target=self._carry, args=(far, near, Way.BACK))
                back.start()
                self._carry(near, far, Way.THERE)
                back.join()

    def _carry(self, source: socket.socket, target: socket.socket, way: Way) -> None:
        with suppress(OSError):
            while data := source.recv(PIECE_BYTES):
                if self.cut is not None and self.cut.way is way and self.passed[way] + len(data) >= self.cut.at:
                    data = data[: self.cut.at - self.passed[way]]
                    target.sendall(data)
                    self.passed[way] += len(data)
                    self.was_cut = True
                    break
                target.sendall(data)
                self.passed[way] += len(data)
        for end in (source, target):
            with suppress(OSError):
                if self.was_cut and self.cut is not None and self.cut.is_abrupt:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                    end.shutdown(socket.SHUT_RD)
                else:
                    end.shutdown(socket.SHUT_RDWR)


@contextmanager
def relay(server_port: int, cut: LinkCut | None = None) -> Iterator[Relay]:
    """A port that leads to the server, for one connection."""
    made = Relay(server_port, cut)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made.port = listener.getsockname()[1]
        thread = threading.Thread(target=made.serve, args=(listener,))
        thread.start()
        try:
            yield made
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join()
