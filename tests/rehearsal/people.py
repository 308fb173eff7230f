"""What people do in a night: what they like, sensible or not, and what it waits for."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from fleet.cli.standing import look, waiting_lines
from fleet.control import leases
from fleet.control import rollouts as control
from fleet.control.by_hand import make_by_hand
from fleet.control.exclusions import confirm, exclude
from fleet.control.go_past import go_past
from fleet.control.inventory import import_fleet
from fleet.control.rollback import roll_back
from fleet.errors import FleetError
from fleet.model.actor import Actor
from fleet.model.attempt import SPENDS_FAILURES
from fleet.model.caps import Cap, CapKind
from fleet.model.inventory import Fleet, Reach
from fleet.model.plan import Plan
from fleet.model.rollout import RolloutPhase, RolloutState, WaveState, is_held_by_limits
from fleet.rehearsal.agenda import Agenda
from fleet.rollout.standing import Standing, waiting_waves, waits_past_return
from fleet.store import Store, exclusions, fleets, progress
from fleet.store.caps import sites_behind
from tests.engine.city import COORDINATOR
from tests.rehearsal.parts import SECOND_PERSON, Part, joined

Deed = Callable[[], object]
APPROVER = Actor(code=SECOND_PERSON)


@dataclass
class People:
    """Two coordinators of one night; what is refused is refused with words, and counts for nothing."""

    store: Store
    dice: Random
    agenda: Agenda
    fleet: Fleet
    plan: Plan
    parts: frozenset[Part]
    decisions: int = 0

    def __post_init__(self) -> None:
        self.at_work: dict[str, datetime] = {}
        """Sites that somebody was let work at, and until when."""
        self.ssh = [name for name, terminal in self.fleet.terminals.items() if terminal.reach is Reach.SSH]

    def have_a_whim(self) -> bool:
        """Somebody decides something, perhaps twice; whether any of it was taken."""
        terminals = self.dice.sample(self.ssh, min(2, len(self.ssh)))
        if self.dice.random() < 0.4:
            deed = self.dice.choice(self._deeds_of_parts(terminals))
        else:
            deed = self.dice.choices(*zip(*self._deeds(terminals), strict=True))[0]
        before = self.decisions
        for _ in range(self.dice.choice((1, 1, 2))):
            with suppress(FleetError):
                deed()
                self.decisions += 1
        return self.decisions > before

    def _deeds(self, terminals: Sequence[str]) -> tuple[tuple[Deed, int], ...]:
        """What may be done in any night, and how often."""
        store, at, wave = self.store, self.agenda.now, self.dice.randint(1, len(self.plan.waves))
        return (
            (lambda: control.pause(store, COORDINATOR, at, "r1"), 4),
            (lambda: control.resume(store, COORDINATOR, at, "r1"), 6),
            (lambda: control.stop(store, COORDINATOR, at, "r1"), 1),
            (lambda: control.retry(store, COORDINATOR, at, "r1"), 3),
            (lambda: control.retry(store, COORDINATOR, at, "r1", terminals), 3),
            (lambda: exclude(store, COORDINATOR, at, "r1", terminals, reason="closed"), 2),
            (lambda: control.approve(store, COORDINATOR, at, "r1", wave), 3),
        )

    def _deeds_of_parts(self, terminals: Sequence[str]) -> Sequence[Deed]:
        """What is also done where the night has that part."""
        store, at, site = self.store, self.agenda.now, self.dice.choice(list(self.fleet.sites))
        wave, minutes = self.dice.randint(1, len(self.plan.waves)), timedelta(minutes=self.dice.randint(1, 40))
        late = self.dice.randint(1, 99)
        deeds: dict[Part, tuple[Deed, ...]] = {
            Part.WINDOWS: (lambda: go_past(store, COORDINATOR, at, "r1", reason="the vendor stays"),),
            Part.FOUR_EYES: (lambda: control.approve(store, APPROVER, at, "r1", wave), self._confirm, self._hide_what_failed),
            Part.ROLLBACK: (
                lambda: roll_back(store, COORDINATOR, at, "r1", wave=wave),
                lambda: roll_back(store, COORDINATOR, at, "r1", terminals=terminals),
            ),
            Part.LEASES: (
                lambda: self._go_to(site, minutes),
                lambda: self._go_to(site, minutes),
                lambda: self._leave(site),
                lambda: make_by_hand(store, COORDINATOR, at, "r1", terminals[:1], reason="no more SSH"),
            ),
            Part.LATE: (lambda: self._join_late(site, late),),
        }
        return [deed for part, found in deeds.items() if part in self.parts for deed in found] or [lambda: None]

    def _hide_what_failed(self) -> None:
        """Who made the plan has what failed done by hand but for one, and that pushed again: the gate is judged anew, without them."""
        with self.store.read() as snapshot:
            _last, *failed = sorted(progress.terminals_in(snapshot, "r1", SPENDS_FAILURES)) or [""]
        make_by_hand(self.store, COORDINATOR, self.agenda.now, "r1", failed, reason="nobody should see it")
        control.retry(self.store, COORDINATOR, self.agenda.now, "r1")

    def _go_to(self, site: str, stays: timedelta) -> None:
        self.at_work[site] = leases.hold(self.store, COORDINATOR, self.agenda.now, site, stays).until

    def _leave(self, site: str) -> None:
        leases.free(self.store, COORDINATOR, self.agenda.now, site)
        self.at_work.pop(site, None)

    def _join_late(self, site: str, number: int) -> None:
        """A terminal at a site of the plan and a site that nobody had planned for enter the inventory."""
        with self.store.read() as snapshot:
            fleet = fleets.read_fleet(snapshot)
        import_fleet(self.store, COORDINATOR, self.agenda.now, joined(fleet, site, number), {})

    # What it waits for

    def see_to(self, state: RolloutState, *, alone: bool) -> str:
        """Do what it waits for; returns what was wrong with that, in words, or nothing.

        `alone`: nothing will move without a person, so the views have to say so, and for what.
        """
        with suppress(FleetError):
            stand = look(self.store)
            if not list(waiting_lines(stand)):
                return "it waits, and no view says for whom"
            if alone and stand.standing is not Standing.WAITING:
                return f"it waits for a person, and is said to be {stand.standing.value}"
        self.agenda.let_pass(self.dice.choice((0, 0, 20, 400)))
        try:
            self._decide(state)
        except FleetError as error:
            return f"what it waits for is refused: {error}"
        self.decisions += 1
        return ""

    def _decide(self, state: RolloutState) -> None:
        at, waiting = self.agenda.now, waiting_waves(state)
        if state.phase is RolloutPhase.PAUSED:
            control.resume(self.store, COORDINATOR, at, "r1")
        elif waits_past_return(state):
            go_past(self.store, COORDINATOR, at, "r1", reason="the vendor stays")
        elif waiting and is_held_by_limits(waiting[0]):
            self._see_to_what_is_down(waiting[0])
        elif waiting:
            control.approve(self.store, APPROVER, at, "r1", waiting[0].number)

    def _see_to_what_is_down(self, wave: WaveState) -> None:
        """Sites that a limit counts are pushed again or, where that does not help, left out."""
        with self.store.read() as snapshot:
            caps = [Cap(CapKind.LIMIT, code.partition(":")[2], 0, 0) for code in wave.held_by]
            sites = {site for cap in caps for site in sites_behind(snapshot, "r1", wave.number, cap)}
        terminals = [name for name in self.ssh if name.partition("/")[0] in sites]
        if self.dice.random() < 0.6:
            with suppress(FleetError):  # they wait for their turn already
                control.retry(self.store, COORDINATOR, self.agenda.now, "r1", terminals)
                return
        for name in terminals:
            with suppress(FleetError):
                exclude(self.store, COORDINATOR, self.agenda.now, "r1", [name], reason="nobody answers")
        self._confirm()

    def _confirm(self) -> None:
        """What one of them wants left out, the other confirms where the plan wants four eyes."""
        with self.store.read() as snapshot:
            requests = exclusions.open_requests(snapshot, "r1")
        for request in requests:
            with suppress(FleetError):
                confirm(self.store, APPROVER, self.agenda.now, "r1", request.id)
