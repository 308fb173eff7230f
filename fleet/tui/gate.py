"""The gate: the evidence of a wave against the thresholds, how far an approval would reach, and the approval itself."""

from collections import Counter
from collections.abc import Iterator

from textual import on
from textual.widgets import Input

from fleet.control import rollouts
from fleet.model.caps import CapKind
from fleet.model.plan import Wave, stratum_words
from fleet.model.rollout import SiteCounts, Verdict, WavePhase, WaveState, is_held_by_limits
from fleet.model.step_words import step_words
from fleet.report.holds import spent_caps
from fleet.report.verdicts import verdict_line_in_brief
from fleet.report.words import kind_words, wave_name_words, wave_phase_words
from fleet.rollout import NO_EVIDENCE, WaveFacts, rehearsal_words, rules_of
from fleet.rollout.gate import Judgement, judge
from fleet.rollout.held import cap_name
from fleet.rollout.second_person import with_second_person
from fleet.rollout.verdict import share_of
from fleet.select import fold
from fleet.text import _, render
from fleet.tui.board import Board
from fleet.tui.cells import Span, fit, wrap
from fleet.tui.dialogs import Dialog, paragraph
from fleet.tui.gate_evidence import Evidence, more_evidence
from fleet.tui.look import BAD, BOLD, DIM, GOOD, NONE, WARN

_STYLES = {Verdict.PASS: GOOD, Verdict.FAIL: BAD, Verdict.INCONCLUSIVE: WARN}
_LABEL = 18
"""Cells of the column of names."""


class GateDialog(Dialog):
    """The evidence of one wave; where something waits and this person may decide, a field to approve in."""

    def __init__(self, number: int, refusal: str) -> None:
        super().__init__()
        self.number = number
        self.refusal = refusal
        """Why nothing can be approved here; empty when it can."""
        self.fields = () if refusal else ("name",)

    def on_mount(self) -> None:
        """The evidence is read as long as it is looked at."""
        super().on_mount()
        self.fleet_app.open_gate(self.number)

    def on_unmount(self) -> None:
        """Nobody looks any more."""
        self.fleet_app.open_gate(None)

    def words(self, width: int) -> list[list[Span]]:
        """The evidence, and why there is nothing to approve where there is not."""
        board = self.board
        wave = _wave(board, self.number)
        if wave is None:
            return [[(_("There is no rollout."), NONE)]]
        name = wave_name_words(board.wave_name(self.number))
        state = render(wave_phase_words(wave.phase))
        lines: list[list[Span]] = [[(_("Gate of wave {name}", name=name), WARN), (f"  {state}", DIM)], []]
        for line in evidence(board, wave):
            first, *more = wrap(line.value, max(1, width - _LABEL))
            lines.append([(fit(line.name, _LABEL), DIM), (first, line.style)])
            lines += [[(" " * _LABEL, NONE), (rest, line.style)] for rest in more]
        why_not = _("It waits now: press Esc, then a.") if self.refusal and self._may_decide else self.refusal
        return [*lines, *([[], *paragraph(why_not, width, BOLD)] if why_not else [])]

    @property
    def _may_decide(self) -> bool:
        waiting = self.board.waiting
        return waiting is not None and waiting.number == self.number and not self.fleet_app.why_not()

    def about(self, name: str) -> str:  # noqa: ARG002 - one field
        """What to type, and that it is recorded."""
        return _("Type {name} and press Enter to approve. Your name is recorded.", name=self.board.wave_name(self.number))

    @on(Input.Submitted)
    async def submit(self) -> None:
        """The name must be the wave's."""
        rollout, name = self.board.rollout, self.board.wave_name(self.number)
        if rollout is None:
            return
        if fold(self.typed("name")) != fold(name):
            self.reply(_("That is not the wave's name; nothing was approved."))
            return
        await self.decide(
            lambda store, actor, at: rollouts.approve(store, actor, at, rollout.id, self.number, plan=rollout.plan_digest),
            _("Approved: {name}.", name=name),
        )


def evidence(board: Board, wave: WaveState) -> Iterator[Evidence]:
    """What a wave shows, against what the plan asks, line by line."""
    plan, planned = board.plan, board.planned(wave.number)
    if plan is None or planned is None:
        return
    tally = board.tally_of_wave(wave.number)
    rule = plan.playbook.gate
    following = board.planned(wave.number + 1)
    if board.only_stages and board.rollout:
        yield _verdict(wave, judge(rules_of(plan, board.rollout.only).gate, WaveFacts(tally.sites, tally.by_ssh), None, board.rollout.only))
        yield Evidence(_("Next wave"), _("opens by itself; nothing live is touched"), BOLD)
        return
    rules = rules_of(plan).waves
    found = board.evidence.found if board.evidence and board.evidence.wave == wave.number else NO_EVIDENCE
    facts = WaveFacts(tally.sites, tally.by_ssh, evidence=found)
    judgement = with_second_person(judge(rule, facts, rules[wave.number] if following else None), rule, facts)
    upgraded, samples = int(judgement.values["upgraded"]), int(judgement.values["samples"])
    share = f"{upgraded}/{samples} ({share_of(judgement.values):.1f} %)" if samples else f"{upgraded}/{samples}"
    enough = samples >= rule.min_samples and upgraded * 100 >= rule.success * samples
    yield Evidence(_("Upgraded"), f"{share}  >= {rule.success:g} %", GOOD if enough else WARN)
    yield Evidence(_("Answered"), f"{samples}  >= {rule.min_samples}", GOOD if samples >= rule.min_samples else WARN)
    yield _failures(tally.sites, planned.failures_allowed + wave.failures_accepted)
    unreachable_allowed = planned.unreachable_allowed + wave.unreachable_accepted
    yield Evidence(
        _("Unreachable"),
        _("{n} of at most {allowed} {allowed:site|sites}", n=tally.sites.unreachable, allowed=unreachable_allowed),
        GOOD if tally.sites.unreachable < unreachable_allowed else WARN,
    )
    yield from _caps(board, wave)
    yield from more_evidence(rule, wave.verdict_values if wave.verdict else judgement.values)
    if wave.verdict is None and wave.soaks_until is not None:
        yield Evidence(_("Soaks until"), _("{time}; then it is judged, once", time=board.time(wave.soaks_until)), WARN)
    yield _verdict(wave, judgement)
    yield from _reach(board, following)
    if rule.four_eyes:
        yield Evidence(_("Four eyes"), _("who approves is neither who made the plan nor who started the rollout"), BOLD)
    if wave.approved_by:
        yield Evidence(_("Approved by"), f"{board.person(wave.approved_by)} {board.time(wave.approved_at)}", BOLD)


