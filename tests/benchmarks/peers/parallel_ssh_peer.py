"""parallel-ssh (libssh2): `copy_file`, then the rest as one command; 100 at the same time, its default."""

from common import AFTER_RECEIVE, CHECK, ORDER, PART, RELEASE, VERIFY
from gevent import joinall
from pssh.clients import ParallelSSHClient

PARALLEL = 100
client = ParallelSSHClient(ORDER["hosts"], user=ORDER["user"], port=ORDER["port"], pkey=ORDER["key"], pool_size=PARALLEL, allow_agent=False)


def run(command: str) -> None:
    """Run it everywhere; it must succeed everywhere."""
    output = client.run_command(command)
    client.join(output)
    bad = [host.host for host in output if host.exit_code]
    if bad:
        raise SystemExit(f"failed on {bad}")


match ORDER["job"]:
    case "command":
        run("true")
    case "again":
        run(CHECK)
    case job:
        run(f"mkdir -p {RELEASE}")
        joinall(client.copy_file(ORDER["archive"], PART), raise_error=True)
        run(VERIFY if job == "upload" else AFTER_RECEIVE)
