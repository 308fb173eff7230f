"""One SSH session on a simulated terminal: the real sh runs the command in the terminal's home.

- As with sshd and no pty: both ends' half-close is passed on, the exit status follows the output's end, and a lost link closes the pipes
  and ends nothing. A program that detached itself runs on.
"""

import asyncio
import logging
from asyncio import StreamReader
from contextlib import suppress
from dataclasses import dataclass, field

import asyncssh

from fleet.sim.children import Child, Children
from fleet.sim.faults import Fault
from fleet.sim.scratch import Home

_log = logging.getLogger(__name__)
_CHUNK = 65536
_SLOW_CHUNK = 128
_SLOW_ANSWER_S = 0.5
_SLOW_PIECE_S = 0.02


@dataclass(slots=True)
class SimulatedTerminal:
    """A terminal as its server knows it."""

    home: Home
    fault: Fault | None
    dropped: bool = field(default=False, init=False)
    """For DROPS_LINK: the one cut is over."""


class LinkCutError(Exception):
    """The terminal cuts its connection now."""


class Link:
    """A sound link. Each kind of trouble says at which of these moments it acts."""

    chunk = _CHUNK

    async def opens(self) -> None:
        """Before the command is started."""

    def hears(self) -> None:
        """The client sent something."""

    async def speaks(self) -> None:
        """Before a piece of output is sent."""

    async def ends(self) -> None:
        """Before the exit status is sent."""


class SlowLink(Link):
    """Answers late, and in small pieces."""

    chunk = _SLOW_CHUNK

    async def opens(self) -> None:
        """Keep the client waiting."""
        await asyncio.sleep(_SLOW_ANSWER_S)

    async def speaks(self) -> None:
        """Keep it waiting again."""
        await asyncio.sleep(_SLOW_PIECE_S)


class DroppingLink(Link):
    """Cuts when the program speaks again after the client answered its first words, at the latest instead of the exit status."""

    def __init__(self) -> None:
        self._spoke = False
        self._heard = False

    def hears(self) -> None:
        """Remember an answer to the program's first words."""
        self._heard = self._spoke

    async def speaks(self) -> None:
        """Let the first words through."""
        if self._heard:
            raise LinkCutError
        self._spoke = True

    async def ends(self) -> None:
        """Never tell how it ended."""
        raise LinkCutError


def _link_of(terminal: SimulatedTerminal) -> Link:
    if terminal.fault is Fault.SLOW:
        return SlowLink()
    if terminal.fault is Fault.DROPS_LINK and not terminal.dropped:
        return DroppingLink()
    return Link()


async def run_command(process: asyncssh.SSHServerProcess[bytes], terminal: SimulatedTerminal, children: Children) -> None:
    """Run what the client asked for and pass input, output and exit status; a session without a command ends with 1."""
    if process.command is None:
        process.exit(1)
        return
    link = _link_of(terminal)
    await link.opens()
    child = await children.start(terminal.home.shell(process.command), terminal.home.directory, terminal.home.environment)
    passed = asyncio.ensure_future(_pass_everything(process, child, link))
    lost = asyncio.ensure_future(process.channel.wait_closed())
    try:
        await asyncio.wait((passed, lost), return_when=asyncio.FIRST_COMPLETED)
        if passed.done():
            process.exit(passed.result())
    except LinkCutError:
        terminal.dropped = True
        process.channel.get_connection().abort()
    except (OSError, asyncssh.Error):
        pass  # the client went away while something was on its way to it
    except Exception:
        _log.exception("a session failed")  # the SSH library itself would keep it to itself
        raise
    finally:
        passed.cancel()
        lost.cancel()
        child.hang_up()


async def _pass_everything(process: asyncssh.SSHServerProcess[bytes], child: Child, link: Link) -> int:
    incoming = asyncio.ensure_future(_pass_input(process.stdin, child, link))
    try:
        await asyncio.gather(_pass_output(child.stdout, process.stdout, link), _pass_output(child.stderr, process.stderr, link))
        status = await child.exited
        await link.ends()
        return status
    finally:
        incoming.cancel()


async def _pass_input(source: asyncssh.SSHReader[bytes], child: Child, link: Link) -> None:
    with suppress(OSError, asyncssh.Error):
        while data := await source.read(_CHUNK):
            link.hears()
            with suppress(OSError):  # a program that no longer reads: what is sent to it is lost, as through sshd
                child.stdin.write(data)
                await child.stdin.drain()
        link.hears()
        child.stdin.close()


async def _pass_output(source: StreamReader, target: asyncssh.SSHWriter[bytes], link: Link) -> None:
    while data := await source.read(link.chunk):
        await link.speaks()
        target.write(data)
        await target.drain()
