"""Going past the point of no return: the numbers it is about, and a reason that everybody will read."""

from textual import on
from textual.widgets import Input

from fleet.control.go_past import go_past
from fleet.text import _
from fleet.tui.cells import Span
from fleet.tui.dialogs import Dialog, paragraph
from fleet.tui.header import time_left
from fleet.tui.look import BAD, BOLD, WARN


class GoPastDialog(Dialog):
    """What going on would mean now, and why somebody wants it."""

    fields = ("reason",)

    def words(self, width: int) -> list[list[Span]]:
        """Until when everything could go back, what that is worked out from, and what happens from then on."""
        lines: list[list[Span]] = [[(_("Go on past the point of no return?"), BAD)], []]
        ahead = self.board.outlook
        if ahead is not None and ahead.clock is not None:
            clock, back = ahead.clock, ahead.pace.rollback
            values = {"time": self.board.clock(clock.last_safe_at), "end": self.board.clock(clock.ends_at)}
            if clock.is_past(self.board.at):
                said = _("The last safe rollback was at {time}; the suspension ends {end}.", **values)
            else:
                left = time_left(clock.last_safe_at - self.board.at)
                said = _("The last safe rollback is at {time}, {left} from now; the suspension ends {end}.", left=left, **values)
            lines += [
                *paragraph(said, width, BOLD),
                *paragraph(rollback_words(back.seconds, back.samples, measured=back.is_measured), width),
            ]
        text = _(
            "New sites begin again although what was touched could no longer all go back before the suspension ends. "
            "It holds for the rest of this rollout, and your name is recorded."
        )
        return [*lines, [], *paragraph(text, width, WARN)]

    def about(self, name: str) -> str:  # noqa: ARG002 - there is one field
        """What to type."""
        return _("Why? Everybody will read it.")

    @on(Input.Submitted)
    async def submit(self) -> None:
        """There must be a reason; who may is control's to say."""
        rollout, reason = self.board.rollout, self.typed("reason")
        if rollout is not None and reason:
            await self.decide(
                lambda store, actor, at: go_past(store, actor, at, rollout.id, reason=reason),
                _("It goes on past the point of no return. Your name and the reason are recorded."),
            )


def rollback_words(seconds: float, samples: int, *, measured: bool) -> str:
    """How long one terminal takes to go back, and how that is known."""
    if measured:
        return _("One terminal goes back in {seconds:.0f} s or less (p95, measured: {samples}).", seconds=seconds, samples=samples)
    return _("One terminal is taken to go back in {seconds:.0f} s; too few were measured ({samples}).", seconds=seconds, samples=samples)
