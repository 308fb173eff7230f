"""The help: every key, and what every mark means."""

from collections.abc import Iterator
from typing import ClassVar

from rich.style import Style
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.strip import Strip

from fleet.model.rollout import SiteState
from fleet.text import N_, _, render
from fleet.tui.cells import Span, fit, strip_of, width_of, wrap
from fleet.tui.frame import KeyBar, Verb
from fleet.tui.lines import Scroller
from fleet.tui.look import DONE_SITE, KEY, NONE, PLAIN, TITLE, site_state_shown
from fleet.tui.screens import BoardScreen

_KEYS = (
    (
        N_("EVERYWHERE"),
        (
            ("a", N_("the gate: evidence, and approving the next wave")),
            ("p", N_("pause or resume the rollout")),
            ("x", N_("stop the rollout for good")),
            ("c", N_("failures by cause, each once; d there decides about exactly its sites")),
            ("o", N_("terminals that nobody answers at, the longest silent first; t there sends a technician, d decides")),
            ("u", N_("roll a wave back, once its number of sites and a reason are typed")),
            ("n", N_("go on past the point of no return, for a reason")),
            ("F2", N_("the other language")),
            ("?", N_("this page")),
            ("q", N_("leave; the rollout goes on")),
        ),
    ),
    (
        N_("SITES"),
        (
            ("/", N_("filter: all words must hold; - before a word excludes; Esc shows all again")),
            ("f", N_("only what ended badly, and back")),
            ("r", N_("put every row to its place; while you walk the table nothing moves")),
            ("Enter", N_("open the site; Esc comes back")),
            ("d", N_("in a site: the card of what may be done about it now")),
            ("j k g G", N_("down, up, first, last; arrows, PgUp and PgDn too")),
            ("Tab", N_("in a site: from its terminals to their story, which scrolls")),
        ),
    ),
)
_FILTERS = (
    ("state:failed,unknown", N_("one of several values")),
    ("district:qingwan -kind:hospital", N_("a district with all below it, without its hospitals")),
    ("vendor:acme wave:2 technician:li", N_("any label, a wave, a person's code or name")),
    ("dsyy", N_("part of a name or code, or a Chinese name's initials")),
)
_STATES = (
    (SiteState.NOT_STARTED, N_("no push is under way, and not all of it is upgraded")),
    (SiteState.RUNNING, N_("a push is under way")),
    (SiteState.UPGRADED, N_("every terminal proves the new release; the technician's mark is missing")),
    (SiteState.STAGED, N_("the new release waits there for its night; the old one is live")),
    (SiteState.FAILED, N_("stopped before the switch; the old release is live")),
    (SiteState.ROLLED_BACK, N_("the new release did not pass; the old one is live again")),
    (SiteState.UNKNOWN, N_("the link dropped; the result is not collected yet")),
    (SiteState.UNREACHABLE, N_("no connection; nothing was touched")),
    (SiteState.WAITING_BY_HAND, N_("a technician has to go there")),
    (SiteState.EXCLUDED, N_("left out of this rollout")),
    (SiteState.GOING_BACK, N_("the old release is wanted back there, by a person or for a rehearsal; it waits for its turn")),
    (SiteState.TAKEN_BACK, N_("rolled back because a person wanted it; the old release is live")),
)


class HelpText(Scroller):
    """The text."""

    def draw(self, width: int) -> list[Strip]:
        """Keys, filters, marks."""
        return [strip_of(spans, width, PLAIN) for spans in self._lines_of(width)]

    def _lines_of(self, width: int) -> Iterator[list[Span]]:
        for title, keys in _KEYS:
            yield [(f" {render(title)}", TITLE)]
            for key, meaning in keys:
                yield from _entry(key, KEY, render(meaning), 10, width)
        yield [(" " + _("FILTERS"), TITLE)]
        for example, meaning in _FILTERS:
            yield from _entry(example, KEY, render(meaning), 34, width)
        yield [(" " + _("STATES"), TITLE)]
        marks = [(site_state_shown(state), render(words)) for state, words in _STATES]
        marks.append((DONE_SITE, _("all the evidence the plan asks for is there")))
        names = [f"{shown.mark} {render(shown.word)}" for shown, _meaning in marks]
        column = max(width_of(name) for name in names) + 1
        for name, (shown, said) in zip(names, marks, strict=True):
            yield from _entry(name, shown.style, said, column, width)
        yield from _entry("*", NONE, _("a technician marked the site, the machines do not prove it yet"), column, width)


def _entry(name: str, style: Style, meaning: str, column: int, width: int) -> Iterator[list[Span]]:
    first, *more = wrap(meaning, max(1, width - column - 3))
    yield [("   ", NONE), (fit(name, column), style), (first, NONE)]
    for line in more:
        yield [(" " * (column + 3), NONE), (line, NONE)]


class HelpScreen(BoardScreen[None]):
    """A page of its own; any way out leads back."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,enter", "leave", show=False)]

    def compose(self) -> ComposeResult:
        """The text and its keys."""
        yield HelpText()
        yield KeyBar()

    def on_mount(self) -> None:
        """The text scrolls."""
        self.query_one(HelpText).focus()
        self.show_board(self.board)

    def verbs(self) -> tuple[Verb, ...]:
        """How to get out."""
        return (Verb("Esc", N_("Back")), Verb("j k", N_("Scroll")), self.fleet_app.language_verb())

    def action_leave(self) -> None:
        """Back."""
        self.dismiss()
