"""What `fleet plan` says of the earliest finish: how long it is, what of it is soaking, and which limit makes a wave take so long."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fleet.text import _

if TYPE_CHECKING:
    from fleet.plan import Preview
    from fleet.plan.earliest import Queue


def earliest_line(shown: "Preview") -> str:
    """When it could be finished, if nothing fails."""
    from fleet.cli.plan import duration

    values = {"time": duration(shown.earliest_s), "seconds": f"{shown.push_s:g}"}
    if not shown.soaks_s:
        return _("Earliest finish: {time} of pushing, when one takes {seconds} s and nothing fails", **values)
    soaks = duration(shown.soaks_s)
    return _(
        "Earliest finish: {time}, {soaks} of it soaking between waves, when a push takes {seconds} s and nothing fails",
        soaks=soaks,
        **values,
    )


def queue_lines(shown: "Preview") -> Iterator[str]:
    """The waves that a limit, or a district's budget, makes longer than anything else would."""
    from fleet.cli.plan import duration

    for wave in shown.waves:
        if wave.queue is not None:
            values = {"number": wave.number, "time": duration(wave.earliest_s), "sites": wave.queue.sites, "allowed": wave.queue.allowed}
            yield _(
                "Wave {number} takes {time} because of {what}: it counts {sites} {sites:site|sites} of the wave, and {allowed} may be down at once.",
                what=_what(wave.queue),
                **values,
            )


def _what(queue: "Queue") -> str:
    if queue.select is None:
        return _("the budget of district {district}", district=queue.district)
    select = queue.select or "*"
    if queue.district is None:
        return _("the limit `{select}` for the whole fleet", select=select)
    return _("the limit `{select}` in district {district}", select=select, district=queue.district)
