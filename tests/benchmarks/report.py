"""docs/benchmarks.md from the measured figures: a median for each tool, and how it stands to ours. What people wrote there stays."""

import os
import platform
import subprocess
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.cases import BOUNDS, LONG, Bound, Case
from tests.benchmarks.tools import ALL, OURS, Tool

BEGIN, END = "<!-- figures: written by make bench -->", "<!-- end of figures -->"
_MEASURES = {"cpu_ms": "client CPU", "wall_ms": "wall"}


def figures_of(stored: dict[str, Any], job: str, tool: str, measure: str) -> list[float]:
    """All runs' figures; empty when there are none."""
    case, _, name = job.partition("/")
    runs = stored.get(case, {}).get("jobs", {}).get(name, {}).get(tool, [])
    return [figures[measure] for figures in runs]


def ratio(value: float) -> str:
    """`2.3x`."""
    return f"{value:.0f}x" if value >= 20 else f"{value:.2g}x" if value >= 10 else f"{value:.2f}x"


def write_report(stored: dict[str, Any], path: Path) -> None:
    """Put the figures between their marks."""
    text = path.read_text() if path.exists() else f"# Benchmarks\n\n{BEGIN}\n{END}\n"
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    lines = [*_machine(), "", *_bounds(stored)]
    for case in LONG:
        if case.name in stored:
            lines += ["", *_case(case, stored)]
    path.write_text(f"{head}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{tail}")


def _machine() -> list[str]:
    model = next((line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), "?")
    sshd = subprocess.run(["ssh", "-V"], check=True, capture_output=True, text=True).stderr.split(",")[0]
    return [
        f"Machine: {os.cpu_count()} cores, {model}, {platform.system()} {platform.release()}, Python {platform.python_version()}, {sshd}."
    ]


def _bounds(stored: dict[str, Any]) -> list[str]:
    lines = [
        "## Against the bounds",
        "",
        "How many times what we need each tool needs, medians; *must* and *goal* are the least we set ourselves.",
        "",
        "| job | against | measure | must | goal | measured | |",
        "|---|---|---|--:|--:|--:|---|",
    ]
    for bound in BOUNDS:
        ours, theirs = (figures_of(stored, bound.job, name, bound.measure) for name in (OURS.name, bound.peer.name))
        if ours and theirs:
            lines.append(_bound(bound, median(theirs) / median(ours)))
    return lines


def _bound(bound: Bound, found: float) -> str:
    must, goal = (ratio(value) if value else "" for value in (bound.must, bound.goal))
    verdict = "goal" if bound.goal and found >= bound.goal else "must" if bound.must and found >= bound.must else "below"
    if verdict == "below" and not bound.must:
        verdict = "below the goal"
    measure = _MEASURES[bound.measure]
    return f"| {bound.job} | {bound.peer.label} | {measure} | {must} | {goal} | {ratio(found)} | {verdict} |"


def _case(case: Case, stored: dict[str, Any]) -> list[str]:
    taken = stored[case.name]
    busy = taken["busy"]
    runs = max(len(of_tool) for of_job in taken["jobs"].values() for of_tool in of_job.values())
    lines = [f"## {case.title}", ""]
    lines.append(
        f"`--case {case.name}`, {taken['at']}, {runs} run{'s' if runs > 1 else ''}; before them the machine was "
        f"{median(busy):.0%} busy with other work ({max(busy):.0%} at most)."
    )
    for job in case.jobs:
        lines += [
            "",
            f"**{job}**",
            "",
            "| tool | terminals | client CPU ms | to ours | wall ms | to ours | peak MB |",
            "|---|--:|--:|--:|--:|--:|--:|",
        ]
        if case.counted:
            lines[-2:] = ["| tool | KB sent | to ours |", "|---|--:|--:|"]
        lines += [_row(case, job, tool, stored) for tool in case.tools if figures_of(stored, f"{case.name}/{job}", tool.name, "cpu_ms")]
    return [
        *lines,
        "",
        "Versions: " + "; ".join(f"{tool.label}: {version}" for tool in ALL if (version := taken["versions"].get(tool.name))) + ".",
    ]


def _row(case: Case, job: str, tool: Tool, stored: dict[str, Any]) -> str:
    def both(measure: str) -> tuple[float, float]:
        ours, theirs = (median(figures_of(stored, f"{case.name}/{job}", name, measure)) for name in (OURS.name, tool.name))
        return theirs, theirs / ours if ours else 0.0

    if case.counted:
        sent, times = both("sent_kb")
        return f"| {tool.label} | {sent:,.0f} | {ratio(times)} |"
    (cpu, cpu_times), (wall, wall_times), (peak, _) = both("cpu_ms"), both("wall_ms"), both("peak_mb")
    return f"| {tool.label} | {case.count_for(tool)} | {cpu:.2f} | {ratio(cpu_times)} | {wall:.1f} | {ratio(wall_times)} | {peak:.0f} |"
