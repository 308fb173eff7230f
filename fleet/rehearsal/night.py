"""A plan lived through from its first wave to its last, in a workspace of its own that is gone afterwards.

A person is asked whenever the rollout waits for one, answers after `ANSWER_S`, and always lets it go on: so everything that would have been
held up shows, and what it would come to if nobody stopped it.
"""

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from pathlib import Path

from fleet.control import rollouts as control
from fleet.control.four_eyes import record_author
from fleet.control.go_past import go_past
from fleet.errors import InternalError
from fleet.model.actor import Actor
from fleet.model.inventory import Fleet, Person, Role
from fleet.model.plan import Plan
from fleet.model.playbook import StepKind
from fleet.model.release import Release
from fleet.model.rollout import RolloutState, Verdict, WavePhase, WaveState
from fleet.model.trust import HostKey
from fleet.rehearsal.agenda import Agenda
from fleet.rehearsal.faults import SLOW_SWIPE, fate_of
from fleet.rehearsal.orchestrator import SteppedOrchestrator
from fleet.rehearsal.outcome import Outcome, outcome_of
from fleet.rehearsal.pace import push_lasts
from fleet.rehearsal.swipes import swipe_facts
from fleet.rehearsal.terminals import Fate, SimulatedTerminals
from fleet.report.holds import read_holds, why_held
from fleet.rollout import ENDED, verdict_words
from fleet.rollout.standing import waiting_waves, waits_past_return
from fleet.settings import Settings
from fleet.store import Store, fleets, open_store, reads, releases, trust
from fleet.text import N_, Message

ANSWER_S = 600.0
"""What a person who is asked takes to answer."""
_AUTHOR, _PERSON = (Person(code=code, name=code, role=Role.COORDINATOR) for code in ("rehearsal-author", "rehearsal"))
"""Two, for a plan may want four eyes: who makes and starts it, and who answers."""


