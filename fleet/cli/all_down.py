"""The limits of a plan that keep nothing up: which sites may all be down at once, and what to do about it, in the words of `fleet plan`."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from fleet.text import _

if TYPE_CHECKING:
    from fleet.plan import Preview

_NAMED = 5
"""Sites that a warning names; it counts the others."""


def all_down_lines(shown: "Preview") -> Iterator[str]:
    """A warning for each limit that spares no site somewhere: where it counts one site only, and where it allows as many as it counts."""
    rules = dict.fromkeys((limit.select, limit.district is None) for limit in shown.limits)
    for select, of_fleet in rules:
        places = [limit.all_down for limit in shown.limits if (limit.select, limit.district is None) == (select, of_fleet)]
        if alone := [code for sites in places if len(sites) == 1 for code in sites]:
            yield _(
                "WARNING: limit `{select}` keeps nothing up where it counts one site only: {sites}. Such a site is down while it is pushed: "
                "agree with it on a time, plan it by itself (--select, --windows), or accept that.",
                select=select or "*",
                sites=_named(alone),
            )
        if together := [code for sites in places if len(sites) > 1 for code in sites]:
            yield _(
                "WARNING: limit `{select}` lets all sites that it counts together be down at once: {sites}. Write a smaller `at_most`, so that some stay "
                "up, or accept that.",
                select=select or "*",
                sites=_named(together),
            )


def _named(sites: Sequence[str]) -> str:
    """The first few of them, then how many more."""
    first = ", ".join(sites[:_NAMED])
    return _("{sites} and {more} more", sites=first, more=len(sites) - _NAMED) if len(sites) > _NAMED else first
