"""The queue of terminals that nobody answers at, as `fleet status` shows it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fleet.text import _

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from fleet.cli.standing import Stand
    from fleet.store.again import Job, Offline

_SHOWN = 10
"""So many are shown, the longest silent first; --json has them all."""


def offline_lines(stand: "Stand", zone: "ZoneInfo") -> Iterator[str]:
    """How many there are, how long nobody has answered, and what comes next for each."""
    if not stand.offline:
        return
    jobs = sum(_job(stand, one) is not None for one in stand.offline)
    yield _("Nobody answers at terminals: {count}; a technician's job: {jobs}", count=len(stand.offline), jobs=jobs)
    for one in stand.offline[:_SHOWN]:
        yield "  " + _line(stand, one, zone)
    if len(stand.offline) > _SHOWN:
        yield "  " + _("and {count} more", count=len(stand.offline) - _SHOWN)


def offline_facts(stand: "Stand") -> list[dict[str, Any]]:
    """The same as data; without the age, which changes while nothing happens."""
    return [
        {
            "terminal": one.terminal,
            "district": one.district,
            "since": one.since,
            "tries": one.tries,
            "due_at": one.due_at,
            "job": (job := _job(stand, one)) is not None,
            "why_job": job,
        }
        for one in stand.offline
    ]


def _line(stand: "Stand", one: "Offline", zone: "ZoneInfo") -> str:
    """One terminal: for how long, whose turn it is and why, and when it is tried again."""
    from fleet.store.again import Job

    hours = stand.offline_after_h or 0
    values = {"terminal": one.terminal, "age": _age(one.age(stand.at)), "tries": one.tries}
    if one.due_at is not None:
        values["time"] = _clock(one.due_at, zone)
    match _job(stand, one):
        case Job.SENT if one.due_at is not None:
            return _("{terminal}: for {age}, tries: {tries}; a technician's job: one was sent; tried again at {time}", **values)
        case Job.SENT:
            return _("{terminal}: for {age}, tries: {tries}; a technician's job: one was sent", **values)
        case Job.NO_TRY_LEFT:
            return _(
                "{terminal}: for {age}, tries: {tries}; a technician's job: no try is left; `fleet rollout retry` tries it again", **values
            )
        case Job.SILENT_FOR_LONG:
            return _(
                "{terminal}: for {age}, tries: {tries}; a technician's job: silent for {hours:g} h; its next try was due at {time}",
                hours=hours,
                **values,
            )
        case None:
            return _("{terminal}: for {age}, tries: {tries}; next one at {time}", **values)


def _job(stand: "Stand", one: "Offline") -> "Job | None":
    return one.job(stand.at, stand.offline_after_h)


def _age(age: timedelta) -> str:
    minutes = int(age.total_seconds()) // 60
    return _("{hours} h {minutes} min", hours=minutes // 60, minutes=minutes % 60)


def _clock(at: "datetime", zone: "ZoneInfo") -> str:
    return f"{at.astimezone(zone):%H:%M}"
