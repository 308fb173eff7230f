"""Laws of budgets, limits, windows and leases, over random fleets that end at random, up to 100 % badly: never overshot, never dead-locked."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from fleet.model.attempt import Cause, TerminalState
from fleet.model.caps import is_lifted_by_approval
from fleet.model.playbook import Approval
from fleet.model.rollout import DecisionKind, RolloutPhase, WavePhase
from fleet.rollout import Exclude, PutBack, Rules, advance
from tests.rollout.guarded import Guarded
from tests.rollout.machine import AnyOrder
from tests.rollout.places import WELL, Ending, Place, rules_for
from tests.rollout.world import BAD

CAUSES = (Cause.PROBE_FAILED, Cause.DISK_FULL, Cause.NO_ANSWER, Cause.LINK_LOST)
DISTRICTS = ("east", "south", "west")
LEFT_DOWN = Ending(TerminalState.FAILED, Cause.LINK_LOST, interrupted=True)
BADLY = st.one_of(
    st.just(LEFT_DOWN),
    st.builds(Ending, st.just(TerminalState.FAILED), st.sampled_from(CAUSES), st.booleans()),
    st.builds(Ending, st.just(TerminalState.ROLLED_BACK), st.sampled_from(CAUSES)),
    st.builds(Ending, st.just(TerminalState.UNREACHABLE), st.sampled_from(CAUSES)),
    st.builds(Ending, st.just(TerminalState.UNKNOWN), st.just(Cause.LINK_LOST)),
)
ENDINGS = st.one_of(BADLY, BADLY, st.just(WELL))
SMALL = st.integers(1, 3)


@st.composite
def worlds(draw: st.DrawFn) -> Guarded:
    """Fleets of up to three waves and districts, every budget small, sites under none, one or several limits; some are alike."""
    limits = draw(st.lists(st.integers(1, 2), max_size=3))
    districts = draw(st.dictionaries(st.sampled_from(DISTRICTS), st.tuples(SMALL, SMALL)))
    waves = draw(st.integers(1, 3))
    rules: Rules = rules_for(
        waves,
        failures=draw(st.integers(1, 5)),
        unreachable=draw(st.integers(1, 5)),
        causes=draw(st.dictionaries(st.sampled_from([cause.value for cause in CAUSES]), SMALL, max_size=2)),
        districts=districts,
        limits=tuple(limits),
        parallel=draw(st.integers(1, 6)),
        approval=draw(st.sampled_from(Approval)),
    )
    under = st.lists(st.integers(0, len(limits) - 1), unique=True).map(sorted).map(tuple) if limits else st.just(())
    alike = st.tuples(st.integers(1, waves), st.sampled_from(DISTRICTS), under, st.integers(0, 2), st.integers(1, 4))
    groups = draw(st.lists(alike, min_size=1, max_size=4))
    places = [Place(wave, district, of_site, tries=tries) for wave, district, of_site, tries, count in groups for _ in range(count)]
    return Guarded(rules, {f"s{n}": place for n, place in enumerate(places)}, shard_size=draw(st.integers(1, 4)))


def rests_for_a_reason(world: Guarded) -> None:
    """Nobody is at work: then the rollout is over, paused, at a gate or held, and what holds it is so; or something waits for its time."""
    if any(place.asleep or place.leased or place.again for place in world.sites.values()):
        return
    if world.state.phase is not RolloutPhase.RUNNING or any(world.shards[number].is_out for number in world.shards):
        return
    waiting = [wave for wave in world.state.waves if wave.phase in {WavePhase.GATE, WavePhase.HELD}]
    assert waiting, "something may begin, and nothing does"
    for wave in waiting:
        assert wave.phase is WavePhase.GATE or wave.held_by
        if not any(map(is_lifted_by_approval, wave.held_by)):  # whom a budget held, a person lets go, whatever came of it since
            for code in wave.held_by:
                limit = int(code.partition(":")[2])
                assert world.down(limit) >= world.rules.limits[limit], f"{code} does not hold it"


def cure(world: Guarded) -> None:
    """A person lets the first wave that waits go on: approves, or sees to the sites that a limit counts."""
    wave = next(wave for wave in world.state.waves if wave.phase in {WavePhase.GATE, WavePhase.HELD})
    if wave.held_by and not any(map(is_lifted_by_approval, wave.held_by)):
        limits = {int(code.partition(":")[2]) for code in wave.held_by}
        sites = [site for site, place in world.sites.items() if place.down and limits.intersection(place.limits)]
        over = [site for site in sites if world.sites[site].shut]
        world.decide(DecisionKind.EXCLUDE if over else DecisionKind.RETRY, sites=over or sites)
    else:
        world.decide(DecisionKind.APPROVE, wave.number)


class CapsMachine(AnyOrder):
    """A rollout under every budget and limit, with windows, leases and tries."""

    world: Guarded

    @initialize(world=worlds())
    def build(self, world: Guarded) -> None:
        self.world = world
        self.total = len(world.sites)

    @rule()
    def reconcile(self) -> None:
        self.world.reconcile()
        rests_for_a_reason(self.world)

    @precondition(lambda self: self.world.out())
    @rule(data=st.data())
    def a_worker_takes_a_step(self, data: st.DataObject) -> None:
        self.world.step(data.draw(st.sampled_from(self.world.out())))

    @precondition(lambda self: self.world.flying())
    @rule(data=st.data(), ending=ENDINGS)
    def a_push_ends(self, data: st.DataObject, ending: Ending) -> None:
        number, site = data.draw(st.sampled_from(self.world.flying()))
        self.world.end(number, site, ending)

    @rule(ending=BADLY)
    def everything_in_flight_ends_badly(self, ending: Ending) -> None:
        for number, site in self.world.flying():
            self.world.end(number, site, ending)

    @precondition(lambda self: self.down())
    @rule(data=st.data(), closed=st.booleans())
    def what_is_down_is_retried_perhaps_with_its_window_closed(self, data: st.DataObject, *, closed: bool) -> None:
        site = data.draw(st.sampled_from(self.down()))
        self.world.sites[site].asleep = closed and not self.world.sites[site].shut
        self.world.decide(DecisionKind.RETRY, sites=[site])
        self.world.reconcile()
        for number in self.world.out():
            self.world.step(number)

    def down(self) -> list[str]:
        """Sites that ended while they were down."""
        return [site for site, place in sorted(self.world.sites.items()) if place.down and place.state in BAD]

    # Time passes, and people come and go

    @rule(data=st.data(), opens=st.booleans())
    def windows_open_or_close(self, data: st.DataObject, *, opens: bool) -> None:
        for site in data.draw(st.sets(st.sampled_from(sorted(self.world.sites)), min_size=1)):
            self.world.sites[site].asleep = not opens and not self.world.sites[site].shut

    @rule(data=st.data())
    def the_last_window_of_a_site_is_over(self, data: st.DataObject) -> None:
        place = self.world.sites[data.draw(st.sampled_from(sorted(self.world.sites)))]
        place.shut, place.asleep = True, False

    @rule(data=st.data())
    def a_lease_is_taken_or_runs_out(self, data: st.DataObject) -> None:
        place = self.world.sites[data.draw(st.sampled_from(sorted(self.world.sites)))]
        place.leased = not place.leased and place.state is not TerminalState.RUNNING

    @rule()
    def what_is_tried_again_is_due(self) -> None:
        self.world.is_due = True
        self.world.reconcile()
        self.world.is_due = False

    # And this always holds

    @invariant()
    def nothing_begins_past_a_gate_outside_a_window_or_where_somebody_works(self) -> None:
        if hasattr(self, "world"):
            assert self.world.broken == []

    @invariant()
    def endings_add_up_to_the_fleet(self) -> None:
        if hasattr(self, "world"):
            assert sum(self.world.counts(rule.number).total for rule in self.world.rules.waves) == self.total

    @invariant()
    def a_decision_is_taken_in_once(self) -> None:
        if not hasattr(self, "world"):
            return
        world, facts = self.world, self.world.facts()
        state, orders = advance(world.state, world.rules, facts, world.decisions, world.now)
        again, more = advance(state, world.rules, facts, world.decisions, world.now)

        assert (state, orders) == advance(world.state, world.rules, facts, world.decisions, world.now)
        assert again.seen_decision == state.seen_decision == len(world.decisions)
        assert not any(isinstance(order, PutBack | Exclude) for order in more)

    @invariant()
    def nothing_is_overshot_even_if_all_in_flight_end_badly(self) -> None:
        if hasattr(self, "world"):
            assert self.world.overshoot() == ""

    def teardown(self) -> None:
        """Whatever happened: when people do what they are asked to, it comes to its end, and everybody was pushed."""
        if not hasattr(self, "world"):
            return
        world = self.world
        for place in world.sites.values():
            place.asleep = place.leased = False
        world.is_due = True
        for _ in range(400):
            world.reconcile()
            rests_for_a_reason(world)
            assert (world.overshoot(), world.broken) == ("", [])
            if flying := world.flying():
                world.end(*flying[0], WELL)
            elif world.out():
                world.step(world.out()[0])
            elif world.state.phase is RolloutPhase.PAUSED:
                world.decide(DecisionKind.RESUME)
            elif world.state.phase is RolloutPhase.RUNNING:
                cure(world)
            else:
                left = [site for site, place in world.sites.items() if place.waits]
                assert world.state.phase is RolloutPhase.STOPPED or not left
                return
        raise AssertionError("it never comes to its end")


CapsMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestEveryBudgetAndLimit = CapsMachine.TestCase


@settings(max_examples=100)
@given(world=worlds(), share=st.sampled_from([0, 10, 50, 90, 100]), data=st.data())
def test_a_fleet_that_fails_at_random_overshoots_nothing_and_rests_only_for_a_reason(
    world: Guarded, share: int, data: st.DataObject
) -> None:
    world.reconcile()
    for _ in range(100):
        assert world.overshoot() == ""
        rests_for_a_reason(world)
        if not (flying := world.flying()):
            if not world.out():
                break
            world.step(world.out()[0])
        else:
            number, site = data.draw(st.sampled_from(flying))
            fails = data.draw(st.integers(1, 100)) <= share
            world.end(number, site, data.draw(BADLY) if fails else WELL)
        world.reconcile()
    assert not world.flying()


def test_a_pool_that_only_counts_what_runs_overshoots_and_the_law_sees_it() -> None:
    places = {f"s{n}": Place(1, "east", (0,)) for n in range(8)}
    world = Guarded(rules_for(1, failures=2, causes={"probe-failed": 2}, districts={"east": (2, 2)}, limits=(2,)), places)
    world.reconcile()
    number = world.out()[0]
    assert world.overshoot() == ""

    world.change(number, grant_parallel=4, grant_failures=99)  # as a pool of four threads
    world.step(number)

    assert world.overshoot() == "wave 1, failures: 0 and 3 in flight, 2 allowed"


def test_a_site_that_is_down_with_its_window_closed_makes_no_room_for_another_of_its_shard() -> None:
    world = Guarded(rules_for(1, limits=(1,)), {"s0": Place(1, "east", (0,)), "s1": Place(1, "east", (0,))})
    world.reconcile()
    world.step(world.out()[0])
    world.end(*world.flying()[0], LEFT_DOWN)
    world.sites["s0"].asleep = True
    world.decide(DecisionKind.RETRY, sites=["s0"])
    world.reconcile()
    for number in world.out():
        world.step(number)

    assert world.flying() == []
    assert world.overshoot() == ""
