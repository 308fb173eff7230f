"""One shard in a worker's hands: what waits, what is in flight, what is to be asked again, and one step of it in one transaction.

- A step first holds up the fence: where the claim no longer stands, nothing is written and the run is over.
- A site begins only when the grant in the row, read in this transaction, backs it; all its terminals begin together.
- A site begins only when its window lets it; one that waits for its window, or has none any more, holds nothing up.
- When the rest is done, terminals that ended unknown are asked once more: the program there answers what became of it.
- A run is a value: a step that could not be stored has changed nothing and is taken again.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from fleet.engine.admission import Admitted, ask, is_past_return
from fleet.engine.jobs import Task, make_tasks
from fleet.engine.leased import others_at, renewed, take_sites, token_of
from fleet.engine.missed import end_missed
from fleet.engine.plans import Plans
from fleet.engine.pool import NotBegun
from fleet.engine.record import record
from fleet.engine.rehearsal import call_off
from fleet.engine.shard_parts import STARTS, Terminals, give_back, together, what_is_open
from fleet.model.attempt import AttemptResult, Cause, TerminalState
from fleet.model.plan import Plan
from fleet.model.purpose import Errand
from fleet.model.rollout import RolloutPhase, RolloutState, Shard, SiteState
from fleet.push import PushJob
from fleet.rollout import after, fresh_room, may_begin, may_upgrade
from fleet.store import Tx, again, caps, leases, progress, rollouts, shards, unheard, ways_back, windows

_GOES_BACK = frozenset((TerminalState.GOING_BACK,))
"""What begins where nothing may be upgraded, as far as people want it."""
_BEGINS = frozenset((RolloutPhase.RUNNING, RolloutPhase.PAUSED))
_BAD = frozenset((SiteState.FAILED, SiteState.ROLLED_BACK, SiteState.UNKNOWN, SiteState.UNREACHABLE))


@dataclass(frozen=True, slots=True)
class ShardRun:
    """What a worker knows about the shard it claimed."""

    shard: int
    attempt: int
    rollout: str
    sites: tuple[str, ...]
    waiting: Terminals
    """Not started; in the shard's order."""
    unknown: Terminals
    """Ended unknown, and worth asking once more."""
    down: frozenset[str] = frozenset()
    """Of the sites that wait, those that were down when the shard was claimed. Of a shard under limits only."""
    in_flight: Terminals = field(default_factory=dict)
    doubtful: frozenset[str] = frozenset()
    """Terminals in flight whose attempt before ended unknown, or was never heard the end of."""
    asked_again: frozenset[str] = frozenset()
    """Of these, the ones that only have to say how that attempt ended."""
    asleep: frozenset[str] = frozenset()
    """Sites of those that wait, or are to be asked again, whose window lets nothing begin now."""
    wakeful: frozenset[str] = frozenset()
    """Of these, the ones where something is to be taken back: that waits for no window."""
    leased_until: datetime | None = None
    """Until when the sites in flight are ours, unless we say so again."""
    seen: int | None = None
    """The last decision that was taken in when it looked; a later one may have changed what it has to do."""

    @property
    def token(self) -> str:
        """What its sites are taken with."""
        return token_of(self.shard, self.attempt)

    @property
    def open(self) -> int:
        """Sites it has still to do now, those in flight included."""
        return len({*self.waiting, *self.unknown} - (self.asleep - self.wakeful) | {*self.in_flight})

    @property
    def waiting_down(self) -> set[str]:
        """Of those that are not in flight, the ones that are down, where the shard is under limits."""
        return {*self.down.intersection(self.waiting), *self.unknown} - (self.asleep - self.wakeful)

    @property
    def open_down(self) -> int:
        """Of all that it has still to do, the ones that are down or may be."""
        return len(self.waiting_down | {*self.in_flight})


@dataclass(frozen=True, slots=True)
class Step:
    """What one step led to."""

    run: ShardRun | None
    """How it goes on; None: the shard is ended, given back or no longer ours."""
    tasks: tuple[Task, ...] = ()
    """What is to be done now, each for one terminal."""
    parallel: int = 1
    """Pushes at the same time, at most, in one process."""
    frees: bool = False
    """Some grant came free, the shard did, or a window opened for more of its sites: the reconciler has something to hand out."""
    stops: bool = False
    """The rollout is stopped: pushes end as soon as they can."""


def claim(tx: Tx, shard: int, attempt: int, owner: str) -> ShardRun | None:
    """Take a dispatched shard; None when it is no longer there to be taken."""
    if not shards.claim(tx, shard, attempt, owner):
        return None
    row = shards.read_shard(tx, shard)
    assert row is not None
    waiting, unknown = what_is_open(tx, row.rollout, row.sites)
    down = caps.down_among(tx, row.rollout, waiting) if row.limits else frozenset[str]()
    return ShardRun(shard, attempt, row.rollout, row.sites, waiting, unknown, down)


