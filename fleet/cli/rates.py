"""Rates as people write them: `500KB`, `2Mbit`, `1.5MB/s`; and how the limits of a rollout are said."""

import re
from typing import TYPE_CHECKING

from fleet.errors import InputError
from fleet.text import N_, _

if TYPE_CHECKING:
    from fleet.model.purpose import Limits

_UNITS = {"kbit": 125, "mbit": 125_000, "gbit": 125_000_000, "KB": 1_000, "kB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}
"""Bytes a second; thousands, as lines are sold."""
_WRITTEN = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*([A-Za-z]+?)(?:/s|ps)?")


def parse_rate(text: str | None, option: str) -> int | None:
    """Bytes a second; None where nothing was written.

    Raises:
        InputError: It is no rate, or one with which nothing would ever arrive.
    """
    from fleet.model.purpose import LEAST_RATE, MOST_RATE

    if text is None:
        return None
    found = _WRITTEN.fullmatch(text.strip())
    unit = (_UNITS.get(found[2]) or _UNITS.get(found[2].lower() if found[2].lower().endswith("bit") else "")) if found else None
    rate = int(float(found[1]) * unit) if found and unit else None
    if rate is None or rate > MOST_RATE:
        raise InputError(
            N_("`{text}` is no rate", text=text),
            where=option,
            hint=N_("write a number and kbit, Mbit, Gbit, KB, MB or GB, for example 2Mbit or 500KB; it is meant for one second"),
        )
    if rate < LEAST_RATE:
        raise InputError(N_("{rate} is so slow that nothing would ever arrive", rate=text), where=option, hint=N_("8kbit is the least"))
    return rate


def rate_words(rate: int) -> str:
    """`2 Mbit/s (250 KB/s)`."""
    return f"{_scaled(rate * 8, ('bit', 'kbit', 'Mbit', 'Gbit'))} ({_scaled(rate, ('B', 'KB', 'MB', 'GB'))})"


def limits_words(limits: "Limits") -> str:
    """The limits in one line; empty without any."""
    values = {"site": rate_words(limits.site_rate or 0), "total": rate_words(limits.total_rate or 0)}
    if limits.site_rate and limits.total_rate:
        return _("Sending at most {site} to a site and {total} in all.", **values)
    if limits.site_rate:
        return _("Sending at most {site} to a site.", **values)
    return _("Sending at most {total} in all.", **values) if limits.total_rate else ""


def _scaled(value: float, units: tuple[str, ...]) -> str:
    for unit in units[:-1]:
        if value < 1000:
            return f"{value:.4g} {unit}/s"
        value /= 1000
    return f"{value:.4g} {units[-1]}/s"
