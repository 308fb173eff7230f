"""Plans and releases as the engine uses them, read once for each rollout: neither ever changes, nor does what a rollout is for."""

from dataclasses import dataclass, field

from fleet.errors import InternalError
from fleet.model.plan import Plan, Program
from fleet.model.release import Artifact, Release
from fleet.model.rollout import RolloutState
from fleet.rollout import Rules, rules_of, sending_s
from fleet.store import Snapshot, releases
from fleet.text import N_


@dataclass(frozen=True, slots=True)
class PlanInUse:
    """A rollout's plan, with its rules and its release."""

    plan: Plan
    rules: Rules
    release: Release
    rollout: RolloutState
    """As it was when first seen; of it only what never changes counts here."""

    def sending_s(self, program: Program) -> float:
        """How long a push of this program may have to send, by the rollout's limits; 0 without any."""
        return sending_s(self.plan, self.release, program, self.rollout.limits)

    def artifact(self, name: str | None) -> Artifact | None:
        """The release's artifact of that name."""
        return self.release.artifact(name)


@dataclass(slots=True)
class Plans:
    """The plan that is in use now; safe to share between threads."""

    _held: PlanInUse | None = field(default=None)

    def of(self, snapshot: Snapshot, state: RolloutState) -> PlanInUse:
        """The plan of a rollout."""
        held = self._held
        if held is None or held.rollout.id != state.id:
            plan = releases.read_plan(snapshot, state.plan_digest)
            release = releases.read_release(snapshot, plan.release)
            if release is None:
                raise InternalError(N_("the plan's release {version} is gone from the workspace", version=plan.release))
            held = self._held = PlanInUse(plan, rules_of(plan, state.only), release, state)
        return held
