"""When the terminals of a plan may be touched: suspensions, windows, blackouts, and who leaves the machines on. Frozen with the plan.

Dated facts of one night, so they are a file of their own (`fleet plan --windows`), not part of the playbook.
"""

from collections.abc import Container, Mapping
from enum import IntEnum
from functools import cached_property
from typing import Annotated, Self

from pydantic import AwareDatetime, ConfigDict, Field, model_validator

from fleet.model.base import Code, FreeText, Noun
from fleet.text import N_

YEARS = range(2000, 3000)
"""That a time may lie in; far enough from the calendar's ends for all that is added to it."""


class Scope(IntEnum):
    """Whom an entry is for; of windows and suspensions the narrowest scope that names a site decides."""

    PLAN = 0
    DISTRICT = 1
    SELECT = 2
    SITE = 3


class Entry(Noun):
    """One span of time, and the sites it is for."""

    scope: Scope = Scope.PLAN
    depth: Annotated[int, Field(ge=0)] = 0
    """Of a district: how far below the topmost it is; a county's own entry comes before its city's."""
    target: FreeText = ""
    """As the file names them: a district's code, a selection, a site's code; empty is the whole plan."""
    sites: tuple[Code, ...] = ()
    """Of the plan, those meant; not used where the scope is the plan."""
    begins_at: AwareDatetime
    ends_at: AwareDatetime
    note: FreeText = ""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends_at <= self.begins_at:
            raise ValueError(N_("it ends before it begins"))
        return self

    @property
    def rank(self) -> tuple[int, int]:
        """Larger is narrower."""
        return int(self.scope), self.depth


class Windows(Noun):
    """Everything a windows file says, with its targets resolved to the plan's sites."""

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))

    zone: str
    """IANA name: opening hours are by its clock."""
    suspensions: tuple[Entry, ...] = ()
    """While one holds for a site, it may be touched although it is open."""
    windows: tuple[Entry, ...] = ()
    """Pushes to a site begin and end inside one; without any, within the whole of what the file spans."""
    blackouts: tuple[Entry, ...] = ()
    """Nothing is touched; every one that names a site holds for it."""
    left_on: tuple[Entry, ...] = ()
    """The terminals are left switched on, so that they can be reached although the site is closed."""

    @cached_property
    def begins_at(self) -> AwareDatetime:
        """The first moment of any suspension or window."""
        return min(entry.begins_at for entry in (*self.suspensions, *self.windows))

    @cached_property
    def ends_at(self) -> AwareDatetime:
        """The last moment of any suspension or window."""
        return max(entry.ends_at for entry in (*self.suspensions, *self.windows))

    def suspended(self, site: str) -> tuple[Entry, ...]:
        """The suspensions that hold for a site: of those that name it, the narrowest."""
        return _narrowest(self._suspensions, site)

    def windows_of(self, site: str) -> tuple[Entry, ...]:
        """The windows of a site: of those that name it, the narrowest; none where no entry does."""
        return _narrowest(self._windows, site)

    def blackouts_of(self, site: str) -> tuple[Entry, ...]:
        """Every blackout that names a site."""
        return _named(self._blackouts, site)

    def left_on_at(self, site: str) -> tuple[Entry, ...]:
        """When the terminals of a site are left on although it is closed."""
        return _named(self._left_on, site)

    def only(self, sites: Container[str]) -> "Windows":
        """The same for fewer sites; an entry that then names none stays, and says so."""
        kept = {
            name: tuple(
                entry.model_copy(update={"sites": tuple(site for site in entry.sites if site in sites)}) for entry in getattr(self, name)
            )
            for name in ("suspensions", "windows", "blackouts", "left_on")
        }
        return self.model_copy(update=kept)

    @cached_property
    def _suspensions(self) -> "_Index":
        return _index(self.suspensions)

    @cached_property
    def _windows(self) -> "_Index":
        return _index(self.windows)

    @cached_property
    def _blackouts(self) -> "_Index":
        return _index(self.blackouts)

    @cached_property
    def _left_on(self) -> "_Index":
        return _index(self.left_on)


_Index = Mapping[str | None, tuple[Entry, ...]]
"""Site -> the entries that name it; None -> those for the whole plan."""


def _index(entries: tuple[Entry, ...]) -> _Index:
    found: dict[str | None, list[Entry]] = {}
    for entry in entries:
        for site in (None,) if entry.scope is Scope.PLAN else entry.sites:
            found.setdefault(site, []).append(entry)
    return {site: tuple(named) for site, named in found.items()}


def _named(index: _Index, site: str) -> tuple[Entry, ...]:
    return (*index.get(None, ()), *index.get(site, ()))


def _narrowest(index: _Index, site: str) -> tuple[Entry, ...]:
    named = _named(index, site)
    rank = max((entry.rank for entry in named), default=(0, 0))
    return tuple(entry for entry in named if entry.rank == rank)
