"""Playbook steps -> one POSIX sh program. Pure: the same input gives the same text, so the plan can freeze its digest.

- The program is the .sh fragments its steps need, without their comments, and after them what only this program has: the
  files, each command as a function, and the calls in the playbook's order.
- Everything of the playbook is quoted as data. What differs from terminal to terminal is not in the program at all; it
  travels as `name=value` lines (PROTOCOL.md) and is read from shell variables.
- A command's words are a program and its arguments; no shell ever reads them.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from math import ceil
from shlex import quote

from fleet.errors import InputError
from fleet.model.plan import Program
from fleet.model.playbook import (
    ActivateStep,
    BindKeyStep,
    CollectStep,
    Command,
    ConfigureStep,
    KeySource,
    Playbook,
    PreflightStep,
    ProbeStep,
    RunStep,
    SettingSource,
    StageStep,
    Step,
    StepKind,
    When,
)
from fleet.model.release import Artifact
from fleet.terminal.backoff import grows, slower_words
from fleet.terminal.seal import seal_lines
from fleet.text import N_, Message

_FRAGMENTS = {
    StepKind.PREFLIGHT: "preflight",
    StepKind.STAGE: "stage",
    StepKind.CONFIGURE: "configure",
    StepKind.BIND_KEY: "bind_key",
    StepKind.ACTIVATE: "activate",
    StepKind.PROBE: "probe",
    StepKind.COLLECT: "probe",
    StepKind.RUN: "run",
}
_BEFORE_THE_NIGHT = (PreflightStep, StageStep)
"""Steps that touch nothing live."""
_TOUCHING = frozenset(StepKind) - {StepKind.PREFLIGHT, StepKind.PROBE, StepKind.COLLECT}
"""Steps after which the terminal is not what it was."""
_VARIABLES = {
    SettingSource.TERMINAL: "terminal",
    SettingSource.SITE: "site",
    SettingSource.SITE_KIND: "kind",
    SettingSource.DISTRICT: "district",
    SettingSource.KEY_CARD: "key_card",
}


def release_name(artifact: Artifact, version: str) -> str:
    """Name of the release's directory on the terminal: the version, and enough of the artifact's digest to tell two apart."""
    return f"{version}-{artifact.digest[:12]}"


def compile_program(playbook: Playbook, steps: Sequence[Step], artifact: Artifact | None, version: str) -> Program:
    """One program that does `steps`, in order.

    Args:
        playbook: Gives the account.
        steps: The playbook's steps that are meant for the terminal; at least one.
        artifact: What the stage step brings; None where no step stages.
        version: The release's version.

    Raises:
        InputError: The steps do not make a whole: one needs another that is missing or comes later, or a command cannot be run.
    """
    _check(playbook, steps, artifact)
    kinds = {step.step for step in steps}
    named = {_FRAGMENTS[kind] for kind in kinds} | ({"prestage", "signature"} if StepKind.STAGE in kinds else set())
    named |= {"rollback"} if StepKind.ACTIVATE in kinds else set()
    named |= {"backoff"} if any(grows(step.retry) for step in steps) else set()
    names = ["core", "lock", "journal", "command", *sorted(named), "boot", "main"]
    own = _Writer(playbook, steps, artifact, version).lines()
    text = "".join(_fragment(name) for name in names) + "".join(f"{line}\n" for line in own)
    return Program(
        digest=sha256(text.encode()).hexdigest(),
        text=text,
        steps=tuple(step.name for step in steps),
        irreversible=tuple(step.name for step in steps if isinstance(step, RunStep) and step.irreversible),
        artifact=artifact.name if artifact else None,
    )


def stages_alone(program: Program) -> bool:
    """Whether the program knows `only` and `patience`; one in a plan that an older version made does not."""
    return program.artifact is not None and "\nkeep_staged\n" in program.text


def goes_back(program: Program) -> bool:
    """Whether the program knows the way back to the release before; one that makes nothing live, or was made by an older version, does not."""
    return "\nperform_back() {\n" in program.text


def bootstrap(program: Program) -> str:
    """The command that starts `program`: it reads the values, up to an empty line, and then the program, from its input.

    Short, because dropbear takes no command above 9,000 bytes, and one line, because the account's shell may be any.
    """
    # `head` may read ahead. It finds nothing there: the client sends no more before it is asked to.
    count = program.text.count("\n")
    return f'exec sh -c \'while IFS= read -r l&&[ -n "$l" ];do set -- "$@" "$l";done;p=$(head -n {count})&&eval "$p"\' fleet'


@cache
def _fragment(name: str) -> str:
    """A fragment as it travels: no comments, no indentation, no empty lines. Fragments hold no text where that would matter."""
    source = files("fleet.terminal").joinpath(f"{name}.sh").read_text()
    stripped = (line.strip() for line in source.splitlines())
    return "".join(f"{line}\n" for line in stripped if line and not line.startswith("#"))


class _Writer:
    """Writes what only this program has."""

    def __init__(self, playbook: Playbook, steps: Sequence[Step], artifact: Artifact | None, version: str) -> None:
        self.account = playbook.account
        self.steps = steps
        self.artifact = artifact
        self.version = version
        self._stage = next((step for step in steps if isinstance(step, StageStep)), None)

    def lines(self) -> list[str]:
        """Constants, functions, then the call of main."""
        return [
            f"root={quote(self.account.root)}",
            *self._files(),
            *(line for number, step in enumerate(self.steps, 1) for line in self._functions(number, step)),
            *_function("perform", self._perform()),
            *_function("perform_early", self._perform_early()),
            *([] if self._stage else _function("staged_holds", ["return 1"])),
            *self._way_back(),
            *_function("holds", self._holds()),
            *_function("heal", [f"take_back {number}" for number, step in _numbered(self.steps) if isinstance(step, ActivateStep)]),
            *_function("observe", [call for number, step in enumerate(self.steps, 1) for call in self._observe(number, step)]),
            'main "$@"',
        ]

    def _files(self) -> Iterator[str]:
        if self.artifact is None:
            return
        yield f"release={quote(release_name(self.artifact, self.version))}"
        yield f"release_kb={ceil(self.artifact.size / 1024)}"
        settings = [step.file for step in self.steps if isinstance(step, ConfigureStep)]
        yield f"settings_files={quote(' '.join(settings))}"
        paths = [file.path for file in self.artifact.files] + settings
        directories = sorted({parent for path in paths if (parent := path.rpartition("/")[0])})
        yield f"directories={quote(' '.join(directories))}"
        calls = [f'"$1" {index} {file.sha256} {file.size} {file.mode} {quote(file.path)}' for index, file in enumerate(self.artifact.files)]
        yield from _function("each_file", calls)
        yield from seal_lines(self.artifact, self.version)

    def _functions(self, number: int, step: Step) -> Iterator[str]:
        for role, command in _commands(step):
            yield from _function(f"command_{number}_{role}", [self._command(step, command)])
        if isinstance(step, RunStep) and step.undo is not None:
            yield from _function(f"undo_{number}", [f"act command_{number}_undo"])
        if isinstance(step, PreflightStep) and step.version:
            yield from _function(f"versions_{number}", [f"check_version command_{number}_version {' '.join(map(quote, step.versions))}"])
        if isinstance(step, ConfigureStep):
            yield from _function(f"settings_{number}", [self._settings(step)])

    def _command(self, step: Step, command: Command | None) -> str:
        if command is None:
            return ":"
        words = command.words
        if command.sudo:
            words = ("sudo", "-n", str(self.account.sudo_command), *words)
        retry = step.retry
        kinds = quote(" ".join(retry.on))
        quoted = " ".join(quote(word) for word in words)
        tries = slower_words(retry) if grows(retry) else f"attempt {retry.attempts} {round(retry.wait_s, 2):g}"
        return f"{tries} {kinds} {ceil(command.timeout_s)} {quoted}"

    def _settings(self, step: ConfigureStep) -> str:
        lines = [quote(f"{name}={value}") for name, value in step.values.items()]
        for name, source in step.per_terminal.items():
            value = quote(self.version) if source is SettingSource.RELEASE else f'"${_VARIABLES[source]}"'
            lines.append(f"{name}={value}")
        return f"printf '%s\\n' {' '.join(lines)}" if lines else ":"

    def _perform(self) -> list[str]:
        calls = [self._step(number, step) for number, step in _numbered(self.steps)]
        if self._stage is None:
            calls.insert(0, "ask_go")
        if any(isinstance(step, RunStep) and step.check is None for step in self.steps):
            calls.append("record_once")
        if self._stage is not None:
            activates = any(isinstance(step, ActivateStep) for step in self.steps)
            if activates and any(isinstance(step, RunStep) and step.check for step in self.steps):
                calls.append("record_did")
            calls.append(f"commit {self._stage.keep_releases}" if activates else "settle")
        return calls

    def _perform_early(self) -> list[str]:
        """What is done with `only=stage`: the looks before the stage step, and that step."""
        if self._stage is None:
            return ["fail protocol 'there is nothing to stage'"]
        upto = self.steps[: self.steps.index(self._stage) + 1]
        return [*(self._step(number, step) for number, step in _numbered(upto) if isinstance(step, _BEFORE_THE_NIGHT)), "keep_staged"]

    def _way_back(self) -> list[str]:
        """What is done with `only=rollback`: the steps that have a way back, the last one first."""
        if not any(isinstance(step, ActivateStep) for step in self.steps):
            return [*_function("back_holds", ["return 1"]), *_function("go_back", ["fail protocol 'nothing was made live'"])]
        undone = [(number, step) for number, step in _numbered(self.steps) if isinstance(step, RunStep) and _has_way_back(step)]
        calls = []
        for number, step in reversed(list(_numbered(self.steps))):
            head = f"back_step {quote(step.name)} {ceil(step.timeout_s * 100)}"
            if isinstance(step, ActivateStep):
                calls.append(f"{head} deactivate {number}")
            elif (number, step) in undone:
                calls.append(f"{head} undo_again {number} {quote(step.name)}")
        return [
            *_function("perform_back", calls),
            *_function("undone", [f"is_undone {number} {quote(step.name)} || return 1" for number, step in undone]),
        ]

    def _step(self, number: int, step: Step) -> str:
        return f"step {quote(step.name)} {ceil(step.timeout_s * 100)} {self._call(number, step)}"

    def _call(self, number: int, step: Step) -> str:
        match step:
            case PreflightStep():
                payload_kb = ceil(self.artifact.size / 1024) if self.artifact and self._stage is not None else 0
                check = f"versions_{number}" if step.version else ":"
                call = ["preflight", str(step.min_free_kb), str(payload_kb), check, *map(quote, step.tools)]
            case StageStep():
                call = ["stage", str(ceil(step.timeout_s))]
            case ConfigureStep():
                call = ["configure", quote(step.file), f"settings_{number}"]
            case BindKeyStep():
                call = ["bear_key"] if step.key is KeySource.BORN_HERE else ["read_key", step.key, f"command_{number}_read"]
            case ActivateStep():
                call = ["activate", str(number), str(step.probe_attempts), f"{step.probe_wait_s:g}"]
            case ProbeStep(when=When.BEFORE):
                call = ["measure", f"command_{number}_probe"]
            case ProbeStep():
                expected = "\n".join(f"{name}={value}" for name, value in step.expect.items())
                call = ["probe", f"command_{number}_probe", quote(expected)]
            case CollectStep():
                call = ["collect", *(word for name in step.facts for word in (name, f"command_{number}_{name}"))]
            case RunStep():
                call = ["run_checked" if step.check else "run_once", str(number), quote(step.name)]
        return " ".join(call)

    def _holds(self) -> list[str]:
        checks = []
        for number, step in _numbered(self.steps):
            match step:
                case StageStep():
                    checks.append("release_holds")
                case ConfigureStep():
                    checks.append(f"configure_holds {quote(step.file)} settings_{number}")
                case BindKeyStep(key=KeySource.BORN_HERE):
                    checks.append("key_holds")
                case RunStep():
                    checks.append(f"run_recorded {quote(step.name)}" if step.check is None else f"run_holds {number}")
                case _:
                    continue
        return [f"{check} || return 1" for check in checks]

    def _observe(self, number: int, step: Step) -> list[str]:
        """What also runs when everything is in place: it only reads."""
        match step:
            case BindKeyStep(key=KeySource.BORN_HERE):
                call = "tell_key"
            case ProbeStep(when=When.BEFORE):
                return []
            case BindKeyStep() | ProbeStep() | CollectStep():
                call = self._call(number, step)
            case StageStep():
                return ["tell_signature"]
            case _:
                return []
        return [f"step {quote(step.name)} {ceil(step.timeout_s * 100)} {call}"]


def _numbered(steps: Sequence[Step]) -> Iterator[tuple[int, Step]]:
    return enumerate(steps, 1)


def _has_way_back(step: RunStep) -> bool:
    return step.check is not None and step.undo is not None


def _function(name: str, body: Sequence[str]) -> list[str]:
    return [f"{name}() {{", *(body or [":"]), "}"]


def _commands(step: Step) -> Iterator[tuple[str, Command | None]]:
    """A step's commands by their role; None where the step could have one and has none, and the program calls it all the same."""
    match step:
        case ActivateStep():
            yield from (("drain", step.drain), ("stop", step.stop), ("migrate", step.migrate), ("start", step.start), ("probe", step.probe))
        case PreflightStep() if step.version is not None:
            yield "version", step.version
        case ProbeStep():
            yield "probe", step.command
        case CollectStep():
            yield from step.facts.items()
        case BindKeyStep() if step.read is not None:
            yield "read", step.read
        case RunStep():
            yield "run", step.command
            if step.check is not None:
                yield "check", step.check
            if step.undo is not None:
                yield "undo", step.undo
        case _:
            return


