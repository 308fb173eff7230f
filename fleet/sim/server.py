"""The simulation's own process: every terminal's SSH server on 127.0.0.1, each on a port and with a host key of its own.

    python -m fleet.sim.server CONFIG

- Writes one JSON line when every terminal can be reached (`addresses`), then one for each line it reads (`cpu_s`, `peak_rss_bytes`).
- Ends when its input ends, so it never outlives the process that started it.
"""

import asyncio
import json
import resource
import signal
import socket
import sys
from functools import partial
from pathlib import Path

import asyncssh

from fleet.sim.children import Children
from fleet.sim.config import Config
from fleet.sim.faults import Fault
from fleet.sim.keys import host_key
from fleet.sim.scratch import Scratch
from fleet.sim.shell import SimulatedTerminal, run_command

_HOST = "127.0.0.1"
_BACKLOG = 128


class Terminals:
    """Every terminal of a simulation, raised in this process."""

    def __init__(self, config: Config, loop: asyncio.AbstractEventLoop) -> None:
        self._config = config
        self._scratch = Scratch(Path(config.directory), config.shell)
        self._children = Children(loop)
        self._servers: list[asyncssh.SSHAcceptor] = []
        self._sockets: list[socket.socket] = []
        self._user_keys = asyncssh.import_authorized_keys(config.user_public_key)

    async def raise_all(self) -> dict[str, int]:
        """Terminal id -> its port."""
        return {terminal: await self._raise(terminal, fault) for terminal, fault in self._config.terminals.items()}

    def stop(self) -> None:
        """Close every listener and end every program that still runs."""
        for server in self._servers:
            server.close()
        for held in self._sockets:
            held.close()
        self._children.end_all()

    async def _raise(self, terminal: str, fault: Fault | None) -> int:
        if fault is Fault.REFUSES:
            return self._hold()
        if fault is Fault.SWITCHED_OFF:
            return self._hold_and_never_answer()
        simulated = SimulatedTerminal(self._scratch.home(terminal, fault), fault)
        key = asyncssh.import_private_key(host_key(self._config.seed, terminal, wrong=fault is Fault.WRONG_HOST_KEY))
        server = await asyncssh.listen(
            _HOST,
            0,
            backlog=_BACKLOG,
            server_host_keys=[key],
            authorized_client_keys=self._user_keys,
            process_factory=partial(run_command, terminal=simulated, children=self._children),
            encoding=None,
            kex_algs="curve25519-sha256,curve25519-sha256@libssh.org",
            encryption_algs="aes128-gcm@openssh.com",
            compression_algs="none",
            gss_host=None,
            allow_pty=False,
            agent_forwarding=False,
        )
        self._servers.append(server)
        return server.get_port()

    def _hold(self) -> int:
        """A port that is ours and where nothing listens."""
        held = socket.socket()
        held.bind((_HOST, 0))
        self._sockets.append(held)
        return int(held.getsockname()[1])

    def _hold_and_never_answer(self) -> int:
        """A port whose queue has room for one connection, which is ours and is never accepted: the kernel drops every further SYN."""
        port = self._hold()
        self._sockets[-1].listen(0)
        self._sockets.append(socket.create_connection((_HOST, port)))
        return port


def usage() -> dict[str, float]:
    """CPU seconds of this process and every program that ended under it, and the most memory this process ever held."""
    own, ended = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime
    return {"cpu_s": cpu_s, "peak_rss_bytes": _peak_rss_bytes(own)}


def _peak_rss_bytes(own: resource.struct_rusage) -> int:
    if sys.platform == "darwin":
        return own.ru_maxrss
    # Linux's ru_maxrss begins with that of the process we were forked from; VmHWM is ours alone.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def raise_file_limit() -> None:
    """Let this process open as many files as the system allows it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def serve(config: Config) -> None:
    """Raise the terminals, answer on stdin and stdout, and stop when stdin ends."""
    loop = asyncio.get_running_loop()
    requests = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(requests), sys.stdin)
    terminals = Terminals(config, loop)
    loop.add_signal_handler(signal.SIGTERM, requests.feed_eof)
    try:
        _say({"addresses": {terminal: (_HOST, port) for terminal, port in (await terminals.raise_all()).items()}})
        while await requests.readline():
            _say(usage())
    finally:
        terminals.stop()


def _say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise_file_limit()
    asyncio.run(serve(Config.read(Path(sys.argv[1]))))
