"""One run of this project: pushes through `fleet.push`, from a pool of threads as a worker of `fleet run` has it."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from fleet.model.attempt import TerminalState
from fleet.model.inventory import Site, SiteKind, Terminal
from fleet.model.playbook import Account, ActivateStep, Command, Playbook, PreflightStep, ProbeStep, StageStep, Step
from fleet.model.release import Artifact, ReleaseFile
from fleet.push import KeptFiles, PushJob, load_user_key, push_terminal
from fleet.push.collector import settle_collector
from fleet.terminal.compile import compile_program
from fleet.trust.contents import Contents
from tests.seals import sealed

PARALLEL = 32
"""Pushes at the same time: the playbook's default."""
SITE = Site(code="pharmacy-1", kind=SiteKind.PHARMACY, name="A pharmacy", district="qingwan")


def steps(order: dict[str, Any]) -> list[Step]:
    """What is done on a terminal."""
    version = order["version"]
    if order["job"] == "command":
        return [ProbeStep(name="command", command=Command(words=("true",)))]
    if order["job"] == "upload":
        return [StageStep(name="stage", timeout_s=300)]
    tell = Command(words=("bin/version",))
    return [
        PreflightStep(name="preflight", tools=("tar",)),
        StageStep(name="stage"),
        ActivateStep(name="activate", probe=tell, probe_wait_s=0),
        ProbeStep(name="probe", command=tell, expect={"version": version}),
    ]


def artifact(order: dict[str, Any]) -> Artifact:
    """The release's files, as `fleet release add` would list them."""
    listed = []
    for path, digest in order["files"].items():
        size = (Path(order["contents"]) / digest).stat().st_size
        listed.append(ReleaseFile(path=path, sha256=digest, size=size, mode="0755" if path.startswith("bin/") else "0644"))
    return sealed(Artifact(name="all", files=tuple(listed)), order["version"])


def jobs(order: dict[str, Any]) -> list[PushJob]:
    """One push for each host."""
    account = Account(user="fleet", root="client").model_copy(update={"user": order["user"]})  # a build server's may be root
    stages = order["job"] != "command"
    files = artifact(order) if stages else None
    playbook = Playbook(name="bench", account=account, steps=tuple(steps(order)))
    program = compile_program(playbook, playbook.steps, files, order["version"])
    return [
        PushJob(
            terminal=Terminal(site=SITE.code, code=f"t{number}", host=host, port=order["port"]),
            site=SITE,
            number=order["attempt"],
            program=program,
            artifact=files,
            version=order["version"],
            account=account,
            pinned=order["fingerprint"],
            deadline_s=playbook.push_deadline_s,
            rollout="bench",
        )
        for number, host in enumerate(order["hosts"], 1)
    ]


def main() -> int:
    """Push all; every one must end upgraded."""
    order = json.loads(Path(sys.argv[1]).read_text())
    key = load_user_key(Path(order["key"]))
    contents = KeptFiles(Contents(Path(order["contents"])))  # as the orchestrator does
    settle_collector()  # as it does when it starts
    with ThreadPoolExecutor(PARALLEL) as pool:
        results = list(pool.map(lambda job: push_terminal(job, contents, key), jobs(order)))
    bad = [result for result in results if result.ending is not TerminalState.UPGRADED]
    if bad:
        print(len(bad), "of", len(results), "failed:", bad[0], file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
