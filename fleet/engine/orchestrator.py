"""The orchestrator: it reconciles, and pushes, until stopped. `fleet run` is this in a process, `fleet demo` in a thread.

- Level-triggered: a turn follows whatever is, so it matters little what woke it: a result, somebody else's write, or nothing.
- What goes wrong in a turn is logged, and the turn is taken again; a locked database is not the end.
- Killed at any moment, the next one goes on from the tables: shards without a worker are planned again, recorded results stay.
"""

import resource
import threading
from contextlib import ExitStack
from datetime import UTC, datetime
from time import monotonic
from types import TracebackType
from typing import Self

from fleet.engine.lock import WorkspaceLock
from fleet.engine.log import open_log
from fleet.engine.plans import Plans
from fleet.engine.ports import Clock, Push
from fleet.engine.reconcile import Turn, reconcile
from fleet.engine.workers import LocalWorkers
from fleet.errors import ConflictError, FleetError
from fleet.model.attempt import AttemptResult
from fleet.model.playbook import MOST_PARALLEL
from fleet.push import KeptFiles, PushJob, Throttles, gate_of, load_user_key, push_terminal
from fleet.push.collector import settle_collector
from fleet.settings import Settings
from fleet.store import Store
from fleet.trust.contents import Contents

POLL_S = 0.25
"""How soon another process's write is seen."""
BEAT_S = 3.0
_BACKOFF_S = (0.5, 1.0, 2.0, 5.0, 10.0)


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


def real_push(settings: Settings) -> Push:
    """Pushes over SSH, with the workspace's key and release files.

    Raises:
        InputError: The workspace's user key cannot be used.
    """
    keys = load_user_key(settings.user_key)
    files = KeptFiles(Contents(settings.workspace / "releases"))
    gate = gate_of(settings)
    throttles = Throttles()

    def push(job: PushJob, stop: threading.Event) -> AttemptResult:
        throttle = throttles.of(job.rollout, job.limits)
        return push_terminal(job, files, keys, settings.ssh_config, stop, gate=gate, throttle=throttle)

    return push


def _allow_open_files() -> None:
    """Let this process hold a connection for each push that a playbook may make at the same time; the usual limit is 1,024 files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * MOST_PARALLEL + 1024
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(hard, wanted), hard))


class Orchestrator:
    """Runs the workspace's rollout from `start` to `stop`. Use it once; as a context manager it starts and stops itself."""

    def __init__(self, settings: Settings, store: Store, *, push: Push | None = None, clock: Clock = utc_now) -> None:
        """Nothing runs yet, and nothing is taken. Without `push`, terminals are reached over SSH."""
        self._settings, self._store, self._clock = settings, store, clock
        self._push = push
        self._lock = WorkspaceLock(store)
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._turned = threading.Condition()
        self._open = ExitStack()
        self._turn: Turn | None = None
        self._seen = -1
        """The store's version that the last turn looked at."""
        self._is_over = False
        self._failure: FleetError | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Take the workspace and begin.

        Raises:
            ConflictError: Another orchestrator is alive; the message names pid, host and user.
            InputError: The workspace's user key cannot be used.
        """
        push = self._push or real_push(self._settings)
        _allow_open_files()
        settle_collector()
        self._lock.take(self._clock())
        self._log = self._open.enter_context(open_log(self._settings.workspace))
        self._plans = Plans()
        self._workers = LocalWorkers(
            self._store,
            push,
            self._plans,
            clock=self._clock,
            log=self._log,
            on_free=self._woken.set,
            at_gateway=self._settings.logins_per_gateway,
        )
        self._thread = threading.Thread(target=self._run, name="orchestrator", daemon=True)
        self._thread.start()

    def stop(self, *, hurry: bool = False) -> None:
        """Begin nothing more and end when the last push has; with `hurry`, pushes end as soon as they can. Returns at once."""
        self._stopping.set()
        self._woken.set()
        if hurry and self._thread is not None:
            self._workers.hurry()

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait until it has ended; False when it has not within `timeout_s`.

        Raises:
            FleetError: It ended because it could not go on.
        """
        if self._thread is None:
            return True
        self._thread.join(timeout_s)
        if self._failure is not None:
            raise self._failure
        return not self._thread.is_alive()

    def wait_at_rest(self, timeout_s: float | None = None, *, or_for_people: bool = False) -> Turn | None:
        """Wait until nothing is left to do, or only a person can go on; None when that did not come within `timeout_s`, or it ended.

        With `or_for_people` also when all that is left are sites that people have to themselves, though their time will be over.
        """
        with self._turned:
            self._turned.wait_for(lambda: self._is_at_rest(or_for_people=or_for_people) or self._is_over, timeout_s)
            return self._turn if self._is_at_rest(or_for_people=or_for_people) else None

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop it and wait for its end; in a hurry where the block raised."""
        self.stop(hurry=kind is not None)
        self.join()

    def _is_at_rest(self, *, or_for_people: bool) -> bool:
        """Whether the last turn found nobody at work, and nothing was written since."""
        turn = self._turn
        is_still = turn is not None and (turn.is_at_rest or (or_for_people and turn.is_left_to_people))
        return is_still and self._seen == self._store.version()

    def _run(self) -> None:
        self._log.info("orchestrator started")
        beat_at, trouble = monotonic() + BEAT_S, 0
        while not (self._stopping.is_set() and self._workers.is_idle):
            try:
                self._look()
                if monotonic() >= beat_at:
                    self._lock.beat(self._clock())
                    beat_at = monotonic() + BEAT_S
                trouble = 0
            except ConflictError as error:
                self._end_with(error)
                break
            except Exception:  # noqa: BLE001 - whatever it is, the rollout goes on when it is over
                self._log.exception("a turn failed; trying again")
                self._woken.set()
                self._stopping.wait(_BACKOFF_S[min(trouble, len(_BACKOFF_S) - 1)])
                trouble += 1
            self._woken.wait(POLL_S)
        self._close()

    def _look(self) -> None:
        """Take a turn when something was written since the last one, something came free, or a deadline has passed."""
        was_woken = self._woken.is_set()
        self._woken.clear()
        if self._stopping.is_set():
            self._workers.drain()
            return
        version = self._store.version()
        if version == self._seen and not was_woken and not self._is_due():
            return
        turn = reconcile(self._store, self._workers, self._plans, self._clock(), self._lock.hold)
        with self._turned:
            self._turn, self._seen = turn, version
            self._turned.notify_all()

    def _is_due(self) -> bool:
        """Whether a moment has come that the last turn named."""
        return self._turn is not None and self._turn.next_at is not None and self._clock() >= self._turn.next_at

    def _end_with(self, error: ConflictError) -> None:
        """Somebody else runs the workspace: nothing of ours may be stored any more."""
        self._log.error("the workspace was taken by another orchestrator")
        self._workers.abandon()
        self._failure = error

    def _close(self) -> None:
        self._workers.close()
        try:
            self._lock.leave(self._clock())
        except FleetError:
            self._log.exception("could not say goodbye; the next one will see that we are gone")
        self._log.info("orchestrator stopped")
        self._open.close()
        with self._turned:
            self._is_over = True
            self._turned.notify_all()
