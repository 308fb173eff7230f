"""Laws of a rollout, over random fleets, endings, interleavings and decisions."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from fleet.model.attempt import ENDINGS, TerminalState
from fleet.model.playbook import Approval, GateRule
from fleet.model.rollout import DecisionKind, RolloutPhase, WavePhase
from fleet.rollout import Exclude, PutBack, Rules, WaveRule, advance
from tests.rollout.machine import AnyOrder
from tests.rollout.world import NOW, World

_ENDINGS = st.sampled_from(sorted(ENDINGS))
_WAVES = st.lists(
    st.tuples(st.integers(1, 7), st.integers(0, 2), st.integers(1, 3), st.integers(1, 3), st.booleans()), min_size=1, max_size=3
)


class RolloutMachine(AnyOrder):
    """A rollout of several waves, some sites of which are done by hand."""

    world: World

    @initialize(
        waves=_WAVES,
        parallel=st.integers(1, 6),
        approval=st.sampled_from(Approval),
        success=st.sampled_from([0.0, 95.0]),
        size=st.integers(1, 4),
        districts=st.integers(1, 3),
    )
    def build(
        self, *, waves: list[tuple[int, int, int, int, bool]], parallel: int, approval: Approval, success: float, size: int, districts: int
    ) -> None:
        rules = Rules(
            gate=GateRule(success=success, approval=approval),
            parallel=parallel,
            waves=tuple(
                WaveRule(number, failures, unreachable, ("pharmacy / acme / small",) if untested else ())
                for number, (_ssh, _by_hand, failures, unreachable, untested) in enumerate(waves, 1)
            ),
        )
        by_hand = frozenset(f"h{number}-{place}" for number, wave in enumerate(waves, 1) for place in range(wave[1]))
        self.world = World(rules, by_hand, shard_size=size, districts=districts)
        for number, wave in enumerate(waves, 1):
            self.world.add(number, [f"w{number}-{place}" for place in range(wave[0])])
            self.world.add(number, [f"h{number}-{place}" for place in range(wave[1])])
        self.total = len(self.world.states)

    # Anything may happen

    @precondition(lambda self: self.world.out())
    @rule(data=st.data())
    def a_worker_begins(self, data: st.DataObject) -> None:
        self.world.begin(data.draw(st.sampled_from(self.world.out())))

    @precondition(lambda self: any(self.world.in_flight[number] for number in self.world.out()))
    @rule(data=st.data(), ending=_ENDINGS)
    def a_push_ends(self, data: st.DataObject, ending: TerminalState) -> None:
        number = data.draw(st.sampled_from([n for n in self.world.out() if self.world.in_flight[n]]))
        self.world.end(number, data.draw(st.sampled_from(sorted(self.world.in_flight[number]))), ending)

    # And this always holds

    @invariant()
    def endings_add_up_to_the_fleet(self) -> None:
        if hasattr(self, "world"):
            assert sum(self.world.counts(rule.number).total for rule in self.world.rules.waves) == self.total

    @invariant()
    def no_budget_is_overshot_even_if_all_in_flight_end_badly(self) -> None:
        for rule_, wave in zip(self.world.rules.waves, self.world.state.waves, strict=True) if hasattr(self, "world") else ():
            sites = self.world.counts(rule_.number)
            fresh = {s for s, n in self.world.wave_of.items() if n == rule_.number and self.world.states[s] is TerminalState.RUNNING}
            collected = fresh & self.world.asked_again
            assert sites.spent_failures + sites.running <= rule_.failures_allowed + wave.failures_accepted
            assert sites.unreachable + sites.running - len(collected) <= rule_.unreachable_allowed + wave.unreachable_accepted
            assert sites.running <= self.world.rules.parallel + len(collected)

    @invariant()
    def no_order_goes_past_a_closed_gate(self) -> None:
        if not hasattr(self, "world"):
            return
        passed = [bool(wave.passed_at) for wave in self.world.state.waves]
        for site in self.world.began:
            assert all(passed[: self.world.wave_of[site] - 1])

    @invariant()
    def an_excluded_terminal_is_never_begun(self) -> None:
        if hasattr(self, "world"):
            for number in self.world.out():
                assert not [s for s in self.world.in_flight[number] if self.world.states[s] is TerminalState.EXCLUDED]

    @invariant()
    def the_same_question_gets_the_same_answer_and_a_decision_is_taken_in_once(self) -> None:
        if not hasattr(self, "world"):
            return
        world, facts = self.world, self.world.facts()
        state, actions = advance(world.state, world.rules, facts, world.decisions, NOW)

        assert (state, actions) == advance(world.state, world.rules, facts, world.decisions, NOW)
        assert state.seen_decision == len(world.decisions)
        again, orders = advance(state, world.rules, facts, world.decisions, NOW)
        assert not any(isinstance(order, PutBack | Exclude) for order in orders)
        assert again.seen_decision == state.seen_decision

    def teardown(self) -> None:
        """Whatever happened: when people say yes, every rollout comes to its end."""
        if not hasattr(self, "world"):
            return
        world = self.world
        for _ in range(200):
            world.run()
            match world.state.phase:
                case RolloutPhase.FINISHED:
                    assert all(wave.phase is WavePhase.PASSED for wave in world.state.waves)
                    assert not [s for s in world.states if s not in world.by_hand and world.states[s] is TerminalState.NOT_STARTED]
                    return
                case RolloutPhase.STOPPED:
                    return
                case RolloutPhase.PAUSED:
                    world.decide(DecisionKind.RESUME)
                case RolloutPhase.RUNNING:
                    waiting = [wave for wave in world.state.waves if wave.phase in {WavePhase.GATE, WavePhase.HELD}]
                    assert waiting, "it neither works nor waits for anybody"
                    world.decide(DecisionKind.APPROVE, waiting[0].number)
        raise AssertionError("it never comes to its end")


RolloutMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestEveryRollout = RolloutMachine.TestCase
