"""What the finish of a rollout depends on while it waits for people, and so has no forecast."""

from typing import TYPE_CHECKING

from fleet.text import _

if TYPE_CHECKING:
    from fleet.cli.standing import Stand


def finish_waits_for(stand: "Stand") -> dict[str, str | int | None] | None:
    """`paused`, `point-of-no-return`, `wave` with its number, or `sites`, that people work at; None where nothing waits."""
    from fleet.model.rollout import RolloutPhase
    from fleet.rollout.standing import Standing, waiting_waves, waits_past_return

    if stand.standing is not Standing.WAITING:
        return None
    if stand.phase is RolloutPhase.PAUSED:
        return {"what": "paused", "wave": None}
    if waits_past_return(stand.rollout, stand.pending):
        return {"what": "point-of-no-return", "wave": None}
    waves = waiting_waves(stand.rollout, stand.pending)
    return {"what": "wave", "wave": waves[0].number} if waves else {"what": "sites", "wave": None}


def finish_line(stand: "Stand") -> str | None:
    """The same in one line, with how much is left to begin; None where nothing waits."""
    waits = finish_waits_for(stand)
    if waits is None:
        return None
    count = stand.tallies.total.sites.not_started
    if waits["what"] == "paused":
        return _("Finish: depends on when somebody resumes; sites not begun: {count}", count=count)
    if waits["what"] == "point-of-no-return":
        return _("Finish: depends on whether somebody goes past the point of no return; sites not begun: {count}", count=count)
    if waits["what"] == "wave":
        return _("Finish: depends on the decision about wave {number}; sites not begun: {count}", number=waits["wave"], count=count)
    return _("Finish: depends on when sites that people work at are let go; sites not begun: {count}", count=count)
