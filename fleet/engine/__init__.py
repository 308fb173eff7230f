"""The joiner: it reconciles a rollout, hands out shards and pushes. `fleet run` is an `Orchestrator` in a process of its own."""

from fleet.engine.orchestrator import Orchestrator
from fleet.engine.ports import Clock, Dispatcher, Push
from fleet.engine.reconcile import Turn

__all__ = ["Clock", "Dispatcher", "Orchestrator", "Push", "Turn"]
