"""One push in a process of its own, so that what it adds to our memory can be told: `push_apart.py ORDER.json` prints a JSON object."""

import gc
import json
import sys
import time
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from fleet.model.attempt import cause_words
from fleet.model.inventory import Site, SiteKind, Terminal
from fleet.model.playbook import Account, PreflightStep
from fleet.push import PushJob, load_user_key, push_terminal
from fleet.terminal.compile import compile_program
from fleet.text import render
from tests.terminal.field import Build, build, client_files, playbook, upgrade_steps

MANY_BYTES = 400_000


class Source:
    """Contents of a release."""

    def __init__(self, release: Build) -> None:
        self._release = release

    def open(self, sha256: str) -> BinaryIO:
        return BytesIO(self._release.contents[sha256])


def release(order: dict[str, Any]) -> Build:
    """The sample client; large where the disk is to be too small for it."""
    return build("2.0", client_files("2.0", extra={"lib/large.dat": bytes(MANY_BYTES)} if order["large"] else None))


def job(order: dict[str, Any], made: Build, port: int) -> PushJob:
    """The push."""
    usual = upgrade_steps("2.0")[1:]
    steps = [PreflightStep(name="preflight", min_free_kb=order["min_free_kb"]), *usual] if order["min_free_kb"] else usual
    account = Account(user="fleet", root="client").model_copy(update={"user": order["user"]})  # a build server's may be root
    program = compile_program(playbook(steps).model_copy(update={"account": account}), steps, made.artifact, made.version)
    return PushJob(
        terminal=Terminal(site="pharmacy-12", code="t03", host="127.0.0.1", port=port),
        site=Site(code="pharmacy-12", kind=SiteKind.PHARMACY, name="A pharmacy", district="qingwan"),
        number=1,
        program=program,
        artifact=made.artifact,
        version=made.version,
        account=account,
        pinned=order["pinned"],
        deadline_s=order["deadline_s"],
    )


def memory(name: str) -> int:
    """Bytes: `VmRSS` now, `VmHWM` at most."""
    return int(Path("/proc/self/status").read_text().split(f"{name}:")[1].split()[0]) * 1024


def main() -> int:
    """Push to nobody once, so that everything is loaded; then to the terminal."""
    order = json.loads(Path(sys.argv[1]).read_text())
    key, made = load_user_key(Path(order["key"])), release(order)
    push_terminal(job(order, made, 1), Source(made), key)
    gc.collect()
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # from here on VmHWM is the push's
    before, began = memory("VmRSS"), time.monotonic()
    result = push_terminal(job(order, made, order["port"]), Source(made), key)
    told = {
        "took_s": time.monotonic() - began,
        "added_bytes": memory("VmHWM") - before,
        "ending": result.ending,
        "cause": result.cause,
        "detail": result.detail,
        "log": result.log,
        "sent": result.bytes_sent,
        "words": render(cause_words(result.cause)),
    }
    sys.stdout.write(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
