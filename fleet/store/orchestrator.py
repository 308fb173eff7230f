"""Who runs this workspace: one orchestrator at a time, with a beat every view can read."""

import os
import socket
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, insert, select, update

from fleet.errors import ConflictError
from fleet.model.base import Noun
from fleet.store import tables
from fleet.store.database import Snapshot, Tx
from fleet.store.rows import noun_of
from fleet.text import N_

SILENT_AFTER = timedelta(seconds=15)
"""A beat older than this means the orchestrator is gone."""


class Orchestrator(Noun):
    """The process that runs the workspace, or the last one that did."""

    pid: int
    host: str
    user: str
    token: str
    started_at: datetime
    beat_at: datetime
    stopped_at: datetime | None = None

    def is_alive(self, now: datetime) -> bool:
        """Whether it has not stopped, its last beat is recent, and its process is not known to be gone."""
        return self.stopped_at is None and now - self.beat_at < SILENT_AFTER and not self.is_gone

    @property
    def is_gone(self) -> bool:
        """Whether its process is gone for certain; on another machine nobody can tell, and its beat decides."""
        if self.host != socket.gethostname():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass  # it is somebody else's
        return _is_dead(self.pid)


def _is_dead(pid: int) -> bool:
    """Whether a process has ended, though its parent has not asked how: it can still be signalled, and does nothing any more."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[:1] in (["Z"], ["X"])


def read_orchestrator(snapshot: Snapshot) -> Orchestrator | None:
    """The present or last orchestrator; None when there never was one."""
    row = snapshot.connection.execute(select(tables.orchestrator)).first()
    return noun_of(Orchestrator, row) if row else None


def become_orchestrator(tx: Tx, *, pid: int, host: str, user: str, token: str, last_is_dead: bool) -> None:
    """Take the workspace.

    Args:
        tx: The transaction; its time is the first beat.
        pid: Ours.
        host: Name of this machine.
        user: OS user we run as.
        token: Random; tells this process from any other with the same pid.
        last_is_dead: The caller saw that the last one's process is gone, so a recent beat does not count.

    Raises:
        ConflictError: Another one is alive; the message names pid, host and user.
    """
    last = read_orchestrator(tx)
    if last is not None and last.is_alive(tx.at) and not last_is_dead:
        raise ConflictError(
            N_("another orchestrator runs this workspace: pid {pid} on {host}, user {user}", pid=last.pid, host=last.host, user=last.user),
            hint=N_("one is enough; stop that one first"),
        )
    tx.connection.execute(delete(tables.orchestrator))
    row = {"id": 1, "pid": pid, "host": host, "user": user, "token": token, "started_at": tx.at, "beat_at": tx.at, "stopped_at": None}
    tx.connection.execute(insert(tables.orchestrator).values(row))
    tx.event("orchestrator.started", "orchestrator", {"pid": pid, "host": host})


def beat(tx: Tx, token: str) -> bool:
    """Say that we are alive; False when another process has taken the workspace and we must stop."""
    return (
        tx.connection.execute(update(tables.orchestrator).where(tables.orchestrator.c.token == token).values(beat_at=tx.at)).rowcount == 1
    )


def leave(tx: Tx, token: str) -> None:
    """Say that we stopped in good order."""
    tx.connection.execute(update(tables.orchestrator).where(tables.orchestrator.c.token == token).values(stopped_at=tx.at, beat_at=tx.at))
    tx.event("orchestrator.stopped", "orchestrator", {})
