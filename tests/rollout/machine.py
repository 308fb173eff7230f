"""What the machines that try a rollout in any order have in common."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from fleet.model.rollout import DecisionKind
from tests.rollout.world import Reconciled


class AnyOrder(RuleBasedStateMachine):
    """People, the reconciler, and workers of whom any may be lost; what else may happen, each machine adds."""

    world: Reconciled

    @rule()
    def reconcile(self) -> None:
        self.world.reconcile()

    @precondition(lambda self: self.world.out())
    @rule(data=st.data())
    def a_worker_is_lost(self, data: st.DataObject) -> None:
        self.world.lost.add(data.draw(st.sampled_from(self.world.out())))

    @rule(kind=st.sampled_from(DecisionKind), data=st.data())
    def a_person_decides(self, kind: DecisionKind, data: st.DataObject) -> None:
        wave = data.draw(st.integers(1, len(self.world.rules.waves))) if kind is DecisionKind.APPROVE else None
        takes_sites = kind in {DecisionKind.RETRY, DecisionKind.EXCLUDE}
        sites = data.draw(st.lists(st.sampled_from(self.world.names), max_size=3, unique=True)) if takes_sites else []
        self.world.decide(kind, wave, sites)
