"""Swipes on a site's own screen: a terminal's, before and after, phase by phase, and the site's medians."""

from collections.abc import Iterator, Sequence

from fleet.model.attempt import AttemptResult, TerminalState
from fleet.rollout.evidence import Pair, first_before, measured, medians, pair_of
from fleet.rollout.verdict import phase_words, seconds
from fleet.text import _, render
from fleet.tui.board import SiteDetail
from fleet.tui.cells import Span, fit, width_of
from fleet.tui.look import DIM, NONE, TITLE

_INDENT = "   "


def swipe_lines(detail: SiteDetail, attempts: Sequence[AttemptResult]) -> Iterator[list[Span]]:
    """Seconds of this terminal's swipe before and now; where the site has other pairs, the site's medians too. Nothing where none was measured."""
    facts = [attempt.facts for attempt in reversed(attempts) if attempt.errand is None]
    before = first_before(facts)
    is_live = bool(attempts) and attempts[0].ending is TerminalState.UPGRADED
    after = measured(facts[-1]) if facts and is_live else {}
    pairs = pairs_of(detail)
    of_site = {one.phase: one for one in medians(pairs)} if len(pairs) > 1 else {}
    phases = [*before, *(phase for phase in after if phase not in before)] or [*of_site]
    if not phases:
        return
    width = max(width_of(render(phase_words(phase))) for phase in phases) + 2
    heads = [_("before, s"), _("now, s"), *([_("site before, s"), _("site now, s")] if of_site else [])]
    columns = [max(8, width_of(head)) + 2 for head in heads]
    title = " " + _("SWIPE")
    lead = max(width + len(_INDENT), width_of(title) + 1)
    note = "  " + _("site: medians of {n} {n:terminal|terminals} measured both times", n=len(pairs)) if of_site else ""
    yield [(fit(title, lead), TITLE), *((fit(head, size, right=True), DIM) for head, size in zip(heads, columns, strict=True)), (note, DIM)]
    for phase in phases:
        values = [before.get(phase), after.get(phase)]
        if of_site:
            one = of_site.get(phase)
            values += [one.before_ms, one.after_ms] if one else [None, None]
        cells = [seconds(value) if value is not None else "-" for value in values]
        name = fit(_INDENT + render(phase_words(phase)), lead)
        yield [(name, DIM), *((fit(cell, size, right=True), NONE) for cell, size in zip(cells, columns, strict=True))]


def pairs_of(detail: SiteDetail) -> tuple[Pair, ...]:
    """The pairs of a site's terminals that are upgraded."""
    found = []
    for terminal in detail.terminals:
        attempts = [attempt.facts for attempt in reversed(detail.attempts.get(terminal.id, ())) if attempt.errand is None]
        if terminal.state is TerminalState.UPGRADED and (pair := pair_of(attempts)) is not None:
            found.append(pair)
    return tuple(found)
