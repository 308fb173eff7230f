"""When a site may be touched, and what that leaves time for. Pure: no clock, no dice; the engine hands its answers on as facts.

- `site_time` makes the spans in which pushes to a site may begin and end, out of the plan's windows and the site's opening hours.
- `admit` says of one moment: begin, wait until then, or it is over.
- `Pace` is how long pushes and rollbacks take, as measured; `last_safe_rollback` the point of no return; `forecast` the finish.
"""

from fleet.cutover.admission import Admission, Begin, Over, Wait, admit
from fleet.cutover.forecast import Forecast, Work, forecast
from fleet.cutover.pace import Bound, Pace, Sample, p95
from fleet.cutover.point_of_no_return import Return, last_safe_rollback
from fleet.cutover.site_time import SiteTime, site_time
from fleet.cutover.spans import Span

__all__ = [
    "Admission",
    "Begin",
    "Bound",
    "Forecast",
    "Over",
    "Pace",
    "Return",
    "Sample",
    "SiteTime",
    "Span",
    "Wait",
    "Work",
    "admit",
    "forecast",
    "last_safe_rollback",
    "p95",
    "site_time",
]
