"""The gate's lines about what terminals showed: swipes before and after, key bindings, causes that have a cap."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rich.style import Style

from fleet.model.gate import SwipeRule
from fleet.model.playbook import GateRule
from fleet.rollout.evidence import PhaseMedians, swipe_medians
from fleet.rollout.verdict import phase_words, seconds
from fleet.text import _, render
from fleet.tui.look import BAD, GOOD, NONE, WARN


@dataclass(frozen=True, slots=True)
class Evidence:
    """One line of the gate: what, how much, and how it looks."""

    name: str
    value: str
    style: Style = NONE


def more_evidence(rule: GateRule, values: Mapping[str, str | int | float]) -> Iterator[Evidence]:
    """What was asked beyond how the pushes ended, and what was measured, from the values of a verdict."""
    if rule.bindings and "to_bind" in values:
        unbound, all_of_them = int(values["unbound"]), int(values["to_bind"])
        text = _("{bound} of {all} read back", bound=all_of_them - unbound, all=all_of_them)
        yield Evidence(_("Key bindings"), text, BAD if unbound else GOOD)
    if rule.causes:
        over = str(values.get("over", ""))
        text = over.replace("=", " ").replace("/", " > ") if over else _("none met too often")
        yield Evidence(_("Causes"), text, BAD if over else GOOD)
    if made := int(values.get("made_by_hand", 0)):
        yield Evidence(_("Made by-hand"), _("{n} {n:terminal|terminals} after a push; a second person decides", n=made), WARN)
    whole, *phases = swipe_medians(values) or (None,)
    if whole is not None:
        yield Evidence(_("Swipe, median"), medians_text(whole))
    if phases:
        yield Evidence(_("  before/now, s"), ", ".join(_phase_text(one) for one in phases))
    if rule.swipe is not None:
        yield _asked(rule.swipe, values)


def medians_text(measured: PhaseMedians) -> str:
    """Both medians of one phase, and over how many terminals."""
    before, after = seconds(measured.before_ms), seconds(measured.after_ms)
    return _("{before} s before, {after} s now ({n} {n:pair|pairs})", before=before, after=after, n=measured.n)


def _phase_text(measured: PhaseMedians) -> str:
    return f"{render(phase_words(measured.phase))} {seconds(measured.before_ms)}/{seconds(measured.after_ms)}"


def _asked(rule: SwipeRule, values: Mapping[str, str | int | float]) -> Evidence:
    pairs = int(values.get("swipe_pairs", 0))
    if pairs < rule.min_pairs:
        return Evidence(_("Swipe, target"), _("{n} {n:pair|pairs}; {needed} are needed", n=pairs, needed=rule.min_pairs), WARN)
    found = int(values.get("swipe_at_ms", 0))
    text = _(
        "{percent:g} % take {found} s or less; target {target:g} s", percent=rule.percentile, found=seconds(found), target=rule.target_s
    )
    return Evidence(_("Swipe, target"), text, GOOD if found <= rule.target_ms else BAD)
