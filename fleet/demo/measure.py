"""What the night cost: CPU and memory of this process and of all that it started."""

import os
import resource
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Self

_PROC = Path("/proc")
_EVERY_S = 1.0


def own_cpu_s() -> float:
    """CPU seconds of this process so far, the processes it started not counted."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


@dataclass(frozen=True, slots=True)
class Cost:
    """What a night cost. CPU is the marginal cost: from the first connection to the last result."""

    wall_s: float
    own_cpu_s: float
    far_cpu_s: float
    peak_bytes: int
    """Proportional set size of all processes together, at its highest; 0 where the system does not tell."""
    terminals: int
    """Terminals reached by SSH."""

    @property
    def own_cpu_ms(self) -> float:
        """Our CPU per terminal, milliseconds."""
        return 1000 * self.own_cpu_s / max(1, self.terminals)

    @property
    def far_cpu_ms(self) -> float:
        """The far side's CPU per terminal, milliseconds."""
        return 1000 * self.far_cpu_s / max(1, self.terminals)


class MemoryWatch:
    """Looks once a second at the memory of this process and all its descendants. A context manager."""

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._stop = Event()
        self._thread = Thread(target=self._watch, name="memory-watch", daemon=True)

    def __enter__(self) -> Self:
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Look a last time, and stop."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            self.peak_bytes = max(self.peak_bytes, sum(_pss_bytes(pid) for pid in _family(os.getpid())))
            if self._stop.wait(_EVERY_S):
                return


def _family(pid: int) -> list[int]:
    """The process and all its descendants, as /proc shows them now."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir() if _PROC.is_dir() else ():
        if entry.name.isdigit():
            children.setdefault(_parent(entry), []).append(int(entry.name))
    family, waiting = [], [pid]
    while waiting:
        current = waiting.pop()
        family.append(current)
        waiting.extend(children.get(current, ()))
    return family


def _parent(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def _pss_bytes(pid: int) -> int:
    try:
        lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
