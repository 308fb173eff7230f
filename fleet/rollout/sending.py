"""How long a push may have to send under a rollout's limits: it is told the terminal, and counts on top of the push's deadline."""

from fleet.model.plan import Plan, Program
from fleet.model.purpose import Limits
from fleet.model.release import Release

LONGEST_SENDING_S = 8 * 3600.0
"""A terminal is switched on for a working day. Limits that let a push take longer are refused."""
_HEADER_BYTES = 2 * 512
"""Around each file of an archive, at most."""


def sending_s(plan: Plan, release: Release, program: Program, limits: Limits) -> float:
    """Seconds that a push of this program may have to send when all share the limits that may push at once; 0 without limits."""
    artifact = release.artifact(program.artifact)
    size = len(program.text) + (artifact.size + _HEADER_BYTES * (len(artifact.files) + 1) if artifact else 0)
    at_site = max((len(site.terminals) for wave in plan.waves for site in wave.sites), default=1)
    return limits.sending_s(size, at_once=plan.playbook.parallel, at_site=at_site)
