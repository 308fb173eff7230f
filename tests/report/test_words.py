from datetime import UTC, datetime

from fleet.model.attempt import TerminalState
from fleet.model.inventory import Reach, SiteKind
from fleet.model.rollout import Decision, DecisionKind, RolloutPhase, SiteState, WavePhase
from fleet.report import words
from fleet.text import render


def test_every_state_and_kind_has_words() -> None:
    shown = [
        *(words.terminal_state_words(state) for state in TerminalState),
        *(words.site_state_words(state) for state in SiteState),
        *(words.wave_phase_words(phase) for phase in WavePhase),
        *(words.rollout_phase_words(phase) for phase in RolloutPhase),
        *(words.kind_words(kind) for kind in SiteKind),
        *(words.reach_words(reach) for reach in Reach),
    ]

    assert all(message.text for message in shown)


def test_a_decision_is_told_in_words_and_an_approval_with_its_wave() -> None:
    def told(kind: DecisionKind, language: str) -> str:
        wave = 2 if kind is DecisionKind.APPROVE else None
        decision = Decision(rollout="r1", kind=kind, wave=wave, actor="c01", at=datetime(2026, 1, 1, tzinfo=UTC))
        return render(words.decision_words(decision), language)

    kinds = ("pause", "resume", "stop", "retry", "exclude", "approve")
    assert [told(DecisionKind(kind), "zh_CN") for kind in kinds] == ["暂停", "继续", "停止", "重试", "排除", "批准第2批次"]
    assert told(DecisionKind.APPROVE, "en") == "approve wave 2"


def test_no_two_endings_share_their_words() -> None:
    said = [words.terminal_state_words(state).text for state in TerminalState]

    assert len(set(said)) == len(said)
