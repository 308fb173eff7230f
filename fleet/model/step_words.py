"""Names of steps, for people: one that is named after its kind is put into the reader's language, any other is data."""

from fleet.model.playbook import StepKind
from fleet.text import N_, Message

_STEPS = {
    StepKind.PREFLIGHT: N_("preflight"),
    StepKind.STAGE: N_("stage"),
    StepKind.CONFIGURE: N_("configure"),
    StepKind.BIND_KEY: N_("bind-key"),
    StepKind.ACTIVATE: N_("activate"),
    StepKind.PROBE: N_("probe"),
    StepKind.COLLECT: N_("collect"),
    StepKind.RUN: N_("run"),
}


def step_words(name: str) -> Message | str:
    """A step's name; where it is named after its kind, in the reader's language."""
    return _STEPS[StepKind(name)] if name in _STEPS else name
