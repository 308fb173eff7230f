"""One exec channel as the courier sees it: read, write, and wait no longer than told. Inline or threaded makes no difference above."""

from collections.abc import Callable, Sequence
from time import monotonic, sleep
from typing import Protocol

from paramiko import Channel, Transport

from fleet.push.inline import SLICE_S, InlineTransport, Request
from fleet.push.link import Link

PIECE_BYTES = 32 * 1024 - 64
"""As much as one packet of a channel takes."""
WINDOW_BYTES = 256 * 1024
"""How much a terminal may say before we have read it."""
WANTED_BYTES = 512 * 1024
"""Where a terminal's window is much larger, as OpenSSH's is, we wait until so much of it is free again, rather than wake up for each packet."""
NAP_S = 0.003
"""And do not look at all for so long: it has megabytes of ours to work through."""


class ExecChannel(Protocol):
    """A channel that runs a command. Raises OSError, EOFError or SSHException when the link is gone."""

    def read(self, seconds: float) -> bytes:
        """What the command said, at most a piece of it; empty at its end. TimeoutError when it says nothing for so long."""
        ...

    def write(self, parts: Sequence[bytes], seconds: float) -> int:
        """Send some of the parts, together at most a piece; how many bytes went, 0 when nothing more is taken. TimeoutError as `read`."""
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

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def read(self, seconds: float) -> bytes:
        self._channel.settimeout(seconds)
        return self._channel.recv(PIECE_BYTES)

    def write(self, parts: Sequence[bytes], seconds: float) -> int:
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

    def __init__(self, channel: Channel, transport: InlineTransport) -> None:
        super().__init__(channel)
        self._transport = transport
        self._link: Link = transport.sock
        self._wanted_bytes = WANTED_BYTES if channel.out_window_size >= 2 * WANTED_BYTES else 1

    def read(self, seconds: float) -> bytes:
        self._link.flush()
        channel = self._channel
        self._transport.pump(lambda: channel.recv_ready() or channel.eof_received or channel.closed, seconds)
        return super().read(0.0)

    def write(self, parts: Sequence[bytes], seconds: float) -> int:
        if self._transport.send_files(self._channel, parts):
            return sum(map(len, parts))
        self._link.flush()
        wanted = self._wanted_bytes
        if wanted > 1:
            sleep(NAP_S)
        channel = self._channel
        self._transport.pump(lambda: channel.out_window_size >= wanted or channel.closed or channel.eof_sent, seconds)
        if self._transport.send_files(channel, parts):
            return sum(map(len, parts))
        return super().write(parts, 0.0)

    def rest(self, stopped: Callable[[], bool], seconds: float) -> bool:
        self._link.flush()
        self._transport.pump(stopped, seconds)
        return self._transport.is_active()

    def end_input(self) -> None:
        super().end_input()
        self._link.flush()

    def exit_status(self, seconds: float) -> int | None:
        self._transport.pump(self._channel.exit_status_ready, seconds)
        return super().exit_status(0.0)
