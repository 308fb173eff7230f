"""Terminals that are tried again by themselves, and the queue of those that nobody answers at."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, exists, func, or_, select

from fleet.model.attempt import NOBODY_ANSWERED, RETRIED, TerminalState
from fleet.model.rollout import SITE_FAILURES, SiteState
from fleet.store import tables
from fleet.store.database import Snapshot

_terminals = tables.terminal_progress
_sites = tables.site_progress
_CHUNK = 500
_SILENCE = [cause.value for cause in NOBODY_ANSWERED]


@dataclass(frozen=True, slots=True)
class Row:
    """How often a terminal was tried since a person last wanted it, and since when nobody answers there."""

    tries: int = 0
    unreachable_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Of one wave: what is due again by itself."""

    terminals: int
    due_at: datetime
    """The first of them."""
    failed_sites: int = 0
    """Their sites that spend the wave's failure budget."""


@dataclass(frozen=True, slots=True)
class SilentSites:
    """How many sites of a wave and district are unreachable for a cause, and have a terminal that is still tried again by itself."""

    wave: int
    district: str
    cause: str
    sites: int


class Job(StrEnum):
    """What made a terminal that nobody answers at a technician's job. The values are in `fleet status --json` and do not change."""

    SENT = "sent"
    """A person sent one since it fell silent."""
    NO_TRY_LEFT = "no-try-left"
    """It is not tried again by itself: its tries are spent, no rule gives it any, the next would come too late, or the rollout is over."""
    SILENT_FOR_LONG = "silent-for-long"
    """A try is left, but nobody has answered for the playbook's `offline_after_h`."""


@dataclass(frozen=True, slots=True)
class Offline:
    """A terminal that nobody answers at."""

    terminal: str
    site: str
    district: str
    since: datetime
    tries: int
    due_at: datetime | None
    """When it is tried again by itself; None where no try is left."""
    technician: str | None = None
    """Who goes to its site."""
    sent_at: datetime | None = None
    """When a person last decided that; None where the program did."""

    def age(self, now: datetime) -> timedelta:
        """How long nobody has answered."""
        return max(now - self.since, timedelta())

    def job(self, now: datetime, offline_after_h: float | None) -> Job | None:
        """Why a technician has to go there; None while it is still tried again by itself."""
        if self.sent_at is not None and self.sent_at >= self.since:
            return Job.SENT
        if self.due_at is None:
            return Job.NO_TRY_LEFT
        is_long = offline_after_h is not None and self.age(now) >= timedelta(hours=offline_after_h)
        return Job.SILENT_FOR_LONG if is_long else None


def read_row(snapshot: Snapshot, rollout: str, terminal: str) -> Row:
    """How a terminal stands with its tries."""
    query = select(_terminals.c.tries, _terminals.c.unreachable_since).where(
        _terminals.c.rollout == rollout, _terminals.c.terminal == terminal
    )
    row = snapshot.connection.execute(query).first()
    return Row(row.tries or 0, row.unreachable_since) if row else Row()


def waiting_by_wave(snapshot: Snapshot, rollout: str) -> dict[int, Waiting]:
    """Wave -> what waits for its next try there."""
    query = (
        select(_terminals.c.wave, func.count().label("n"), func.min(_terminals.c.due_at).label("due_at"))
        .where(*_waits(rollout))
        .group_by(_terminals.c.wave)
    )
    found = {row.wave: Waiting(row.n, row.due_at) for row in snapshot.connection.execute(query)}
    theirs = _sites.c.site.in_(select(_terminals.c.site).where(*_waits(rollout)))
    failed = _sites.c.state.in_([state.value for state in SITE_FAILURES])
    counted = select(_sites.c.wave, func.count().label("n")).where(_sites.c.rollout == rollout, theirs, failed).group_by(_sites.c.wave)
    for row in snapshot.connection.execute(counted) if found else ():
        found[row.wave] = replace(found[row.wave], failed_sites=row.n)
    return found


def silent_sites(snapshot: Snapshot, rollout: str) -> list[SilentSites]:
    """Sites that are unreachable, but have a terminal that is still tried again by itself, by wave, district and cause."""
    unreachable = select(_terminals.c.site).where(_terminals.c.rollout == rollout, _terminals.c.state == TerminalState.UNREACHABLE.value)
    group = (_sites.c.wave, _sites.c.district, _sites.c.cause)
    query = (
        select(*group, func.count().label("n"))
        .where(_sites.c.rollout == rollout, _sites.c.site.in_(unreachable), is_silent(rollout))
        .group_by(*group)
    )
    return [SilentSites(row.wave, row.district, row.cause, row.n) for row in snapshot.connection.execute(query)]


