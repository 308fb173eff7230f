"""The directory, its disk and its keys."""

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from fleet.doctor.finding import Finding, Level
from fleet.settings import SETTINGS_FILE, Settings
from fleet.text import N_

_LEAST_ROOM, _LITTLE_ROOM = 200_000_000, 1_000_000_000
"""Bytes: below the first a night's record may not fit, below the second it may get tight."""


def check_directory(directory: Path) -> Iterator[Finding]:
    """It is there, it is a workspace, and we may work in it."""
    where = str(directory)
    if not directory.is_dir() or not (directory / SETTINGS_FILE).exists():
        yield Finding(
            "workspace", N_("there is no workspace here"), where, N_("run `fleet init`, or name another directory with --workspace")
        )
        return
    if not os.access(directory, os.R_OK | os.X_OK):
        yield Finding("workspace", N_("you may not enter the workspace"), where, N_("have its owner take you into its group"))
        return
    if is_read_only(directory):
        what = N_("the workspace's disk is mounted read-only: you may look, but nothing can be written")
        mend = N_("find out why (`findmnt -T {directory}`, `dmesg`), and mount it writable", directory=where)
        yield Finding("workspace", what, where, mend, Level.NOTE)
    elif not os.access(directory, os.W_OK):
        what = N_("you may look into the workspace, but write nothing")
        yield Finding("workspace", what, where, N_("have its owner take you into its group"), Level.NOTE)
    mode = stat.S_IMODE(directory.stat().st_mode)
    if mode & stat.S_IRWXO:
        what = N_("everybody on this machine can enter the workspace (mode {mode})", mode=f"{mode:o}")
        yield Finding("workspace", what, where, N_("chmod o-rwx {directory}", directory=where))


def is_read_only(directory: Path) -> bool:
    """Whether the file system it lies on takes no writes from anybody."""
    return bool(os.statvfs(directory).f_flag & os.ST_RDONLY)


def is_open(directory: Path) -> bool:
    """Whether there is a workspace that we may look into."""
    return os.access(directory, os.R_OK | os.X_OK) and (directory / SETTINGS_FILE).exists()


def check_disk(directory: Path) -> Iterator[Finding]:
    """There is room for a night's record and releases."""
    free = shutil.disk_usage(directory).free
    if free < _LITTLE_ROOM:
        level = Level.WRONG if free < _LEAST_ROOM else Level.NOTE
        what = N_("{free} MB are free on the workspace's disk", free=free // 1_000_000)
        mend = N_("make room: {needed} MB are enough for a night", needed=_LITTLE_ROOM // 1_000_000)
        yield Finding("disk", what, str(directory), mend, level)


def check_user_key(settings: Settings, load_user_key: Callable[[Path], object]) -> Iterator[Finding]:
    """The key that opens the terminals is there, ours alone, and can be used; what is wrong is what loading it says."""
    file = settings.user_key
    if file.exists() and not os.access(file, os.R_OK):
        what = N_("only its owner may read the user key, so only they can run `fleet run`")
        yield Finding("user-key", what, str(file), N_("have them run it"), Level.NOTE)
        return
    load_user_key(file)


def check_release_key(settings: Settings) -> Iterator[Finding]:
    """The key that signs releases, where it is kept here, is its owner's alone."""
    file = settings.release_key
    if file.exists() and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield Finding("release-key", N_("others may read the release key"), str(file), N_("chmod 600 {file}", file=str(file)))
