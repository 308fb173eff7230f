"""ClusterShell over the ssh binary: `copy`, then the rest as one command; 64 at the same time, its default."""

from ClusterShell.NodeSet import NodeSet
from ClusterShell.Task import task_self
from common import AFTER_RECEIVE, CHECK, ORDER, PART, RELEASE, VERIFY

task = task_self()
task.set_info("fanout", 64)
task.set_info("ssh_options", f"-F {ORDER['ssh_config']} -p {ORDER['port']}")
task.set_info("scp_options", f"-F {ORDER['ssh_config']} -P {ORDER['port']}")
nodes = NodeSet.fromlist(ORDER["hosts"])


def run(command: str) -> None:
    """Run it everywhere; it must succeed everywhere."""
    task.run(command, nodes=nodes)
    if task.max_retcode():
        raise SystemExit(f"failed: {command}")


match ORDER["job"]:
    case "command":
        run("true")
    case "again":
        run(CHECK)
    case job:
        run(f"mkdir -p {RELEASE}")
        task.copy(ORDER["archive"], PART, nodes=nodes)
        task.resume()
        run(VERIFY if job == "upload" else AFTER_RECEIVE)
