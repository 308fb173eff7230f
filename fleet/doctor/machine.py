"""This machine: Python and its libraries, the limit of open files, and clocks that disagree."""

import re
import resource
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, requires, version

from fleet.doctor.finding import Finding, Level
from fleet.model.playbook import MOST_PARALLEL
from fleet.store import Snapshot, health
from fleet.text import N_

_OLDEST, _NEWEST = (3, 11), (3, 13)
"""Versions of Python that were tested."""
_DISTRIBUTION = "fleet-orchestrator"
_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?(?P<bounds>[^;]*)(?:;(?P<marker>.*))?")
_BOUND = re.compile(r"(>=|<)\s*([0-9.]+)")
_SLACK = timedelta(minutes=2)
_FAR_S = 3600
"""A terminal whose clock is further off is named; beyond a day it takes no release."""


def check_versions() -> Iterator[Finding]:
    """Python and every library are within the bounds that were tested."""
    running = sys.version_info[:2]
    if not _OLDEST <= running <= _NEWEST:
        values = {"running": f"{running[0]}.{running[1]}", "oldest": "3.11", "newest": "3.13"}
        what = N_("Python {running} was not tested; {oldest} to {newest} were", **values)
        yield Finding(
            "python", what, sys.executable, N_("install fleet with one of those"), Level.NOTE if running > _NEWEST else Level.WRONG
        )
    for line in requires(_DISTRIBUTION) or ():
        found = _REQUIREMENT.match(line)
        if found is not None and found["marker"] is None:
            yield from _check_library(found["name"], found["bounds"])


def _check_library(name: str, bounds: str) -> Iterator[Finding]:
    mend = N_("pip install --upgrade {distribution}", distribution=_DISTRIBUTION)
    try:
        installed = version(name)
    except PackageNotFoundError:
        yield Finding("python", N_("the library {name} is not installed", name=name), sys.prefix, mend)
        return
    if not within(installed, bounds):
        what = N_("{name} {installed} is outside what was tested: {bounds}", name=name, installed=installed, bounds=bounds.strip())
        yield Finding("python", what, sys.prefix, mend)


def within(installed: str, bounds: str) -> bool:
    """Whether a version satisfies bounds such as `>=5.1,<5.2`."""
    have = _numbers(installed)
    return all(have >= _numbers(least) if sign == ">=" else have < _numbers(least) for sign, least in _BOUND.findall(bounds))


def _numbers(text: str) -> tuple[int, ...]:
    found = re.match(r"\d+(?:\.\d+)*", text)
    numbers = [int(part) for part in found[0].split(".")] if found else [0]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def check_open_files() -> Iterator[Finding]:
    """A connection for each push that a playbook may make at the same time fits under the limit."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * MOST_PARALLEL + 1024
    if hard != resource.RLIM_INFINITY and hard < wanted:
        what = N_(
            "this process may open {limit} files; {wanted} are needed for {most} pushes at the same time",
            limit=hard,
            wanted=wanted,
            most=MOST_PARALLEL,
        )
        yield Finding(
            "open-files",
            what,
            "RLIMIT_NOFILE",
            N_("raise it for `fleet run`: `ulimit -Hn {wanted}`, or LimitNOFILE={wanted} in its systemd unit", wanted=wanted),
            Level.NOTE,
        )


def check_clocks(snapshot: Snapshot, now: datetime) -> Iterator[Finding]:
    """Nothing was recorded in the future, and the terminals' clocks are near ours."""
    last = health.last_event_at(snapshot)
    if last is not None and last > now + _SLACK:
        what = N_("the last event is {seconds} s in the future", seconds=int((last - now).total_seconds()))
        yield Finding("clocks", what, N_("this machine's clock"), N_("set it: `timedatectl set-ntp true`, and see `timedatectl`"))
    ahead = health.clocks_ahead(snapshot)
    far = sorted(name for name, seconds in ahead.items() if abs(seconds) > _FAR_S)
    if far and len(far) * 2 > len(ahead) >= 3:
        what = N_("most terminals' clocks differ from ours by more than an hour: {count} of {all}", count=len(far), all=len(ahead))
        yield Finding("clocks", what, N_("this machine's clock"), N_("look whether it is ours that is wrong: `timedatectl`"))
    elif far:
        what = N_(
            "the {count:clock|clocks} of {count} {count:terminal is|terminals are} more than an hour off, {first} first",
            count=len(far),
            first=far[0],
        )
        yield Finding("clocks", what, far[0], N_("have them set; beyond a day a terminal takes no release"), Level.NOTE)
