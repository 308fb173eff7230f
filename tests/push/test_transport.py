"""The courier over a link that dies at the worst moment, in memory: whatever it raises, the push has a result."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

import pytest
from paramiko import SSHException, Transport

from fleet.model.attempt import Cause
from fleet.push import transport as carrier
from fleet.push.conversation import Conversation
from fleet.push.link import Deadline
from fleet.push.transport import Courier
from fleet.terminal.compile import compile_program
from tests.terminal.field import NONCE, VALUES, build, playbook, upgrade_steps

RELEASE = build("2.0")
STEPS = upgrade_steps("2.0")
PROGRAM = compile_program(playbook(STEPS), STEPS, RELEASE.artifact, "2.0")


class Files:
    """The release's contents."""

    def open(self, sha256: str) -> BinaryIO:
        return io.BytesIO(RELEASE.contents[sha256])


class DeadTransport(Transport):
    """A transport whose link is gone."""

    def __init__(self) -> None:
        """Without a socket."""

    def is_active(self) -> bool:
        return False


@dataclass
class DyingChannel:
    """A terminal that asks for the files; then its link goes, which this moment finds out."""

    dies_at: str
    error: Exception
    heard: list[bytes] = field(default_factory=list)
    said: bool = False
    most_bytes: int = 1000

    def read(self, seconds: float) -> bytes:  # noqa: ARG002 - the seam's signature
        if self.said:
            self._die("read")
            return b""
        self.said = True
        return f"@{NONCE} begin 1\n@{NONCE} need 0\n@{NONCE} send\n".encode()

    def write(self, parts: Sequence[bytes], seconds: float) -> int:  # noqa: ARG002
        if self.said:
            self._die("write")
        self.heard.extend(parts)
        return sum(map(len, parts))

    def end_input(self) -> None:
        self._die("end_input")

    def exit_status(self, seconds: float) -> int | None:  # noqa: ARG002
        return None

    def close(self) -> None:
        self._die("close")

    def _die(self, moment: str) -> None:
        if moment == self.dies_at:
            raise self.error


@pytest.mark.parametrize("error", [EOFError(), OSError("reset"), SSHException("gone")], ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("moment", ["read", "write", "end_input", "close"])
def test_a_link_that_is_found_gone_at_any_moment_is_a_lost_link(monkeypatch: pytest.MonkeyPatch, moment: str, error: Exception) -> None:
    channel = DyingChannel(moment, error)
    monkeypatch.setattr(carrier, "open_exec", lambda *_: channel)
    courier = Courier(Conversation(PROGRAM, RELEASE.artifact, VALUES, NONCE, "a" * 16), Files(), Deadline.after(60), None)

    cause, status = courier.carry(DeadTransport())

    assert (cause, status) == (Cause.LINK_LOST, None)
    assert courier.conversation.story(cause).cause is Cause.LINK_LOST
