"""Run a prepared night to its end, while a door shows it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fleet.demo.measure import Cost, MemoryWatch, own_cpu_s
from fleet.demo.night import Night
from fleet.demo.people import ScriptedPeople
from fleet.demo.verdict import Difference, differences
from fleet.engine import Orchestrator
from fleet.store import reads


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a night ended."""

    differences: tuple[Difference, ...]
    """Terminals that ended otherwise than planted; empty when all is as it must be."""
    cost: Cost


def utc_now() -> datetime:
    """The time, for the parts of the demo that take a clock."""
    return datetime.now(UTC)


def run_night(night: Night, *, patience: timedelta, screen: Callable[[ScriptedPeople], None]) -> Outcome:
    """Push the whole night through the real orchestrator.

    Args:
        night: As `prepare_night` made it.
        patience: How long a gate waits for the user before demo-coordinator approves it.
        screen: Shows the night; returns when its user has seen enough. The night is run to its end all the same.
    """
    began_s, own_s, far_s = time.monotonic(), own_cpu_s(), night.simulation.cpu_seconds()
    with MemoryWatch() as memory, ScriptedPeople(night, patience=patience, clock=utc_now) as people:
        with Orchestrator(night.settings, night.store):
            screen(people)
            people.finished.wait()
        cost = Cost(
            wall_s=time.monotonic() - began_s,
            own_cpu_s=own_cpu_s() - own_s,
            far_cpu_s=night.simulation.cpu_seconds() - far_s,
            peak_bytes=0,
            terminals=night.reached_by_ssh,
        )
        people.check()
    with night.store.read() as snapshot:
        found = differences(night.fleet.terminals, night.faults, reads.all_terminals(snapshot, night.rollout))
    return Outcome(tuple(found), Cost(cost.wall_s, cost.own_cpu_s, cost.far_cpu_s, memory.peak_bytes, cost.terminals))
