"""The look: one dark palette, and the mark and colour of every state beside its word.

- A state is a word, a mark and a colour, so that it can be read without colour.
- No glyph here has an East-Asian-ambiguous width; bars and tiles are drawn with background colour.
"""

from dataclasses import dataclass

from rich.style import Style

from fleet.model.attempt import TerminalState
from fleet.model.inventory import Reach
from fleet.model.rollout import RolloutPhase, SiteState, WavePhase, WaveState
from fleet.report.words import DONE, reach_words, rollout_phase_words, site_state_words, terminal_state_words, wave_phase_words
from fleet.store.reads import SiteRow
from fleet.text import Message

WIDE, TALL = 110, 32
"""From this many columns and lines on there is room for everything at once."""
BACKGROUND, RAISED, SELECTED = "#0d1117", "#1c232d", "#1f4f8f"
_TEXT, _DIM, _GREEN, _RED, _AMBER, _BLUE = "#e6edf3", "#97a1ad", "#56d364", "#ff8078", "#e8b64c", "#6cb2ff"

PLAIN = Style.parse(f"{_TEXT} on {BACKGROUND}")
BAR = Style.parse(f"{_TEXT} on {RAISED}")
CURSOR = Style.parse(f"bold #ffffff on {SELECTED}")
NONE = Style()
BOLD = Style(bold=True)
DIM = Style.parse(_DIM)
GOOD = Style.parse(_GREEN)
BAD = Style.parse(f"bold {_RED}")
WARN = Style.parse(f"bold {_AMBER}")
BUSY = Style.parse(_BLUE)
KEY = Style.parse(f"bold {_BLUE}")
TITLE = Style.parse(f"bold {_DIM}")
BADGE = Style.parse(f"bold {BACKGROUND} on {_BLUE}")
BADGE_GOOD = Style.parse(f"bold {BACKGROUND} on {_GREEN}")
BADGE_WARN = Style.parse(f"bold {BACKGROUND} on {_AMBER}")
BADGE_BAD = Style.parse(f"bold {BACKGROUND} on {_RED}")
ALERT = Style.parse("bold #ffffff on #8e2b2b")
FILLED_GOOD = Style.parse("bold #ffffff on #1f6f33")
FILLED_BUSY = Style.parse("bold #ffffff on #1f5fae")
FILLED_WARN = Style.parse("bold #ffffff on #8a6100")
EMPTY = Style.parse(f"{_TEXT} on #2b333e")
HEAT = tuple(Style.parse(f"{_TEXT} on {colour}") for colour in ("#222a35", "#1d3450", "#17466b", "#125a70", "#136244", "#1f7a39"))
"""Background of a district's tile, from nothing done to all done."""


@dataclass(frozen=True, slots=True)
class Shown:
    """How a state is shown."""

    mark: str
    word: Message
    style: Style


_MARKS = {
    "not-started": ("◦", DIM),
    "running": ("▸", BUSY),
    "upgraded": ("▪", GOOD),
    "staged": ("▫", BUSY),
    "self-tested": ("▪", GOOD),
    "failed": ("✗", BAD),
    "rolled-back": ("↶", BAD),
    "unreachable": ("⊘", WARN),
    "unknown": ("?", BAD),
    "waiting-by-hand": ("!", WARN),
    "excluded": ("=", DIM),
    "going-back": ("↶", BUSY),
    "taken-back": ("↶", WARN),
}
_TERMINALS = {state: Shown(_MARKS[state][0], terminal_state_words(state), _MARKS[state][1]) for state in TerminalState}
_SITES = {state: Shown(_MARKS[state][0], site_state_words(state), _MARKS[state][1]) for state in SiteState}
_SITES[SiteState.WAITING_BY_HAND] = Shown("!", reach_words(Reach.BY_HAND), WARN)
DONE_SITE = Shown("✓", DONE, GOOD)
_WAVES = {
    WavePhase.CLOSED: (" ", DIM, EMPTY),
    WavePhase.OPEN: ("▸", BUSY, FILLED_BUSY),
    WavePhase.GATE: ("!", WARN, FILLED_WARN),
    WavePhase.HELD: ("!", BAD, FILLED_WARN),
    WavePhase.PASSED: ("✓", GOOD, FILLED_GOOD),
}
_BADGES = {
    RolloutPhase.RUNNING: BADGE_GOOD,
    RolloutPhase.PAUSED: BADGE_WARN,
    RolloutPhase.STOPPED: BADGE_BAD,
    RolloutPhase.FINISHED: BADGE,
}
_TROUBLE_FIRST = (
    SiteState.FAILED,
    SiteState.ROLLED_BACK,
    SiteState.UNKNOWN,
    SiteState.UNREACHABLE,
    SiteState.WAITING_BY_HAND,
    SiteState.GOING_BACK,
    SiteState.TAKEN_BACK,
    SiteState.RUNNING,
    SiteState.STAGED,
    SiteState.UPGRADED,
    None,  # done
    SiteState.NOT_STARTED,
    SiteState.EXCLUDED,
)
_RANK = {state: rank for rank, state in enumerate(_TROUBLE_FIRST)}


def site_shown(row: SiteRow) -> Shown:
    """A site's state, `done` where all its evidence is there."""
    return DONE_SITE if row.done else _SITES[row.state]


def site_states(row: SiteRow) -> tuple[str, ...]:
    """The words of `state:` in a filter that hold for a site."""
    return (row.state.value, *(("claimed",) if row.claimed and not row.done else ()), *(("done",) if row.done else ()))


def site_rank(row: SiteRow) -> int:
    """Where a site stands in the table: what needs a person comes first."""
    return _RANK[None if row.done else row.state]


def site_state_shown(state: SiteState) -> Shown:
    """A site's state, without its row."""
    return _SITES[state]


def terminal_shown(state: TerminalState) -> Shown:
    """A terminal's state."""
    return _TERMINALS[state]


def wave_shown(wave: WaveState) -> tuple[Shown, Style]:
    """A wave's phase, and the background of its bar."""
    mark, style, filled = _WAVES[wave.phase]
    return Shown(mark, wave_phase_words(wave.phase), style), filled


def rollout_badge(phase: RolloutPhase) -> tuple[Message, Style]:
    """A rollout's phase, as a badge."""
    return rollout_phase_words(phase), _BADGES[phase]


def heat(part: float) -> Style:
    """Background for a share done in [0, 1]; the last one only for all of it."""
    if part >= 1:
        return HEAT[-1]
    return HEAT[0] if part <= 0 else HEAT[1 + int(part * (len(HEAT) - 2))]
