"""Reads a windows file: YAML -> Windows, with each target resolved to sites of the inventory; every mistake with its line.

    suspensions:                       # the announced suspension; while it lasts, open sites may be touched
      - {from: 2026-12-04T18:00, until: 2026-12-05T06:00}
    windows:                           # where a part of the sites has a window of its own
      - {district: qingwan, from: 2026-12-04T20:00, until: 2026-12-05T04:00}
    blackouts:
      - {select: "emergency:yes", from: 2026-12-04T22:00, until: 2026-12-04T23:00, note: change of shifts}
    left_on:                           # who leaves the terminals on after closing time
      - {select: "kind:pharmacy"}

Times are by the clock of the workspace's zone, unless they carry an offset.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

from fleet.errors import InputError, Mistake, MistakesError
from fleet.files import did_you_mean, read_model
from fleet.files.places import line_at
from fleet.files.reasons import shown
from fleet.model.base import FreeText, Noun
from fleet.model.inventory import Fleet
from fleet.model.windows import YEARS, Entry, Scope, Windows
from fleet.select import parse_inventory_selection, subject_of
from fleet.text import N_, Message

_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)?")
_TARGETS = ("site", "district", "select")


class _Span(Noun):
    site: FreeText | None = None
    district: FreeText | None = None
    select: FreeText | None = None
    note: FreeText = ""


class _Dated(_Span):
    begins: FreeText = Field(alias="from")
    until: FreeText


class _LeftOn(_Span):
    begins: FreeText | None = Field(default=None, alias="from")
    until: FreeText | None = None


_List = Annotated[tuple[_Dated, ...], Field(default=())]


class WindowsFile(Noun):
    """The file as it is written."""

    suspensions: _List = ()
    windows: _List = ()
    blackouts: _List = ()
    left_on: tuple[_LeftOn, ...] = ()


def read_windows(path: Path, fleet: Fleet, zone: ZoneInfo) -> Windows:
    """What the file at `path` says.

    Args:
        path: The file.
        fleet: Whose districts, sites and labels it names.
        zone: Of its times, and of the opening hours.

    Raises:
        MistakesError: It says nothing that makes sense; every mistake with file and line. First those of its form, then those of its sense.
    """
    written = read_model(path, WindowsFile)
    reader = _Reader(path, fleet, zone)
    if not written.suspensions and not written.windows:
        reader.note((), N_("neither a suspension nor a window is given"), N_("give at least one entry under `suspensions` or `windows`"))
        raise MistakesError(reader.mistakes)
    suspensions, windows = (tuple(reader.entries(name, getattr(written, name))) for name in ("suspensions", "windows"))
    blackouts = tuple(reader.entries("blackouts", written.blackouts))
    whole = (*suspensions, *windows)
    reader.whole = (min(entry.begins_at for entry in whole), max(entry.ends_at for entry in whole)) if whole else None
    left_on = tuple(reader.entries("left_on", written.left_on))
    if reader.mistakes:
        raise MistakesError(reader.mistakes)
    return Windows(zone=zone.key, suspensions=suspensions, windows=windows, blackouts=blackouts, left_on=left_on)


class _WrongError(Exception):
    """A value that makes no sense."""

    def __init__(self, what: Message, hint: Message | None) -> None:
        super().__init__(what)
        self.what, self.hint = what, hint


@dataclass
class _Reader:
    """Turns what is written into entries, and notes what makes no sense."""

    path: Path
    fleet: Fleet
    zone: ZoneInfo

    mistakes: list[Mistake] = field(default_factory=list)
    whole: tuple[datetime, datetime] | None = None
    """From the first to the last moment of suspensions and windows: when terminals are left on, where the entry does not say."""

    def note(self, place: tuple[str | int, ...], what: Message, hint: Message | None) -> None:
        self.mistakes.append(Mistake(str(self.path), line_at(self.path, place), what, hint))

    def entries(self, name: str, spans: Sequence[_Dated | _LeftOn]) -> Iterator[Entry]:
        for number, span in enumerate(spans):
            before = len(self.mistakes)
            place = (name, number)
            target = self._target(place, span)
            begin, end = self._moment(place, "from", span.begins, first=True), self._moment(place, "until", span.until, first=False)
            if begin is not None and end is not None and end <= begin:
                self.note((*place, "until"), N_("it ends before it begins"), N_("a span over midnight ends on the next day's date"))
            if len(self.mistakes) == before and target is not None and begin is not None and end is not None:
                scope, depth, text, sites = target
                yield Entry(scope=scope, depth=depth, target=text, sites=sites, begins_at=begin, ends_at=end, note=span.note)

    def _moment(self, place: tuple[str | int, ...], key: str, text: str | None, *, first: bool) -> datetime | None:
        if text is None:
            return None if self.whole is None else self.whole[0 if first else 1]
        try:
            return self._read_moment(text)
        except _WrongError as wrong:
            self.note((*place, key), wrong.what, wrong.hint)
            return None

    def _read_moment(self, text: str) -> datetime:
        if _TIME.fullmatch(text) is None:
            raise _WrongError(N_("`{value}` is no date with a time", value=shown(text)), N_("write it as `2026-12-04T18:00`"))
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise _WrongError(N_("`{value}` is on no calendar or clock", value=shown(text)), N_("write it as `2026-12-04T18:00`")) from None
        if moment.year not in YEARS:
            what = N_("`{value}` is in no year from {first} to {last}", value=shown(text), first=YEARS[0], last=YEARS[-1])
            raise _WrongError(what, N_("write it as `2026-12-04T18:00`"))
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
        first, second = (moment.replace(tzinfo=self.zone, fold=fold) for fold in (0, 1))
        if first.utcoffset() != second.utcoffset():
            hint = N_(
                "write which one is meant with its offset, for example `{example}`", example=f"{first.astimezone(UTC):%Y-%m-%dT%H:%M}+00:00"
            )
            is_twice = first.astimezone(UTC) < second.astimezone(UTC)
            what = (
                N_("`{value}` comes twice in {zone}, for its clocks are set back", value=text, zone=self.zone.key)
                if is_twice
                else N_("`{value}` does not come in {zone}, for its clocks are set forward", value=text, zone=self.zone.key)
            )
            raise _WrongError(what, hint)
        return first.astimezone(UTC)

    def _target(self, place: tuple[str | int, ...], span: _Span) -> tuple[Scope, int, str, tuple[str, ...]] | None:
        given = [key for key in _TARGETS if getattr(span, key) is not None]
        if len(given) > 1:
            self.note((*place, given[1]), N_("both `{one}` and `{other}` are given", one=given[0], other=given[1]), N_("keep one of them"))
            return None
        try:
            if span.site is not None:
                return self._site(span.site)
            if span.district is not None:
                return self._district(span.district)
            if span.select is not None:
                return self._select(span.select)
        except _WrongError as wrong:
            self.note((*place, given[0]), wrong.what, wrong.hint)
            return None
        return Scope.PLAN, 0, "", ()

    def _site(self, code: str) -> tuple[Scope, int, str, tuple[str, ...]]:
        if code not in self.fleet.sites:
            raise _WrongError(N_("the inventory holds no site `{code}`", code=code), did_you_mean(code, self.fleet.sites))
        return Scope.SITE, 0, code, (code,)

    def _district(self, code: str) -> tuple[Scope, int, str, tuple[str, ...]]:
        if code not in self.fleet.districts:
            by_name = [district.code for district in self.fleet.districts.values() if code in {district.name, district.name_en}]
            raise _WrongError(
                N_("the inventory holds no district `{code}`", code=code),
                did_you_mean(by_name[0] if by_name else code, self.fleet.districts),
            )
        lineage = self.fleet.lineage
        sites = tuple(sorted(site.code for site in self.fleet.sites.values() if code in lineage.get(site.district, ())))
        return Scope.DISTRICT, len(lineage[code]) - 1, code, sites

    def _select(self, text: str) -> tuple[Scope, int, str, tuple[str, ...]]:
        fleet = self.fleet
        labelled = (*(site.labels for site in fleet.sites.values()), *(terminal.labels for terminal in fleet.terminals.values()))
        labels = {key for of_one in labelled for key in of_one}
        try:
            selection = parse_inventory_selection(text, labels)
        except InputError as error:
            raise _WrongError(error.what, error.hint) from None
        sites = {
            terminal.site
            for terminal in self.fleet.terminals.values()
            if selection.matches(subject_of(terminal, self.fleet.sites[terminal.site], self.fleet))
        }
        if not sites:
            raise _WrongError(N_("the selection `{selection}` means no terminal of the inventory", selection=text), N_("try a wider one"))
        return Scope.SELECT, 0, text, tuple(sorted(sites))