def take_step(tx: Tx, run: ShardRun, results: Sequence[AttemptResult | NotBegun], plans: Plans, *, drains: bool) -> Step:
    """Store results, then begin what may begin; end the shard, or give it back, when nothing is left in flight.

    Args:
        tx: One transaction for all of it.
        run: The shard as it was after the last step.
        results: Of pushes of this run that ended since.
        plans: Where the rollout's plan is found.
        drains: The worker is to come to an end: nothing new begins.
    """
    if not shards.beat(tx, run.shard, run.attempt):
        return Step(None, stops=True)
    stored, state = shards.read_shard(tx, run.shard), rollouts.read_rollout(tx, run.rollout)
    assert stored is not None
    assert state is not None
    used = plans.of(tx, state)
    run, stranded = _put_back(tx, run, [result.terminal for result in results if isinstance(result, NotBegun)], stored.limits)
    ended = [result for result in results if not isinstance(result, NotBegun)]
    run, ended_badly = _with_results(tx, run, ended, used.plan, stored.limits)
    ended_badly += stranded
    run = _looked_again(tx, run, state, stored)
    if run.down:
        run = replace(run, down=caps.down_among(tx, run.rollout, run.down))  # who was left out since is down no more
    waited, (run, admitted) = run, _by_windows(tx, run, state, plans)
    row = _trimmed(stored, run, ended_badly=ended_badly + _shut_out(waited, run, stored))
    begun = asked = frozenset[str]()
    if state.phase in _BEGINS and not drains:
        upgrades = may_upgrade(state, state.waves[stored.wave - 1]) and (
            state.past_return_by is not None or not is_past_return(tx, state, plans, tx.at)
        )
        run, begun = _begin(tx, run, row, STARTS if upgrades else _GOES_BACK)
        if not run.in_flight and run.unknown:
            run = run if state.phase is RolloutPhase.RUNNING else _only_back(tx, run)
            run = _only_awake(tx, run)
            run, asked = _ask_again(tx, run)
            row = _trimmed(row, run, taken_up=len(run.in_flight))
    if not run.in_flight:
        _hand_in(tx, run, admitted)
        return Step(None, frees=True)
    run = replace(run, leased_until=renewed(tx, run.token, run.leased_until))
    row = _trimmed(row, run)
    grant_changed = (row.grant_failures, row.grant_parallel) != (stored.grant_failures, stored.grant_parallel)
    if grant_changed:
        shards.set_grant(tx, run.shard, parallel=row.grant_parallel, failures=row.grant_failures)
    if (row.open, row.down) != (stored.open, stored.down):
        shards.set_open(tx, run.shard, row.open, row.down)
    tasks: list[Task] = []
    if begun or asked:
        doubtful = _mark_running(tx, run, begun, asked)
        tasks = [
            *make_tasks(tx, run.rollout, used, sorted(begun)),
            *make_tasks(tx, run.rollout, used, sorted(asked), again=True),
        ]
        tasks = [replace(task, begin_by=_begin_by(task, admitted)) if isinstance(task, PushJob) else task for task in tasks]
        endings = progress.last_endings(tx, run.rollout, begun | asked)
        doubtful |= {name for name, ending in endings.items() if ending is TerminalState.UNKNOWN}
        run = replace(run, doubtful=run.doubtful | doubtful, asked_again=run.asked_again | asked)
    stops = state.phase is RolloutPhase.STOPPED
    return Step(run, tuple(tasks), used.plan.playbook.parallel, frees=grant_changed or row.open > stored.open, stops=stops)


def _mark_running(tx: Tx, run: ShardRun, begun: frozenset[str], asked: frozenset[str]) -> set[str]:
    """Store what begins; returns the terminals of which nobody heard how they ended when they were last begun."""
    doubtful = unheard.unheard_of(tx, run.rollout, begun)
    for names, cause in ((begun, Cause.NONE), (asked, unheard.ASKED)):
        if names:
            progress.mark_running(tx, run.rollout, sorted(names), cause)
    return doubtful


def _looked_again(tx: Tx, run: ShardRun, state: RolloutState, row: Shard) -> ShardRun:
    """The run with what waits now, where a decision was taken in since it last looked: terminals may have to be taken back."""
    if run.seen == state.seen_decision:
        return run
    if run.seen is None:
        return replace(run, seen=state.seen_decision)
    waiting, _unknown = what_is_open(tx, run.rollout, run.sites)
    down = caps.down_among(tx, run.rollout, waiting) if row.limits else frozenset[str]()
    return replace(run, waiting=waiting, down=down, seen=state.seen_decision)


