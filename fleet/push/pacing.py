"""Who may begin a login now: limits that adapt, by gateway, by district and for all. Pure: no clock, no lock, no dice.

    join -> admit -> passed, dropped or left, place by place        (`gate` puts threads and the clock to it)

- A turn needs a place in each of its limits and gets all of them at once, so two turns never wait for each other's.
- The oldest turn that fits goes first. One that waits for its gateway holds no place, and is passed by those that fit.
- A limit rises by one for each round of logins that pass, up to its ceiling. It is halved when a server turned a connection away, or when
  logins take far longer than they did; once for all that were under way at that time.
- A login that takes longer than `LAPSE_S` gives up its places in the limits that lapse: who is silent is no burden to others.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

LAPSE_S = 5.0
_SLOWER = 4.0
"""So many times slower than they were, logins are too slow ..."""
_SLOWER_S = 2.0
"""... and by so many seconds at least."""
_USUAL = 0.05
_RECENT = 0.25


class Scope(StrEnum):
    """What a limit is about."""

    GATEWAY = "gateway"
    """Logins in progress at one gateway; an SSH server turns away who comes when it has too many of them (MaxStartups)."""
    DISTRICT = "district"
    """Logins in progress to one district's terminals; they share its line."""
    ALL = "all"
    """Logins in progress of this process; they share its line and its processors."""


_LAPSES = frozenset((Scope.DISTRICT, Scope.ALL))
"""A gateway counts its unfinished logins as long as they last, and so do we."""
_BEGINS_AT = {Scope.GATEWAY: 4}
"""Logins that a limit allows at first, where that is not its ceiling."""


class Key(NamedTuple):
    """Names a limit."""

    scope: Scope
    name: str = ""


@dataclass(slots=True)
class Limit:
    """How many may log in at the same time, for now."""

    ceiling: int
    allowed: float
    in_use: int = 0
    _usual_s: float = 0.0
    _recent_s: float = 0.0
    _halved_at: int = 0
    """The last turn that had been admitted when the limit was halved."""

    @property
    def has_room(self) -> bool:
        """Whether one more may begin."""
        return self.in_use < int(self.allowed)

    def passed(self, turn: int, took_s: float, last: int) -> None:
        """A login passed: allow more, or fewer where logins became slow. Turns are counted by their admission; `last` is the last one."""
        if not self._usual_s:
            self._usual_s = self._recent_s = took_s
        self._recent_s += _RECENT * (took_s - self._recent_s)
        # What is usual follows down at once and up slowly, so that a line that is slow from now on is the usual one some day.
        self._usual_s = min(self._recent_s, self._usual_s + _USUAL * (self._recent_s - self._usual_s))
        if self._recent_s > _SLOWER * self._usual_s and self._recent_s > self._usual_s + _SLOWER_S:
            self.halve(turn, last)
        else:
            self.allowed = min(float(self.ceiling), self.allowed + 1 / self.allowed)

    def halve(self, turn: int, last: int) -> None:
        """Allow half as many, unless this turn was under way already when that was done last."""
        if turn > self._halved_at:
            self.allowed = max(1.0, self.allowed / 2)
            self._halved_at = last


@dataclass(slots=True)
class _Turn:
    keys: list[Key]
    admitted_at: float | None = None
    """On the caller's clock; None while it waits."""
    place: int = 0
    """Counts the admissions."""


@dataclass(slots=True)
class Turns:
    """The turns that wait and those that are under way."""

    ceilings: Mapping[Scope, int]
    limits: dict[Key, Limit] = field(default_factory=dict)
    _turns: dict[int, _Turn] = field(default_factory=dict)
    """By number."""
    _waiting: dict[tuple[Key, ...], dict[int, _Turn]] = field(default_factory=dict)
    """Those that wait for the same places, the oldest first: only it can be the next of them."""
    _timely: dict[int, _Turn] = field(default_factory=dict)
    """Those under way that have not lapsed, by number, the first that was let in first."""
    _joined: int = 0
    _admitted: int = 0

    def join(self, keys: Iterable[Key]) -> int:
        """A new turn, which waits for a place in each of these limits; its number."""
        self._joined += 1
        wanted = tuple(dict.fromkeys(keys))
        turn = _Turn(list(wanted))
        for key in wanted:
            if key not in self.limits:
                ceiling = self.ceilings[key.scope]
                self.limits[key] = Limit(ceiling, float(min(ceiling, _BEGINS_AT.get(key.scope, ceiling))))
        self._turns[self._joined] = turn
        self._waiting.setdefault(wanted, {})[self._joined] = turn
        return self._joined

    def admit(self, now: float) -> list[int]:
        """Let in every waiting turn that fits, the oldest first; their numbers."""
        self._lapse(now)
        admitted = []
        while fitting := [keys for keys in self._waiting if all(self.limits[key].has_room for key in keys)]:
            number, keys = min((next(iter(self._waiting[keys])), keys) for keys in fitting)
            turn = self._turns[number]
            self._wait_no_more(number, keys)
            self._admitted += 1
            turn.admitted_at, turn.place = now, self._admitted
            for key in keys:
                self.limits[key].in_use += 1
            self._timely[number] = turn
            admitted.append(number)
        return admitted

    def passed(self, number: int, key: Key, now: float) -> None:
        """The turn's login passed here: its place is free, and the limit may rise."""
        turn = self._turns[number]
        assert turn.admitted_at is not None
        self.limits[key].passed(turn.place, now - turn.admitted_at, self._admitted)
        self._free(turn, key)

    def dropped(self, number: int, key: Key) -> None:
        """The server behind this limit turned the connection away."""
        turn = self._turns[number]
        self.limits[key].halve(turn.place, self._admitted)
        self._free(turn, key)

    def leave(self, number: int) -> None:
        """The turn is over, however it went; what it still holds is free, and it waits no more."""
        turn = self._turns.pop(number)
        if turn.admitted_at is None:
            self._wait_no_more(number, tuple(turn.keys))
            return
        self._timely.pop(number, None)
        for key in list(turn.keys):
            self._free(turn, key)

    def _wait_no_more(self, number: int, keys: tuple[Key, ...]) -> None:
        del self._waiting[keys][number]
        if not self._waiting[keys]:
            del self._waiting[keys]

    def _free(self, turn: _Turn, key: Key) -> None:
        if key in turn.keys:
            turn.keys.remove(key)
            self.limits[key].in_use -= 1

    def _lapse(self, now: float) -> None:
        while self._timely:
            number, turn = next(iter(self._timely.items()))
            assert turn.admitted_at is not None
            if now - turn.admitted_at < LAPSE_S:
                return
            del self._timely[number]
            for key in [key for key in turn.keys if key.scope in _LAPSES]:
                self._free(turn, key)
