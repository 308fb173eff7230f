"""The scripted people of the demo: a coordinator who approves what waits, and technicians who check their sites in."""

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import Self

from fleet.control import checkin as checkin_control
from fleet.control import rollouts as rollout_control
from fleet.demo.night import COORDINATOR, Night
from fleet.errors import ConflictError
from fleet.model.actor import Actor
from fleet.model.inventory import Reach
from fleet.model.rollout import RolloutPhase, RolloutState, SiteState
from fleet.rollout import ENDED
from fleet.rollout.standing import waiting_waves
from fleet.store import Snapshot, crew, reads, rollouts
from fleet.text import _

_LOOK_EVERY_S = 0.25
_REPORTABLE = frozenset((SiteState.UPGRADED, SiteState.WAITING_BY_HAND))


class ScriptedPeople:
    """Looks at the night a few times a second, and does what the people of a real one would do. A context manager.

    They act through `fleet.control`, the code that the commands and the TUI act through.
    """

    def __init__(self, night: Night, *, patience: timedelta, clock: Callable[[], datetime]) -> None:
        """`patience` is how long a gate waits for the user before demo-coordinator approves it."""
        self.night = night
        self.finished = Event()
        """The rollout has ended and every site that can be checked in is."""
        self._patience = patience
        self._clock = clock
        self._waiting_since: tuple[int, datetime] | None = None
        self._seq = -1
        self._stop = Event()
        self._error: BaseException | None = None
        self._thread = Thread(target=self._live, name="demo-people", daemon=True)

    def __enter__(self) -> Self:
        """They begin to look."""
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """They go home."""
        self._stop.set()
        self._thread.join()

    def check(self) -> None:
        """Raise what went wrong among them, if something did."""
        if self._error is not None:
            raise self._error

    def notice(self) -> str:
        """What the screen says while a gate waits: how long until demo-coordinator approves."""
        waiting = self._waiting_since
        if waiting is None:
            return ""
        left = max(0, round((waiting[1] + self._patience - self._clock()).total_seconds()))
        return _("demo-coordinator approves wave {wave} in {seconds} s; press a to do it yourself", wave=waiting[0], seconds=left)

    def _live(self) -> None:
        try:
            while not self._stop.is_set():
                self._look()
                self._stop.wait(_LOOK_EVERY_S)
        except BaseException as error:  # noqa: BLE001 - handed to the demo's own thread by `check`
            self._error = error
            self.finished.set()

    def _look(self) -> None:
        with self.night.store.read() as snapshot:
            state = rollouts.read_rollout(snapshot, self.night.rollout)
            assert state is not None
            rows = reads.sites_since(snapshot, self.night.rollout, self._seq)
            reports = [self._report_of(snapshot, row.code) for row in rows if row.state in _REPORTABLE and not row.claimed]
        self._seq = max([self._seq, *(row.seq for row in rows)])
        for report in reports:
            technician = Actor(code=report.technician)
            checkin_control.check_in(self.night.store, technician, self._clock(), report)
        self._decide(state)
        if state.phase in ENDED and not reports:
            self.finished.set()

    def _report_of(self, snapshot: Snapshot, site: str) -> checkin_control.Report:
        assignment = crew.read_assignment(snapshot, site)
        assert assignment is not None
        by_hand = [terminal.code for terminal in self.night.fleet.terminals_of[site] if terminal.reach is Reach.BY_HAND]
        shown = dict.fromkeys(by_hand, self.night.plan.release)
        return checkin_control.Report(site=site, technician=assignment.technician, shown=shown)

    def _decide(self, state: RolloutState) -> None:
        waiting = waiting_waves(state) if state.phase is RolloutPhase.RUNNING else ()
        if not waiting:
            self._waiting_since = None
            return
        wave = waiting[0]
        if self._waiting_since is None or self._waiting_since[0] != wave.number:
            self._waiting_since = (wave.number, self._clock())
        if self._clock() - self._waiting_since[1] < self._patience:
            return
        self._waiting_since = None
        try:
            rollout_control.approve(self.night.store, COORDINATOR, self._clock(), self.night.rollout, wave.number)
        except ConflictError:
            return  # somebody at the screen was faster
