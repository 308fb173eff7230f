"""The sh processes of every terminal: started, waited for, counted, and ended with the simulation.

- A program that detaches itself from its connection is re-parented to this process (Linux), so that its CPU time is counted when it ends
  and nothing is left running after the simulation.
"""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
from asyncio import StreamReader, StreamReaderProtocol, StreamWriter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True)
class Child:
    """One running command, and its three pipes."""

    stdin: StreamWriter
    stdout: StreamReader
    stderr: StreamReader
    exited: asyncio.Future[int]
    """The exit status; 128 + N where signal N ended it."""
    pipes: tuple[asyncio.BaseTransport, ...]

    def hang_up(self) -> None:
        """Close our ends of the pipes, as sshd does when the link is lost; the command itself is left alone."""
        stdin = self.stdin.transport
        if not stdin.is_closing() or stdin.get_write_buffer_size():
            stdin.abort()
        for pipe in self.pipes:
            pipe.close()


class Children:
    """Starts commands and takes in every process that ends under us. One per process, since it answers SIGCHLD."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._exits: dict[int, asyncio.Future[int]] = {}
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        loop.add_signal_handler(signal.SIGCHLD, self._reap)

    async def start(self, words: Sequence[str], directory: Path, environment: Mapping[str, str]) -> Child:
        """Run a program in its own session, with pipes."""
        # Descriptors of ours are all close-on-exec (PEP 446): not closing them one by one in each child saves most of the start's cost.
        process = subprocess.Popen(  # noqa: ASYNC220, S603 - a fork and exec does not block; running what an SSH client sends is the purpose
            words,
            cwd=directory,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            close_fds=False,
            start_new_session=True,
        )
        exited = self._exits[process.pid] = self._loop.create_future()
        process.returncode = 0  # the process is ours to wait for, not the Popen object's
        assert process.stdin
        assert process.stdout
        assert process.stderr
        stdin = await self._writer(process.stdin)
        stdout, stdout_pipe = await self._reader(process.stdout)
        stderr, stderr_pipe = await self._reader(process.stderr)
        return Child(stdin, stdout, stderr, exited, (stdout_pipe, stderr_pipe))

    def end_all(self) -> None:
        """Kill and take in everything that still runs under us, detached programs too."""
        self._loop.remove_signal_handler(signal.SIGCHLD)
        with suppress(ChildProcessError):  # none left
            while True:
                for pid in _descendants() or self._exits:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                os.wait()

    async def _reader(self, pipe: IO[bytes]) -> tuple[StreamReader, asyncio.BaseTransport]:
        reader = StreamReader()
        transport, _ = await self._loop.connect_read_pipe(lambda: StreamReaderProtocol(reader), pipe)
        return reader, transport

    async def _writer(self, pipe: IO[bytes]) -> StreamWriter:
        transport, protocol = await self._loop.connect_write_pipe(lambda: StreamReaderProtocol(StreamReader()), pipe)
        return StreamWriter(transport, protocol, None, self._loop)

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = ended
                code = os.waitstatus_to_exitcode(status)
                exited = self._exits.pop(pid, None)
                if exited is not None and not exited.done():
                    exited.set_result(code if code >= 0 else 128 - code)


def _descendants() -> list[int]:
    """Our direct children, those re-parented to us included; empty where the kernel does not tell."""
    try:
        return [int(pid) for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()]
    except OSError:
        return []