def _only_awake(tx: Tx, run: ShardRun) -> ShardRun:
    """The run without the unknown terminals whose window lets nothing begin; what a person wants taken back waits for none."""
    if not run.asleep:
        return run
    back = ways_back.wanted_back(tx, run.rollout, [name for names in run.unknown.values() for name in names])
    left = {site: names & back if site in run.asleep else names for site, names in run.unknown.items()}
    return replace(run, unknown={site: names for site, names in left.items() if names})


def _put_back(tx: Tx, run: ShardRun, names: Collection[str], limits: Collection[int]) -> tuple[ShardRun, int]:
    """The run after the turn of these terminals came too late for their window, and how many sites ended badly with that: they wait as before."""
    if not names:
        return run, 0
    unsure = run.asked_again.intersection(names)
    if unsure:
        windows.as_before(tx, run.rollout, sorted(unsure))
    if fresh := sorted(set(names) - unsure):
        was_down = {name for name in fresh if name in run.doubtful or name.partition("/")[0] in run.down}
        progress.put_back(tx, run.rollout, was_down, "too-late")
        progress.put_back(tx, run.rollout, set(fresh) - was_down, "too-late", untouched=True)
    in_flight = {site: left for site, flying in run.in_flight.items() if (left := flying - set(names))}
    waiting, unknown = dict(run.waiting), dict(run.unknown)
    for found, back in ((waiting, fresh), (unknown, unsure)):
        for name in back:
            site = name.partition("/")[0]
            found[site] = found.get(site, frozenset()) | {name}
    landed = [site for site in run.in_flight if site not in in_flight]
    leases.release(tx, run.token, landed)
    run = replace(run, in_flight=in_flight, waiting=waiting, unknown=unknown, asked_again=run.asked_again - unsure)
    return run, _ended_badly(tx, run.rollout, landed, limits)


def _by_windows(tx: Tx, run: ShardRun, state: RolloutState, plans: Plans) -> tuple[ShardRun, Admitted]:
    """Ask the windows about what has not begun; what none lets begin any more has ended, as not reached."""
    waiting = together(run.waiting, run.unknown)
    admitted = ask(tx, state, plans, waiting, tx.at)
    asleep = frozenset(site for site in waiting if not admitted.may(site))
    if asleep and state.phase is RolloutPhase.RUNNING:
        run = replace(run, waiting=call_off(tx, run.rollout, run.waiting, asleep))
    if (over := admitted.over(run.waiting)) and state.phase is RolloutPhase.RUNNING:
        run = replace(run, waiting=end_missed(tx, run.rollout, run.waiting, over))
    back = ways_back.wanted_back(tx, run.rollout, [name for site in asleep for name in waiting[site]]) if asleep else set[str]()
    return replace(run, asleep=asleep, wakeful=frozenset(name.partition("/")[0] for name in back)), admitted


def _shut_out(before: ShardRun, after: ShardRun, row: Shard) -> int:
    """Sites that are down and that the windows keep from their turn, of those that the grant was given for.

    Each takes its unit along: it would back another site that goes down.
    """
    return max(0, min(len(before.waiting_down - after.waiting_down), row.down - after.open_down)) if row.limits else 0


def _begin_by(job: PushJob, admitted: Admitted) -> datetime | None:
    """Until when a push may begin; one that takes a terminal back because a person wants it waits for no window."""
    return None if job.errand is Errand.ROLLBACK else admitted.begin_by(job.site.code)


def _with_results(tx: Tx, run: ShardRun, results: Sequence[AttemptResult], plan: Plan, limits: Collection[int]) -> tuple[ShardRun, int]:
    """The run after some pushes ended, and how many sites ended badly with them."""
    if not results:
        return run, 0
    stored = [
        record(
            tx,
            run.rollout,
            result,
            was_unknown=result.terminal in run.doubtful,
            asked_again=result.terminal in run.asked_again,
            plan=plan,
        )
        for result in results
    ]
    names = {result.terminal for result in stored}
    in_flight = {site: left for site, flying in run.in_flight.items() if (left := flying - names)}
    ended = [site for site in run.in_flight if site not in in_flight]
    leases.release(tx, run.token, ended)
    lost = progress.collectable(tx, run.rollout, {result.terminal for result in stored if result.ending is TerminalState.UNKNOWN})
    unknown = dict(run.unknown)
    for name in lost:
        site = name.partition("/")[0]
        unknown[site] = unknown.get(site, frozenset()) | {name}
    run = replace(run, in_flight=in_flight, unknown=unknown, doubtful=run.doubtful - names, asked_again=run.asked_again - names)
    return run, _ended_badly(tx, run.rollout, ended, limits)


