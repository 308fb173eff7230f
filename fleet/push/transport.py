"""Carries one conversation over one exec channel: the conversation orders, this moves the bytes.

- One thread, one owner. Nothing is kept but the piece that is on its way.
- A stop is heeded until the last word; after it the terminal goes on by itself, and we listen.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import BinaryIO

from paramiko import Channel, SSHException, Transport

from fleet.errors import FleetError
from fleet.model.attempt import Cause
from fleet.model.release import ReleaseFile
from fleet.push.conversation import Conversation, GoOn, HangUp, Order, SendFile, SendLastWord
from fleet.push.job import FileSource
from fleet.push.link import Deadline, LinkError
from fleet.push.payload import ANEW, LAST_WORD, REST, archive_header, archive_padding, is_part
from fleet.text import N_

PIECE_BYTES = 32 * 1024 - 64
"""As much as Paramiko puts into one packet."""
WINDOW_BYTES = 256 * 1024
QUIET_S = 60.0
"""How long a terminal may say nothing before it has the last word; later only the deadline counts."""
STATUS_S = 2.0
"""How long after its last output a program's exit status is waited for."""
_STOP_CHECK_S = 0.25


class _OverError(Exception):
    """The conversation is over on our side."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause)
        self.cause = cause


@dataclass(slots=True)
class Courier:
    """One conversation's carrier."""

    conversation: Conversation
    files: FileSource
    deadline: Deadline
    stop: threading.Event | None
    flush: Callable[[], None] = field(default=lambda: None, init=False)
    """Lets go what the connection gathers; called before every wait for the terminal."""
    sent_bytes: int = field(default=0, init=False)
    """Bytes of files that were sent."""
    held_bytes: int = field(default=0, init=False)
    """Bytes of files that an earlier push had sent, and which were left out."""
    _rest: bytes = field(default=b"", init=False)
    """The end of the last file, less than a packet; it leaves with what comes next."""
    _skip: int = field(default=0, init=False)
    """Bytes of the payload that are still to be left out."""

    def carry(self, transport: Transport) -> tuple[Cause, int | None]:
        """Hold the whole conversation.

        Returns:
            Why we ended it, where we did, and the program's exit status, where it was told.

        Raises:
            LinkError: The program could not be started.
            FleetError: A file of the release is missing here.
        """
        channel = self._start(transport)
        try:
            self._send(channel, memoryview(self.conversation.opening()))
            self._listen(channel)
            return (Cause.NONE, self._exit_status(channel)) if transport.is_active() else (Cause.LINK_LOST, None)
        except _OverError as over:
            return over.cause, None
        finally:
            with suppress(SSHException, OSError, EOFError):  # there may be no link left to say goodbye on
                channel.close()

    def _start(self, transport: Transport) -> Channel:
        try:
            channel = transport.open_session(window_size=WINDOW_BYTES, timeout=self.deadline.within(QUIET_S))
            channel.settimeout(self.deadline.within(QUIET_S))
            channel.set_combine_stderr(True)
            channel.exec_command(self.conversation.command())
        except (SSHException, OSError, EOFError) as error:
            raise LinkError(Cause.LINK_LOST if not transport.is_active() else Cause.PROTOCOL, str(error)) from None
        return channel

    def _listen(self, channel: Channel) -> None:
        """Take in and obey until the terminal has nothing more to say."""
        heard_at = monotonic()
        while True:
            self._check(heard_at)
            channel.settimeout(self._patience())
            try:
                self.flush()
                data = channel.recv(PIECE_BYTES)
            except TimeoutError:
                continue
            except OSError:
                return
            if not data:
                return
            heard_at = monotonic()
            for order in self.conversation.feed(data):
                self._obey(channel, order)

    def _obey(self, channel: Channel, order: Order) -> None:
        match order:
            case GoOn(part, files):
                self._skip = part.bytes if is_part(part, files, self._open) else 0
                self._rest = REST if self._skip else ANEW
            case SendFile(file):
                self._send_file(channel, file)
            case SendLastWord():
                self._check(monotonic())
                self.conversation.last_word_sent = True
                if self._send(channel, memoryview(self._rest + self._left_of(LAST_WORD))):
                    channel.shutdown_write()
            case HangUp(cause):
                raise _OverError(cause)

    def _send_file(self, channel: Channel, file: ReleaseFile) -> None:
        """Send a file in whole packets, whatever is left of the file before first: a small packet costs as much as a large one."""
        with self._open(file) as source:
            data = self._rest + self._left_of(archive_header(file))
            held = min(self._skip, file.size)
            source.seek(held)
            self._skip -= held
            self.held_bytes += held
            left = file.size - held
            while left:
                wanted = min(left, PIECE_BYTES - len(data) % PIECE_BYTES)
                read = source.read(wanted)
                if len(read) < wanted:
                    raise FleetError(N_("a file of the release is shorter than it was: {path}", path=file.path), where=file.sha256)
                data = data + read if data else read
                left -= wanted
                self.sent_bytes += wanted
                if len(data) >= PIECE_BYTES:
                    if not self._send(channel, memoryview(data)):
                        return
                    data = b""
            self._rest = data + self._left_of(archive_padding(file))

    def _left_of(self, data: bytes) -> bytes:
        """What of it the terminal does not hold already."""
        held = min(self._skip, len(data))
        self._skip -= held
        return data[held:]

    def _open(self, file: ReleaseFile) -> BinaryIO:
        try:
            return self.files.open(file.sha256)
        except OSError as error:
            what = N_("a file of the release is missing: {path}, {reason}", path=file.path, reason=error.strerror)
            raise FleetError(what, where=file.sha256, hint=N_("add the release again")) from None

    def _send(self, channel: Channel, data: memoryview) -> bool:
        """Send everything in small pieces; False when the terminal takes no more, and then its words say why."""
        sent_at = monotonic()
        while data:
            self._check(sent_at)
            channel.settimeout(self._patience())
            try:
                if not channel.send_ready():
                    self.flush()
                count = channel.send(data[:PIECE_BYTES])  # type: ignore[arg-type]  # any buffer will do
            except TimeoutError:
                continue
            except (OSError, EOFError):
                return False
            if count == 0:
                return False
            sent_at = monotonic()
            data = data[count:]
        return True

    def _check(self, heard_at: float) -> None:
        """End the conversation when its time is over or a person stopped it."""
        if self.deadline.passed:
            raise _OverError(Cause.DEADLINE)
        if self.conversation.last_word_sent:
            return
        if self.stop is not None and self.stop.is_set():
            raise _OverError(Cause.STOPPED)
        if monotonic() - heard_at >= QUIET_S:
            raise _OverError(Cause.DEADLINE)

    def _patience(self) -> float:
        stoppable = self.stop is not None and not self.conversation.last_word_sent
        return self.deadline.within(_STOP_CHECK_S if stoppable else QUIET_S)

    def _exit_status(self, channel: Channel) -> int | None:
        until = Deadline.after(self.deadline.within(STATUS_S))
        while not channel.exit_status_ready():
            if until.passed:
                return None
            sleep(0.01)
        status = channel.recv_exit_status()
        return status if status >= 0 else None
