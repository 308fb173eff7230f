"""How far it is, and where it is bad: waves, districts, failures."""

from collections.abc import Sequence

from rich.style import Style
from textual.strip import Strip

from fleet.control.unreached import by_reason, reason_words
from fleet.model.attempt import Cause, cause_words
from fleet.model.rollout import SiteCounts, SiteState, WavePhase, WaveState
from fleet.report.rows import before_the_semicolon
from fleet.report.words import wave_name_words
from fleet.store.reads import FailureRow, Tally
from fleet.text import _, render
from fleet.tui.board import Board
from fleet.tui.cells import Span, between, crop, fit, strip_of, width_of
from fleet.tui.district_grid import MARKED_SHARE, DistrictGrid, grid_of
from fleet.tui.frame import ENDED_BADLY, BoardPanel, percent
from fleet.tui.look import BOLD, DIM, EMPTY, NONE, PLAIN, TITLE, heat, site_state_shown, terminal_shown, wave_shown

_NARROWEST_WAVE, _WIDEST_WAVE = 16, 30
_TILE = 21
_MOST_TILE_LINES = 6


class Waves(BoardPanel):
    """Each wave: its name, how many of its sites are upgraded (or staged, where no more is wanted), and where its gate stands. Three lines, or two when room is scarce."""

    def draw(self, width: int, height: int) -> list[Strip]:
        """Names, bars and states, once their names are read; with too many waves for the width, those around the current one."""
        board = self.board
        if board is None or board.rollout is None or board.plan is None:
            return []
        waves = board.rollout.waves
        fitting = max(1, min(len(waves), (width - 1) // _NARROWEST_WAVE))
        current = board.waiting or board.rollout.current
        first = max(0, min((current.number - 1 if current else len(waves)) - fitting // 2, len(waves) - fitting))
        slot = min(_WIDEST_WAVE, (width - 1) // fitting)
        drawn = [self._slot(board, wave, slot - 1, height) for wave in waves[first : first + fitting]]
        lines = [[span for one in drawn for span in (*one[y], (" ", NONE))] for y in range(min(height, 3))]
        return [strip_of([(" ", NONE), *spans], width, PLAIN) for spans in lines]

    def _slot(self, board: Board, wave: WaveState, width: int, height: int) -> list[list[Span]]:
        shown, filled = wave_shown(wave)
        tally = board.tally_of_wave(wave.number)
        state = f"{shown.mark} {render(shown.word)}".strip()
        if wave.phase is WavePhase.OPEN and wave.soaks_until is not None and not board.is_over:
            state = _("soaks to {time}", time=wave.soaks_until.astimezone(board.zone).strftime("%H:%M"))
        if wave.phase in {WavePhase.GATE, WavePhase.HELD} and not board.is_over:
            state = _("stopped") if board.is_stopping else f"{state} [a]"
        name = f"{wave.number} {render(wave_name_words(board.wave_name(wave.number)))}"
        bar = _bar(
            tally.sites.total - tally.sites.excluded, tally.sites.staged if board.only_stages else tally.sites.upgraded, width, filled
        )
        if height < 3:
            words = (f"{name} {state}", f"{wave.number} {state}", f"{wave.number} {state.removeprefix(shown.mark).strip()}")
            return [[(fit(next((text for text in words if width_of(text) <= width), words[-1]), width), shown.style)], bar]
        name_style = DIM if wave.phase is WavePhase.CLOSED else BOLD
        return [[(fit(name, width), name_style)], bar, [(fit(state, width), shown.style)]]


def _bar(whole: int, part: int, width: int, filled: Style) -> list[Span]:
    text = fit(f" {percent(part, whole)} {part}/{whole}", width)
    full = width * part // whole if whole else 0
    return [(text[:full], filled), (text[full:], EMPTY)]


class Tiles(BoardPanel):
    """Each district: terminals done of all, and its sites that ended badly or wait for a technician."""

    compact = False
    """A few lines for all districts instead of two for each row of tiles."""

    def height_for(self, board: Board, width: int) -> int:
        """Lines it takes: its title and the tiles, or those of the grid."""
        if self.compact:
            return self._grid(board, width).lines
        rows = -(-len(_districts(board)) // self._columns(width))
        return 1 + min(_MOST_TILE_LINES, 2 * rows)

    def draw(self, width: int, height: int) -> list[Strip]:
        """A grid of names and shares when compact, else tiles under a title."""
        board = self.board
        if board is None or board.tallies is None:
            return []
        districts = _districts(board)
        if self.compact:
            return self._gridded(board, districts, width)
        columns = self._columns(width)
        slot = (width - 1) // columns
        fitting = columns * ((height - 1) // 2)
        title: list[Span] = [(" " + _("DISTRICTS") + "  ", TITLE), (_tiles_words(board), DIM)]
        if 0 < fitting < len(districts):
            title.append(("  " + _("and {count} more", count=len(districts) - fitting), BOLD))
        lines = [strip_of(title, width, PLAIN)]
        for start in range(0, min(len(districts), fitting), columns):
            row = [self._tile(board, code, tally, slot - 1) for code, tally in districts[start : start + columns]]
            lines += [strip_of([(" ", NONE), *(span for tile in row for span in (*tile[y], (" ", NONE)))], width, PLAIN) for y in (0, 1)]
        return lines

    def district_at(self, x: int, y: int) -> str | None:
        """Code of the district whose tile is there."""
        if self.board is None or self.board.tallies is None:
            return None
        districts = _districts(self.board)
        if self.compact:
            place = self._grid(self.board, self.size.width).index_at(x, y)
            return None if place is None else districts[place][0]
        columns = self._columns(self.size.width)
        slot = (self.size.width - 1) // columns
        column = (x - 1) // slot if x else 0
        index = (y - 1) // 2 * columns + column
        return districts[index][0] if y > 0 and column < columns and index < len(districts) else None

    def _columns(self, width: int) -> int:
        return max(1, (width - 1) // _TILE)

    def _grid(self, board: Board, width: int) -> DistrictGrid:
        return grid_of([board.district(code) for code, _tally in _districts(board)], width)

    def _tile(self, board: Board, code: str, tally: Tally, width: int) -> list[list[Span]]:
        well, whole = board.share(tally)
        style = heat(well / whole if whole else 0)
        share = f" {percent(well, whole)} "
        marks = [(f"{mark}{n} ", colour) for mark, colour, n in _troubles(tally.sites)]
        counts = f" {well}/{whole}"
        name = fit(f" {board.district(code)}", width - len(share))
        above: list[Span] = [(name, style + BOLD), (share, style)]
        below = between([(counts, NONE)], marks, width, style)
        return [above, [(segment.text, segment.style or style) for segment in below]]

    def _gridded(self, board: Board, districts: Sequence[tuple[str, Tally]], width: int) -> list[Strip]:
        grid = self._grid(board, width)
        cells = [self._cell(board, code, tally, grid.slot - 1) for code, tally in districts[: grid.shown]]
        if grid.left_out:
            cells.append([(fit(_("and {count} more", count=grid.left_out), grid.slot - 1), BOLD)])
        rows = [cells[start : start + grid.columns] for start in range(0, len(cells), grid.columns)]
        return [strip_of([(" ", NONE), *(span for cell in row for span in (*cell, (" ", NONE)))], width, PLAIN) for row in rows]

    def _cell(self, board: Board, code: str, tally: Tally, width: int) -> list[Span]:
        well, whole = board.share(tally)
        style = heat(well / whole if whole else 0)
        troubles = _troubles(tally.sites)
        name = fit(board.district(code), max(1, width - MARKED_SHARE - 1))
        share = f" {percent(well, whole)}"
        marks = "".join(mark for mark, _colour, _n in troubles)
        room = width - width_of(name) - width_of(share)
        return [(name + share, style), (crop(marks, room), style + (troubles[0][1] if troubles else NONE))]


def _tiles_words(board: Board) -> str:
    if board.only_stages:
        return _("terminals staged of all; sites that ended badly")
    return _("terminals upgraded of all; sites that ended badly or wait")


def _districts(board: Board) -> list[tuple[str, Tally]]:
    """Districts that have sites in the rollout, in the inventory's order."""
    tallies = board.tallies.by_district if board.tallies else {}
    order = {code: number for number, code in enumerate(board.districts)}
    return sorted(tallies.items(), key=lambda item: (order.get(item[0], len(order)), item[0]))


def _troubles(sites: SiteCounts) -> list[tuple[str, Style, int]]:
    """Mark, colour and number of each kind of trouble; every ending has its own."""
    states = (*ENDED_BADLY, SiteState.WAITING_BY_HAND)
    found = [(site_state_shown(state), getattr(sites, state.name.lower())) for state in states]
    return [(shown.mark, shown.style, n) for shown, n in found if n]


class Failures(BoardPanel):
    """The newest sites that did not end well, two lines each."""

    def draw(self, width: int, height: int) -> list[Strip]:
        """A title, then as many as there is room for."""
        board = self.board
        if board is None:
            return []
        lines = [strip_of([(" " + _("FAILURES"), TITLE)], width, PLAIN)]
        if not board.failures:
            lines.append(strip_of([(" " + _("none so far"), DIM)], width, PLAIN))
        by_site: dict[str, list[FailureRow]] = {}
        for failure in board.failures:
            by_site.setdefault(failure.site, []).append(failure)
        unreached = self._unreached(board, width)
        for newest, *older in list(by_site.values())[: max(0, (height - 1 - len(unreached)) // 2)]:
            shown = terminal_shown(newest.ending)
            time = board.time(newest.at)
            name = fit(newest.site_name, max(1, width - 5 - len(time)))
            lines.append(strip_of([(f" {shown.mark} ", shown.style), (name, BOLD), (f" {time}", DIM)], width, PLAIN))
            code = newest.terminal.partition("/")[2] + (f" +{len(older)}" if older else "")
            lines.append(strip_of([(f"   {code} ", DIM), (failure_words(newest), NONE)], width, PLAIN))
        return [*lines, *unreached]

    def _unreached(self, board: Board, width: int) -> list[Strip]:
        """Sites that were not reached: how many, for each reason."""
        reasons = by_reason(board.unreached)
        if not reasons:
            return []
        lines = [strip_of([(" " + _("NOT REACHED"), TITLE)], width, PLAIN)]
        for reason, ones in reasons.items():
            sites = str(len({one.site for one in ones}))
            lines.append(strip_of([(f" {sites:>4} ", BOLD), (before_the_semicolon(reason_words(reason)), NONE)], width, PLAIN))
        return lines


def failure_words(failure: FailureRow) -> str:
    """Why a terminal did not end well, in one line."""
    if failure.cause is Cause.NONE:
        return failure.detail or render(terminal_shown(failure.ending).word)
    return render(cause_words(failure.cause))


def newest_failure(board: Board) -> list[Span]:
    """The newest terminal that did not end well, as one line; empty when there is none."""
    if not board.failures:
        return []
    failure = board.failures[0]
    shown = terminal_shown(failure.ending)
    return [
        (f"{shown.mark} {board.time(failure.at)} ", shown.style),
        (failure.site_name, BOLD),
        (f" {failure.terminal.partition('/')[2]} ", DIM),
        (failure_words(failure), NONE),
    ]
