"""What is measured: each case is a few jobs, one after the other, on the same terminals."""

from dataclasses import dataclass

from tests.benchmarks.tools import ALL, ANSIBLE, ASYNCSSH, FABRIC, OURS, PYINFRA, SSH, Tool

MB = 1_000_000
SCRIPTED = tuple(tool for tool in ALL if tool is not ANSIBLE)


@dataclass(frozen=True)
class Case:
    """Jobs in a row, each measured: `upgrade` to the first version, the same `again`, `change` to one that differs by 10 %."""

    name: str
    title: str
    jobs: tuple[str, ...]
    terminals: int
    tools: tuple[Tool, ...]
    release_bytes: int = 5_200_000
    delay_ms: float = 0.0
    """One way, through the relay."""
    counted: bool = False
    """Through the relay, for the bytes."""
    runs: int = 3

    def count_for(self, tool: Tool) -> int:
        """How many terminals; 20 are enough for Ansible."""
        return min(self.terminals, 20) if tool is ANSIBLE else self.terminals


LONG = (
    Case("command-200", "A trivial command on 200 terminals", ("command",), 200, ALL),
    Case("command-1000", "A trivial command on 1,000 terminals", ("command",), 1000, SCRIPTED),
    Case("real", "The real upgrade of 200 terminals, 5.2 MB each", ("upgrade", "again", "change"), 200, ALL),
    Case("far-one", "One terminal, 50 ms round trip, 160 KB", ("upgrade", "again"), 1, ALL, 160_000, delay_ms=25),
    Case("far-100", "100 terminals, 50 ms round trip, 160 KB", ("upgrade", "again"), 100, SCRIPTED, 160_000, delay_ms=25),
    Case("upload", "One upload of 100 MB, verified", ("upload",), 1, SCRIPTED, 100 * MB),
    Case("bytes", "Bytes to one terminal", ("upgrade", "again", "change"), 1, SCRIPTED, counted=True, runs=1),
)
SHORT = (Case("short", "The short form: 60 terminals, 5.2 MB each", ("upgrade", "again"), 60, (OURS, FABRIC, SSH)),)


@dataclass(frozen=True)
class Bound:
    """How many times what we need a peer needs at least."""

    job: str
    measure: str
    """`cpu_ms` or `wall_ms`, each for one terminal."""
    peer: Tool
    must: float | None
    goal: float | None


BOUNDS = (
    Bound("real/upgrade", "cpu_ms", ANSIBLE, 35, 60),
    Bound("real/upgrade", "cpu_ms", PYINFRA, 4, 7),
    Bound("real/upgrade", "cpu_ms", FABRIC, 2.3, 4),
    Bound("real/upgrade", "cpu_ms", SSH, 1.2, 2),
    Bound("real/upgrade", "cpu_ms", ASYNCSSH, 1 / 1.2, 1.2),
    Bound("real/upgrade", "wall_ms", ANSIBLE, 15, 25),
    Bound("real/upgrade", "wall_ms", PYINFRA, 2.5, 3),
    Bound("real/upgrade", "wall_ms", FABRIC, 1.5, 1.8),
    Bound("real/upgrade", "wall_ms", SSH, 1, 1.2),
    Bound("real/upgrade", "wall_ms", ASYNCSSH, 0.95, 1),
    Bound("real/again", "cpu_ms", PYINFRA, 7, 12),
    Bound("real/again", "cpu_ms", FABRIC, 2, 3),
    Bound("real/again", "cpu_ms", SSH, None, 4),
    Bound("real/again", "wall_ms", PYINFRA, None, 5),
    Bound("far-one/again", "wall_ms", ANSIBLE, None, 10),
    Bound("upload/upload", "wall_ms", SSH, None, 1),
)
SHORT_BOUNDS = (
    Bound("short/upgrade", "cpu_ms", FABRIC, 2.3, None),
    Bound("short/upgrade", "cpu_ms", SSH, 1.2, None),
    Bound("short/again", "cpu_ms", FABRIC, 2, None),
)
