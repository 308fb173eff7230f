"""The tools that are compared, and how each is installed and started. A peer has an environment of its own and is never imported."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PEERS = HERE / "peers"


@dataclass(frozen=True)
class Tool:
    """One tool."""

    name: str
    label: str
    package: str | None = None
    """What pip installs for it; None where nothing is to be installed."""

    def python(self, cache: Path) -> Path:
        """Its own interpreter."""
        return cache / self.name / "bin/python" if self.package else Path(sys.executable)

    def install(self, cache: Path) -> None:
        """Make its environment, unless it is there already."""
        if self.package is None or (cache / self.name / self.package).exists():
            return
        print(f"installing {self.package}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", cache / self.name], check=True)
        subprocess.run([self.python(cache), "-m", "pip", "install", "--quiet", self.package], check=True, stderr=subprocess.DEVNULL)
        (cache / self.name / self.package).touch()

    def version(self, cache: Path) -> str:
        """What its figures are of."""
        if self.name == "ssh":
            return subprocess.run(["ssh", "-V"], check=True, capture_output=True, text=True).stderr.split(",")[0]
        if self.package is None:
            return "this checkout"
        name = "paramiko" if self.name in ("fabric", "pyinfra") else None
        code = f"from importlib.metadata import version as v; print(v({name!r}))"
        below = subprocess.run([self.python(cache), "-c", code], check=True, capture_output=True, text=True).stdout if name else ""
        return f"{self.package.replace('==', ' ')}{' on Paramiko ' + below.strip() if below else ''}"

    def command(self, cache: Path, order: Path) -> list[str]:
        """The command line that carries an order out."""
        match self.name:
            case "ours":
                return [str(self.python(cache)), str(HERE / "ours.py"), str(order)]
            case "ansible":
                return _ansible(cache, order)
            case "pyinfra":
                inventory, deploy = PEERS / "pyinfra_inventory.py", PEERS / "pyinfra_deploy.py"
                return [str(cache / "pyinfra/bin/pyinfra"), "-y", "--parallel", "100", str(inventory), str(deploy)]
            case "ssh":
                return [str(self.python(cache)), str(PEERS / "ssh_pool.py"), str(order)]
            case _:
                return [str(self.python(cache)), str(PEERS / f"{self.name}_peer.py"), str(order)]


OURS = Tool("ours", "this project")
SSH = Tool("ssh", "ssh binary, pool of 32")
FABRIC = Tool("fabric", "Fabric as people write it", "fabric==3.2.3")
ASYNCSSH = Tool("asyncssh", "asyncssh, one channel", "asyncssh==2.24.1")
PARALLEL_SSH = Tool("parallel_ssh", "parallel-ssh", "parallel-ssh==2.16.0.post1")
CLUSTERSHELL = Tool("clustershell", "ClusterShell", "ClusterShell==1.9.1")
PYINFRA = Tool("pyinfra", "pyinfra", "pyinfra==3.10.0")
ANSIBLE = Tool("ansible", "ansible-core, forks 50, pipelining", "ansible-core==2.19.14")
ALL = (OURS, SSH, ASYNCSSH, PARALLEL_SSH, CLUSTERSHELL, FABRIC, PYINFRA, ANSIBLE)


def environment(order: Path) -> Mapping[str, str]:
    """What tools are told that take no order on their command line; nothing of the person's own settings."""
    ansible = {
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_FORKS": "50",
        "ANSIBLE_STDOUT_CALLBACK": "minimal",
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_HOME": str(order.parent / "ansible"),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(order.parent / "cp"),
        "ANSIBLE_CONFIG": str(order.parent / "ansible.cfg"),  # not there: nothing of the person's own
    }
    return {**os.environ, **ansible, "ORDER": str(order), "PYTHONDONTWRITEBYTECODE": "", "SSH_AUTH_SOCK": ""}


def install(tools: Iterable[Tool], cache: Path) -> None:
    """Make the environments that are missing."""
    cache.mkdir(exist_ok=True)
    for tool in tools:
        tool.install(cache)


def _ansible(cache: Path, path: Path) -> list[str]:
    order = json.loads(path.read_text())
    inventory = path.with_suffix(".ini")
    inventory.write_text("".join(f"{host}\n" for host in order["hosts"]))
    values = {name: order[name] for name in ("version", "archive", "archive_sha256")}
    values["ansible_ssh_common_args"] = f"-F {order['ssh_config']}"
    values["ansible_port"] = order["port"]
    values["ansible_python_interpreter"] = "/usr/bin/python3"
    playbook = PEERS / ("ansible_command.yml" if order["job"] == "command" else "ansible_upgrade.yml")
    return [str(cache / "ansible/bin/ansible-playbook"), "-i", str(inventory), "-e", json.dumps(values), str(playbook)]
