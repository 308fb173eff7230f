"""What may be done now about a site or a failure: the numbered card, and the box that asks for what a choice needs."""

from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widgets import Input

from fleet.control.choices import Choice, What, choose
from fleet.control.rollouts import sites_of
from fleet.text import _, render
from fleet.tui.cells import Span, wrap
from fleet.tui.dialogs import Dialog, number_in, paragraph
from fleet.tui.look import BOLD, DIM, KEY, NONE, WARN

_INDENT = "   "
_COUNTED = frozenset((What.BY_HAND, What.ROLL_BACK, What.EXCLUDE, What.CONFIRM))


class ChoiceDialog(Dialog):
    """The card; a number and Enter make the choice, or lead to what it still needs."""

    fields = ("number",)
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def __init__(self, title: str, card: list[Choice], rollout: str) -> None:
        """Take the card as control gave it; it is looked at again when the choice is made."""
        super().__init__()
        self._title, self._card, self._rollout = title, card, rollout

    def words(self, width: int) -> list[list[Span]]:
        """Every choice with its meaning; one that cannot be made now with its reason and who can."""
        lines: list[list[Span]] = [[(self._title, WARN)], []]
        for number, choice in enumerate(self._card, 1):
            style = DIM if choice.refusal else BOLD
            lines.append([(f"{number}. ", KEY if choice.refusal is None else DIM), (render(choice.title), style)])
            said = render(choice.meaning)
            if choice.refusal is not None:
                said = _("not now: {reason}", reason=choice.refusal) + (f"; {render(choice.hint)}" if choice.hint else "")
            lines += [[(_INDENT, NONE), (line, DIM)] for line in wrap(said, max(1, width - len(_INDENT)))]
        return lines

    def about(self, name: str) -> str:  # noqa: ARG002 - there is one field
        """What to type."""
        return _("Which one? Type its number.")

    @on(Input.Submitted)
    async def submit(self) -> None:
        """The number must be one of the card's, and its choice one that can be made."""
        typed = self.typed("number")
        numbers = {str(number): choice for number, choice in enumerate(self._card, 1)}
        choice = numbers.get(typed)
        if choice is None:
            self.reply(_("Type a number from 1 to {last}; nothing was done.", last=len(self._card)))
        elif choice.refusal is not None:
            self.reply("  ".join(render(part) for part in (choice.refusal, choice.hint) if part))
        elif needed_for(choice):
            self.dismiss()
            self.fleet_app.push_screen(ConfirmDialog(choice, self._rollout))
        else:
            rollout = self._rollout
            await self.decide(lambda store, actor, at: choose(store, actor, at, rollout, choice), done_words(choice))


class ConfirmDialog(Dialog):
    """What a choice still needs: who goes there, why, how many sites."""

    def __init__(self, choice: Choice, rollout: str, technician: str = "") -> None:
        """The fields follow from the choice; `technician` stands in its field until another is typed."""
        super().__init__()
        self._technician = technician
        self._choice, self._rollout = choice, rollout
        self.fields = needed_for(choice)

    def on_mount(self) -> None:
        """Who goes there already stands in the field."""
        super().on_mount()
        if "technician" in self.fields and self._technician:
            field = self.query_one("#technician", Input)
            field.value, field.cursor_position = self._technician, len(self._technician)

    def words(self, width: int) -> list[list[Span]]:
        """The choice and what it means."""
        return [[(render(self._choice.title), WARN)], [], *paragraph(render(self._choice.meaning), width)]

    def about(self, name: str) -> str:
        """What to type."""
        if name == "technician":
            return _("Who goes there? The technician's code or name.")
        if name == "count":
            return _("How many sites is that? Type {sites} to confirm.", sites=self._sites)
        return _("Why? Everybody will read it.")

    @on(Input.Submitted)
    async def submit(self) -> None:
        """Every field must be filled; whether the count is right, control says."""
        values = {name: self.typed(name) for name in self.fields}
        empty = next((name for name, value in values.items() if not value), None)
        if empty is not None:
            self.reply("")
            self.query_one(f"#{empty}", Input).focus()
        elif "count" in values and number_in(values["count"]) is None:
            self.reply(_("Type the number in digits; nothing was done."))
            self.query_one("#count", Input).focus()
        else:
            rollout, choice, who, why = self._rollout, self._choice, values.get("technician", ""), values.get("reason", "")
            count = number_in(values.get("count", ""))
            await self.decide(
                lambda store, actor, at: choose(store, actor, at, rollout, choice, technician=who, reason=why, typed=count),
                done_words(choice),
            )

    @property
    def _sites(self) -> int:
        return len(sites_of(self._choice.terminals))


def needed_for(choice: Choice) -> tuple[str, ...]:
    """The fields of a choice. What takes a release away, or sites from its pushes, wants their number typed; so does what means all that is left."""
    return (
        *(("technician",) if choice.needs_technician else ()),
        *(("reason",) if choice.needs_reason else ()),
        *(("count",) if choice.what in _COUNTED or choice.everything is not None else ()),
    )


def done_words(choice: Choice) -> str:
    """What the bottom line says afterwards."""
    if choice.second:
        return _("Asked for; it waits until one of these confirms it, with d at the site: {names}", names=choice.second)
    return _("Done: {choice}, {count} {count:terminal|terminals}.", choice=choice.title, count=len(choice.terminals))
