"""What a playbook's types cannot say: selections that read, steps in an order that makes sense, commands the account may run.

Pure. `fleet.plan.playbook` gives the findings their lines; `make_plan` asks again, for a playbook that came another way.
"""

from collections.abc import Collection, Iterator, Sequence

from fleet.errors import InputError
from fleet.files import one_of
from fleet.model.attempt import Cause
from fleet.model.playbook import Command, Playbook, ProbeStep, Step, StepKind, When
from fleet.plan.caps import check_caps
from fleet.plan.finding import Finding
from fleet.select import parse_inventory_selection
from fleet.text import N_, Message

ONCE = (StepKind.STAGE, StepKind.BIND_KEY, StepKind.ACTIVATE)
"""Kinds of which a terminal gets at most one step."""
TOUCHING = frozenset(StepKind) - {StepKind.PREFLIGHT, StepKind.PROBE, StepKind.COLLECT}
"""Kinds after which the terminal is not what it was."""
AFTER_STAGE = frozenset((StepKind.CONFIGURE, StepKind.ACTIVATE))
"""Kinds that make no sense without a new release."""


def check_playbook(playbook: Playbook, labels: Collection[str] | None = None) -> tuple[Finding, ...]:
    """Everything that is wrong with a playbook of the right shape; empty when all is well.

    Args:
        playbook: What was read.
        labels: Label keys the fleet has, for the steps' selections; None takes any.
    """
    found = (*_account(playbook), *_each_step(playbook, labels), *_order(playbook), *_gate(playbook))
    return (*found, *check_caps(playbook, labels))


def check_steps(steps: Sequence[Step]) -> Message | None:
    """Why these steps cannot be the program of one terminal, or None when they can."""
    for kind in ONCE:
        twice = [step.name for step in steps if step.step is kind]
        if len(twice) > 1:
            return N_("{kind} steps {names} both apply; a terminal gets at most one", kind=kind.value, names=_listed(twice))
    early = next(_too_early(steps), None)
    return _too_early_words(steps[early]) if early is not None else None


def measures_before(step: Step) -> bool:
    """Whether a step asks the client that is about to be replaced."""
    return isinstance(step, ProbeStep) and step.when is When.BEFORE


def commands_of(step: Step) -> Iterator[tuple[tuple[str, ...], Command]]:
    """Every command of a step, with its place in it."""
    for name in type(step).model_fields:
        value = getattr(step, name)
        if isinstance(value, Command):
            yield (name,), value
        elif isinstance(value, dict):
            yield from (((name, key), command) for key, command in value.items() if isinstance(command, Command))


def _account(playbook: Playbook) -> Iterator[Finding]:
    sudo = playbook.account.sudo_command
    if sudo is not None and not sudo.startswith("/"):
        yield Finding(("account", "sudo_command"), N_("`{path}` is not an absolute path", path=sudo), N_("write it as sudoers does"))


def _each_step(playbook: Playbook, labels: Collection[str] | None) -> Iterator[Finding]:
    for position, step in enumerate(playbook.steps):
        place = ("steps", position)
        try:
            parse_inventory_selection(step.where, labels)
        except InputError as error:
            yield Finding((*place, "where"), error.what, error.hint)
        if step.timeout_s > playbook.push_deadline_s:
            what = N_(
                "step `{step}` may take {step_s} s, but a push ends after {push_s} s",
                step=step.name,
                step_s=f"{step.timeout_s:g}",
                push_s=f"{playbook.push_deadline_s:g}",
            )
            yield Finding((*place, "timeout_s"), what, N_("raise `push_deadline_s`, or lower the step's `timeout_s`"))
        for where, command in commands_of(step):
            yield from _command(command, (*place, *where), playbook)


