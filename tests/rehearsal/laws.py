"""What must hold in every night, whenever something begins, at each moment and in its end; what does not is put into words."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from fleet.cutover import site_time
from fleet.engine.facts import read_facts
from fleet.engine.ports import Dispatcher
from fleet.model.attempt import TerminalState
from fleet.model.caps import Cap, CapKind
from fleet.model.hours import parse_hours
from fleet.model.inventory import Fleet, Reach
from fleet.model.plan import Plan
from fleet.model.purpose import Errand
from fleet.model.rollout import RolloutPhase, RolloutState, Verdict
from fleet.push import PushJob
from fleet.rollout import rules_of
from fleet.rollout.held import standing_caps
from fleet.store import Snapshot, caps, progress, reads, tables
from fleet.store.audit import check_chain, check_tables, read_head
from fleet.store.windows import terminals_not_reached
from tests.engine.city import COORDINATOR
from tests.rehearsal.watched import Wall, WatchedTerminals

_WAITS = frozenset((TerminalState.NOT_STARTED, TerminalState.RUNNING, TerminalState.GOING_BACK))


class Laws:
    """Of a night with this plan."""

    def __init__(self, fleet: Fleet, plan: Plan, clock: Wall) -> None:
        """Nothing has happened yet."""
        self._fleet, self._plan, self._clock = fleet, plan, clock
        self._rules = rules_of(plan)
        self._limits_of = {site.code: site.limits for wave in plan.waves for site in wave.sites if site.limits}
        self._seen = 0
        """How much of the record stood when it was last looked whether something is broken."""
        self._ssh = [name for name, terminal in fleet.terminals.items() if terminal.reach is Reach.SSH]

    # Whenever a push begins

    def broken_by_a_beginning(
        self, snapshot: Snapshot, job: PushJob, busy: Collection[str], at_work: Mapping[str, datetime]
    ) -> Iterator[str]:
        """What a connection breaks that is made now.

        `busy` are terminals on which a program runs now, `at_work` sites at which people work, and until when.
        """
        name = job.terminal.id
        # A clock that was set back since the push was let begin shows a time that it was not let begin at.
        latest = max(self._clock.now, self._clock.latest)
        yield from self._outside_windows(job, latest)
        if job.site.code in at_work and latest < at_work[job.site.code]:
            yield f"{name} was begun while somebody worked at the site"
        state = progress.states_of(snapshot, "r1", [name])[name]
        if state is not TerminalState.RUNNING:
            yield f"{name} was connected to, but it is {state.value}"
        yield from self._over_limits(snapshot, busy)

    def _outside_windows(self, job: PushJob, latest: datetime) -> Iterator[str]:
        """What a person wants taken back waits for no window; what goes back in rehearsal nobody wanted back."""
        if self._plan.windows is None or job.errand is Errand.ROLLBACK:
            return
        site, now = self._fleet.sites[job.site.code], self._clock.now
        hours = parse_hours(site.opening_hours) if site.opening_hours else None
        spans = site_time(self._plan.windows, site.code, hours, open_24h=site.open_24h).spans
        if not any(span.begin <= latest and now < span.end for span in spans):
            yield f"{job.terminal.id} was begun at {now:%H:%M:%S}, outside its windows"

    def _over_limits(self, snapshot: Snapshot, busy: Collection[str]) -> Iterator[str]:
        """Limits that are really overshot: so many sites have a program running. Whom people left out they answer for."""
        sites = {name.partition("/")[0] for name in busy} & self._limits_of.keys()
        for limit, allowed in enumerate(self._rules.limits):
            under = {site for site in sites if limit in self._limits_of[site]}
            if len(under) <= allowed:
                continue
            names = [name for name in busy if name.partition("/")[0] in under]
            states, reaches = progress.states_of(snapshot, "r1", names), progress.reaches_of(snapshot, "r1", names)
            ours = {n.partition("/")[0] for n in names if states[n] is not TerminalState.EXCLUDED and reaches[n] is Reach.SSH}
            if len(ours) > allowed:
                yield f"limit {limit}: programs run at {len(ours)} sites at once, {allowed} allowed"

    # At each moment

    def broken_now(self, snapshot: Snapshot, state: RolloutState, workers: Dispatcher) -> Iterator[str]:
        """What is broken as things are stored, where anything changed."""
        before, (self._seen, _digest) = self._seen, read_head(snapshot)
        if self._seen == before:
            return
        yield from self._does_not_add_up(snapshot)
        facts = read_facts(snapshot, state, workers, self._clock.now)
        for wave, rule in zip(state.waves, self._rules.waves, strict=True):
            for cap in standing_caps(rule, wave, facts.wave(wave.number), self._rules.limits, facts.down):
                allowed = cap.allowed + cap.accepted
                if cap.spent > allowed and cap.spent - self._shut_out(snapshot, wave.number, cap) > allowed:
                    yield f"wave {wave.number} overshot {cap.code}: {cap.spent} sites, {allowed} allowed"

    def _does_not_add_up(self, snapshot: Snapshot) -> Iterator[str]:
        """Late joiners move no number of the plan."""
        by_wave = reads.tallies_by_wave(snapshot, "r1")
        for wave in self._plan.waves:
            sites, terminals = by_wave[wave.number].sites.total, sum(by_wave[wave.number].terminals.values())
            planned = sum(len(site.terminals) for site in wave.sites)
            if (sites, terminals) != (len(wave.sites), planned):
                yield f"the endings of wave {wave.number} add up to {sites} sites and {terminals} terminals of {len(wave.sites)} and {planned}"

    def _shut_out(self, snapshot: Snapshot, wave: int, cap: Cap) -> int:
        """Of the sites that spend a budget, those whose next try no window let begin: they spent nothing until it was over, and then all at once."""
        event = tables.event
        bodies = snapshot.connection.execute(select(event.c.body).where(event.c.kind == "terminal.as-before")).scalars()
        late = {name.partition("/")[0] for body in bodies for name in body["terminals"]}
        return len(late.intersection(caps.sites_behind(snapshot, "r1", wave, cap))) if late and cap.kind is not CapKind.LIMIT else 0

    # In the end

    def broken_in_the_end(self, snapshot: Snapshot, state: RolloutState, terminals: WatchedTerminals) -> Iterator[str]:
        """What is broken in the record, in the tables, or on the terminals."""
        _count, _head, problems = check_chain(snapshot)
        yield from map(str, (*problems, *check_tables(snapshot, "r1")))
        yield from (f"{name} was really made {n} times" for name, n in terminals.made.items() if n > 1)
        yield from (f"the release went live on {name} {n} times" for name, n in terminals.flips.items() if n > 1)
        states = progress.states_of(snapshot, "r1", self._ssh)
        for name, told in states.items():
            if told is TerminalState.UPGRADED and not terminals.flips[name]:
                yield f"{name} counts as upgraded and is not"
            if told is TerminalState.TAKEN_BACK and terminals.flips[name]:
                yield f"{name} counts as taken back and is not"
        if state.phase is RolloutPhase.FINISHED:
            reaches, missed = progress.reaches_of(snapshot, "r1", self._ssh), terminals_not_reached(snapshot, "r1")
            left = [name for name in self._ssh if states[name] in _WAITS and name not in missed and reaches[name] is Reach.SSH]
            yield from (f"it is finished, but {name} is {states[name].value}" for name in left)
        if self._plan.playbook.gate.four_eyes:
            yield from (f"wave {wave.number} was approved by its author" for wave in state.waves if wave.approved_by == COORDINATOR.code)
        yield from _Told(self._plan).out_of_order(snapshot.connection.execute(select(tables.event).order_by(tables.event.c.seq)))


class _Told:
    """The record, read from its beginning: what had passed, what was finished, and what people had taken out of our hands."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._passed: set[int] = set()
        self._done: set[str] = set()
        self._gone: set[str] = set()
        self._ended: set[str] = set()
        self._made_by_hand: set[str] = set()
        """Of what had ended; what was left out since is not among them."""
        self._judged: set[int] = set()

    def out_of_order(self, events: Iterable[Any]) -> Iterator[str]:
        """Pushes that should not have begun."""
        for event in events:
            if event.kind == "push.began":
                yield from (words for name in event.body["terminals"] for words in self._wrong_with(name))
            else:
                yield from self._passed_alone(event)
                self._take_in(event)

    def _passed_alone(self, event: Any) -> Iterator[str]:
        """A gate of four eyes that was judged to pass, although people had taken something out of its evidence."""
        wave = event.body.get("wave")
        if event.kind == "wave.opened":
            self._judged.discard(wave)
        if event.kind not in {"wave.judged", "wave.passed"} or wave in self._judged | self._passed:
            return
        self._judged.add(wave)
        hidden = sorted(name for name in self._made_by_hand if self._plan.wave_of[name.partition("/")[0]] == wave)
        if hidden and self._plan.playbook.gate.four_eyes and event.body.get("verdict") == Verdict.PASS.value:
            yield f"wave {wave} was judged to pass, although {hidden} had been pushed and made by-hand"

    def _wrong_with(self, name: str) -> Iterator[str]:
        wave = self._plan.wave_of[name.partition("/")[0]]
        if not self._passed.issuperset(range(1, wave)):
            yield f"{name} of wave {wave} was begun, but only {sorted(self._passed)} had passed"
        if name in self._done:
            yield f"{name} was begun again, although it was finished"
        if name in self._gone:
            yield f"{name} was begun, although people had taken it out of our hands"

    def _take_in(self, event: Any) -> None:
        match event.kind:
            case "wave.passed":
                self._passed.add(event.body["wave"])
            case "attempt.ended":
                self._ended.add(event.subject)
                self._done |= {event.subject} if event.body["ending"] == TerminalState.UPGRADED.value else set()
            case "terminal.going-back":
                self._done -= {*event.body["terminals"], *event.body.get("later", ())}
            case "terminal.excluded":
                self._gone |= {*event.body["terminals"]}
                self._made_by_hand -= {*event.body["terminals"]}
            case "terminal.made-by-hand":
                self._gone |= {*event.body["terminals"]}
                self._made_by_hand |= self._ended.intersection(event.body["terminals"])
