"""Which terminals get which trouble in a rehearsal, and how an attempt there then ends.

A trouble is named by its cause (`disk-full`) or by a word of `ALIASES`; it falls on so many percent of the terminals it may fall on.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Annotated

from pydantic import Field

from fleet.errors import InputError
from fleet.files import read_model
from fleet.files.spelling import did_you_mean
from fleet.model.attempt import Cause, TerminalState
from fleet.model.base import FreeText, Noun
from fleet.model.inventory import Fleet, Reach, Site
from fleet.model.plan import Plan, Program
from fleet.model.playbook import Percent, Playbook, StepKind
from fleet.rehearsal.terminals import Fate
from fleet.select import parse_selection, subject_of
from fleet.text import N_

SLOW = "slow"
SILENT = "silent"
SLOW_SWIPE = "slow-swipe"
ALIASES = {
    "unreachable": Cause.NO_ANSWER.value,
    "health": Cause.PROBE_FAILED.value,
    "link": Cause.LINK_LOST.value,
    "host-key": Cause.HOST_KEY_CHANGED.value,
    "login": Cause.LOGIN_REFUSED.value,
    "command": Cause.COMMAND_FAILED.value,
    "damaged": Cause.DAMAGED_FILE.value,
    "way-back": Cause.NO_WAY_BACK.value,
}
_SLOWER = 10.0
_GIVEN_UP_S = 5.0
"""Until a terminal that does not answer is given up."""
_AT_STEP: Mapping[Cause, tuple[StepKind, ...]] = {
    Cause.DISK_FULL: (StepKind.PREFLIGHT, StepKind.STAGE),
    Cause.TOOL_MISSING: (StepKind.PREFLIGHT,),
    Cause.WRONG_VERSION: (StepKind.PREFLIGHT,),
    Cause.CLOCK: (StepKind.PREFLIGHT, StepKind.STAGE),
    Cause.DISK_ERROR: (StepKind.STAGE,),
    Cause.DAMAGED_FILE: (StepKind.STAGE,),
    Cause.RELEASE_FILE: (StepKind.STAGE,),
    Cause.SIGNATURE: (StepKind.STAGE,),
    Cause.RELEASE_EXPIRED: (StepKind.STAGE,),
    Cause.DOWNGRADE: (StepKind.STAGE,),
    Cause.KEY_CONFLICT: (StepKind.BIND_KEY,),
    Cause.PROBE_FAILED: (StepKind.ACTIVATE, StepKind.PROBE),
    Cause.UNEXPECTED_FACT: (StepKind.PROBE, StepKind.ACTIVATE),
    Cause.COMMAND_FAILED: (StepKind.RUN, StepKind.ACTIVATE, StepKind.COLLECT, StepKind.PROBE),
    Cause.COMMAND_TIMEOUT: (StepKind.RUN, StepKind.ACTIVATE, StepKind.COLLECT, StepKind.PROBE),
}
"""Kinds of steps at which a cause shows, the likeliest first."""
NOT_LET_IN = frozenset(
    (
        Cause.REFUSED,
        Cause.NO_ANSWER,
        Cause.NO_ROUTE,
        Cause.NAME_UNKNOWN,
        Cause.NOT_SSH,
        Cause.SSH_TOO_OLD,
        Cause.HOST_KEY_UNCONFIRMED,
        Cause.HOST_KEY_CHANGED,
        Cause.LOGIN_REFUSED,
        Cause.GATEWAY,
        Cause.GATEWAY_NAME,
        Cause.GATEWAY_KEY,
        Cause.GATEWAY_LOGIN,
    )
)
"""Where nothing begins on the terminal."""
_AFTER_THE_FLIP = frozenset((Cause.PROBE_FAILED, Cause.UNEXPECTED_FACT))
_AFTERWARDS = frozenset((SLOW_SWIPE, Cause.NO_WAY_BACK.value))
"""Troubles of a terminal whose upgrade ends well."""
_NEVER = frozenset((Cause.NONE, Cause.SELF_TEST, Cause.STOPPED, Cause.ORCHESTRATOR_LOST))
"""No trouble of a terminal: what a person does, what becomes of us, and the absence of any."""
CAUSES = tuple(cause for cause in Cause if cause not in _NEVER)
"""What may be planted, and what a rehearsal says that it did not exercise."""


class FaultRule(Noun):
    """One kind of trouble, and how many get it."""

    fault: FreeText
    """A cause, a word of `ALIASES`, `slow` (ten times as long), `silent` (the link is lost, and nobody ever answers again) or
    `slow-swipe` (upgraded, and then slower than the gate's target)."""
    percent: Percent
    select: FreeText = ""
    """Of these terminals; empty is all."""


class FaultFile(Noun):
    """The form of a file for `--faults`."""

    faults: Annotated[tuple[FaultRule, ...], Field(min_length=1)]


def read_faults(text: str) -> tuple[FaultRule, ...]:
    """The rules that `--faults` gives: `unreachable=5,health=2`, or the name of a YAML file.

    Raises:
        InputError: It is neither, or names a trouble there is not.
        MistakesError: The file has mistakes; every one with its line.
    """
    if not text.strip():
        return ()
    rules = _from_words(text) if "=" in text else read_model(Path(text), FaultFile).faults
    return tuple(rule.model_copy(update={"fault": _known(rule.fault)}) for rule in rules)


def _from_words(text: str) -> tuple[FaultRule, ...]:
    rules = []
    for word in text.split(","):
        name, _, percent = word.strip().partition("=")
        try:
            value = float(percent.removesuffix("%"))
        except ValueError:
            value = -1.0
        if not 0 <= value <= 100:
            raise InputError(
                N_("`{word}` is no fault with its percent of the terminals", word=word.strip()),
                hint=N_("for example `--faults unreachable=5,health=2`, each from 0 to 100"),
            )
        rules.append(FaultRule(fault=name.strip(), percent=value))
    whole = sum(rule.percent for rule in rules)
    if whole > 100:
        raise InputError(
            N_("these faults come to {percent:g} % of the terminals, and each gets one at most", percent=whole),
            hint=N_("give them 100 % together, or in a file with `select` which terminals each may fall on"),
        )
    return tuple(rules)


def _known(name: str) -> str:
    found = ALIASES.get(name, name)
    names = [*ALIASES, SLOW, SILENT, SLOW_SWIPE, *(cause.value for cause in CAUSES)]
    if found not in names:
        raise InputError(
            N_("there is no fault `{name}`", name=name),
            hint=did_you_mean(name, names) or N_("choose one of {choices}", choices=", ".join(names)),
        )
    return found


def plant(rules: Sequence[FaultRule], plan: Plan, fleet: Fleet, seed: int) -> dict[str, str]:
    """Terminal -> its trouble; who has one already gets no second, and a rule above 0 % falls on one at least, where there is one.

    Raises:
        InputError: A rule's selection cannot be read.
    """
    pushed = [terminal.id for wave in plan.waves for terminal in wave.terminals if terminal.reach is Reach.SSH]
    planted: dict[str, str] = {}
    for number, rule in enumerate(rules):
        selection = parse_selection(rule.select)
        chosen = [name for name in pushed if selection.matches(subject_of(fleet.terminals[name], _site(fleet, name), fleet))]
        free = sorted(name for name in chosen if name not in planted)
        wanted = max(1, round(len(chosen) * rule.percent / 100)) if rule.percent else 0
        dice = Random(f"{seed} {number} {rule.fault}")  # noqa: S311 - reproducible on purpose, no secret
        planted |= dict.fromkeys(dice.sample(free, min(wanted, len(free))), rule.fault)
    return planted


def _site(fleet: Fleet, terminal: str) -> Site:
    return fleet.sites[fleet.terminals[terminal].site]


def fate_of(fault: str | None, program: Program, playbook: Playbook, seconds: float) -> Fate:
    """What an attempt on a terminal with this trouble comes to; without one it lasts `seconds` and upgrades."""
    if fault is None or fault in _AFTERWARDS:
        return Fate(seconds=seconds, has_no_return=fault == Cause.NO_WAY_BACK.value)
    if fault == SLOW:
        return Fate(seconds=seconds * _SLOWER)
    if fault == SILENT:
        return Fate(seconds=seconds, heard=False, then_silent=True)
    cause = Cause(fault)
    if cause is Cause.LINK_LOST:
        return Fate(seconds=seconds, heard=False)
    if cause in NOT_LET_IN:
        return Fate(ending=TerminalState.UNREACHABLE, cause=cause, seconds=_GIVEN_UP_S)
    ending = TerminalState.ROLLED_BACK if cause in _AFTER_THE_FLIP else TerminalState.FAILED
    return Fate(ending=ending, cause=cause, step=_step_of(cause, program, playbook), seconds=seconds)


def _step_of(cause: Cause, program: Program, playbook: Playbook) -> str:
    """The step of the program at which a cause shows; its first one where it says nothing about steps."""
    kinds = _AT_STEP.get(cause, ())
    steps = [(step.step, step.name) for step in playbook.steps if step.name in program.steps]
    found = next((name for kind in kinds for step, name in steps if step is kind), None)
    return found or (program.steps[0] if program.steps else "")
