"""Starting a rollout, and deciding about it. A decision is a row with who and when; the orchestrator takes it in.

- What is refused says why, and by whom it was done already.
- Asking for what is so already (pausing a paused rollout) records nothing and answers False.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, tzinfo

from fleet.control.four_eyes import require_approver, require_same_plan, require_second_pair
from fleet.control.late import note_late_joiners, require_late
from fleet.control.purpose import refuse_senseless, without_share
from fleet.control.rights import Right, require
from fleet.control.scope import require_decision, require_districts
from fleet.control.typed import check_typed
from fleet.control.words import checked_text
from fleet.errors import ConflictError, InputError
from fleet.model.actor import Actor
from fleet.model.attempt import SPENDS_FAILURES, TerminalState
from fleet.model.inventory import Fleet
from fleet.model.plan import Plan
from fleet.model.purpose import NO_LIMITS, Limits, Only
from fleet.model.release import Release
from fleet.model.rollout import Decision, DecisionKind, RolloutPhase, RolloutState, WavePhase, WaveState, is_held_by_limits
from fleet.rollout import ENDED, phase_after, waits_for_time
from fleet.store import Snapshot, Store, Tx, fleets, orchestrator, progress, releases, rollouts, shards
from fleet.store.windows import terminals_not_reached
from fleet.terminal.seal import expires_at
from fleet.text import N_

_UNFINISHED = SPENDS_FAILURES | {TerminalState.UNREACHABLE}
_WAITS = frozenset((WavePhase.GATE, WavePhase.HELD))


def start_rollout(
    store: Store,
    actor: Actor,
    at: datetime,
    plan: Plan,
    *,
    only: Only | None = None,
    limits: Limits = NO_LIMITS,
    zone: tzinfo = UTC,
    typed: int | None = None,
) -> RolloutState:
    """Record a new rollout of a plan; the orchestrator begins with it.

    `only` is the part of the plan that is wanted, where it is not the whole; who has no share in that is left out from the beginning.
    `zone` is the one of the days that are named in what is refused. `typed` is the number of sites that a person typed to confirm a plan
    without a selection; None where nobody was asked.

    Raises:
        NotAllowedError: The actor may not decide about rollouts, or not in every district the plan has a site in.
        ConflictError: Another rollout is unfinished, or its last pushes are still running.
        InputError: The release is unknown, another one now or its signature has expired, the inventory no longer holds what the plan names,
            or `only` or `limits` make no sense with this plan; `typed` is another number.
    """
    with store.write(actor, at) as tx:
        require(tx, actor, Right.DECIDE)
        _refuse_second(tx)
        require_late(tx, plan)
        release = _require_release(tx, plan, zone)
        refuse_senseless(plan, release, only, limits)
        fleet = fleets.read_fleet(tx)
        _require_members(plan, fleet)
        require_districts(tx, actor, Right.DECIDE, {fleet.sites[site].district for site in plan.wave_of})
        check_typed(typed, len(plan.wave_of))
        require_approver(tx, plan, {fleet.sites[site].district for site in plan.wave_of})
        waves = tuple(WaveState(number=wave.number) for wave in plan.waves)
        state = RolloutState(
            id=f"r{rollouts.rollout_number(tx) + 1}",
            plan_digest=plan.digest,
            waves=waves,
            started_at=at,
            only=only,
            site_rate=limits.site_rate,
            total_rate=limits.total_rate,
            late_of=plan.late_of,
        )
        releases.keep_plan(tx, plan)
        rollouts.create_rollout(tx, state, plan, fleet)
        if left_out := without_share(plan, only):
            progress.exclude(tx, state.id, left_out)
        note_late_joiners(tx, fleet)
    return state


def approve(store: Store, actor: Actor, at: datetime, rollout: str, wave: int, *, reason: str = "", plan: str = "") -> None:
    """Let a wave that waits go on: through its gate, or with its failure budget granted anew. Recorded with the plan it is about.

    `plan` is the digest, or its beginning, of the plan that the approver looked at; empty where they looked at the rollout's.

    Raises:
        NotAllowedError: The actor may not decide about rollouts, or the plan wants a second pair of eyes.
        ConflictError: Somebody already approved; the message names who. Or the rollout's plan is another one.
        InputError: There is no such wave, or it waits for nobody.
    """
    with store.write(actor, at) as tx:
        state, pending = decidable(tx, actor, rollout, DecisionKind.APPROVE)
        found = next((one for one in state.waves if one.number == wave), None)
        if found is None:
            raise InputError(
                N_("rollout {rollout} has no wave {wave}", rollout=rollout, wave=wave),
                hint=N_("its waves are 1 to {last}", last=len(state.waves)),
            )
        if is_held_by_limits(found):
            raise InputError(
                N_("wave {wave} is held by a limit on sites that are down; no approval lifts it", wave=wave),
                hint=N_("`fleet status` names the sites; see to them and run `fleet rollout retry`, or exclude them"),
            )
        earlier = next((one for one in pending if one.kind is DecisionKind.APPROVE and one.wave == wave), None)
        _require_waiting(tx, found, earlier.actor if earlier else None)
        if phase_after(state.phase, pending) in ENDED:
            raise InputError(N_("rollout {rollout} has ended; there is nothing to approve", rollout=rollout))
        require_same_plan(state, plan)
        require_second_pair(tx, state)
        approval = decision_of(tx, rollout, DecisionKind.APPROVE, wave=wave, reason=reason)
        rollouts.add_decision(tx, approval.model_copy(update={"plan_digest": state.plan_digest}))


def pause(store: Store, actor: Actor, at: datetime, rollout: str, reason: str = "") -> bool:
    """Begin nothing more for now; pushes that run finish. False when it is paused already."""
    return _move(store, actor, at, rollout, DecisionKind.PAUSE, reason=reason)


def resume(store: Store, actor: Actor, at: datetime, rollout: str, reason: str = "") -> bool:
    """Go on after a pause. False when it is not paused."""
    return _move(store, actor, at, rollout, DecisionKind.RESUME, reason=reason)


def stop(store: Store, actor: Actor, at: datetime, rollout: str, reason: str = "") -> bool:
    """End it: what has not begun stays not started, pushes that run finish or stop before they activate. False when it is stopped."""
    return _move(store, actor, at, rollout, DecisionKind.STOP, reason=reason)


def retry(
    store: Store,
    actor: Actor,
    at: datetime,
    rollout: str,
    terminals: Collection[str] = (),
    *,
    reason: str = "",
    typed: int | None = None,
) -> int:
    """Push the unfinished again, all of them or only those named; the same plan, the same exclusions.

    Answers how many that is; what waits for it already is not counted again. Where the canary's gate waits because no window left time to
    rehearse the way back, that is rehearsed again, also where nothing is unfinished (`rehearses_again` tells before). `typed` is the
    number of sites that a person typed to confirm that all of them are meant; None where nobody was asked.

    Raises:
        NotAllowedError: The actor may not decide about rollouts.
        ConflictError: A newer rollout was started since.
        InputError: A terminal is not in the rollout, nothing is unfinished, or `typed` is another number.
    """
    with store.write(actor, at) as tx:
        state, pending = decidable(tx, actor, rollout, DecisionKind.RETRY, terminals)
        require_known(tx, rollout, terminals)
        phase = phase_after(state.phase, pending)
        is_stopped = phase is RolloutPhase.STOPPED
        if is_stopped and terminals:
            raise InputError(
                N_("a stopped rollout is retried as a whole: what it had not begun begins, too"),
                hint=N_("run `fleet rollout retry` without naming terminals, and exclude what is to be left out"),
            )
        again = unfinished(tx, rollout, phase)
        if terminals:
            again = (again | {*progress.terminals_in(tx, rollout, [TerminalState.TAKEN_BACK])}) & set(terminals)
        if not again and not terminals and waits_for_time(state):
            rollouts.add_decision(tx, decision_of(tx, rollout, DecisionKind.RETRY, reason=reason))
            return 0
        if not again:
            raise InputError(
                N_("there is nothing that a push could retry"),
                hint=N_(
                    "failed, rolled back, unreachable and unknown terminals are pushed again; what is done by hand is checked in again instead"
                ),
            )
        check_typed(typed, len(sites_of(again)))
        fresh = again if is_stopped else again - _queued(again, pending)
        decision = decision_of(tx, rollout, DecisionKind.RETRY, terminals=fresh if terminals else (), reason=reason)
        if fresh:
            rollouts.add_decision(tx, decision)
    return len(fresh)


def rehearses_again(store: Store, rollout: str) -> bool:
    """Whether a retry rehearses the way back again, for want of time in the windows before."""
    with store.read() as snapshot:
        state = rollouts.read_rollout(snapshot, rollout)
    return state is not None and waits_for_time(state)


def unfinished(snapshot: Snapshot, rollout: str, phase: RolloutPhase) -> set[str]:
    """The terminals that a retry which names none is about, where the rollout is in this phase."""
    return {*progress.terminals_in(snapshot, rollout, _wanted(phase)), *terminals_not_reached(snapshot, rollout)}


def _wanted(phase: RolloutPhase) -> frozenset[TerminalState]:
    """What a retry takes up: where the rollout is stopped, also what it had not begun."""
    return _UNFINISHED | {TerminalState.NOT_STARTED} if phase is RolloutPhase.STOPPED else _UNFINISHED


def _queued(terminals: set[str], pending: Sequence[Decision]) -> set[str]:
    """Which of these terminals a retry that is not taken in yet names already; one that names none means all."""
    retries = [decision for decision in pending if decision.kind is DecisionKind.RETRY]
    return terminals if any(not retry.terminals for retry in retries) else {name for retry in retries for name in retry.terminals}


def _move(store: Store, actor: Actor, at: datetime, rollout: str, kind: DecisionKind, *, reason: str) -> bool:
    """Record a decision that changes the phase; False where the rollout is in that phase already."""
    with store.write(actor, at) as tx:
        state, pending = decidable(tx, actor, rollout, kind)
        decision = decision_of(tx, rollout, kind, reason=reason)
        phase = phase_after(state.phase, pending)
        if phase_after(phase, [decision]) is phase:
            if phase is RolloutPhase.FINISHED or (phase in ENDED and kind is not DecisionKind.STOP):
                raise InputError(
                    N_("rollout {rollout} has ended", rollout=rollout), hint=N_("`fleet rollout retry` takes up what is unfinished")
                )
            return False
        rollouts.add_decision(tx, decision)
    return True


def sites_of(terminals: Collection[str]) -> set[str]:
    """The sites of these terminals."""
    return {name.partition("/")[0] for name in terminals}


def decidable(
    tx: Tx, actor: Actor, rollout: str, kind: DecisionKind, terminals: Collection[str] = ()
) -> tuple[RolloutState, list[Decision]]:
    """The rollout, and the decisions about it that are not taken in yet; once the actor may decide that about it.

    Raises:
        NotAllowedError: The actor may not decide about rollouts, or not about these terminals (empty: all of the rollout).
        ConflictError: A newer rollout was started since.
        InputError: There is no such rollout.
    """
    require_decision(tx, actor, rollout, kind, terminals)
    newest = rollouts.newest_rollout(tx)
    if newest is None:
        raise InputError(N_("no rollout has been started yet"), hint=N_("start one with `fleet rollout start PLAN`"))
    if newest.id != rollout:
        if rollouts.read_rollout(tx, rollout) is None:
            raise InputError(N_("there is no rollout {rollout}", rollout=rollout), hint=N_("the newest is {newest}", newest=newest.id))
        raise ConflictError(N_("rollout {rollout} is over: {newest} was started since", rollout=rollout, newest=newest.id))
    return newest, rollouts.decisions_after(tx, rollout, newest.seen_decision)


def decision_of(
    tx: Tx, rollout: str, kind: DecisionKind, *, wave: int | None = None, terminals: Collection[str] = (), reason: str = ""
) -> Decision:
    """A decision of who acts in this transaction."""
    return Decision(
        rollout=rollout,
        kind=kind,
        wave=wave,
        terminals=tuple(sorted(terminals)),
        reason=checked_text(reason, N_("the reason")),
        actor=tx.actor.code,
        on_behalf=tx.actor.on_behalf,
        at=tx.at,
    )


def _refuse_second(tx: Tx) -> None:
    newest = rollouts.newest_rollout(tx)
    if newest is None:
        return
    phase = phase_after(newest.phase, rollouts.decisions_after(tx, newest.id, newest.seen_decision))
    if phase not in ENDED:
        raise ConflictError(
            N_("rollout {rollout} is unfinished; one runs at a time", rollout=newest.id),
            hint=N_("see `fleet status`; end it with `fleet rollout stop`"),
        )
    is_out = any(shard.is_out for shard in shards.open_shards(tx, newest.id))
    if newest.phase in ENDED and not is_out:
        return
    last = orchestrator.read_orchestrator(tx)
    is_run = last is not None and last.is_alive(tx.at)
    if is_out:
        raise ConflictError(
            N_("rollout {rollout} is stopped, but its last pushes have not ended", rollout=newest.id),
            hint=N_("wait for them; `fleet run` sees to it") if is_run else N_("run `fleet run --once`, then start again"),
        )
    raise ConflictError(
        N_("rollout {rollout} is to be stopped, but no orchestrator has taken that up yet", rollout=newest.id),
        hint=N_("try again in a moment") if is_run else N_("run `fleet run --once`, then start again"),
    )


def _require_release(tx: Tx, plan: Plan, zone: tzinfo) -> Release:
    release = releases.read_release(tx, plan.release)
    if release is None:
        raise InputError(
            N_("the workspace has no release {version}, which the plan names", version=plan.release),
            hint=N_("add it with `fleet release add`"),
        )
    if release.digest != plan.release_digest:
        raise InputError(
            N_("the workspace's release {version} is not the one the plan was made for", version=plan.release),
            hint=N_("make the plan again with `fleet plan`"),
        )
    ends = min((found for program in plan.programs.values() if (found := expires_at(program)) is not None), default=None)
    if ends is not None and ends < tx.at:
        raise InputError(
            N_("the signature of release {version} expired on {day}", version=plan.release, day=f"{ends.astimezone(zone):%Y-%m-%d}"),
            hint=N_("run `fleet release sign {version}`, then make the plan again", version=plan.release),
        )
    return release


def _require_members(plan: Plan, fleet: Fleet) -> None:
    named = [terminal.id for wave in plan.waves for terminal in wave.terminals]
    gone = [name for name in named if name not in fleet.terminals] or [site for site in plan.wave_of if site not in fleet.sites]
    if gone:
        raise InputError(
            N_("{count} of the plan are no longer in the inventory, {first} first", count=len(gone), first=gone[0]),
            hint=N_("make the plan again with `fleet plan`"),
        )


def _require_waiting(snapshot: Snapshot, wave: WaveState, pending_by: str | None) -> None:
    by = pending_by or (wave.approved_by if wave.phase not in _WAITS else None)
    if by is not None:
        person = fleets.read_people(snapshot).get(by)
        raise ConflictError(N_("wave {wave} was already approved, by {name}", wave=wave.number, name=person.name if person else by))
    if wave.phase is WavePhase.OPEN and wave.soaks_until is not None:
        raise InputError(
            N_("wave {wave} soaks; its gate judges when that is over, and asks then if it has to", wave=wave.number),
            hint=N_("`fleet status` shows until when"),
        )
    if wave.phase not in _WAITS:
        raise InputError(
            N_("wave {wave} waits for nobody", wave=wave.number), hint=N_("`fleet status` shows which wave waits, and for what")
        )


def require_known(snapshot: Snapshot, rollout: str, terminals: Collection[str]) -> None:
    """Refuse a terminal that the rollout does not hold."""
    known = progress.states_of(snapshot, rollout, terminals)
    missing: Sequence[str] = [name for name in terminals if name not in known]
    if missing:
        raise InputError(
            N_("rollout {rollout} holds no terminal {terminal}", rollout=rollout, terminal=missing[0]),
            hint=N_("a terminal is named SITE/TERMINAL; `fleet inventory show` lists them"),
        )
