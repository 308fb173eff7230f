"""Until when everything that was touched can still go back before the suspension ends."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil

from fleet.cutover.pace import Bound
from fleet.cutover.spans import Span, union
from fleet.model.windows import Windows


@dataclass(frozen=True, slots=True)
class Return:
    """The point of no return, as things stand."""

    last_safe_at: datetime
    """A rollback of everything that is begun by now is done before `ends_at`."""
    begins_at: datetime
    ends_at: datetime
    """Of the suspension (of the window, where there is no suspension) that is or comes next."""

    def is_past(self, now: datetime) -> bool:
        """Whether what is begun now might not all come back in time. Before and after the suspension there is nothing to be late for."""
        return self.begins_at <= now < self.ends_at and now > self.last_safe_at


def last_safe_rollback(windows: Windows, now: datetime, terminals: int, parallel: int, rollback: Bound) -> Return | None:
    """Until when everything can still go back in time; None once the last suspension is over.

    Args:
        windows: What the plan says.
        now: This moment.
        terminals: Those that would have to go back.
        parallel: How many of them at the same time.
        rollback: How long one takes.
    """
    night = _night(windows, now)
    if night is None:
        return None
    turns = ceil(terminals / max(1, parallel))
    return Return(night.end - timedelta(seconds=turns * rollback.seconds), night.begin, night.end)


def _night(windows: Windows, now: datetime) -> Span | None:
    entries = windows.suspensions or windows.windows
    spans = union(Span(entry.begins_at.astimezone(UTC), entry.ends_at.astimezone(UTC)) for entry in entries)
    return next((span for span in spans if span.end > now), None)
