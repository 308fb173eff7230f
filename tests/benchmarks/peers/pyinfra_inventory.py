"""pyinfra's inventory: the order's hosts."""

import json
import os
from pathlib import Path

_ORDER = json.loads(Path(os.environ["ORDER"]).read_text())
terminals = (
    _ORDER["hosts"],
    {
        "ssh_user": _ORDER["user"],
        "ssh_port": _ORDER["port"],
        "ssh_key": _ORDER["key"],
        "ssh_config_file": _ORDER["ssh_config"],
        "ssh_known_hosts_file": _ORDER["known_hosts"],
        "ssh_allow_agent": False,
        "ssh_look_for_keys": False,
    },
)
