"""Other tools against this one, on this machine: the same terminals, the same jobs, one after the other.

    python -m tests.benchmarks.compare                  all cases, into docs/benchmarks.md (make bench)
    python -m tests.benchmarks.compare --case real      one case; the others keep the figures they had
    python -m tests.benchmarks.compare --short          a few minutes; exit code 1 when a ratio is too low (make bench-short)

- CPU is that of the client's whole process tree. What one terminal costs is the difference between many and one, so that no
  tool pays for its start. Wall is the whole run's, divided by the terminals.
- Tools take turns; a figure is the median of the runs. Every run starts on empty terminals and must leave the right version live.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.cases import LONG, SHORT, SHORT_BOUNDS, Case
from tests.benchmarks.report import figures_of, ratio, write_report
from tests.benchmarks.terminals import Bed, Build, Relay, bed, build, relay, roomy_memory
from tests.benchmarks.tools import ALL, ANSIBLE, OURS, PYINFRA, Tool, environment, install

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".bench"
STORED = CACHE / "figures.json"
ENOUGH_S = 55 * 60
"""No round begins later."""
TIMEOUT_S = 600


class RunFailedError(SystemExit):
    """A tool did not do its job. Some lose a connection now and then; twice in a row ends the benchmark."""


@dataclass
class Round:
    """One tool's turn at one case."""

    case: Case
    tool: Tool
    place: Bed
    far: Relay | None
    builds: dict[str, Build]
    attempts: Iterator[int]
    measured: dict[str, dict[str, float]] = field(default_factory=dict)

    def run(self) -> dict[str, dict[str, float]]:
        """All jobs on one terminal, twice, then on all; by job what one terminal cost."""
        count = self.case.count_for(self.tool)
        one = self._least(self._jobs(1), self._jobs(1))
        many = self._jobs(count) if count > 1 else one
        for job, taken in many.items():
            cpu_s = (taken["cpu_s"] - one[job]["cpu_s"]) / (count - 1) if count > 1 else taken["cpu_s"]
            self.measured[job] = {
                "cpu_ms": cpu_s * 1000,
                "wall_ms": taken["wall_s"] * 1000 / count,
                "peak_mb": taken["peak_kb"] / 1024,
                "sent_kb": taken["sent_kb"],
            }
        return self.measured

    @staticmethod
    def _least(first: dict[str, dict[str, float]], second: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        """By job the one that took less CPU: what disturbs a start only adds to it, and would be taken off every terminal."""
        return {job: min(first[job], second[job], key=lambda taken: taken["cpu_s"]) for job in first}

    def _jobs(self, count: int) -> dict[str, dict[str, float]]:
        hosts = self.place.empty(count)
        return {job: self._job(job, hosts) for job in self.case.jobs}

    def _job(self, job: str, hosts: Sequence[str]) -> dict[str, float]:
        version = "2.0" if job == "change" else "1.0"
        order = self._order(job, version, hosts)
        if self.far and self.case.counted:
            self.far.sent_bytes()
        with (self.place.directory / "output").open("w+") as output:
            done = subprocess.run(
                [sys.executable, Path(__file__).with_name("measure.py"), *self.tool.command(CACHE, order)],
                check=False,
                stdout=subprocess.PIPE,
                stderr=output,
                env=environment(order),
                cwd=self.place.directory,
                timeout=TIMEOUT_S,
                text=True,
            )
            output.seek(0)
            wrong = [host for host in hosts if job not in ("command", "upload") and self.place.live(host) != version]
            if done.returncode or wrong:
                raise RunFailedError(f"{self.tool.label} failed at {self.case.name}/{job}, {len(wrong)} wrong:\n{output.read()[-3000:]}")
        taken: dict[str, float] = json.loads(done.stdout)
        taken["sent_kb"] = self.far.sent_bytes() / 1000 if self.far and self.case.counted else 0
        return taken

    def _order(self, job: str, version: str, hosts: Sequence[str]) -> Path:
        known_to_the_end = self.tool in (OURS, ANSIBLE, PYINFRA) or job == "command"
        release = self.builds[version]
        place = self.place.directory
        port = self.far.port if self.far else self.place.port
        config = place / "ssh_config"
        config.write_text(
            f"Host *\n User {self.place.user}\n IdentityFile {place}/user_key\n IdentitiesOnly yes\n LogLevel ERROR\n"
            f" UserKnownHostsFile {place}/known_hosts\n StrictHostKeyChecking yes\n CheckHostIP no\n"
        )
        order = {
            "job": {"change": "upgrade", "again": "upgrade" if known_to_the_end else "again"}.get(job, job),
            "hosts": list(hosts),
            "port": port,
            "user": self.place.user,
            "key": f"{place}/user_key",
            "known_hosts": f"{place}/known_hosts",
            "ssh_config": str(config),
            "fingerprint": self.place.fingerprint,
            "version": version,
            "archive": str(release.archive),
            "archive_sha256": release.archive_sha256,
            "files": {path: hashlib.sha256(data).hexdigest() for path, data in release.files.items()},
            "contents": str(place / "contents"),
            "attempt": next(self.attempts),
        }
        path = place / "order.json"
        path.write_text(json.dumps(order))
        return path


def measure(case: Case, tools: Sequence[Tool], runs: int, until: float) -> dict[str, Any]:
    """Let the tools take turns at one case; every run's figures, by job and tool."""
    taken: dict[str, Any] = {"busy": [], "jobs": {job: {tool.name: [] for tool in tools} for job in case.jobs}}
    with (
        tempfile.TemporaryDirectory(prefix="fleet-bench-", dir=roomy_memory()) as name,
        bed(Path(name) / "bed") as place,
        ExitStack() as stack,
    ):
        far = stack.enter_context(relay(place, case.delay_ms)) if case.delay_ms or case.counted else None
        parts = 1 if case.jobs == ("upload",) else 10
        builds = {version: build(place.directory, version, case.release_bytes, parts=parts, changed=1) for version in ("1.0", "2.0")}
        attempts = iter(range(1, 1_000_000))
        for number in range(runs):
            if time.monotonic() > until:
                break
            for tool in tools:
                taken["busy"].append(_busy())
                _settle()
                try:
                    measured = Round(case, tool, place, far, builds, attempts).run()
                except RunFailedError as error:
                    print(f"{error}\nonce more", file=sys.stderr)
                    measured = Round(case, tool, place, far, builds, attempts).run()
                for job, figures in measured.items():
                    taken["jobs"][job][tool.name].append(figures)
                    print(
                        f"{case.name}/{job} run {number + 1} {tool.name}: {figures['cpu_ms']:.2f} ms CPU, {figures['wall_ms']:.1f} ms wall",
                        f"per terminal, others used {taken['busy'][-1]:.0%} of the machine before",
                        file=sys.stderr,
                    )
    return taken


def main() -> int:
    """Measure, store, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="the short form; writes nothing")
    parser.add_argument("--case", action="append", choices=[case.name for case in (*LONG, *SHORT)], help="only this one")
    parser.add_argument("--tool", action="append", choices=[tool.name for tool in ALL], help="only this one; nothing is stored")
    parser.add_argument("--runs", type=int, help="rounds of every case")
    parser.add_argument("--report", action="store_true", help="write docs/benchmarks.md from the stored figures again")
    asked = parser.parse_args()
    until = time.monotonic() + ENOUGH_S
    stored = json.loads(STORED.read_text()) if STORED.exists() else {}
    cases = [case for case in (SHORT if asked.short else (*LONG, *SHORT)) if not asked.case or case.name in asked.case]
    cases = [case for case in cases if case not in SHORT or asked.short or asked.case]
    for case in [] if asked.report else cases:
        tools = [tool for tool in case.tools if not asked.tool or tool.name in asked.tool]
        install(tools, CACHE)
        taken = measure(case, tools, asked.runs or case.runs, until)
        taken["versions"] = {tool.name: tool.version(CACHE) for tool in tools}
        taken["at"] = time.strftime("%Y-%m-%d")
        stored[case.name] = taken
        if case not in SHORT and not asked.tool:
            STORED.write_text(json.dumps(stored, indent=1))
    if asked.short:
        return _judge(stored)
    if not asked.tool:
        write_report(stored, ROOT / "docs/benchmarks.md")
    return 0


def _judge(stored: dict[str, Any]) -> int:
    """Say how the short form's ratios are, each tool at its best; 1 when one is too low."""
    low = 0
    for bound in SHORT_BOUNDS:
        ours, theirs = (figures_of(stored, bound.job, name, bound.measure) for name in (OURS.name, bound.peer.name))
        found = min(theirs) / min(ours)
        assert bound.must is not None
        low += found < bound.must
        verdict = "ok" if found >= bound.must else "TOO LOW"
        print(f"{bound.job} {bound.measure}: {bound.peer.label} needs {ratio(found)} of ours, at least {ratio(bound.must)}: {verdict}")
    return 1 if low else 0


def _busy(seconds: float = 0.5) -> float:
    """Share of the machine that is used while we do nothing."""

    def read() -> tuple[int, int]:
        words = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        return sum(words), words[3] + words[4]

    before = read()
    time.sleep(seconds)
    total, idle = (now - then for now, then in zip(read(), before, strict=True))
    return 1 - idle / max(1, total)


def _settle() -> None:
    """Let the disk finish what the last tool left, so that the next does not pay for it."""
    os.sync()


if __name__ == "__main__":
    sys.exit(main())