def _caps(board: Board, wave: WaveState) -> Iterator[Evidence]:
    """Budgets by cause and district, and limits, that something was spent of; and what holds the wave."""
    if board.rollout is None or board.plan is None or board.tallies is None:
        return
    names = {code: board.district(code) for code in board.districts}
    rules = rules_of(board.plan, board.rollout.only)
    for cap in spent_caps(board.rollout, wave, rules, board.tallies, board.spent):
        words = cap_name(cap, board.plan, names)
        value = _("{n} of at most {allowed} {allowed:site|sites}", n=cap.spent, allowed=cap.allowed + cap.accepted)
        yield Evidence(_("Limit") if cap.kind is CapKind.LIMIT else _("Budget"), f"{render(words)}: {value}", GOOD if cap.left else BAD)
    for hold in board.holds.get(wave.number, ()):
        yield Evidence(_("Held by"), render(hold.line), BAD)


def _failures(sites: SiteCounts, allowed: int) -> Evidence:
    parts = _(
        "{spent} of at most {allowed} {allowed:site|sites} (failed {failed}, rolled back {back}, unknown {unknown})",
        spent=sites.spent_failures,
        allowed=allowed,
        failed=sites.failed,
        back=sites.rolled_back,
        unknown=sites.unknown,
    )
    return Evidence(_("Failures"), parts, GOOD if sites.spent_failures < allowed else BAD)


def _verdict(wave: WaveState, judgement: Judgement) -> Evidence:
    """What the gate said when it was asked; before that, what it would say now."""
    if wave.taken_back_by is not None:
        return Evidence(_("Verdict"), _("held: it is rolled back because a person wanted it; approving lets what has not begun go on"), BAD)
    if is_held_by_limits(wave):
        return Evidence(_("Verdict"), _("held: a limit is reached; see to the sites that are down, or exclude them"), BAD)
    if wave.phase is WavePhase.HELD:
        return Evidence(_("Verdict"), _("held: a budget is spent; approving grants it anew and goes on"), BAD)
    said = wave
    if wave.verdict is None:
        values = {"verdict": judgement.verdict, "verdict_code": judgement.code, "verdict_values": judgement.values}
        said = wave.model_copy(update=values)
    line = verdict_line_in_brief(said)
    return Evidence(
        _("Verdict") if wave.verdict else _("Verdict so far"),
        render(line) if line else "",
        _STYLES[said.verdict or Verdict.INCONCLUSIVE],
    )


def _reach(board: Board, following: Wave | None) -> Iterator[Evidence]:
    """How far an approval would reach."""
    if following is None:
        yield Evidence(_("Next wave"), _("none; this is the last one"), BOLD)
        return
    kinds = Counter(board.fleet.sites[site.code].kind for site in following.sites if site.code in board.fleet.sites)
    sites = ", ".join(f"{render(kind_words(kind))} {n}" for kind, n in kinds.items())
    size = _(
        "{name}: {sites} {sites:site|sites} ({kinds}), {n} {n:terminal|terminals}",
        name=wave_name_words(following.name),
        sites=len(following.sites),
        kinds=sites,
        n=len(following.terminals),
    )
    yield Evidence(_("Next wave"), size, BOLD)
    if following.untested:
        yield Evidence(_("Never tested"), "; ".join(render(stratum_words(str(stratum))) for stratum in following.untested), WARN)
    programs = {terminal.program for terminal in following.terminals if terminal.program}
    steps = sorted({step for digest in programs for step in board.plan.programs[digest].irreversible}) if board.plan else []
    if rehearsed := next((words for wave in board.rollout.waves if (words := rehearsal_words(wave))), None) if board.rollout else None:
        yield Evidence(_("Rehearsal"), render(rehearsed), BOLD)
    if steps:
        yield Evidence(_("No way back"), ", ".join(render(step_words(step)) for step in steps), BAD)


def _wave(board: Board, number: int) -> WaveState | None:
    return next((wave for wave in board.rollout.waves if wave.number == number), None) if board.rollout else None
