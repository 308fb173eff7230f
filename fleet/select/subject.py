"""What a selection is asked about: one terminal with its site, its districts, and what a rollout adds.

A subject only points at the nouns and looks a value up when a selection asks for it, so 100,000 of them cost next to nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from fleet.model.inventory import District, Fleet, Site, Terminal
from fleet.select.words import district_names, fold


@dataclass(frozen=True, slots=True)
class Subject:
    """One terminal as a selection sees it."""

    terminal: Terminal
    site: Site
    fleet: Fleet
    extra: Mapping[str, str] = field(default_factory=dict)
    """`state`, `cause`, `fingerprint`, `wave` (its number) and `technician` (their code), as far as they are known."""

    def values(self, name: str) -> tuple[str, ...]:
        """Every folded value the field `name` has here; empty where it has none. Any of them may be meant."""
        reader = _READERS.get(name)
        return reader(self) if reader else self._label(name)

    @property
    def text(self) -> str:
        """What a bare word is looked for in: the site's name and code, the terminal's code; folded."""
        return fold(f"{self.site.name}\n{self.terminal.site}/{self.terminal.code}")

    def _label(self, key: str) -> tuple[str, ...]:
        value = self.terminal.labels.get(key) or self.site.labels.get(key)
        return (fold(value),) if value else ()


def subject_of(terminal: Terminal, site: Site, fleet: Fleet, extra: Mapping[str, str] | None = None) -> Subject:
    """The terminal as a selection sees it.

    Args:
        terminal: The terminal; its labels come before the site's.
        site: Its site.
        fleet: Where its districts and the technician's name are found.
        extra: What a rollout knows: `state`, `cause` and `fingerprint` of a failure, `wave` and `technician`. A field that is not given matches nothing.
    """
    return Subject(terminal, site, fleet, extra or {})


def _districts(subject: Subject) -> tuple[str, ...]:
    fleet = subject.fleet
    above = fleet.lineage.get(subject.site.district)
    if above is None:
        return (fold(subject.site.district),)
    return _names_of(tuple(_district_words(fleet.districts[code]) for code in above))


def _district_words(district: District) -> tuple[str, str, str]:
    return district.code, district.name, district.name_en


@lru_cache(maxsize=4096)
def _names_of(districts: tuple[tuple[str, str, str], ...]) -> tuple[str, ...]:
    # One entry per district of the tree, so a province's hundred thousand terminals share a few hundred.
    words: dict[str, None] = {}
    for code, name, name_en in districts:
        words.update(dict.fromkeys((fold(code), *district_names(fold(name)), *(district_names(fold(name_en)) if name_en else ()))))
    return tuple(words)


def _extra(name: str, subject: Subject) -> tuple[str, ...]:
    value = subject.extra.get(name)
    return (fold(value),) if value else ()


def _technician(subject: Subject) -> tuple[str, ...]:
    code = subject.extra.get("technician")
    if not code:
        return ()
    person = subject.fleet.people.get(code)
    return (fold(code), fold(person.name)) if person else (fold(code),)


_YES, _NO = ("yes",), ("no",)
_READERS: dict[str, Callable[[Subject], tuple[str, ...]]] = {
    "kind": lambda subject: (subject.site.kind.value,),
    "district": _districts,
    "site": lambda subject: (fold(subject.site.code), fold(subject.site.name)),
    "terminal": lambda subject: (fold(subject.terminal.id), fold(subject.terminal.code)),
    "state": lambda subject: _extra("state", subject),
    "cause": lambda subject: (*_extra("cause", subject), *_extra("fingerprint", subject)),
    "wave": lambda subject: _extra("wave", subject),
    "technician": _technician,
    "reach": lambda subject: (subject.terminal.reach.value,),
    "emergency": lambda subject: _YES if subject.site.emergency else _NO,
    "open24h": lambda subject: _YES if subject.site.open_24h else _NO,
}
