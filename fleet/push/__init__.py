"""Stage 4. One terminal, one attempt: a pure conversation, and the SSH transport under it.

    PushJob -> push_terminal -> AttemptResult          Terminal -> scan_host_key -> ScanResult

- `conversation` decides, without I/O; `transport` moves its bytes; `connection` opens and closes; `link` keeps the deadline.
"""

from fleet.push.gate import Gate, gate_of
from fleet.push.job import FileSource, PushJob, ScanResult
from fleet.push.kept_files import KeptFiles
from fleet.push.push import push_terminal, scan_host_key
from fleet.push.throttle import Throttles
from fleet.push.user_key import UserKey, load_user_key

__all__ = [
    "FileSource",
    "Gate",
    "KeptFiles",
    "PushJob",
    "ScanResult",
    "Throttles",
    "UserKey",
    "gate_of",
    "load_user_key",
    "push_terminal",
    "scan_host_key",
]
