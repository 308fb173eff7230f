"""Fabric as people write it: one Connection a host, `put`, then a `run` for each thing to do; 32 at the same time."""

import sys
from concurrent.futures import ThreadPoolExecutor

from common import FLIP, INTACT, ORDER, PART, READ_BACK, RELEASE, TELL, UNPACK, VERIFY, VERSION
from fabric import Connection, ThreadingGroup

PARALLEL = 32
OPTIONS = {"key_filename": ORDER["key"], "allow_agent": False, "look_for_keys": False}


def command() -> None:
    """Run `true` everywhere."""
    hosts = [f"{ORDER['user']}@{host}:{ORDER['port']}" for host in ORDER["hosts"]]
    with ThreadingGroup(*hosts, connect_kwargs=OPTIONS) as group:
        group.run("true", hide=True)


def in_place(c: Connection) -> bool:
    """Whether it is live already, and intact."""
    if c.run(READ_BACK, hide=True, warn=True).stdout.strip() != f"releases/{VERSION}":
        return False
    if c.run(TELL, hide=True, warn=True).stdout.strip() != f"version={VERSION}":
        return False
    return bool(c.run(INTACT, hide=True, warn=True).ok)


def one(host: str) -> None:
    """One terminal."""
    with Connection(host, user=ORDER["user"], port=ORDER["port"], connect_kwargs=OPTIONS) as c:
        if ORDER["job"] != "upload" and in_place(c):
            return
        c.run(f"mkdir -p {RELEASE}", hide=True)
        c.put(ORDER["archive"], PART)
        c.run(VERIFY, hide=True)
        if ORDER["job"] == "upload":
            return
        c.run(UNPACK, hide=True)
        c.run(FLIP, hide=True)
        version = c.run(TELL, hide=True).stdout.strip()
        live = c.run(READ_BACK, hide=True).stdout.strip()
        if (version, live) != (f"version={VERSION}", f"releases/{VERSION}"):
            sys.exit(f"{host}: {version} {live}")


if ORDER["job"] == "command":
    command()
else:
    with ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(one, ORDER["hosts"]))
