"""Rolling a wave back: which one, then what that comes to, how long it takes as the canary measured it, and what has to be typed."""

from datetime import timedelta
from math import ceil

from textual import on
from textual.widgets import Input

from fleet.control.outlook import side_by_side
from fleet.control.rollback import Meant, meant_at, roll_back
from fleet.errors import FleetError
from fleet.model.step_words import step_words
from fleet.report.words import wave_name_words, wave_phase_words
from fleet.rollout import rehearsal_words
from fleet.text import _, render
from fleet.tui.board import Board
from fleet.tui.cells import Span
from fleet.tui.dialogs import Dialog, number_in, paragraph
from fleet.tui.go_past import rollback_words
from fleet.tui.header import time_left
from fleet.tui.look import BAD, BOLD, DIM, KEY, NONE, WARN

_NAMED = 5
"""Terminals done by hand that are named; the others are counted."""


class WaveBackDialog(Dialog):
    """Every wave with how far it is; a number leads on."""

    fields = ("wave",)

    def words(self, width: int) -> list[list[Span]]:
        """A line for each wave."""
        board = self.board
        text = _("The release before is made live again on all of it; what has not begun is held. A single site: open it, then d.")
        lines: list[list[Span]] = [[(_("Roll a wave back"), WARN)], [], *paragraph(text, width), []]
        for wave in board.rollout.waves if board.rollout else ():
            sites = board.tally_of_wave(wave.number).sites
            said = _("{upgraded} of {sites} {sites:site|sites} upgraded", upgraded=sites.upgraded, sites=sites.total)
            name = render(wave_name_words(board.wave_name(wave.number)))
            lines.append([(f"{wave.number}. ", KEY), (name, BOLD), (f"  {said}  {render(wave_phase_words(wave.phase))}", DIM)])
        return lines

    def about(self, name: str) -> str:  # noqa: ARG002 - there is one field
        """What to type."""
        return _("Which wave? Type its number.")

    @on(Input.Submitted)
    async def submit(self) -> None:
        """The wave must be one of the rollout's, with something to take back."""
        rollout, number = self.board.rollout, number_in(self.typed("wave"))
        if rollout is None:
            return
        if number is None:
            self.reply(_("Type a number from 1 to {last}; nothing was done.", last=len(rollout.waves)))
            return
        try:
            meant = await self.fleet_app.look(lambda snapshot, _actor: meant_at(snapshot, rollout.id, wave=number))
        except FleetError as error:
            self.reply("  ".join(line.strip() for line in error.lines()))
            return
        self.dismiss()
        self.fleet_app.push_screen(ConfirmWaveBack(number, meant))


class ConfirmWaveBack(Dialog):
    """What it comes to; its sites' number and a reason, and where steps stay done, that it goes back all the same."""

    def __init__(self, number: int, meant: Meant) -> None:
        """Take what control says it comes to; control looks again when it is done."""
        super().__init__()
        self._number, self._meant = number, meant
        self.fields = ("count", "reason", *(("despite",) if meant.irreversible else ()))

    def words(self, width: int) -> list[list[Span]]:
        """Terminals, time, and what does not go with them."""
        board, meant = self.board, self._meant
        name = render(wave_name_words(board.wave_name(self._number)))
        lines: list[list[Span]] = [[(_("Roll wave {number} back ({name})?", number=self._number, name=name), BAD)], []]
        for text, style in (
            (_("Terminals that get the release before: {count}", count=len(meant.terminals)), BOLD),
            (_("Waiting for it already: {count}", count=meant.waiting) if meant.waiting else "", NONE),
            (_("Not begun, and held until somebody approves: {count}", count=meant.not_begun) if meant.not_begun else "", NONE),
            (self._by_hand(), WARN),
            (self._irreversible(), BAD),
            (_("The rollout was stopped; it will be paused, and pushes nothing else.") if meant.is_paused else "", WARN),
            *((text, NONE) for text in time_lines(board, len(meant.terminals) + meant.waiting)),
        ):
            lines += paragraph(text, width, style) if text else []
        return lines

    def about(self, name: str) -> str:
        """What to type."""
        if name == "count":
            return _("How many sites does the wave have? Type {sites} to confirm.", sites=self._sites)
        if name == "despite":
            return _("Type {steps} to go back although that stays done.", steps=self._steps)
        return _("Why? Everybody will read it.")

    @on(Input.Submitted)
    async def submit(self) -> None:
        """Every field must be filled; control holds the count against the wave as it is."""
        rollout, values = self.board.rollout, {name: self.typed(name) for name in self.fields}
        empty = next((name for name, value in values.items() if not value), None)
        count, number = number_in(values["count"]), self._number
        if rollout is None:
            return
        if empty is not None:
            self.reply("")
            self.query_one(f"#{empty}", Input).focus()
        elif count is None:
            self.reply(_("Type the number in digits; nothing was done."))
            self.query_one("#count", Input).focus()
        elif values.get("despite", self._steps) != self._steps:
            self.reply(_("These are not the steps that stay done; nothing was rolled back."))
            self.query_one("#despite", Input).focus()
        else:
            despite = "despite" in values
            await self.decide(
                lambda store, actor, at: roll_back(
                    store, actor, at, rollout.id, wave=number, reason=values["reason"], despite_irreversible=despite, typed=count
                ),
                _("Wave {number} waits to be rolled back; the orchestrator does it.", number=number),
            )

    def _by_hand(self) -> str:
        names = self._meant.by_hand
        if not names:
            return ""
        named = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
        return _("Done by hand, so a technician has to go there: {terminals}", terminals=named)

    def _irreversible(self) -> str:
        steps = ", ".join(render(step_words(step)) for step in self._meant.irreversible)
        return _("What these steps did stays done: {steps}", steps=steps) if steps else ""

    @property
    def _steps(self) -> str:
        return ", ".join(self._meant.irreversible)

    @property
    def _sites(self) -> int:
        return self.board.tally_of_wave(self._number).sites.total


def time_lines(board: Board, terminals: int) -> list[str]:
    """How the way back was rehearsed, how long one takes, and so all of them; and until when there is time."""
    lines = [render(words) for wave in (board.rollout.waves if board.rollout else ()) if (words := rehearsal_words(wave)) is not None]
    if not lines:
        lines.append(_("The way back was not rehearsed in this rollout."))
    ahead = board.outlook
    if ahead is None or board.plan is None:
        return lines
    back = ahead.pace.rollback
    lines.append(rollback_words(back.seconds, back.samples, measured=back.is_measured))
    parallel = side_by_side(board.plan)
    whole = timedelta(seconds=back.seconds * ceil(terminals / max(1, parallel)))
    values = {"left": time_left(whole), "time": board.clock(board.at + whole), "parallel": parallel}
    lines.append(_("All of them, {parallel} at a time: {left}, until about {time}.", **values))
    if ahead.clock is not None:
        lines.append(_("The suspension ends {end}.", end=board.clock(ahead.clock.ends_at)))
    return lines