def _check(playbook: Playbook, steps: Sequence[Step], artifact: Artifact | None) -> None:
    """Raise for steps that do not make a whole."""
    seen: list[StepKind] = []
    for step in steps:
        where = N_("playbook {playbook}, step {step}", playbook=playbook.name, step=step.name)
        if step.step in (StepKind.CONFIGURE, StepKind.ACTIVATE) and StepKind.STAGE not in seen:
            raise InputError(N_("`{kind}` needs a stage step before it", kind=step.step), where=where)
        if step.step is StepKind.CONFIGURE and StepKind.ACTIVATE in seen:
            raise InputError(N_("configure comes after activate; a live release is never written to"), where=where)
        _check_measuring(step, seen, where)
        if step.step in (StepKind.STAGE, StepKind.ACTIVATE) and step.step in seen:
            raise InputError(N_("a terminal can have one `{kind}` step only", kind=step.step), where=where)
        if isinstance(step, StageStep) and artifact is None:
            raise InputError(N_("there is nothing to stage for this terminal"), where=where)
        if isinstance(step, StageStep) and artifact is not None and artifact.seal is None:
            raise InputError(
                N_("the release is not signed for artifact `{artifact}`", artifact=artifact.name),
                where=where,
                hint=N_("run `fleet release sign`"),
            )
        if isinstance(step, ConfigureStep) and artifact and any(file.path == step.file for file in artifact.files):
            raise InputError(
                N_("configure would overwrite `{file}` of the release", file=step.file),
                where=where,
                hint=N_("give the settings a file of their own"),
            )
        for _, command in _commands(step):
            if command is not None:
                _check_command(playbook, command, where)
        seen.append(step.step)


def _check_measuring(step: Step, seen: Sequence[StepKind], where: Message) -> None:
    if isinstance(step, ProbeStep) and step.when is When.BEFORE and not _TOUCHING.isdisjoint(seen):
        raise InputError(N_("`when: before` measures what is live before anything is touched; put it first"), where=where)


def _check_command(playbook: Playbook, command: Command, where: Message) -> None:
    program = command.words[0]
    if program.startswith("-") or "=" in program:
        raise InputError(N_("`{program}` cannot be the name of a program", program=program), where=where)
    sudo_command = playbook.account.sudo_command
    if command.sudo and (sudo_command is None or not sudo_command.startswith("/")):
        raise InputError(
            N_("a command asks for sudo, but the account names no absolute `sudo_command`"),
            where=where,
        )
