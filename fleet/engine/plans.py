"""Plans and releases as the engine uses them, read once for each rollout: neither ever changes, nor does what a rollout is for."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fleet.control.outlook import pace_of
from fleet.cutover import Pace, SiteTime, site_time
from fleet.errors import InternalError
from fleet.model.hours import hours_of
from fleet.model.plan import Plan, Program
from fleet.model.release import Artifact, Release
from fleet.model.rollout import RolloutState
from fleet.model.windows import Windows
from fleet.push.collector import collector_at_rest
from fleet.rollout import Rules, rules_of, sending_s
from fleet.store import Snapshot, releases
from fleet.store.fleets import Opening
from fleet.text import N_

_PACE_LASTS = timedelta(seconds=2)


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

    @property
    def windows(self) -> Windows | None:
        """When its sites may be touched; None is at any time, also where nothing live is touched at all."""
        return self.plan.windows if self.rollout.only is None else None

    def artifact(self, name: str | None) -> Artifact | None:
        """The release's artifact of that name."""
        return self.release.artifact(name)


@dataclass(slots=True)
class Plans:
    """The plan that is in use now; safe to share between threads."""

    _held: PlanInUse | None = field(default=None)
    _pace: tuple[str, datetime, Pace] | None = field(default=None)
    """Of which rollout, when it was read, and what it was."""
    over: dict[int, tuple[object, datetime | None]] = field(default_factory=dict)
    """Of shards that a full limit keeps from workers: what each held when `missed` looked, and when its next site has seen its last window."""
    sites_of_shard: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """Of the shards that `held` has met; what is in a shard never changes."""
    shards_of_site: dict[str, list[int]] = field(default_factory=dict)
    """The other way round."""
    free_site: dict[int, str] = field(default_factory=dict)
    """A site of a shard that something could begin at when `held` last asked, and that nobody had."""
    _times: dict[tuple[str, Opening], SiteTime] = field(default_factory=dict)
    """Of the rollout that is held: by site, opening hours and whether it is open around the clock."""

    def of(self, snapshot: Snapshot, state: RolloutState) -> PlanInUse:
        """The plan of a rollout."""
        held = self._held
        if held is None or held.rollout.id != state.id:
            with collector_at_rest():
                plan = releases.read_plan(snapshot, state.plan_digest)
            release = releases.read_release(snapshot, plan.release)
            if release is None:
                raise InternalError(N_("the plan's release {version} is gone from the workspace", version=plan.release))
            held = self._held = PlanInUse(plan, rules_of(plan, state.only), release, state)
            self._times = {}
            self._forget_shards()
        return held

    @contextmanager
    def that_last_if_stored(self) -> Iterator[None]:
        """A transaction: where it is not stored, what was learnt about shards in it is forgotten, for they may never have been."""
        try:
            yield
        except BaseException:
            self._forget_shards()
            raise

    def _forget_shards(self) -> None:
        self.over, self.sites_of_shard, self.shards_of_site, self.free_site = {}, {}, {}, {}

    def times(self, windows: Windows, code: str, opening: Opening | None) -> SiteTime:
        """When a site of the rollout may be touched; `opening` is what the inventory has for it now, None where it has the site no more."""
        opening = opening or Opening()
        key = (code, opening)
        if key not in self._times:
            self._times[key] = site_time(windows, code, hours_of(opening.hours), open_24h=opening.around_the_clock)
        return self._times[key]

    def pace(self, snapshot: Snapshot, used: PlanInUse, now: datetime) -> Pace:
        """How long pushes and rollbacks of a rollout take, at most a few seconds old."""
        kept = self._pace
        if kept is None or kept[0] != used.rollout.id or not timedelta() <= now - kept[1] < _PACE_LASTS:
            kept = self._pace = (used.rollout.id, now, pace_of(snapshot, used.plan, used.rollout.id))
        return kept[2]
