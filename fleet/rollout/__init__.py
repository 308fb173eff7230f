"""Where a rollout goes from here: gates, budgets, what people decided. Pure; it sees counters, never terminals."""

from fleet.rollout.advance import advance
from fleet.rollout.again import Tried, next_try
from fleet.rollout.budget import after, fresh_room, may_begin
from fleet.rollout.caps import left_of
from fleet.rollout.decisions import ENDED, phase_after
from fleet.rollout.evidence import Evidence
from fleet.rollout.facts import (
    NO_EVIDENCE,
    Abandon,
    Action,
    Dispatch,
    Exclude,
    Facts,
    Grant,
    PlanShards,
    PutBack,
    Recover,
    Rehearsal,
    Rehearse,
    Rules,
    TakeBack,
    TryAgain,
    WaveFacts,
    WaveRule,
    rules_of,
)
from fleet.rollout.formula import formula, gate_lines
from fleet.rollout.held import cap_words, held_words, standing_caps
from fleet.rollout.rehearsal import rehearsal_words, waits_for_time
from fleet.rollout.sending import LONGEST_SENDING_S, sending_s
from fleet.rollout.soak import due_at, soaked, soaks, to_judge
from fleet.rollout.verdict import verdict_in_brief, verdict_words
from fleet.rollout.way_back import due_by_itself, may_upgrade

__all__ = [
    "ENDED",
    "LONGEST_SENDING_S",
    "NO_EVIDENCE",
    "Abandon",
    "Action",
    "Dispatch",
    "Evidence",
    "Exclude",
    "Facts",
    "Grant",
    "PlanShards",
    "PutBack",
    "Recover",
    "Rehearsal",
    "Rehearse",
    "Rules",
    "TakeBack",
    "Tried",
    "TryAgain",
    "WaveFacts",
    "WaveRule",
    "advance",
    "after",
    "cap_words",
    "due_at",
    "due_by_itself",
    "formula",
    "fresh_room",
    "gate_lines",
    "held_words",
    "left_of",
    "may_begin",
    "may_upgrade",
    "next_try",
    "phase_after",
    "rehearsal_words",
    "rules_of",
    "sending_s",
    "soaked",
    "soaks",
    "standing_caps",
    "to_judge",
    "verdict_in_brief",
    "verdict_words",
    "waits_for_time",
]
