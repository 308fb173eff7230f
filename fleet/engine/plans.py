"""Plans and releases as the engine uses them, each read once: neither ever changes."""

from dataclasses import dataclass, field

from fleet.errors import InternalError
from fleet.model.plan import Plan
from fleet.model.release import Artifact, Release
from fleet.model.rollout import RolloutState
from fleet.rollout import Rules, rules_of
from fleet.store import Snapshot, releases
from fleet.text import N_


@dataclass(frozen=True, slots=True)
class PlanInUse:
    """A rollout's plan, with its rules and its release."""

    plan: Plan
    rules: Rules
    release: Release

    def artifact(self, name: str | None) -> Artifact | None:
        """The release's artifact of that name."""
        return next((artifact for artifact in self.release.artifacts if artifact.name == name), None)


@dataclass(slots=True)
class Plans:
    """The plan that is in use now; safe to share between threads."""

    _held: PlanInUse | None = field(default=None)

    def of(self, snapshot: Snapshot, state: RolloutState) -> PlanInUse:
        """The plan of a rollout."""
        held = self._held
        if held is None or held.plan.digest != state.plan_digest:
            plan = releases.read_plan(snapshot, state.plan_digest)
            release = releases.read_release(snapshot, plan.release)
            if release is None:
                raise InternalError(N_("the plan's release {version} is gone from the workspace", version=plan.release))
            held = self._held = PlanInUse(plan, rules_of(plan), release)
        return held