class Why(StrEnum):
    """What a rollout waits for a person for."""

    APPROVAL = "approval"
    """The gate passed, and the plan wants a person to approve it all the same."""
    GATE = "gate"
    """The gate did not pass."""
    HELD = "held"
    """A budget is spent, or somebody took something back."""
    PAST_RETURN = "past-return"
    """The point of no return is past."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One time at which the rollout waited for a person."""

    at_s: float
    """Since its start."""
    wave: int | None
    """None where it is about all of it."""
    why: Why
    words: Message
    verdict: Verdict | None = None
    """What the gate says, where it is about one."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a rehearsal is about; all of it is only read."""

    plan: Plan
    fleet: Fleet
    release: Release
    host_keys: Mapping[str, HostKey]
    faults: Mapping[str, str]
    """Terminal -> its trouble."""
    push_seconds: Sequence[float]
    """As pushes were seen to take, in seconds; empty where none was seen."""
    seed: int
    begins_at: datetime
    zone: tzinfo = UTC
    at_gateway: int = 4


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What came of it."""

    asked: tuple[Asked, ...]
    outcome: Outcome

    @property
    def runs_through(self) -> bool:
        """Whether nobody was asked for more than the approvals that the plan itself wants."""
        return all(asked.why is Why.APPROVAL for asked in self.asked)


def rehearse(setting: Setting) -> Rehearsed:
    """Live through the plan; the same setting gives the same, to the second.

    Raises:
        InputError: The plan could not be started: its release or its terminals are not those of the workspace.
    """
    with (
        tempfile.TemporaryDirectory(prefix="fleet-rehearsal-") as directory,
        closing(open_store(Settings(workspace=Path(directory)), create=True)) as store,
    ):
        return _Night(setting, store).live()


class _Night:
    def __init__(self, setting: Setting, store: Store) -> None:
        self._setting, self._store = setting, store
        self._agenda = Agenda(setting.begins_at)
        self._actor = Actor(code=_PERSON.code)
        self._lasts = push_lasts(setting.push_seconds, setting.seed)
        binding = next((step for step in setting.plan.playbook.steps if step.step is StepKind.BIND_KEY), None)
        terminals = SimulatedTerminals(self._fate, binding.key if binding else None, self._facts)
        self._orchestrator = SteppedOrchestrator(store, terminals, self._agenda, at_gateway=setting.at_gateway)
        self._asked: list[Asked] = []
        self._gates: set[str] = set()
        """Codes of the verdicts that any gate came to."""

    def live(self) -> Rehearsed:
        state = self._begin()
        self._orchestrator.start()
        while state.phase not in ENDED:
            turn = self._orchestrator.work()
            state = turn.state or state
            self._gates |= {wave.verdict_code for wave in state.waves if wave.verdict is not None}
            if not self._agenda.is_empty:
                self._agenda.go_on()
            elif state.phase not in ENDED:
                self._wait(state, turn.next_at)
        self._orchestrator.leave()
        with self._store.read() as snapshot:
            outcome = outcome_of(snapshot, state, self._setting.plan, self._setting.begins_at, self._gates)
        return Rehearsed(tuple(self._asked), outcome)

    def _begin(self) -> RolloutState:
        """A workspace with what the plan needs, and the rollout started by the real verb."""
        setting = self._setting
        fleet = setting.fleet.model_copy(update={"people": {**setting.fleet.people, _PERSON.code: _PERSON, _AUTHOR.code: _AUTHOR}})
        author = Actor(code=_AUTHOR.code)
        plan = _by_itself(setting.plan)
        with self._store.write(self._actor, setting.begins_at) as tx:
            fleets.replace_fleet(tx, fleet, {})
            releases.add_release(tx, setting.release)
            trust.save_host_keys(tx, setting.host_keys.values(), "host-keys.confirmed")
        record_author(self._store, author, setting.begins_at, plan)
        return control.start_rollout(self._store, author, setting.begins_at, plan, zone=setting.zone)

    def _wait(self, state: RolloutState, next_at: datetime | None) -> None:
        """Nothing is going on: a person has to let it, or a window has to open."""
        if waits_past_return(state):
            self._asked.append(Asked(self._passed_s(), None, Why.PAST_RETURN, N_("what was touched could no longer all go back in time")))
            self._agenda.let_pass(ANSWER_S)
            go_past(self._store, self._actor, self._agenda.now, state.id, reason="rehearsal")
        elif waiting := waiting_waves(state):
            self._asked.append(self._question(state, waiting[0]))
            self._agenda.let_pass(ANSWER_S)
            control.approve(self._store, self._actor, self._agenda.now, state.id, waiting[0].number, reason="rehearsal")
        elif next_at is not None and next_at > self._agenda.now:
            self._agenda.let_pass((next_at - self._agenda.now).total_seconds())
        else:
            raise InternalError(N_("the rehearsal neither works nor waits for anybody"))

    def _passed_s(self) -> float:
        return (self._agenda.now - self._setting.begins_at).total_seconds()

    def _question(self, state: RolloutState, wave: WaveState) -> Asked:
        at_s = self._passed_s()
        if wave.phase is WavePhase.HELD:
            names = {code: district.name for code, district in self._setting.fleet.districts.items()}
            with self._store.read() as snapshot:
                holds = read_holds(snapshot, state, self._setting.plan, reads.read_tallies(snapshot, state.id), names)
            return Asked(at_s, wave.number, Why.HELD, why_held(wave, holds[wave.number]))
        why = Why.APPROVAL if wave.verdict is Verdict.PASS else Why.GATE
        return Asked(at_s, wave.number, why, verdict_words(wave) or N_("its gate waits"), wave.verdict)

    def _fate(self, terminal: str, _number: int) -> Fate:
        plan = self._setting.plan
        program = plan.program_of[terminal]
        assert program is not None
        return fate_of(self._setting.faults.get(terminal), program, plan.playbook, self._lasts(terminal))

    def _facts(self, terminal: str) -> Mapping[str, str]:
        program = self._setting.plan.program_of[terminal]
        assert program is not None
        too_slow = self._setting.faults.get(terminal) == SLOW_SWIPE
        return swipe_facts(self._setting.plan, program, terminal, self._setting.seed, too_slow=too_slow)


def _by_itself(plan: Plan) -> Plan:
    """The plan as an ordinary one: the workspace of a rehearsal holds no other rollout whose late joiners it could serve."""
    if plan.late_of is None:
        return plan
    alone = plan.model_copy(update={"late_of": None})
    return alone.model_copy(update={"digest": alone.compute_digest()})
