"""What the orchestrator notes for whoever mends it: one JSON object a line, in `fleet.log` of the workspace."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog

LOG_FILE = "fleet.log"


@contextmanager
def open_log(workspace: Path) -> Iterator[Any]:
    """A logger that appends to the workspace's log; safe to use from many threads."""
    with (workspace / LOG_FILE).open("a", encoding="utf-8", errors="backslashreplace") as file:
        yield structlog.wrap_logger(
            structlog.WriteLogger(file),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
