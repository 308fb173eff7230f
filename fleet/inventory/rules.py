"""What must hold between rows and between files: references, uniqueness, pairs, a tree without a loop."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from fleet.errors import InputError
from fleet.files.mistakes import Mistakes
from fleet.files.reasons import shown
from fleet.files.spelling import nearest
from fleet.files.tables import Row
from fleet.inventory.sections import Section
from fleet.model.base import Noun
from fleet.model.hours import parse_hours
from fleet.model.inventory import District, Person, Reach, Site, Terminal
from fleet.text import N_, Message

N = TypeVar("N", bound=Noun)
_TITLES = {"districts": N_("districts"), "sites": N_("sites"), "terminals": N_("terminals"), "people": N_("people")}
_SPELLED = 20
"""Nearest spellings looked for in one reading: among a hundred thousand codes each costs a good part of a second."""


@dataclass(frozen=True, slots=True)
class Sections:
    """Everything that was read."""

    districts: Section[District]
    sites: Section[Site]
    terminals: Section[Terminal]
    people: Section[Person]


def check(sections: Sections, mistakes: Mistakes) -> None:
    """Note every rule between rows that is broken."""
    _Rules(sections, mistakes).check()


class _Rules:
    """One pass over all sections."""

    def __init__(self, sections: Sections, mistakes: Mistakes) -> None:
        self._all = sections
        self._mistakes = mistakes
        self._spellings_left = _SPELLED

    def check(self) -> None:
        districts, sites, terminals, people = self._all.districts, self._all.sites, self._all.terminals, self._all.people
        self._known(districts, "parent", districts)
        self._known(sites, "district", districts)
        self._known(people, "district", districts)
        self._known(terminals, "site", sites)
        self._loops()
        self._pairs(sites)
        self._pairs(people)
        self._hours()
        self._hosts()
        self._unique(terminals, ("host", "port", "gateway"), _address, N_("the same gateway, host and port"))
        self._unique(terminals, ("key_card",), lambda terminal: terminal.key_card, N_("the same key card"))
        self._unique(people, ("os_user",), lambda person: person.os_user, N_("the same system user"))

    def _note(self, row: Row, column: str, what: Message, hint: Message | None) -> None:
        self._mistakes.add(row.table.file, row.line_of(column), what, hint)

    def _known(self, section: Section[N], column: str, target: Section[Any]) -> None:
        """Every code in `column` is one of `target`; not judged where target's rows were lost."""
        if not target.whole:
            return
        unknown = [
            (row, code) for row, noun in section.judged(column) if (code := getattr(noun, column)) is not None and code not in target.first
        ]
        if unknown and not target.given:
            row = unknown[0][0]
            what = N_("`{heading}` refers to {table}, and no file holds them", heading=row.heading_of(column), table=_TITLES[target.title])
            self._note(row, column, what, N_("give {table}.csv too, or the directory that holds it", table=target.title))
            return
        for row, code in unknown:
            what = N_(
                "`{heading}` is `{code}`, which is not in {table}", heading=row.heading_of(column), code=code, table=_TITLES[target.title]
            )
            self._note(row, column, what, section.named.get(code) or self._spelling(code, target))

    def _spelling(self, code: str, target: Section[Any]) -> Message:
        if self._spellings_left:
            self._spellings_left -= 1
            found = nearest(code, target.first)
            if found is not None:
                return N_("did you mean `{nearest}`?", nearest=found)
        return N_("add it to {table}, or correct the code", table=_TITLES[target.title])

    def _loops(self) -> None:
        """No district is above itself."""
        districts = list(self._all.districts.judged("code", "parent"))
        parent = {district.code: district.parent for _, district in districts}
        for row, district in districts:
            above, seen = parent[district.code], {district.code}
            while above is not None and above not in seen:
                seen.add(above)
                above = parent.get(above)
            if above == district.code:
                what = N_("district `{code}` is above itself", code=district.code)
                self._note(row, "parent", what, N_("leave the topmost district's `{heading}` empty", heading=row.heading_of("parent")))

    def _pairs(self, section: Section[Any]) -> None:
        """Latitude and longitude come together."""
        for row, _ in section.entries:
            absent = [column for column in ("latitude", "longitude") if column not in row.values and column not in row.bad]
            if len(absent) == 1:
                given, missing = ("latitude", "longitude") if absent == ["longitude"] else ("longitude", "latitude")
                what = N_("`{given}` without `{missing}`", given=row.heading_of(given), missing=row.heading_of(missing))
                self._note(row, given, what, N_("give both, or neither"))

    def _hours(self) -> None:
        """Opening hours have the form that windows are computed from."""
        for row, site in self._all.sites.judged("opening_hours"):
            try:
                parse_hours(site.opening_hours)
            except InputError as error:
                values = {"heading": row.heading_of("opening_hours"), "value": shown(site.opening_hours)}
                self._note(row, "opening_hours", N_("`{heading}` cannot be `{value}`: {why}", why=error.what, **values), error.hint)

    def _hosts(self) -> None:
        """A terminal that is reached by SSH has a host."""
        for row, terminal in self._all.terminals.judged("host", "reach"):
            if terminal.reach is Reach.SSH and terminal.host is None:
                written = "/".join(str(row.values.get(column, "?")) for column in ("site", "code"))
                what = N_("terminal `{terminal}` has no host", terminal=shown(written))
                self._note(
                    row,
                    "host",
                    what,
                    N_("give its `{host}`, or `by-hand` as `{reach}`", host=row.heading_of("host"), reach=row.heading_of("reach")),
                )

    def _unique(self, section: Section[N], columns: tuple[str, ...], value_of: Callable[[N], object], same: Message) -> None:
        """No two rows have one value, in capitals or not; None is none. It is made of `columns`, and told on the first."""
        first: dict[str, Row] = {}
        for row, noun in section.judged(*columns):
            value = value_of(noun)
            if value is not None and (other := first.setdefault(_written(value).casefold(), row)) is not row:
                what = N_("{same} as at {place}: {value}", same=same, place=other.place, value=_written(value))
                self._note(row, columns[0], what, N_("each may be used once; correct one of the two rows"))


def _address(terminal: Terminal) -> tuple[str, str, int] | None:
    """What a connection is opened to."""
    return None if terminal.host is None else (terminal.gateway or "", terminal.host, terminal.port)


def _written(value: object) -> str:
    parts: Iterator[object] = iter(value) if isinstance(value, tuple) else iter((value,))
    return " ".join(str(part) for part in parts if part != "")
