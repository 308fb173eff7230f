"""What the simulation's process is told: JSON in a file, so that its arguments stay short."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from fleet.sim.faults import Fault
from fleet.sim.scratch import ShellName


@dataclass(frozen=True, slots=True)
class Config:
    """One simulation."""

    directory: str
    """Absolute path of the scratch directory."""
    user_public_key: str
    seed: int
    shell: ShellName
    terminals: Mapping[str, Fault | None]
    """Terminal id -> its fault, in the order in which they are raised."""

    def write(self, file: Path) -> None:
        """Write it where the process is told to look."""
        file.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, file: Path) -> "Config":
        """Read what `write` wrote."""
        data = json.loads(file.read_text())
        return cls(**{**data, "terminals": {terminal: fault and Fault(fault) for terminal, fault in data["terminals"].items()}})
