"""Whether what a rollout is to be for, and the limits it is to keep, make sense with its plan. Pure."""

from math import ceil

from fleet.errors import InputError
from fleet.model.plan import Plan
from fleet.model.purpose import Limits, Only
from fleet.model.release import Release
from fleet.rollout import LONGEST_SENDING_S, sending_s
from fleet.terminal.compile import stages_alone
from fleet.text import N_

_HOUR_S = 3600


def refuse_senseless(plan: Plan, release: Release, only: Only | None, limits: Limits) -> None:
    """Hold purpose and limits against the plan.

    Raises:
        InputError: The plan stages nothing, an older version made its programs, or the limits let a push take longer than a terminal is on.
    """
    staging = [program for program in plan.programs.values() if program.artifact is not None]
    if only is Only.STAGE and not staging:
        raise InputError(N_("the plan stages nothing"), hint=N_("its playbook has no stage step for any of its terminals"))
    if (only or limits) and not all(stages_alone(program) for program in staging):
        raise InputError(
            N_("the plan was made by an older version of fleet, whose programs cannot stage alone or wait for a slower client"),
            hint=N_("make the plan again with `fleet plan`"),
        )
    longest_s = max((sending_s(plan, release, program, limits) for program in plan.programs.values()), default=0.0)
    if longest_s > LONGEST_SENDING_S:
        raise InputError(
            N_(
                "at these rates a push may take {hours} h to send its files; {most} h are the most that make sense",
                hours=ceil(longest_s / _HOUR_S),
                most=int(LONGEST_SENDING_S / _HOUR_S),
            ),
            hint=N_(
                "raise --site-rate or --total-rate, or let fewer push at the same time (`parallel` of the playbook, {parallel} now)",
                parallel=plan.playbook.parallel,
            ),
        )


def without_share(plan: Plan, only: Only | None) -> list[str]:
    """Terminals of the plan that have no share in what a rollout is for: nothing is staged on what is done by hand."""
    if only is not Only.STAGE:
        return []
    return sorted(terminal for terminal, program in plan.program_of.items() if program is None or program.artifact is None)
