"""The whole-screen view of a rollout, for coordinators."""

from fleet.tui.app import run_tui

__all__ = ["run_tui"]
