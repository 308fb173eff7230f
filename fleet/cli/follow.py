"""Lines of progress: what happened in the rollout since the last look."""

from collections.abc import Iterator
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING

from fleet.text import _

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from fleet.model.purpose import Only
    from fleet.model.rollout import RolloutState, SiteCounts
    from fleet.store import Snapshot, Store

_COUNTS_EVERY_S = 2.0
_SOON = timedelta(minutes=1)


def count_line(sites: "SiteCounts", only: "Only | None" = None) -> str:
    """Where the sites stand, in one line; the endings apart."""
    if only is not None:
        return _(
            "{staged} of {total} {total:site|sites} staged, {running} running, {failed} failed, {unreachable} unreachable, {unknown} unknown",
            staged=sites.staged,
            total=sites.total - sites.excluded,
            running=sites.running,
            failed=sites.failed,
            unreachable=sites.unreachable,
            unknown=sites.unknown,
        )
    return _(
        "{upgraded} of {total} {total:site|sites} upgraded, {running} running, {failed} failed, {rolled_back} rolled back, {unreachable} unreachable, "
        "{unknown} unknown",
        upgraded=sites.upgraded,
        total=sites.total,
        running=sites.running,
        failed=sites.failed,
        rolled_back=sites.rolled_back,
        unreachable=sites.unreachable,
        unknown=sites.unknown,
    )


class Follower:
    """Follows a rollout, the newest where none is named, a look at a time."""

    def __init__(self, store: "Store", zone: "ZoneInfo", rollout: str | None = None, *, tells_gates: bool = True) -> None:
        """Times are shown in `zone`. What failed before is not told again; without `tells_gates`, what a gate found that waits neither."""
        self._store, self._zone, self._rollout = store, zone, rollout
        self._tells_gates = tells_gates
        self._version = -1
        self._seen_failure = store.version()
        self._phases: dict[str, str] = {}
        self._counts = ""
        self._counts_at = 0.0
        self._waits_at = 0.0
        self._opens_at: datetime | None = None

    def news(self) -> Iterator[str]:
        """What happened since the last call; empty when nothing was written."""
        version = self._store.version()
        yield from self._waits()
        if version == self._version and not self._counts:
            return
        with self._store.read() as snapshot:
            rollout = self._read(snapshot)
            if rollout is None:
                return
            yield from self._moves(rollout)
            yield from self._failures(snapshot, rollout.id)
            yield from self._progress(snapshot, rollout, is_new=version != self._version)
        self._version = version

    def _read(self, snapshot: "Snapshot") -> "RolloutState | None":
        from fleet.store import rollouts

        return rollouts.newest_rollout(snapshot) if self._rollout is None else rollouts.read_rollout(snapshot, self._rollout)

    def _waits(self) -> Iterator[str]:
        """Who waits for a window that opens later; told once for each opening, looked up now and then, for nobody writes that."""
        from datetime import UTC, datetime

        from fleet.store import windows

        if monotonic() - self._waits_at < _COUNTS_EVERY_S:
            return
        self._waits_at = monotonic()
        with self._store.read() as snapshot:
            rollout = self._read(snapshot)
            later = windows.next_opening(snapshot, rollout.id) if rollout is not None else {}
        opens_at = min(later.values(), default=None)
        if opens_at is not None and opens_at != self._opens_at and opens_at - datetime.now(UTC) > _SOON:
            self._opens_at = opens_at
            when = f"{opens_at.astimezone(self._zone):%Y-%m-%d %H:%M}"
            yield _("Sites that wait for their window: {count}; the next is looked at {time}", count=len(later), time=when)

    def rest(self) -> Iterator[str]:
        """The last counts, where they were held back because counts came a moment before; call it when nothing more will come."""
        if self._counts:
            yield self._counts
            self._counts = ""

    def _moves(self, rollout: "RolloutState") -> Iterator[str]:
        """Phases that changed, of the rollout and of its waves; where a gate decided, with what it found."""
        from fleet.model.rollout import WavePhase
        from fleet.report.verdicts import verdict_line_in_brief
        from fleet.report.words import rollout_phase_words, wave_phase_words

        phases = {rollout.id: _("rollout {rollout}: {phase}", rollout=rollout.id, phase=rollout_phase_words(rollout.phase))}
        for wave in rollout.waves:
            if wave.phase is WavePhase.OPEN and wave.soaks_until is not None:
                time = f"{wave.soaks_until.astimezone(self._zone):%Y-%m-%d %H:%M:%S}"
                phases[f"{rollout.id} {wave.number}"] = _("wave {number}: soaks until {time}", number=wave.number, time=time)
            elif wave.phase is not WavePhase.CLOSED:
                values = {"number": wave.number, "phase": wave_phase_words(wave.phase)}
                is_told = wave.phase is WavePhase.PASSED or (wave.phase is WavePhase.GATE and self._tells_gates)
                found = verdict_line_in_brief(wave) if is_told else None
                line = _("wave {number}: {phase}; {why}", why=found, **values) if found else _("wave {number}: {phase}", **values)
                phases[f"{rollout.id} {wave.number}"] = line
        yield from (line for key, line in phases.items() if self._phases.get(key) != line)
        self._phases = phases

    def _failures(self, snapshot: "Snapshot", rollout: str) -> Iterator[str]:
        """Terminals that ended badly since."""
        from fleet.model.attempt import cause_words
        from fleet.report.words import terminal_state_words
        from fleet.store import reads

        fresh = [row for row in reads.failures(snapshot, rollout) if row.seq > self._seen_failure]
        for row in reversed(fresh):
            values = {"terminal": row.terminal, "ending": terminal_state_words(row.ending), "why": cause_words(row.cause)}
            yield self._timed(row.at, _("{terminal} {ending}: {why}", **values))
        self._seen_failure = max((row.seq for row in fresh), default=self._seen_failure)

    def _progress(self, snapshot: "Snapshot", rollout: "RolloutState", *, is_new: bool) -> Iterator[str]:
        """The counts, now and then."""
        from fleet.store import reads

        if is_new:
            sites = reads.read_tallies(snapshot, rollout.id).total.sites
            self._counts = count_line(sites, rollout.only)
        if self._counts and monotonic() - self._counts_at >= _COUNTS_EVERY_S:
            yield self._counts
            self._counts, self._counts_at = "", monotonic()

    def _timed(self, at: "datetime | None", line: str) -> str:
        return f"{at.astimezone(self._zone):%H:%M:%S}  {line}" if at else line
