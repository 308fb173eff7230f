"""A process like `fleet run` whose terminals are scripted: `python -m tests.engine.scripted_run WORKSPACE HOLD_AFTER`.

It writes one line for every connection, and from the given number on holds each of them open until it is killed.
"""

import sys
import threading
from pathlib import Path

from fleet.engine import Orchestrator
from fleet.model.attempt import AttemptResult, TerminalState
from fleet.push import PushJob
from fleet.settings import Settings
from fleet.store import open_store
from tests.engine.city import result


def main() -> None:
    """Run until nothing is left to do."""
    workspace, hold_after = Path(sys.argv[1]), int(sys.argv[2])
    seen, lock = 0, threading.Lock()

    def push(job: PushJob, stop: threading.Event) -> AttemptResult:  # noqa: ARG001 - the seam's signature
        nonlocal seen
        with lock:
            seen += 1
            holds = seen > hold_after
            sys.stdout.write(f"{'held' if holds else 'went'} {job.terminal.id} {job.number}\n")
            sys.stdout.flush()
        if holds:
            threading.Event().wait()
        return result(job, TerminalState.UPGRADED)

    settings = Settings(workspace=workspace)
    store = open_store(settings)
    with Orchestrator(settings, store, push=push) as running:
        running.wait_at_rest()
    store.close()


if __name__ == "__main__":
    main()
