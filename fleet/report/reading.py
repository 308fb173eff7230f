"""One rollout's counts out of one snapshot, held against the events, the plan and the writer's counters before anybody sees them."""

from datetime import datetime

from fleet.control.unreached import read_unreached
from fleet.errors import FleetError, InputError
from fleet.files import one_of
from fleet.model.rollout import RolloutState
from fleet.report.completion import Completion, Record, Swipes, complete
from fleet.report.ties import (
    SEE_AUDIT,
    refuse_counts_that_differ,
    refuse_late_joiners_that_differ,
    refuse_lost_events,
    refuse_rows_that_differ,
)
from fleet.rollout.evidence import first_before, measured
from fleet.settings import Settings
from fleet.store import Snapshot, audit, crew, evidence, failures, fleets, late, reads, releases, rollouts
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
        FleetError: The record was changed or is damaged, or the numbers do not tie with the plan, each other or the writer's counters;
            the message names the first difference.
    """
    try:
        return _read(snapshot, settings, at, rollout)
    except (ValueError, LookupError, TypeError) as error:
        # Only the program writes these rows, and it writes what it can read.
        raise FleetError(N_("the record is damaged and cannot be read, so nothing was written"), hint=SEE_AUDIT) from error


def _read(snapshot: Snapshot, settings: Settings, at: datetime, rollout: str | None) -> Completion:
    state = find_rollout(snapshot, rollout)
    plan = releases.read_plan(snapshot, state.plan_digest)
    if state.only is None and not plan.installs:
        raise InputError(
            N_("rollout {rollout} put no release live, so it has no completion to count", rollout=state.id),
            hint=N_("`fleet status` shows what came of it; name a rollout that upgraded with --rollout"),
        )
    sites = {row.code: row for row in sorted(reads.sites_since(snapshot, state.id), key=lambda row: row.code)}
    sent, saved = reads.bytes_of_rollout(snapshot, state.id)
    by_hand = rollouts.made_by_hand(snapshot, state.id)
    record = Record(
        at=at,
        settings=settings,
        rollout=state,
        release=plan.release,
        chain=_whole_chain(snapshot),
        fleet=fleets.read_fleet(snapshot),
        sites=sites,
        terminals=tuple(reads.all_terminals(snapshot, state.id)),
        check_ins={check_in.site: check_in for check_in in crew.read_check_ins(snapshot, state.id)},
        exclusions=rollouts.exclusions(snapshot, state.id),
        made_by_hand=by_hand,
        causes_before=reads.last_causes(snapshot, state.id, by_hand),
        rollbacks=rollouts.rollbacks(snapshot, state.id),
        unreached=read_unreached(snapshot, state),
        swipes=_read_swipes(snapshot, state.id),
        fingerprints=failures.fingerprints_of(snapshot, state.id),
        failure_texts=failures.texts_of_groups(snapshot, state.id),
        late=late.read_late(snapshot, state),
        late_joiners=tuple(late.late_joiners(snapshot, state.original)),
        bytes_sent=sent,
        bytes_saved=saved,
    )
    refuse_lost_events(record)
    refuse_rows_that_differ(record, plan)
    completion = complete(record)
    refuse_counts_that_differ(completion, reads.read_tallies(snapshot, state.id))
    refuse_late_joiners_that_differ(completion)
    _refuse_changed_rows(snapshot)
    return completion


def _read_swipes(snapshot: Snapshot, rollout: str) -> dict[str, Swipes]:
    found = {shown.terminal: Swipes(first_before(shown.facts), measured(shown.facts[-1])) for shown in evidence.upgraded(snapshot, rollout)}
    return {terminal: swipes for terminal, swipes in found.items() if swipes.before or swipes.after}


def _refuse_changed_rows(snapshot: Snapshot) -> None:
    """A name, a mark or a day that somebody wrote by hand ties out like any other; only the digests in the events show it."""
    problems = audit.check_rows(snapshot)
    if problems:
        raise FleetError(N_("the record was changed, so nothing was written: {problem}", problem=problems[0]), hint=SEE_AUDIT)


def _whole_chain(snapshot: Snapshot) -> tuple[int, str]:
    """Seq and hash of the last event: worth printing only where every event before it is as it was written."""
    count, head, problems = audit.check_chain(snapshot)
    if problems:
        raise FleetError(N_("the events were changed, so nothing was written: {problem}", problem=problems[0]), hint=SEE_AUDIT)
    return count, head