def is_silent(rollout: str) -> ColumnElement[bool]:
    """Of a row of `site_progress`: it is unreachable, and one of its terminals has a try left."""
    left = exists().where(_terminals.c.site == _sites.c.site, *_has_a_try_left(rollout))
    return and_(_sites.c.state == SiteState.UNREACHABLE.value, left)


def with_a_try_left(snapshot: Snapshot, rollout: str, sites: Iterable[str]) -> set[str]:
    """Of these sites, the ones with a terminal that is still tried again by itself."""
    wanted = list(sites)
    found: set[str] = set()
    for start in range(0, len(wanted), _CHUNK):
        query = select(_terminals.c.site).where(*_has_a_try_left(rollout), _terminals.c.site.in_(wanted[start : start + _CHUNK]))
        found |= set(snapshot.connection.execute(query).scalars())
    return found


def due(snapshot: Snapshot, rollout: str, wave: int, now: datetime) -> list[str]:
    """Terminals of a wave that are due to be tried again."""
    query = select(_terminals.c.terminal).where(*_waits(rollout), _terminals.c.wave == wave, _terminals.c.due_at <= now)
    return list(snapshot.connection.execute(query.order_by(_terminals.c.terminal)).scalars())


def offline(snapshot: Snapshot, rollout: str, site: str | None = None) -> list[Offline]:
    """The queue of terminals that nobody answers at, of all sites or one; the one that has been silent longest first."""
    where = list(_is_offline(rollout))
    if site is not None:
        where.append(_terminals.c.site == site)
    sent = tables.assignment
    query = (
        select(_terminals, sent.c.technician, sent.c.by, sent.c.at)
        .outerjoin_from(_terminals, sent, sent.c.site == _terminals.c.site)
        .where(*where)
        .order_by(_terminals.c.unreachable_since, _terminals.c.terminal)
    )
    ended = select(tables.rollout.c.finished_at).where(tables.rollout.c.id == rollout)
    is_over = snapshot.connection.execute(ended).scalar() is not None
    return [
        Offline(
            row.terminal,
            row.site,
            row.district,
            row.unreachable_since,
            row.tries or 0,
            None if is_over else row.due_at,
            row.technician,
            row.at if row.by is not None else None,
        )
        for row in snapshot.connection.execute(query)
    ]


def has_offline(snapshot: Snapshot, rollout: str) -> bool:
    """Whether the queue holds anything; asked for often."""
    return _is_any(snapshot, _is_offline(rollout))


def has_turned_away(snapshot: Snapshot, rollout: str) -> bool:
    """Whether a terminal is unreachable that is not offline: somebody answered, or its gateway failed; asked for often."""
    return _is_any(snapshot, (*_is_unreachable(rollout), _terminals.c.cause.not_in(_SILENCE)))


def _is_any(snapshot: Snapshot, where: tuple[ColumnElement[bool], ...]) -> bool:
    return snapshot.connection.execute(select(_terminals.c.terminal).where(*where).limit(1)).first() is not None


def _is_unreachable(rollout: str) -> tuple[ColumnElement[bool], ...]:
    return _terminals.c.rollout == rollout, _terminals.c.state == TerminalState.UNREACHABLE.value


def _is_offline(rollout: str) -> tuple[ColumnElement[bool], ...]:
    return *_is_unreachable(rollout), _terminals.c.cause.in_(_SILENCE), _terminals.c.unreachable_since.is_not(None)


def _waits(rollout: str) -> tuple[ColumnElement[bool], ...]:
    return (
        _terminals.c.rollout == rollout,
        _terminals.c.state.in_([state.value for state in RETRIED]),
        _terminals.c.due_at.is_not(None),
    )


def _has_a_try_left(rollout: str) -> tuple[ColumnElement[bool], ...]:
    """Of a terminal: it waits until it is due, or was put back when it was and waits for its turn."""
    has_its_turn = and_(_terminals.c.state == TerminalState.NOT_STARTED.value, _terminals.c.tries.is_not(None))
    return _terminals.c.rollout == rollout, or_(and_(*_waits(rollout)), has_its_turn)
