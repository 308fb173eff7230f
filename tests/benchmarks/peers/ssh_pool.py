"""The plain ssh binary, 32 at the same time, the whole job as one command with the archive on stdin. Needs no library."""

import subprocess
from concurrent.futures import ThreadPoolExecutor

from common import ORDER, script, sends

PARALLEL = 32


def one(host: str) -> None:
    """One terminal."""
    command = ["ssh", "-F", ORDER["ssh_config"], "-c", "aes128-gcm@openssh.com", "-p", str(ORDER["port"]), host, script()]
    with open(ORDER["archive"] if sends() else "/dev/null", "rb") as stdin:
        subprocess.run(command, stdin=stdin, stdout=subprocess.DEVNULL, check=True)


with ThreadPoolExecutor(PARALLEL) as pool:
    list(pool.map(one, ORDER["hosts"]))
