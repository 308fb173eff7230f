"""Stage 2: Fleet + Playbook + Release -> Plan: waves, strata, budgets, preview, digest.

    playbook = read_playbook(path)
    plan = make_plan(fleet, playbook, release, "district:青湾")
    write_plan(plan, file); read_plan(file); preview(plan, fleet)

- Deciding is pure: the same input gives the same digest, in whatever order the inventory lists it.
- A terminal that cannot be planned refuses the whole plan; nobody is left out silently.
"""

from fleet.plan.make import make_plan
from fleet.plan.plan_file import read_plan, write_plan
from fleet.plan.playbook import read_playbook
from fleet.plan.preview import Preview, preview
from fleet.plan.windows_file import read_windows

__all__ = ["Preview", "make_plan", "preview", "read_plan", "read_playbook", "read_windows", "write_plan"]
