"""One rollout's counts out of one snapshot, held against the plan and the writer's counters before anybody sees them."""

from datetime import datetime

from fleet.errors import InputError
from fleet.files import one_of
from fleet.model.rollout import RolloutState
from fleet.report.completion import Completion, Record, complete
from fleet.report.ties import refuse_counts_that_differ, refuse_rows_that_differ
from fleet.settings import Settings
from fleet.store import Snapshot, audit, fleets, reads, releases, rollouts
from fleet.text import N_


def find_rollout(snapshot: Snapshot, rollout: str | None = None) -> RolloutState:
    """The rollout of that id, or the newest one.

    Raises:
        InputError: There is none.
    """
    found = rollouts.newest_rollout(snapshot) if rollout is None else rollouts.read_rollout(snapshot, rollout)
    if found is not None:
        return found
    ids = rollouts.rollout_ids(snapshot)
    if not ids:
        raise InputError(N_("no rollout has been started yet"), hint=N_("start one with `fleet rollout start`"))
    raise InputError(N_("there is no rollout `{rollout}`", rollout=rollout), hint=one_of(str(rollout), ids))


def read_completion(snapshot: Snapshot, settings: Settings, at: datetime, rollout: str | None = None) -> Completion:
    """Count a rollout, the newest where none is named.

    Args:
        snapshot: One moment of the store.
        settings: Time zone and day boundary of the counts by day.
        at: Now; the report says when it was made.
        rollout: Its id.

    Raises:
        InputError: There is no such rollout.
        FleetError: The numbers do not tie with the plan, each other or the writer's counters; the message names what differs.
    """
    state = find_rollout(snapshot, rollout)
    plan = releases.read_plan(snapshot, state.plan_digest)
    sites = {row.code: row for row in sorted(reads.sites_since(snapshot, state.id), key=lambda row: row.code)}
    record = Record(
        at=at,
        settings=settings,
        rollout=state,
        release=plan.release,
        chain=audit.read_head(snapshot),
        fleet=fleets.read_fleet(snapshot),
        sites=sites,
        terminals=tuple(reads.all_terminals(snapshot, state.id)),
    )
    refuse_rows_that_differ(record, plan)
    completion = complete(record)
    refuse_counts_that_differ(completion, reads.read_tallies(snapshot, state.id))
    return completion