def _command(command: Command, place: tuple[str | int, ...], playbook: Playbook) -> Iterator[Finding]:
    if command.sudo and playbook.account.sudo_command is None:
        yield Finding(place, N_("the account has no sudo command"), N_("name it as `sudo_command` of the account, or leave `sudo` away"))
    program = command.words[0]
    if program.startswith("-") or "=" in program:
        yield Finding(place, N_("`{program}` cannot be the name of a program", program=program), N_("the first word is the program"))
    file = command.release_file
    if file is not None and any(part.startswith(".") or not part for part in file.split("/")):
        what = N_("`{file}` is no file of a release", file=file)
        yield Finding(place, what, N_("write its path inside the release, for example `bin/health`, or an absolute path"))


def _gate(playbook: Playbook) -> Iterator[Finding]:
    """What the gate asks for must be something that the steps can bring."""
    known = sorted(cause.value for cause in Cause if cause is not Cause.NONE)
    for cause in playbook.gate.causes:
        if cause not in known:
            yield Finding(("gate", "causes", cause), N_("there is no cause `{cause}`", cause=cause), one_of(cause, known))
    if playbook.gate.bindings and all(step.step is not StepKind.BIND_KEY for step in playbook.steps):
        yield Finding(
            ("gate", "bindings"), N_("the gate asks for key bindings, and no step binds a key"), N_("add a bind-key step, or leave it away")
        )
    if playbook.gate.swipe is not None:
        for when, hint in (
            (When.BEFORE, N_("add a probe step with `when: before` that prints `swipe_ms=...`")),
            (When.AFTER, N_("add a probe step behind activate that prints `swipe_ms=...`")),
        ):
            if not any(isinstance(step, ProbeStep) and step.when is when for step in playbook.steps):
                yield Finding(("gate", "swipe"), N_("the gate asks for swipes, and no step measures them on both clients"), hint)


def _order(playbook: Playbook) -> Iterator[Finding]:
    for position in _too_early(playbook.steps):
        yield Finding(("steps", position), _too_early_words(playbook.steps[position]), N_("put a stage step before it"))
    kinds = [step.step for step in playbook.steps]
    for position, step in enumerate(playbook.steps):
        if measures_before(step) and TOUCHING & set(kinds[:position]):
            what = N_("`when: before` measures what is live before anything is touched")
            yield Finding(("steps", position), what, N_("put it first, or behind preflight"))
    for position, kind in enumerate(kinds):
        if kind is StepKind.PREFLIGHT and StepKind.STAGE in kinds[:position]:
            what = N_("preflight comes after stage")
            yield Finding(("steps", position), what, N_("preflight looks before anything is touched; put it first"))
        if kind is StepKind.CONFIGURE and StepKind.ACTIVATE in kinds[:position]:
            what = N_("configure comes after activate; a live release is never written to")
            yield Finding(("steps", position), what, N_("put it between stage and activate"))
    for kind in ONCE:
        everywhere = [step for step in playbook.steps if step.step is kind and not step.where]
        if len(everywhere) > 1:
            names = _listed([step.name for step in everywhere])
            what = N_("{kind} steps {names} both apply; a terminal gets at most one", kind=kind.value, names=names)
            hint = N_("remove one, or give them a `where` that keeps them apart")
            yield Finding(("steps", playbook.steps.index(everywhere[1])), what, hint)


def _too_early(steps: Sequence[Step]) -> Iterator[int]:
    """Positions of steps that come before the stage step whose files they need.

    Where nothing is staged at all, commands of a release are those of the live one, and come at any time.
    """
    kinds = [step.step for step in steps]
    first_stage = kinds.index(StepKind.STAGE) if StepKind.STAGE in kinds else None
    for position, step in enumerate(steps[:first_stage]):
        runs_release_file = any(command.release_file is not None for _, command in commands_of(step))
        of_live_release = first_stage is None or step.step is StepKind.PREFLIGHT or measures_before(step)
        if step.step in AFTER_STAGE or (runs_release_file and not of_live_release):
            yield position


def _too_early_words(step: Step) -> Message:
    return N_("step `{step}` works inside the new release, and no stage step comes before it", step=step.name)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
