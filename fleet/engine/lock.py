"""One orchestrator for one workspace: taking the workspace, saying that we are alive, leaving it."""

import os
import pwd
import secrets
import socket
from datetime import datetime

from fleet.errors import ConflictError
from fleet.model.actor import FLEET
from fleet.store import Snapshot, Store, Tx, orchestrator
from fleet.text import N_

_tokens_of_this_process: set[str] = set()


class WorkspaceLock:
    """Our hold on a workspace."""

    def __init__(self, store: Store) -> None:
        """Nothing is taken yet."""
        self._store = store
        self._token = secrets.token_hex(16)

    def take(self, now: datetime) -> None:
        """Become the workspace's orchestrator.

        Raises:
            ConflictError: Another one is alive; the message names pid, host and user.
        """
        with self._store.write(FLEET, now) as tx:
            orchestrator.become_orchestrator(
                tx, pid=os.getpid(), host=socket.gethostname(), user=_user(), token=self._token, last_is_dead=_last_is_dead(tx)
            )
        _tokens_of_this_process.add(self._token)

    def hold(self, tx: Tx) -> None:
        """Say that we are alive, and make sure that the workspace is ours in this transaction.

        Raises:
            ConflictError: Another process has taken it; nothing of ours may be stored any more.
        """
        if not orchestrator.beat(tx, self._token):
            raise ConflictError(N_("another orchestrator has taken this workspace; this one ends"))

    def beat(self, now: datetime) -> None:
        """As `hold`, in a transaction of its own."""
        with self._store.write(FLEET, now) as tx:
            self.hold(tx)

    def leave(self, now: datetime) -> None:
        """Say that we stopped in good order."""
        with self._store.write(FLEET, now) as tx:
            if orchestrator.beat(tx, self._token):
                orchestrator.leave(tx, self._token)
        self.forget()

    def forget(self) -> None:
        """Be gone without a word, as a killed process is; whoever comes next may take the workspace at once."""
        _tokens_of_this_process.discard(self._token)


def _last_is_dead(snapshot: Snapshot) -> bool:
    """Whether the last orchestrator is gone for certain: its process is, or it had our pid and was not one of ours."""
    last = orchestrator.read_orchestrator(snapshot)
    if last is None:
        return False
    if last.host == socket.gethostname() and last.pid == os.getpid():
        return last.token not in _tokens_of_this_process
    return last.is_gone


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid-{os.getuid()}"
