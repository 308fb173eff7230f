"""Reads the store for the screens: everything once, and from then on only what moved.

- `poll` is called about four times a second, from a thread that is not the screen's, never twice at once.
- The first poll leaves out what takes long in a province (the inventory, the plan), the second brings it.
- While nothing happens a poll is three one-row reads, and every few seconds a look ahead.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from fleet.control.evidence import read_evidence
from fleet.control.outlook import read_outlook
from fleet.control.rights import Right, why_not
from fleet.control.unreached import read_unreached
from fleet.model.actor import Actor
from fleet.model.inventory import Fleet
from fleet.model.rollout import RolloutState
from fleet.report.holds import read_holds
from fleet.store import Snapshot, Store, again, audit, caps, crew, fleets, reads, releases, rollouts, trust
from fleet.store.failures import read_groups
from fleet.store.late import read_late
from fleet.store.orchestrator import read_orchestrator
from fleet.store.reads import SiteRow
from fleet.tui.board import Board, GateEvidence, SiteDetail

_FAILURES_SHOWN = 200
_AHEAD_EVERY = timedelta(seconds=5)
_EVIDENCE_EVERY = timedelta(seconds=5)
_GROUPS_SHOWN = 200
_ROWS_ANEW = frozenset(("inventory.imported", "site.assigned"))
"""Events that change a site's line without the site having moved."""


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class News:
    """What a poll brought."""

    board: Board
    rows: tuple[SiteRow, ...]
    """Sites that moved; every site when `anew`."""
    anew: bool


