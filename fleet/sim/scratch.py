"""The scratch directories: what a simulated terminal has on its disk before it is upgraded, and what its shell finds.

    DIRECTORY/template/     the installed old client, once; homes hold hard links to it
    DIRECTORY/shims/df      the `df` of a terminal whose disk is full
    DIRECTORY/applets/      busybox under each of its names, where busybox is the shell
    DIRECTORY/homes/SITE/TERMINAL/    a terminal's home

A program that changes an installed file must put a new one in its place: a write into it would show on every terminal.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fleet.data import data_dir
from fleet.errors import InputError
from fleet.sim.faults import Fault
from fleet.text import N_

OLD_VERSION = "4.1.0"
"""The version of the client that is installed before the upgrade."""
HEALTH_FAULT = "health"
"""Value of CLIENT_SIMULATED_FAULT on which the sample client's own health check fails."""

ShellName = Literal["sh", "busybox"]

_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"

_KEPT_FILES = ("bin/client", "bin/health", "bin/swipe-test")
"""What the old client has in common with the sample release (playbooks/release); an upgrade need not send it."""

_DF = """\
#!/bin/sh
# What `df -P -k` says on a disk with 4 KiB left.
printf 'Filesystem     1024-blocks  Used Available Capacity Mounted on\\n'
printf '/dev/mmcblk0p2       65536 65532         4     100%% /\\n'
"""


@dataclass(frozen=True, slots=True)
class Home:
    """One terminal's home directory, and how its account's shell is started."""

    directory: Path
    environment: dict[str, str]
    shell_words: tuple[str, ...]

    def shell(self, command: str) -> tuple[str, ...]:
        """The words that run `command` as sshd would: the account's shell with `-c`."""
        return (*self.shell_words, "-c", command)


class Scratch:
    """All homes below one directory."""

    def __init__(self, directory: Path, shell: ShellName = "sh") -> None:
        """Write the template and the shims.

        Raises:
            InputError: busybox is asked for and not installed.
        """
        self._directory = directory
        self._template = directory / "template"
        self._shims = directory / "shims"
        _write(self._shims / "df", _DF, executable=True)
        _write_old_client(self._template)
        self._shell, self._path = (("/bin/sh",), _SYSTEM_PATH) if shell == "sh" else _busybox(directory / "applets")

    def home(self, terminal: str, fault: Fault | None) -> Home:
        """The terminal's home; one that stands already is left as it is, so that a simulation can go on where it was."""
        directory = self._directory / "homes" / terminal
        if not directory.exists():
            shutil.copytree(self._template, directory, symlinks=True, copy_function=os.link)
            # The client writes into this one, so each terminal has its own.
            _write(directory / "client" / "client-state", f"running {OLD_VERSION}\n")
            _write(directory / "client" / "releases" / OLD_VERSION / "etc" / "terminal.conf", f"terminal={terminal}\n")
        return Home(directory, self._environment(directory, fault), self._shell)

    def _environment(self, directory: Path, fault: Fault | None) -> dict[str, str]:
        path = f"{self._shims}:{self._path}" if fault is Fault.DISK_FULL else self._path
        environment = {"HOME": str(directory), "PATH": path, "SHELL": "/bin/sh", "USER": "terminal", "LOGNAME": "terminal"}
        if fault is Fault.FAILING_HEALTH:
            environment["CLIENT_SIMULATED_FAULT"] = HEALTH_FAULT
        return environment


def _write_old_client(home: Path) -> None:
    """An account's home with the old client installed and live: `client/current` -> `releases/VERSION`."""
    release = home / "client" / "releases" / OLD_VERSION
    if release.exists():
        return
    sample = data_dir("playbooks") / "release" / "common"
    for name in _KEPT_FILES:
        _write(release / name, (sample / name).read_text(), executable=True)
    _write(release / "share" / "version", f"{OLD_VERSION}\n")
    (home / "client" / "current").symlink_to(f"releases/{OLD_VERSION}")


def _busybox(applets: Path) -> tuple[tuple[str, ...], str]:
    """Words of the shell and PATH of a terminal that has busybox and nothing else."""
    busybox = shutil.which("busybox")
    if busybox is None:
        raise InputError(N_("busybox is not installed"))
    if not applets.exists():
        applets.mkdir(parents=True)
        listed = subprocess.run((busybox, "--list"), check=True, capture_output=True, text=True)  # noqa: S603 - found by us
        for name in listed.stdout.split():
            (applets / name).symlink_to(busybox)
    return (str(applets / "sh"),), str(applets)


def _write(file: Path, text: str, *, executable: bool = False) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755 if executable else 0o644)
