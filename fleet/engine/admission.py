"""Which sites of a shard may begin now, by their windows: the engine's facts for `cutover`, and its answers as facts for `rollout`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from fleet.control.outlook import return_of
from fleet.cutover import Admission, Begin, Over, Wait, admit
from fleet.engine.plans import PlanInUse, Plans
from fleet.model.attempt import Cause
from fleet.model.rollout import RolloutState
from fleet.rollout import Facts
from fleet.store import Snapshot, fleets, ways_back


@dataclass(frozen=True, slots=True)
class Admitted:
    """What the windows say of some sites; a site that is not named may begin at any time."""

    answers: Mapping[str, Admission] = field(default_factory=dict)

    def may(self, site: str) -> bool:
        """Whether a push to the site may begin now."""
        answer = self.answers.get(site)
        return answer is None or isinstance(answer, Begin)

    def begin_by(self, site: str) -> datetime | None:
        """Until when a push that may begin now may do so; None is at any time."""
        answer = self.answers.get(site)
        return answer.latest if isinstance(answer, Begin) else None

    def opens_at(self, sites: Iterable[str]) -> datetime | None:
        """When to look at these sites again; None where one of them may begin now."""
        moments = [
            answer.until if isinstance(answer, Wait) else None
            for site in sites
            if (answer := self.answers.get(site)) is None or not isinstance(answer, Over)
        ]
        return None if None in moments else min((moment for moment in moments if moment is not None), default=None)

    def over(self, sites: Iterable[str]) -> dict[str, Cause]:
        """Of these sites, those that no window lets begin any more -> why."""
        return {site: answer.why for site in sites if isinstance(answer := self.answers.get(site), Over)}


def ask(snapshot: Snapshot, state: RolloutState, plans: Plans, terminals: Mapping[str, Iterable[str]], now: datetime) -> Admitted:
    """Ask the windows about sites.

    Args:
        snapshot: Where the inventory and what was measured are read.
        state: The rollout.
        plans: Where its plan is found.
        terminals: Site -> those of its terminals that would begin.
        now: This moment.
    """
    used = plans.of(snapshot, state)
    if used.windows is None or not terminals:
        return Admitted()
    pace, back = plans.pace(snapshot, used, now), _in_rehearsal(snapshot, used, terminals)
    openings = fleets.read_openings(snapshot, terminals)
    answers: dict[str, Admission] = {}
    for code, names in terminals.items():
        programs = [program.digest for name in names if (program := used.plan.program_of[name]) is not None]
        needs = pace.needs(programs, used.plan.playbook.parallel, back=len(back.intersection(names)))
        answers[code] = admit(plans.times(used.windows, code, openings.get(code)), now, needs)
    return Admitted(answers)


def _in_rehearsal(snapshot: Snapshot, used: PlanInUse, terminals: Mapping[str, Iterable[str]]) -> set[str]:
    """Of these terminals, those that go back in rehearsal before they are upgraded; only the canary has such."""
    canary = (
        [name for code, names in terminals.items() if used.plan.wave_of.get(code) == 1 for name in names] if used.rules.rehearses else []
    )
    return ways_back.in_rehearsal(snapshot, used.rollout.id, canary) if canary else set()


def with_windows(facts: Facts, snapshot: Snapshot, state: RolloutState, plans: Plans, now: datetime) -> Facts:
    """The facts with what the windows say of the rollout as a whole."""
    return replace(facts, is_past_return=is_past_return(snapshot, state, plans, now))


def next_moment(facts: Facts, snapshot: Snapshot, state: RolloutState, plans: Plans, now: datetime) -> datetime | None:
    """The next moment at which the windows change something by themselves; None is never."""
    used = plans.of(snapshot, state)
    if used.windows is None:
        return None
    moments = [shard.opens_at for wave in facts.waves.values() for shard in wave.shards if shard.id in wave.later and shard.opens_at]
    clock = return_of(snapshot, state, used.plan, plans.pace(snapshot, used, now), now)
    if clock is not None and state.past_return_at is not None:
        moments.append(clock.ends_at)
    return min(moments, default=None)


def is_past_return(snapshot: Snapshot, state: RolloutState, plans: Plans, now: datetime) -> bool:
    """Whether what is touched now might not all go back before the suspension ends."""
    used = plans.of(snapshot, state)
    if used.windows is None:
        return False
    clock = return_of(snapshot, state, used.plan, plans.pace(snapshot, used, now), now)
    return clock is not None and clock.is_past(now)
