"""May a push to this site begin now? Only if it can finish, and go back after that, before the span it is in ends."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from fleet.cutover.site_time import SiteTime
from fleet.model.attempt import Cause

RECHECK = timedelta(seconds=30)
"""What a push needs is measured as the night goes on, so a site that is short of time now is asked about again this soon."""


@dataclass(frozen=True, slots=True)
class Begin:
    """Now, and until `latest`: later it could not be finished any more."""

    latest: datetime


@dataclass(frozen=True, slots=True)
class Wait:
    """Ask again at this moment."""

    until: datetime
    why: Cause
    """`window-not-open`, or `cannot-finish` while there is too little time left."""


@dataclass(frozen=True, slots=True)
class Over:
    """Not any more."""

    why: Cause


Admission = Begin | Wait | Over


def admit(times: SiteTime, now: datetime, needs: timedelta) -> Admission:
    """Whether a push may begin.

    Args:
        times: When the site may be touched.
        now: This moment.
        needs: How long a push and its rollback may take, one after the other.
    """
    span = next((span for span in times.spans if span.end > now), None)
    if span is None:
        return Over(_why_over(times, needs))
    if span.begin > now:
        return Wait(span.begin, Cause.WINDOW_NOT_OPEN)
    if now + needs <= span.end:
        return Begin(span.end - needs)
    return Wait(min(now + RECHECK, span.end), Cause.CANNOT_FINISH)


def _why_over(times: SiteTime, needs: timedelta) -> Cause:
    if not times.spans:
        return times.why_none
    fits = any(span.end - span.begin >= needs for span in times.spans)
    return Cause.WINDOW_CLOSED if fits else Cause.CANNOT_FINISH
