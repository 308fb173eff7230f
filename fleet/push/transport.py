"""Carries one conversation over one exec channel: the conversation orders, this moves the bytes.

- One thread, one owner. Nothing is kept but the piece that is on its way.
- A stop is heeded until the last word; after it the terminal goes on by itself, and we listen.
"""

import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from time import monotonic
from typing import BinaryIO

from paramiko import SSHException, Transport

from fleet.model.attempt import Cause
from fleet.model.release import ReleaseFile
from fleet.push.channel import ExecChannel, open_exec
from fleet.push.conversation import Conversation, GoOn, HangUp, Order, SendFile, SendLastWord
from fleet.push.inline import PACKET_BYTES
from fleet.push.job import FileSource
from fleet.push.link import Buffer, Deadline, LinkError
from fleet.push.payload import ANEW, LAST_WORD, REST, archive_header, archive_padding, is_part
from fleet.push.throttle import UNLIMITED, Turn

QUIET_S = 60.0
"""How long a terminal may say nothing before it has the last word; later only the deadline counts."""
STATUS_S = 2.0
"""How long after its last output a program's exit status is waited for."""
_STOP_CHECK_S = 0.25
_LONGEST_WAIT_S = 1.0


class _OverError(Exception):
    """The conversation is over on our side."""

    def __init__(self, cause: Cause, detail: str = "") -> None:
        super().__init__(cause)
        self.cause = cause
        self.detail = detail


