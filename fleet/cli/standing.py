"""How the rollout stands, in the words that `fleet status` and `fleet run` print."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fleet.errors import FleetError, InputError, WaitingError
from fleet.text import N_, Message, _, current_language, render

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from fleet.control.held_sites import HeldSite
    from fleet.control.outlook import Outlook
    from fleet.control.unreached import Unreached
    from fleet.model.exclusion import ExclusionRequest
    from fleet.model.late import Late
    from fleet.model.rollout import Decision, RolloutPhase, RolloutState, WaveState
    from fleet.report.held_back import HeldPart
    from fleet.report.holds import Hold
    from fleet.rollout import Rules
    from fleet.rollout.standing import Standing
    from fleet.store import Store
    from fleet.store.again import Offline, Waiting
    from fleet.store.orchestrator import Orchestrator
    from fleet.store.reads import Tallies


@dataclass(frozen=True, slots=True)
class Stand:
    """One look at the newest rollout."""

    at: datetime
    rollout: "RolloutState"
    release: str
    names: tuple[str, ...]
    """The waves' names, by number from 1."""
    rules: "Rules"
    tallies: "Tallies"
    late: "Late"
    """Who came late to its plan, or whom it serves; beside every other number."""
    holds: "dict[int, tuple[Hold, ...]]"
    """Wave -> what holds it."""
    held_in_part: "tuple[HeldPart, ...]"
    """What holds a part of an open wave."""
    again: "dict[int, Waiting]"
    """Wave -> what is tried again by itself there."""
    orchestrator: "Orchestrator | None"
    pending: "tuple[Decision, ...]"
    """What people decided and the orchestrator has not taken in yet."""
    rollbacks: "tuple[tuple[Decision, str], ...]"
    """What people rolled back on purpose, with the names of who decided it."""
    made_by_hand: "tuple[tuple[Decision, str], ...]"
    """Decisions that terminals are done by hand, oldest first, each with who made it."""
    exclusions: "tuple[tuple[Decision, str], ...]"
    """Decisions that left terminals out, oldest first, each with who made it."""
    asked: "tuple[tuple[ExclusionRequest, str, str], ...]"
    """Exclusions that wait for a second person, with the name of who asked and the names of who may confirm."""
    refused: "tuple[Decision, ...]"
    """Decisions that were not taken in, because whoever made them had lost the right by then; oldest first."""
    offline: "tuple[Offline, ...]"
    """The queue of terminals that nobody answers at, the longest silent first."""
    offline_after_h: float | None
    """Hours of silence after which one of them is a technician's job though a try is left."""
    rollback_s: "tuple[float, ...]"
    """How long each rollback took that really went back, rehearsed ones too, shortest first."""
    bytes_sent: int
    outlook: "Outlook"
    held_sites: "tuple[HeldSite, ...]"
    """Sites that a push waits for, because somebody works there."""
    is_left_to_people: bool
    """They are all that is left to do now."""
    rehearsing: int
    """Of the sites going back, those that only wait to be rehearsed."""
    unreached: "tuple[Unreached, ...]"
    bytes_saved: int
    """Of files that terminals had already, from an earlier push that was cut off too."""

    @property
    def standing(self) -> "Standing":
        """What a script wants to know."""
        from fleet.rollout.standing import standing_of

        return standing_of(
            self.rollout, self.tallies.total.sites, self.pending, is_left_to_people=self.is_left_to_people, rehearsing=self.rehearsing
        )

    @property
    def phase(self) -> "RolloutPhase":
        """Where the rollout stands once `pending` is taken in: what people decided is so, whether or not an orchestrator runs."""
        from fleet.rollout import phase_after

        return phase_after(self.rollout.phase, self.pending)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen unless somebody retries."""
        from fleet.rollout import ENDED

        return self.rollout.phase in ENDED and self.phase in ENDED

    @property
    def is_run(self) -> bool:
        """Whether an orchestrator is alive."""
        return self.orchestrator is not None and self.orchestrator.is_alive(self.at)


def look(store: "Store", wanted: str | None = None) -> Stand:
    """How a rollout stands now, the newest where none is wanted.

    Raises:
        InputError: There is none yet, or none of that name.
    """
    from fleet.cli.exclusion import waiting_exclusions
    from fleet.control.held_sites import is_left_to_people, read_held_sites
    from fleet.control.outlook import read_outlook
    from fleet.control.unreached import read_unreached
    from fleet.report.held_back import held_in_part
    from fleet.report.holds import read_holds
    from fleet.report.reading import find_rollout
    from fleet.rollout import ENDED, rules_of
    from fleet.store import again, caps, fleets, orchestrator, reads, releases, rollouts, ways_back
    from fleet.store.late import read_late

    with store.read() as snapshot:
        if wanted is None and rollouts.newest_rollout(snapshot) is None:
            raise InputError(N_("no rollout has been started yet"), hint=N_("start one with `fleet rollout start PLAN`"))
        rollout = find_rollout(snapshot, wanted)
        plan = releases.read_plan(snapshot, rollout.plan_digest)
        left_out = {each.id: each for each in rollouts.exclusions(snapshot, rollout.id).values()}
        by_hand = {each.id: each for each in rollouts.made_by_hand(snapshot, rollout.id).values()}
        taken_back = {each.id: each for each in rollouts.rollbacks(snapshot, rollout.id).values()}
        people = fleets.read_people(snapshot)
        rules, tallies = rules_of(plan, rollout.only), reads.read_tallies(snapshot, rollout.id)
        names = {code: district.name_in(current_language()) for code, district in fleets.read_districts(snapshot).items()}
        going_back = tallies.total.sites.going_back
        sent, saved = reads.bytes_of_rollout(snapshot, rollout.id)
        at = datetime.now(UTC)
        held = read_held_sites(snapshot, rollout.id, at)
        return Stand(
            at=at,
            outlook=read_outlook(snapshot, rollout, plan, tallies, now=at),
            held_sites=held,
            is_left_to_people=is_left_to_people(snapshot, rollout, held),
            rehearsing=max(0, going_back - len(ways_back.sites_going_back(snapshot, rollout.id))) if going_back else 0,
            unreached=read_unreached(snapshot, rollout),
            rollout=rollout,
            release=plan.release,
            names=tuple(wave.name for wave in plan.waves),
            rules=rules,
            tallies=tallies,
            late=read_late(snapshot, rollout),
            holds=read_holds(snapshot, rollout, plan, tallies, names),
            held_in_part=()
            if rollout.phase in ENDED
            else tuple(held_in_part(rollout, plan, tallies, caps.read_spent(snapshot, rollout.id), names)),
            again=again.waiting_by_wave(snapshot, rollout.id),
            orchestrator=orchestrator.read_orchestrator(snapshot),
            pending=tuple(rollouts.decisions_after(snapshot, rollout.id, rollout.seen_decision)),
            rollbacks=tuple((each, people[each.actor].name if each.actor in people else each.actor) for each in taken_back.values()),
            made_by_hand=tuple((each, people[each.actor].name if each.actor in people else each.actor) for each in by_hand.values()),
            exclusions=tuple((each, people[each.actor].name if each.actor in people else each.actor) for each in left_out.values()),
            asked=waiting_exclusions(snapshot, rollout.id),
            refused=tuple(rollouts.refused_decisions(snapshot, rollout.id)),
            offline=tuple(again.offline(snapshot, rollout.id)),
            offline_after_h=plan.playbook.offline_after_h,
            rollback_s=tuple(sorted(took.total_seconds() for took in ways_back.rollback_durations(snapshot, rollout.id))),
            bytes_sent=sent,
            bytes_saved=saved,
        )


def exit_code(stand: Stand) -> int:
    """0 done or at work, 1 over but not everything succeeded, 3 a person has to decide."""
    from fleet.rollout.standing import Standing

    return {Standing.WAITING: WaitingError.exit_code, Standing.INCOMPLETE: FleetError.exit_code}.get(stand.standing, 0)


def waiting_lines(stand: Stand) -> Iterator[str]:
    """What waits for a person, and the command with which they go on."""
    from fleet.model.rollout import RolloutPhase, WavePhase
    from fleet.report.held_back import held_wave
    from fleet.report.words import decision_words
    from fleet.rollout.standing import waiting_waves, waits_past_return

    for decision in () if stand.is_over else stand.pending:
        if stand.is_run:
            yield _("{person} decided: {what}; the orchestrator takes it up.", person=decision.actor, what=decision_words(decision))
        else:
            yield _("{person} decided: {what}; `fleet run` takes it up.", person=decision.actor, what=decision_words(decision))
    if stand.phase is RolloutPhase.PAUSED:
        yield _("Paused by a person. Go on: fleet rollout resume")
    if waits_past_return(stand.rollout, stand.pending):
        yield _("Past the point of no return, so nothing more begins. Go on all the same: fleet rollout go-past --reason TEXT")
    for wave in waiting_waves(stand.rollout, stand.pending):
        if wave.phase is WavePhase.HELD:
            approve = f"fleet rollout approve {wave.number}"
            yield render(held_wave(wave, stand.holds, approve=approve, retry=_way_up(stand, wave)))
            continue
        yield _(
            "Wave {number} waits for a person; {why}. Go on: fleet rollout approve {number}",
            number=wave.number,
            why=why_waiting(stand, wave),
        )


def _way_up(stand: Stand, wave: "WaveState") -> str:
    """The command that gets sites out of the way which a limit counts as down; while a wave is rolled back, nothing of it is pushed again."""
    if wave.taken_back_by is None:
        return "fleet rollout retry"
    sites = " ".join(dict.fromkeys(site for hold in stand.holds.get(wave.number, ()) for site in hold.sites))
    return f"fleet rollout exclude {sites} --reason TEXT"


def held_site_lines(stand: Stand, zone: "ZoneInfo") -> Iterator[str]:
    """Which sites a push waits for, who has them and until when, and how they are let go of."""
    for held in () if stand.is_over else stand.held_sites:
        values = {"site": held.lease.site, "person": held.name, "time": local_time(held.lease.until, zone)}
        yield _("Site {site} waits for {person}, who works there, until {time} at the latest. Let go: fleet lease {site} --free", **values)


def soaking_lines(stand: Stand, zone: "ZoneInfo") -> Iterator[str]:
    """Which waves have ended and are left alone before their gate judges."""
    from fleet.model.rollout import WavePhase

    for wave in stand.rollout.waves:
        if wave.phase is WavePhase.OPEN and wave.soaks_until is not None:
            yield _("Wave {number} soaks until {time}; then its gate judges.", number=wave.number, time=local_time(wave.soaks_until, zone))


def held_in_part_lines(stand: Stand, zone: "ZoneInfo") -> Iterator[str]:
    """What holds a part of an open wave while the rest of it goes on, and when what is tried again by itself is."""
    from fleet.report.held_back import tried_again

    yield from (render(part.line) for part in stand.held_in_part)
    yield from map(render, tried_again(stand.rollout, stand.again, lambda at: local_time(at, zone)))


def judged_lines(stand: Stand) -> Iterator[str]:
    """What the gates found that are behind us; of a rollout that waits for nobody, only what its plan does not expect."""
    from fleet.model.rollout import Verdict, WavePhase
    from fleet.report.verdicts import verdict_line_in_brief

    for wave in stand.rollout.waves:
        found = verdict_line_in_brief(wave)
        if found is None or wave.phase is not WavePhase.PASSED:
            continue
        values = {"number": wave.number, "why": found}
        if stand.rollout.only is not None:
            yield from [] if wave.verdict is Verdict.PASS else [_("Wave {number} went on; {why}", **values)]
        elif wave.approved_by is not None:
            yield _("Wave {number} was let through by {person}; {why}", person=wave.approved_by, **values)
        else:
            yield _("Wave {number} passed its gate; {why}", **values)


def rehearsed_lines(stand: Stand) -> Iterator[str]:
    """How the way back went where it was rehearsed."""
    from fleet.rollout import rehearsal_words

    yield from (render(words) for wave in stand.rollout.waves if (words := rehearsal_words(wave)) is not None)


def phase_words(stand: Stand) -> Message:
    """Where the rollout stands; where that was only just decided, who brings it there."""
    from fleet.report.words import rollout_phase_words

    words = rollout_phase_words(stand.phase)
    if stand.phase is stand.rollout.phase:
        return words
    if stand.is_run:
        return N_("{phase} (the orchestrator takes it up)", phase=words)
    return N_("{phase} (`fleet run` takes it up)", phase=words)


def why_waiting(stand: Stand, wave: "WaveState") -> str:
    """Why a wave waits: what holds it, or what its gate found."""
    from fleet.model.rollout import WavePhase
    from fleet.report.holds import why_held
    from fleet.report.verdicts import verdict_line

    if wave.phase is WavePhase.HELD:
        return render(why_held(wave, stand.holds.get(wave.number, ())))
    found = verdict_line(wave)
    return render(found) if found else ""


def orchestrator_line(stand: Stand, zone: "ZoneInfo") -> str:
    """Whether an orchestrator runs; if not, since when, and how to start one."""
    last = stand.orchestrator
    if last is None:
        return _("No orchestrator has run here yet. Start one: fleet run")
    if stand.is_run:
        values = {"pid": last.pid, "host": last.host, "user": last.user, "time": local_time(last.started_at, zone)}
        return _("Orchestrator: pid {pid} on {host}, user {user}, since {time}", **values)
    since = local_time(last.stopped_at or last.beat_at, zone)
    if last.stopped_at is None:
        values = {"pid": last.pid, "host": last.host, "user": last.user, "time": since}
        return _("The orchestrator is gone: pid {pid} on {host}, user {user}, last heard of {time}. Start one: fleet run", **values)
    return _("No orchestrator since {time}. Start one: fleet run", time=since)


def local_time(at: datetime, zone: "ZoneInfo") -> str:
    """A time in the workspace's zone."""
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
