"""A terminal that can be cut off at any call: it runs a push under the shim (shim.c) and plays what a power cut takes from the disk."""

import os
import shutil
import stat
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from tests.terminal.field import Far

SHIM = Path(__file__).with_name("shim.c")
BOARD = struct.Struct("ll")


class How(StrEnum):
    """What the chosen call comes to."""

    KILL = "kill"
    """Nothing of it happens, and every process is dead."""
    TORN = "torn"
    """Half of what it was to write is written, and every process is dead."""
    POWER = "power"
    """As kill, and what was written but never made durable is lost."""


@dataclass(frozen=True)
class Cut:
    """Die at this call, counted from 1."""

    at: int
    how: How

    def variables(self) -> dict[str, str]:
        """What the shim has to know."""
        return {"CRASH_AT": str(self.at), "CRASH_HOW": self.how}


@dataclass(frozen=True)
class Fault:
    """This call fails with an error number; where it lasts, so does every later one."""

    at: int
    number: int
    lasts: bool

    def variables(self) -> dict[str, str]:
        """What the shim has to know."""
        sticky = {"CRASH_STICKY": "yes"} if self.lasts else {}
        return {"CRASH_AT": str(self.at), "CRASH_ERRNO": str(self.number), **sticky}


@dataclass(frozen=True)
class Call:
    """A call that changed something, or made it durable."""

    what: str
    inode: int
    """0 for the whole disk, and where only a name was changed."""
    size: int
    """Of the file, before the call."""


def compile_shim(directory: Path) -> Path:
    """The shim, made by the system's C compiler."""
    shim = directory / "shim.so"
    subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-o", shim, SHIM, "-ldl"], check=True)
    return shim


@dataclass
class Machine:
    """A terminal, and the disk under its client."""

    far: Far
    shim: Path
    calls: list[Call] = field(default_factory=list)
    """Of the last run that was watched."""

    @contextmanager
    def watched(self, trouble: Cut | Fault | None = None) -> Iterator[None]:
        """What runs on the terminal in here is counted, and meets this trouble; then the power is on again."""
        board = self.far.home.parent / "board"
        log = self.far.home.parent / "calls"
        for file in (board, log):
            file.unlink(missing_ok=True)  # a process of an earlier run may still have it mapped
        board.write_bytes(bytes(BOARD.size))
        self.far.environment = {
            "LD_PRELOAD": str(self.shim),
            "CRASH_ROOT": str(self.far.root),
            "CRASH_BOARD": str(board),
            "CRASH_LOG": str(log),
            **(trouble.variables() if trouble else {}),
        }
        try:
            yield
        finally:
            self.far.environment = {}
        self.calls = list(_read_calls(log))
        if isinstance(trouble, Cut) and trouble.how is How.POWER:
            self.lose_power()

    def lose_power(self) -> None:
        """Cut every file to what of it was made durable. Names are kept: the worst of the two for who trusts them."""
        lost = undurable(self.calls)
        if not lost:
            return
        for path in self.far.root.rglob("*"):
            status = path.lstat()
            size = lost.get(status.st_ino)
            if size is not None and stat.S_ISREG(status.st_mode) and status.st_size > size:
                os.truncate(path, size)

    def boot(self) -> None:
        """Run the boot hook, as `@reboot` does; a terminal that has none yet starts without."""
        hook = self.far.root / ".fleet/boot.sh"
        if hook.exists():
            environment = {"PATH": str(self.far.tools), **self.far.environment}
            subprocess.run([self.far.tools / "sh", hook], env=environment, check=False, capture_output=True)

    def restored_to(self, image: Path) -> "Machine":
        """The same machine with the image's home."""
        shutil.rmtree(self.far.home, ignore_errors=True)
        shutil.copytree(image, self.far.home, symlinks=True)
        return self


def undurable(calls: list[Call]) -> dict[int, int]:
    """Inode -> the size it was last durable at, of every file that is not durable as it is."""
    lost: dict[int, int] = {}
    for call in calls:
        if call.what == "write":
            lost[call.inode] = min(call.size, lost.get(call.inode, call.size))
        elif call.what == "sync" and call.inode:
            lost.pop(call.inode, None)
        elif call.what == "sync":
            lost.clear()
    return lost


def _read_calls(log: Path) -> Iterator[Call]:
    if not log.exists():
        return
    for line in log.read_text(errors="replace").splitlines():
        _number, what, inode, size, *_ = line.split("\t")
        yield Call(what, int(inode), int(size))