def _ended_badly(tx: Tx, rollout: str, sites: Sequence[str], limits: Collection[int]) -> int:
    """How many of these sites, with nothing in flight any more, take their unit of the grant with them.

    Where nobody answered and it is tried again by itself, nothing was touched and nothing is spent yet. Under limits a site that is
    still down takes it along even where its turn comes again, to be taken back or tried again: it would back another one that goes down.
    """
    states = progress.site_states(tx, rollout, sites)
    silent = again.with_a_try_left(tx, rollout, [site for site, state in states.items() if state is SiteState.UNREACHABLE])
    down = caps.down_among(tx, rollout, sites) if limits else frozenset[str]()
    return sum(site in down or (state in _BAD and site not in silent) for site, state in states.items())


def _begin(tx: Tx, run: ShardRun, row: Shard, starts: Collection[TerminalState]) -> tuple[ShardRun, frozenset[str]]:
    """Let as many sites begin as the grant backs, with their terminals in these states; what was excluded or made by hand meanwhile is dropped.

    Under a limit those that are down go first, and the others only so far as the grant reaches beyond all that are.
    """
    sites = may_begin(row, len(run.in_flight))
    others = fresh_room(row, down=run.open_down)
    waiting, in_flight = dict(run.waiting), dict(run.in_flight)
    in_use = others_at(tx, run.token, run.waiting) if sites else frozenset[str]()
    begun: dict[str, frozenset[str]] = {}
    for site in sorted(run.waiting, key=lambda site: site not in run.down) if sites else ():
        if site in in_flight or site in in_use or (site not in run.down and others <= 0):
            continue  # one unit of the grant backs one site; where somebody works, its turn comes again
        wanted = waiting.pop(site)
        states = {name: state for name, state in progress.states_of_sites(tx, run.rollout, [site]).get(site, {}).items() if name in wanted}
        may = _GOES_BACK if site in run.asleep else starts
        fresh = frozenset(name for name, state in states.items() if state in may)
        if fresh and may is _GOES_BACK:
            fresh &= ways_back.wanted_back(tx, run.rollout, fresh)  # a rehearsal begins only where an upgrade might
        if later := frozenset(name for name, state in states.items() if state in STARTS) - fresh:
            waiting[site] = later
        if fresh:
            begun[site] = fresh
            sites -= 1
            others -= site not in run.down
        if not sites:
            break
    take_sites(tx, run.token, begun)
    names = frozenset(name for of_site in begun.values() for name in of_site)
    return replace(run, waiting=waiting, in_flight=in_flight | begun), names


def _only_back(tx: Tx, run: ShardRun) -> ShardRun:
    """The run without the unknown terminals that are to be upgraded: of a paused rollout, only what is taken back is asked again."""
    wanted = ways_back.wanted_back(tx, run.rollout, [name for names in run.unknown.values() for name in names])
    return replace(run, unknown={site: back for site, names in run.unknown.items() if (back := names & wanted)})


def _ask_again(tx: Tx, run: ShardRun) -> tuple[ShardRun, frozenset[str]]:
    """Take up every terminal that is unknown still; what its site spent of the budget backs it. What a person retried since is not."""
    names = [name for of_site in run.unknown.values() for name in of_site]
    states = progress.states_of(tx, run.rollout, names)
    still = {
        site: left
        for site, of_site in run.unknown.items()
        if (left := frozenset(name for name in of_site if states[name] is TerminalState.UNKNOWN))
    }
    for site in take_sites(tx, run.token, still):
        del still[site]  # somebody works there; it is asked when the shard is planned again
    return replace(run, unknown={}, in_flight=still), frozenset(name for of_site in still.values() for name in of_site)


def _trimmed(row: Shard, run: ShardRun, *, ended_badly: int = 0, taken_up: int = 0) -> Shard:
    """The shard's row with the grant and the count that fit what the run has still to do."""
    grant = after(row, ended_badly=ended_badly, taken_up=taken_up, open_sites=run.open)
    down = run.open_down if row.limits else 0
    return row.model_copy(update={"grant_failures": grant["failures"], "grant_parallel": grant["parallel"], "open": run.open, "down": down})


def _hand_in(tx: Tx, run: ShardRun, admitted: Admitted) -> None:
    """End the shard, or give it back when the tables say that something is left to do, now or once a window opens."""
    leases.release(tx, run.token)
    waiting, unknown = what_is_open(tx, run.rollout, run.sites)
    unknown = {site: names for site, names in unknown.items() if site not in admitted.over(unknown)}
    if waiting or unknown:
        left = {*waiting, *unknown}
        may = frozenset(site for site in left if admitted.may(site))
        give_back(tx, run.shard, run.rollout, left, awake=may, opens_at=admitted.opens_at(left))
    else:
        shards.end(tx, run.shard, run.attempt)