class Feed:
    """One screen's view of one workspace."""

    def __init__(self, store: Store, actor: Actor, zone: ZoneInfo, clock: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._actor = actor
        self._clock = clock
        self._board = Board(at=clock(), zone=zone)
        self.is_whole = False
        """Whether the inventory and the plan are there, too."""
        self._seen = -1
        """Seq of the last event that was taken in; -1 before the first poll."""
        self.causes = False
        """Whether the failures by cause are read as well: their screen is open."""
        self._had_causes = False
        self.offline = False
        """Whether the queue of terminals that nobody answers at is read as well: its screen is open."""
        self._had_offline = False
        self._rows_seen = -1
        """Seq of the last site row that was read."""
        self._ahead_at: datetime | None = None
        """When it was last worked out what lies ahead."""

    def poll(self, site: str | None = None, gate: int | None = None) -> News:
        """What is there now, and which sites moved since the last poll; `site` and `gate` (a wave) are those whose own screens are open.

        Raises:
            FleetError: The database does not answer; the next poll goes on from where this one began.
        """
        version = self._store.version()
        with self._store.read() as snapshot:
            return self._read(snapshot, version, site, gate)

    def _read(self, snapshot: Snapshot, version: int, site: str | None, gate: int | None) -> News:
        old = self._board
        is_first, completes = self._seen < 0, self._seen >= 0 and not self.is_whole
        rollout = rollouts.newest_rollout(snapshot)
        kinds = {event.kind for event in audit.read_events(snapshot, self._seen)} if not is_first else set[str]()
        pending = tuple(rollouts.decisions_after(snapshot, rollout.id, rollout.seen_decision)) if rollout is not None else ()
        board = replace(old, at=self._clock(), rollout=rollout, pending=pending, orchestrator=read_orchestrator(snapshot), trouble=None)
        if is_first or completes or "inventory.imported" in kinds:
            refusal = why_not(snapshot, self._actor, Right.DECIDE)
            board = replace(board, fleet=_read_outline(snapshot) if is_first else fleets.read_fleet(snapshot), refusal=refusal)
        anew = is_first or completes or bool(kinds & _ROWS_ANEW) or _id(rollout) != _id(old.rollout)
        rows: list[SiteRow] = []
        if rollout is not None and (kinds or anew):
            rows = reads.sites_since(snapshot, rollout.id, -1 if anew else self._rows_seen)
            board = replace(
                board,
                plan=releases.read_plan(snapshot, rollout.plan_digest) if anew and not is_first else board.plan,
                tallies=reads.read_tallies(snapshot, rollout.id),
                late=read_late(snapshot, rollout),
                failures=tuple(reads.failures(snapshot, rollout.id, _FAILURES_SHOWN)),
            )
            if board.plan is not None and board.tallies is not None:
                names = {code: board.district(code) for code in board.districts}
                holds = read_holds(snapshot, rollout, board.plan, board.tallies, names)
                board = replace(
                    board, spent=caps.read_spent(snapshot, rollout.id), holds=holds, again=again.waiting_by_wave(snapshot, rollout.id)
                )
        if rollout is None or site is None:
            board = replace(board, site=None)
        elif kinds or anew or old.site is None or old.site.row.code != site:
            board = replace(board, site=_read_site(snapshot, board.fleet, rollout.id, site))
        board = self._with_outlook(snapshot, board, anew=anew or board.rollout != old.rollout)
        board = replace(board, evidence=_read_evidence(snapshot, board, gate, is_new=bool(kinds) or anew))
        causes = self.causes
        if rollout is None or not causes:
            board = replace(board, groups=())
        elif kinds or anew or not self._had_causes:
            board = replace(board, groups=tuple(read_groups(snapshot, rollout.id, _GROUPS_SHOWN)))
        self._had_causes = causes
        board = self._with_offline(snapshot, board, is_new=bool(kinds) or anew)
        self._board, self._seen, self.is_whole = board, version, not is_first
        self._rows_seen = max((row.seq for row in rows), default=self._rows_seen)
        return News(board, tuple(rows), anew)

    def _with_offline(self, snapshot: Snapshot, board: Board, *, is_new: bool) -> Board:
        """The board with whether any terminal does not answer or turns us away, and the queue of the silent while somebody looks at it."""
        is_open, had = self.offline, self._had_offline
        self._had_offline = is_open
        if board.rollout is None:
            return replace(board, offline=(), has_offline=False, has_turned_away=False)
        rollout = board.rollout.id
        if is_new:
            has_offline, has_turned_away = again.has_offline(snapshot, rollout), again.has_turned_away(snapshot, rollout)
            board = replace(board, has_offline=has_offline, has_turned_away=has_turned_away)
        if not is_open:
            return replace(board, offline=())
        return replace(board, offline=tuple(again.offline(snapshot, rollout))) if is_new or not had else board

    def _with_outlook(self, snapshot: Snapshot, board: Board, *, anew: bool) -> Board:
        """The board with what lies ahead: worked out anew when the rollout moved, every few seconds, and with each minute, for it is never past."""
        if board.rollout is None or board.plan is None or board.tallies is None:
            return replace(board, outlook=None, unreached=())
        had = self._ahead_at
        if not anew and had is not None and board.at - had < _AHEAD_EVERY and board.at.minute == had.minute:
            return board
        self._ahead_at = board.at
        ahead = read_outlook(snapshot, board.rollout, board.plan, board.tallies, now=board.at)
        return replace(board, outlook=ahead, unreached=read_unreached(snapshot, board.rollout))


def _read_evidence(snapshot: Snapshot, board: Board, gate: int | None, *, is_new: bool) -> GateEvidence | None:
    """What the wave whose gate is open has shown so far; of a large wave that is much to read, so only now and then."""
    wave = next((wave for wave in board.rollout.waves if wave.number == gate), None) if board.rollout else None
    if wave is None or wave.verdict is not None or board.plan is None or board.rollout is None:
        return None
    old = board.evidence
    if old is not None and old.wave == wave.number and (not is_new or board.at - old.at < _EVIDENCE_EVERY):
        return old
    return GateEvidence(wave.number, board.at, read_evidence(snapshot, board.plan, board.rollout.id, wave.number))


def _read_outline(snapshot: Snapshot) -> Fleet:
    return Fleet(districts=fleets.read_districts(snapshot), people=fleets.read_people(snapshot))


def _id(rollout: RolloutState | None) -> str | None:
    return rollout.id if rollout else None


def _read_site(snapshot: Snapshot, fleet: Fleet, rollout: str, code: str) -> SiteDetail | None:
    row = reads.read_site_row(snapshot, rollout, code)
    if row is None:
        return None
    terminals = reads.terminals_of_site(snapshot, rollout, code)
    bound = {terminal.id: trust.read_binding(snapshot, terminal.id) for terminal in terminals}
    return SiteDetail(
        site=fleet.sites.get(code),
        row=row,
        terminals=tuple(terminals),
        attempts={terminal.id: tuple(reads.attempts_of_terminal(snapshot, rollout, terminal.id)) for terminal in terminals},
        bindings={terminal: binding for terminal, binding in bound.items() if binding},
        check_ins=tuple(crew.read_check_ins(snapshot, rollout, code)),
        assignment=crew.read_assignment(snapshot, code),
    )
