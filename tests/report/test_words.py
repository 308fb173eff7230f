from fleet.model.attempt import TerminalState
from fleet.model.inventory import Reach, Role, SiteKind
from fleet.model.rollout import RolloutPhase, SiteState, WavePhase
from fleet.report import words


def test_every_state_kind_and_role_has_words() -> None:
    shown = [
        *(words.terminal_state_words(state) for state in TerminalState),
        *(words.site_state_words(state) for state in SiteState),
        *(words.wave_phase_words(phase) for phase in WavePhase),
        *(words.rollout_phase_words(phase) for phase in RolloutPhase),
        *(words.kind_words(kind) for kind in SiteKind),
        *(words.role_words(role) for role in Role),
        *(words.reach_words(reach) for reach in Reach),
    ]

    assert all(message.text for message in shown)


def test_no_two_endings_share_their_words() -> None:
    said = [words.terminal_state_words(state).text for state in TerminalState]

    assert len(set(said)) == len(said)
