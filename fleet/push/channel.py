"""One exec channel as the courier sees it: read, write, and wait no longer than told. Inline or threaded makes no difference above."""

from collections.abc import Callable, Sequence
from time import monotonic, sleep
from typing import Protocol

from paramiko import Channel, Transport

from fleet.push.inline import PACKET_BYTES, SLICE_S, InlineTransport, Request
from fleet.push.link import Buffer, Link

BATCH_BYTES = 4 * PACKET_BYTES
"""As much as is made into packets in one go, and leaves together."""
WINDOW_BYTES = 256 * 1024
"""How much a terminal may say before we have read it."""
WANTED_BYTES = 512 * 1024
"""Where a terminal's window is much larger, as OpenSSH's is, we wait until so much of it is free again, rather than wake up for each packet."""
NAP_S = 0.003
"""And do not look at all for so long: it has a lot of ours to work through."""
BACKLOG_BYTES = 512 * 1024
"""How far we run ahead of an OpenSSH that is near. What its program has not read yet it copies anew with every packet: with its whole
window of 2 MB filled, that is half of what a file of some megabytes costs it."""
NEAR_S = 0.005
"""A round trip below this lets so much in flight fill the line."""
UNCHANGED_S = 2.0
"""A near server that frees nothing for so long waits for more than we want to keep in flight; from then on it gets all it takes."""


class ExecChannel(Protocol):
    """A channel that runs a command. Raises OSError, EOFError or SSHException when the link is gone."""

    most_bytes: int
    """As much as is best written at a time."""

    def read(self, seconds: float) -> bytes:
        """What the command said, at most a piece of it; empty at its end. TimeoutError when it says nothing for so long."""
        ...

    def write(self, parts: Sequence[Buffer], seconds: float) -> int:
        """Send some of the parts, together at most `most_bytes`; how many bytes went, 0 when nothing more is taken. TimeoutError as `read`."""
        ...

    def rest(self, stopped: Callable[[], bool], seconds: float) -> bool:
        """Let what was written leave, then send nothing for so long, or until stopped; False when the link is gone."""
        ...

    def end_input(self) -> None:
        """Tell the command that its input is over."""
        ...

    def exit_status(self, seconds: float) -> int | None:
        """The command's exit status, when it is told in time."""
        ...

    def close(self) -> None:
        """Say goodbye."""
        ...


def open_exec(transport: Transport, command: str, seconds: float) -> ExecChannel:
    """Have the command run.

    Raises:
        SSHException, OSError, EOFError: The terminal does not do it, or not in time.
    """
    channel = transport.open_session(window_size=WINDOW_BYTES, timeout=seconds)
    channel.settimeout(seconds)
    channel.set_combine_stderr(True)
    if isinstance(transport, InlineTransport):
        channel.event = Request(transport, seconds)
    channel.exec_command(command)
    return _Inline(channel, transport) if isinstance(transport, InlineTransport) else _Threaded(channel)


class _Threaded:
    """A channel that the library's thread feeds: one that goes through a gateway."""

    most_bytes = PACKET_BYTES

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def read(self, seconds: float) -> bytes:
        self._channel.settimeout(seconds)
        return self._channel.recv(PACKET_BYTES)

    def write(self, parts: Sequence[Buffer], seconds: float) -> int:
        self._channel.settimeout(seconds)
        return self._channel.send(b"".join(parts))

    def rest(self, stopped: Callable[[], bool], seconds: float) -> bool:
        until = monotonic() + seconds
        while not stopped() and not self._channel.closed and (left := until - monotonic()) > 0:
            sleep(min(left, SLICE_S))
        return not self._channel.closed

    def end_input(self) -> None:
        self._channel.shutdown_write()

    def exit_status(self, seconds: float) -> int | None:
        if not self._channel.status_event.wait(seconds):
            return None
        status = self._channel.recv_exit_status()
        return status if status >= 0 else None

    def close(self) -> None:
        self._channel.close()


class _Inline(_Threaded):
    """A channel whose transport runs while we wait."""

    most_bytes = BATCH_BYTES

    def __init__(self, channel: Channel, transport: InlineTransport) -> None:
        super().__init__(channel)
        self._transport = transport
        self._link: Link = transport.sock
        self._wanted_bytes = WANTED_BYTES if channel.out_window_size >= 2 * WANTED_BYTES else 1
        self._least_bytes = 0
        """Of the window, left free."""
        if transport.remote_version.startswith("SSH-2.0-OpenSSH") and self._link.round_trip_s() < NEAR_S:
            self._least_bytes = max(0, channel.out_window_size - BACKLOG_BYTES)
        self._full_at: float | None = None
        """Since when nothing was freed of what we keep in flight."""

    def read(self, seconds: float) -> bytes:
        channel = self._channel
        self._transport.pump(lambda: channel.recv_ready() or channel.eof_received or channel.closed, seconds)
        return super().read(0.0)

    def write(self, parts: Sequence[Buffer], seconds: float) -> int:
        channel = self._channel
        size = sum(map(len, parts))
        if channel.out_window_size - size >= self._least_bytes and (sent := self._transport.send_files(channel, parts)):
            return sent
        self._link.flush()
        if self._wanted_bytes > 1:
            sleep(NAP_S)
        if self._least_bytes:
            self._await_server(seconds)
        if not self._least_bytes:
            self._await_window(self._wanted_bytes, seconds)
        return self._transport.send_files(channel, parts) or super().write(parts, 0.0)

    def _await_server(self, seconds: float) -> None:
        """Until it has read most of what is in flight, or turns out to be one that frees nothing before it has more."""
        self._full_at = self._full_at or monotonic()
        if self._await_window(self._least_bytes + BACKLOG_BYTES // 2, seconds):
            self._full_at = None
        elif monotonic() - self._full_at < UNCHANGED_S:
            raise TimeoutError
        else:
            self._least_bytes = 0

    def _await_window(self, wanted: int, seconds: float) -> bool:
        """Until so much of the window is free, or nothing can be sent any more; False when that takes longer."""
        channel = self._channel
        return self._transport.pump(lambda: channel.out_window_size >= wanted or channel.closed or channel.eof_sent, seconds)

    def rest(self, stopped: Callable[[], bool], seconds: float) -> bool:
        self._link.let_leave()
        self._transport.pump(stopped, seconds)
        return self._transport.is_active()

    def end_input(self) -> None:
        super().end_input()
        self._link.flush()

    def exit_status(self, seconds: float) -> int | None:
        self._transport.pump(self._channel.exit_status_ready, seconds)
        return super().exit_status(0.0)
