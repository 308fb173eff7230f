"""What a command costs with everything it starts: `measure.py COMMAND...` prints wall and CPU seconds and peak memory as JSON.

Processes that outlive the command (ssh's shared connections) are adopted, ended and counted too. Server processes are none of ours.
"""

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36


def children(parent: int) -> list[int]:
    """Processes whose parent that is."""
    text = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [int(word) for word in text.split()]


def main() -> int:
    """Run, wait for the whole tree, tell."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    began = time.monotonic()
    code = subprocess.run(sys.argv[1:], check=False, stdin=subprocess.DEVNULL, stdout=sys.stderr).returncode
    wall_s = time.monotonic() - began
    while left := children(os.getpid()):
        for process in left:
            os.kill(process, signal.SIGTERM)
        for process in left:
            os.waitpid(process, 0)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps({"wall_s": wall_s, "cpu_s": used.ru_utime + used.ru_stime, "peak_kb": used.ru_maxrss}))
    return code


if __name__ == "__main__":
    sys.exit(main())