@dataclass(slots=True)
class Courier:
    """One conversation's carrier."""

    conversation: Conversation
    files: FileSource
    deadline: Deadline
    stop: threading.Event | None
    turn: Turn = field(default_factory=lambda: UNLIMITED.turn(""), init=False)
    """Our place among those that share the rollout's limits."""
    sent_bytes: int = field(default=0, init=False)
    """Bytes of files that were sent."""
    held_bytes: int = field(default=0, init=False)
    """Bytes of files that an earlier push had sent, and which were left out."""
    detail: str = field(default="", init=False)
    """More about why we ended the conversation, where there is more to say."""
    _rest: list[Buffer] = field(default_factory=list, init=False)
    """What waits for more, less than the channel takes at a time: a small packet costs as much as a large one."""
    _rest_bytes: int = field(default=0, init=False)
    _skip: int = field(default=0, init=False)
    """Bytes of the payload that are still to be left out."""

    def carry(self, transport: Transport) -> tuple[Cause, int | None]:
        """Hold the whole conversation.

        Returns:
            Why we ended it, where we did, and the program's exit status, where it was told.

        Raises:
            LinkError: The program could not be started.
        """
        channel = self._start(transport)
        try:
            self._send(channel, self.conversation.opening())
            self._listen(channel)
            if not transport.is_active():
                return Cause.DEADLINE if self.deadline.passed else Cause.LINK_LOST, None
            return Cause.NONE, channel.exit_status(self.deadline.within(STATUS_S))
        except _OverError as over:
            self.detail = over.detail
            return over.cause, None
        finally:
            self.turn.leave()
            with suppress(SSHException, OSError, EOFError):  # there may be no link left to say goodbye on
                channel.close()

    def _start(self, transport: Transport) -> ExecChannel:
        try:
            return open_exec(transport, self.conversation.command(), self.deadline.within(QUIET_S))
        except (SSHException, OSError, EOFError) as error:
            cause = Cause.DEADLINE if self.deadline.passed else Cause.PROTOCOL if transport.is_active() else Cause.LINK_LOST
            raise LinkError(cause, str(error)) from None

    def _listen(self, channel: ExecChannel) -> None:
        """Take in and obey until the terminal has nothing more to say."""
        heard_at = monotonic()
        while True:
            self._check(heard_at)
            try:
                data = channel.read(self._patience())
            except TimeoutError:
                continue
            except (SSHException, OSError, EOFError):
                return
            if not data:
                return
            heard_at = monotonic()
            for order in self.conversation.feed(data):
                self._obey(channel, order)

    def _obey(self, channel: ExecChannel, order: Order) -> None:
        match order:
            case GoOn(part, files):
                self._skip = part.bytes if is_part(part, files, self._open) else 0
                self._gather(channel, REST if self._skip else ANEW)
            case SendFile(file):
                self._send_file(channel, file)
            case SendLastWord():
                word = self._left_of(LAST_WORD)
                # Where sending may have to wait, a stop is heeded until only the word itself is left.
                if self.turn.most and not (self._let_go(channel) and self._wait_for_turn(channel, len(word))):
                    return
                self._check(monotonic())
                self.conversation.last_word_sent = True
                if self._gather(channel, word) and self._let_go(channel, in_turn=True):
                    with suppress(SSHException, OSError, EOFError):  # a link that is gone has no other end to tell; listening finds out
                        channel.end_input()
            case HangUp(cause):
                raise _OverError(cause)

    def _send_file(self, channel: ExecChannel, file: ReleaseFile) -> None:
        """Send a file behind what waits; its end waits in turn."""
        with self._open(file) as source:
            taken = self._gather(channel, self._left_of(archive_header(file)))
            held = min(self._skip, file.size)
            source.seek(held)
            self._skip -= held
            self.held_bytes += held
            left = file.size - held
            # What is in memory is read in one go: then it is not copied.
            most = file.size if isinstance(source, BytesIO) else self._most(channel)
            while taken and left:
                read = _read(source, file, min(left, most))
                left -= len(read)
                self.sent_bytes += len(read)
                taken = self._gather(channel, read)
            if taken:
                self._gather(channel, self._left_of(archive_padding(file)))

    def _left_of(self, data: bytes) -> bytes:
        """What of it the terminal does not hold already."""
        held = min(self._skip, len(data))
        self._skip -= held
        return data[held:]

    def _open(self, file: ReleaseFile) -> BinaryIO:
        try:
            return self.files.open(file.sha256)
        except OSError as error:
            raise _unreadable(file, error) from None

    def _most(self, channel: ExecChannel) -> int:
        """As much as is sent at a time: where the rollout has limits no more than a packet, so that what is granted leaves smoothly."""
        return min(PACKET_BYTES, channel.most_bytes) if self.turn.most else channel.most_bytes

    def _gather(self, channel: ExecChannel, data: bytes) -> bool:
        """Send what fills the channel, keep the rest; False as `_send`."""
        left, most = memoryview(data), self._most(channel)
        while self._rest_bytes + len(left) >= most:
            cut = most - self._rest_bytes
            self._rest.append(left[:cut])
            if not self._let_go(channel):
                return False
            left = left[cut:]
        self._rest.append(left)
        self._rest_bytes += len(left)
        return True

    def _let_go(self, channel: ExecChannel, *, in_turn: bool = False) -> bool:
        """Send what waits, `in_turn` where its turn has come already; False as `_send`."""
        parts, self._rest, self._rest_bytes = self._rest, [], 0
        return self._write(channel, parts) if in_turn else self._send_piece(channel, parts)

    def _send(self, channel: ExecChannel, data: bytes) -> bool:
        """Send everything in pieces; False when the terminal takes no more, and then its words say why."""
        most = self._most(channel)
        return all(self._send_piece(channel, (data[start : start + most],)) for start in range(0, len(data), most))

    def _send_piece(self, channel: ExecChannel, parts: Sequence[Buffer]) -> bool:
        """Send a piece, where the rollout has limits as much at a time as they grant."""
        if not self.turn.most:
            return self._write(channel, parts)
        data = b"".join(parts)
        while data:
            count = self._wait_for_turn(channel, len(data))
            if not count or not self._write(channel, (data[:count],)):
                return False
            channel.rest(self._is_stopped, 0.0)  # what is gathered would leave in one burst
            data = data[count:]
        return True

    def _wait_for_turn(self, channel: ExecChannel, wanted: int) -> int:
        """How many of these bytes may be sent now; 0 when the link is gone. Waiting for it is no silence of the terminal's."""
        count = min(wanted, self.turn.most)
        while wait := self.turn.ask(count):
            self._check(monotonic())
            if not channel.rest(self._is_stopped, self.deadline.within(min(wait, _LONGEST_WAIT_S))):
                return 0
        return count

    def _is_stopped(self) -> bool:
        return self.stop is not None and self.stop.is_set()

    def _write(self, channel: ExecChannel, parts: Sequence[Buffer]) -> bool:
        sent_at = monotonic()
        while True:
            self._check(sent_at)
            try:
                count = channel.write(parts, self._patience())
            except TimeoutError:
                continue
            except (SSHException, OSError, EOFError):
                return False
            if count == 0:
                return False
            sent_at = monotonic()
            if count == sum(map(len, parts)):
                return True
            parts = (b"".join(parts)[count:],)

    def _check(self, heard_at: float) -> None:
        """End the conversation when its time is over or a person stopped it."""
        if self.deadline.passed:
            raise _OverError(Cause.DEADLINE)
        if self.conversation.last_word_sent:
            return
        if self._is_stopped():
            raise _OverError(Cause.STOPPED)
        if monotonic() - heard_at >= QUIET_S:
            raise _OverError(Cause.DEADLINE)

    def _patience(self) -> float:
        stoppable = self.stop is not None and not self.conversation.last_word_sent
        return self.deadline.within(_STOP_CHECK_S if stoppable else QUIET_S)


def _read(source: BinaryIO, file: ReleaseFile, most: int) -> bytes:
    """Some bytes of the file, never none: there are as many as were signed, or the push is over."""
    try:
        read = source.read(most)
    except OSError as error:
        raise _unreadable(file, error) from None
    if not read:
        raise _OverError(Cause.RELEASE_FILE, f"{file.path}: shorter than it was")
    return read


def _unreadable(file: ReleaseFile, error: OSError) -> _OverError:
    return _OverError(Cause.RELEASE_FILE, f"{file.path}: {error.strerror or type(error).__name__}")
