"""What a rehearsal did not try, for people: causes in the reader's words and by where they show, in lines that fit."""

from collections.abc import Iterable, Iterator, Sequence
from shutil import get_terminal_size
from typing import TYPE_CHECKING

from rich.cells import cell_len

from fleet.cli.common import show
from fleet.model.attempt import NOT_REACHED, Cause
from fleet.model.plan import stratum_words
from fleet.model.step_words import step_words
from fleet.rehearsal.faults import NOT_LET_IN
from fleet.report.rows import in_brief
from fleet.text import N_, Message, _, render

if TYPE_CHECKING:
    from fleet.rehearsal.outcome import Outcome

_WINDOWS = NOT_REACHED | {Cause.WINDOW_NOT_OPEN}
_RELEASE = frozenset(
    (Cause.DAMAGED_FILE, Cause.RELEASE_FILE, Cause.SIGNATURE, Cause.RELEASE_EXPIRED, Cause.DOWNGRADE, Cause.NO_WAY_BACK, Cause.KEY_CONFLICT)
)
_ELSEWHERE = frozenset(Cause) - NOT_LET_IN - _RELEASE - _WINDOWS
_GROUPS = (
    (N_("on the way in"), NOT_LET_IN),
    (N_("on the terminal and its line"), _ELSEWHERE),
    (N_("with the release and keys"), _RELEASE),
    (N_("with windows"), _WINDOWS),
)
_GATES = {
    "causes": N_("a cause too often"),
    "rehearsal-failed": N_("a way back that fails"),
    "too-few": N_("too few answers"),
    "below": N_("too few upgraded"),
    "unbound": N_("key bindings that are missing"),
    "few-pairs": N_("too few swipes measured"),
    "slow": N_("swipes that are too slow"),
    "untested": N_("a kind of site that is new in the next wave"),
    "taken-back": N_("a rollback by people"),
    "made-by-hand": N_("terminals that people made by-hand"),
    "self-tested": N_("a self-test after a failed push"),
    "rehearsal-lasting": N_("a step that has no way back"),
    "rehearsal-windows": N_("windows without time to rehearse the way back"),
    "rehearsal-none": N_("no way back to rehearse"),
}
"""What keeps a gate from passing, in brief."""
_WIDEST = 100
_INDENT = "    "


def show_not_tried(outcome: "Outcome") -> None:
    """Print it: failures that never happened, steps that never failed, kinds of sites on which nothing failed, and what no gate found."""
    show(_("Not tried:"))
    _show_names(_("failures that never happened"), () if outcome.causes_not_seen else (_("none"),))
    for where, line in _by_group(outcome.causes_not_seen):
        _show_names(render(where), line, deeper=_INDENT)
    steps = [render(step_words(step)) for step in outcome.steps_never_failed]
    _show_names(_("steps that never failed"), steps or (_("none"),))
    strata = [render(stratum_words(stratum)) for stratum in outcome.strata_never_failed]
    _show_names(_("kinds of sites on which nothing failed"), strata or (_("none"),))
    gates = [render(_GATES[code]) for code in outcome.gate_outcomes_not_seen]
    _show_names(_("what no gate found, though the plan asks for it"), gates or (_("none"),))


def _by_group(causes: Sequence[Cause]) -> Iterator[tuple[Message, list[str]]]:
    for where, group in _GROUPS:
        if names := [in_brief(cause) for cause in causes if cause in group]:
            yield where, names


def _show_names(what: str, names: Iterable[str], deeper: str = "  ") -> None:
    """`what: one, two, ...`, broken between two names where a line is full."""
    width = min(_WIDEST, get_terminal_size((_WIDEST, 0)).columns)
    line, begins = f"{deeper}{what}:", True
    for number, name in enumerate(found := list(names), 1):
        joined = f"{line} {name}" + ("," if number < len(found) else "")
        if cell_len(joined) > width and not begins:
            show(line)
            joined = f"{deeper}{_INDENT}{name}" + ("," if number < len(found) else "")
        line, begins = joined, False
    show(line)
