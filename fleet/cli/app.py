"""The `fleet` command: chooses the language, finds the command, and gives every error its words and its exit code.

- A command's module is imported only when the command is called; its one line of help stands in `COMMANDS`.
- `--lang` and `--workspace` are understood before and after the command.
- No traceback reaches a person; what went wrong inside us goes into a file, and the message says where.
"""

import os
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
from typer._click import Command, Context
from typer._click.exceptions import ClickException, NoArgsIsHelpError
from typer.main import get_command, get_group

from fleet.cli.common import Door, brief, os_user, say
from fleet.cli.help import FleetGroup, dress
from fleet.errors import FleetError, InputError, InternalError, system_words
from fleet.text import LANGUAGES, N_, Message, _, language_of_environment, render, use_language

WORKSPACE = ".fleet"
_INTERRUPTED = 130
_PIPE_CLOSED = 141
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Entry:
    """One command of `fleet`: its line in the list, and whether it has commands of its own."""

    help: Message
    is_group: bool = False


COMMANDS = {
    "demo": Entry(N_("Upgrade the sample city, simulated, from the first connection to the report.")),
    "init": Entry(N_("Make a workspace.")),
    "inventory": Entry(N_("Check, import and show districts, sites, terminals and people."), is_group=True),
    "hosts": Entry(N_("Collect and confirm the terminals' host keys."), is_group=True),
    "release": Entry(N_("Add and list releases of the client software."), is_group=True),
    "plan": Entry(N_("Make a plan, and show what it would do before anything is touched.")),
    "rehearse": Entry(N_("Live through a plan on simulated terminals, and see what was not tried.")),
    "rollout": Entry(N_("Start a plan; approve, pause, resume, stop, retry, exclude, roll back."), is_group=True),
    "run": Entry(N_("Run the orchestrator: push until stopped.")),
    "status": Entry(N_("Show where the rollout stands.")),
    "watch": Entry(N_("Watch the rollout on the whole screen, and decide there.")),
    "assign": Entry(N_("Show and change which technician goes where.")),
    "lease": Entry(N_("Have a site to yourself while you work there, and see who has what.")),
    "checkin": Entry(N_("Take a technician's report: a site is complete, or what is wrong.")),
    "export": Entry(N_("Write the counts as a spreadsheet, CSV or JSON.")),
    "audit": Entry(N_("Prove that the record of events is whole."), is_group=True),
    "doctor": Entry(N_("Say what is wrong with the workspace and this machine, and how to mend it.")),
    "sim": Entry(N_("Start simulated terminals."), is_group=True),
}


class FleetCommands(FleetGroup):
    """All commands, each imported when it is called."""

    def list_commands(self, ctx: Context) -> list[str]:  # noqa: ARG002 - the library's signature
        """Names in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:  # noqa: ARG002 - the library's signature
        """Import the command's module; None where there is no such command."""
        return load_command(cmd_name) if cmd_name in COMMANDS else None

    def summaries(self, ctx: Context) -> list[tuple[str, str]]:  # noqa: ARG002 - the library's signature
        """Name and one line for each command; nothing is imported for it."""
        return [(name, render(entry.help)) for name, entry in COMMANDS.items()]

    def common_options(self) -> list[tuple[str, str]]:
        """The options that every command takes."""
        return [
            ("--workspace DIR", _("Directory of the workspace. [environment: FLEET_WORKSPACE; default: {value}]", value=WORKSPACE)),
            ("--lang " + "|".join(LANGUAGES), _("Language of this program. [environment: FLEET_LANG, LC_ALL, LANG]")),
        ]


def load_command(name: str) -> Command:
    """The command of module `fleet.cli.NAME`: its `app`, or its function `command`."""
    module = import_module(f"fleet.cli.{name}")
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False)
        app.command(name, help=render(COMMANDS[name].help))(module.command)
    dress(app)
    app._add_completion = False  # noqa: SLF001 - Typer would add its options to every command that stands alone
    command: Command = get_group(app) if COMMANDS[name].is_group else get_command(app)
    command.name = name
    command.help = command.help or render(COMMANDS[name].help)
    return command


def main() -> None:
    """Entry point of the `fleet` program."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Carry out one command line and return its exit code; never raises."""
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for as long as the process
    _make_output_forgiving()
    use_language(language_of_environment())
    door = Door(Path(os.environ.get("FLEET_WORKSPACE") or WORKSPACE))
    try:
        options, rest = take_common_options(arguments)
        if "--workspace" in options:
            door = Door(Path(options["--workspace"]))
        _choose_language(options.get("--lang"), door.workspace)
        _refuse_undecodable([*arguments, str(door.workspace)])
        _refuse_closed_output()
        code = _invoke(rest, door.enter())
        sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001 - this is the door; `_explain` knows them all
        return _explain(error, door.workspace)
    finally:
        door.close()
    return code


def take_common_options(arguments: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Take `--workspace` and `--lang` with their values out of a command line, wherever they stand before `--`.

    Raises:
        InputError: One of them has no value.
    """
    options: dict[str, str] = {}
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        if word == "--":
            return options, [*rest, word, *words]
        if name not in ("--workspace", "--lang"):
            rest.append(word)
            continue
        found = value if equals else next(words, "")
        if not found:
            raise InputError(N_("option `{option}` needs a value", option=name))
        options[name] = found
    return options, rest


def _refuse_closed_output() -> None:
    """A closed standard output is refused before anything is done: the next file that is opened would take its place.

    Nothing to read, or nowhere to complain, is as good as an empty file.
    """
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115 - for as long as the process
    if sys.stdout is None:
        raise FleetError(N_("standard output is closed"), hint=N_("send it to /dev/null where nobody is to read it"))


def _refuse_undecodable(words: Sequence[str]) -> None:
    """Python hands on a byte that is no character as a lone surrogate, which no code, database or file of ours can hold."""
    for word in words:
        if _SURROGATE.search(word):
            raise InputError(
                N_("`{word}` is not text in the encoding of your environment", word=word),
                hint=N_("type it again; names of files and directories need to be text as well"),
            )


def _choose_language(asked: str | None, workspace: Path) -> None:
    """Use what `--lang` asks for, else FLEET_LANG, else `lang` of fleet.toml, else what the environment does; the first three only as we speak it.

    Raises:
        InputError: We do not speak it.
    """
    named = ((asked, None), (_language_of_variable(), "FLEET_LANG"), (_language_of_workspace(workspace), workspace / "fleet.toml"))
    language, where = next(((language, where) for language, where in named if language is not None), (None, None))
    if language is not None and language not in LANGUAGES:
        raise InputError(
            N_("we do not speak `{language}`", language=language),
            where=None if where is None else str(where),
            hint=N_("choose one of {choices}", choices=", ".join(LANGUAGES)),
        )
    use_language(language or language_of_environment())


def _language_of_variable() -> str | None:
    """What FLEET_LANG asks for; like the environment's own it may say more, such as `zh` or `en_GB.UTF-8`."""
    value = os.environ.get("FLEET_LANG") or None
    return language_of_environment() if value is not None and value.lower().startswith(("zh", "en")) else value


def _language_of_workspace(workspace: Path) -> str | None:
    """`lang` of fleet.toml. A file with other mistakes is reported when the settings are read."""
    import tomllib

    try:
        language = tomllib.loads((workspace / "fleet.toml").read_text("utf-8")).get("lang")
    except (OSError, ValueError):
        return None
    return language if isinstance(language, str) else None


def _invoke(arguments: list[str], door: Door) -> int:
    root = typer.Typer(
        cls=FleetCommands, no_args_is_help=True, add_completion=False, context_settings={"help_option_names": ["--help", "-h"]}
    )

    def options(
        *, version: bool = typer.Option(False, "--version", help=_("Show the version."), is_eager=True, callback=_print_version)
    ) -> None:
        """Options of the program itself; `_print_version` has dealt with them."""

    root.callback(help=_("Upgrades the card-swiping terminals of a city's hospitals and pharmacies in staged waves over SSH."))(options)
    command = get_group(root)
    try:
        with command.make_context("fleet", arguments, obj=door) as ctx:
            result: Any = command.invoke(ctx)
    except typer.Exit as done:
        return done.exit_code
    return result if isinstance(result, int) and not isinstance(result, bool) else 0


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        sys.stdout.write(f"fleet {version('fleet-orchestrator')}\n")
        raise typer.Exit


def _explain(error: BaseException, workspace: Path) -> int:
    """Put an error into words on stderr and return its exit code."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 0 if error.code is None else 1
    if isinstance(error, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE_CLOSED
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        say()
        return _INTERRUPTED
    if isinstance(error, NoArgsIsHelpError):
        say(error.format_message())
        return error.exit_code
    known = _as_fleet_error(error, workspace)
    known.what = brief(known.what)
    for line in known.lines():
        say(line)
    return known.exit_code


def _as_fleet_error(error: BaseException, workspace: Path) -> FleetError:
    if isinstance(error, ClickException):
        from fleet.cli.usage import input_error

        return input_error(error)
    if isinstance(error, InternalError) or not isinstance(error, FleetError | OSError):
        what = (
            error.what if isinstance(error, InternalError) else N_("something went wrong inside fleet: {kind}", kind=type(error).__name__)
        )
        details = _write_details(error, workspace)
        return InternalError(what, where=details, hint=N_("send that file with your report") if details else None)
    if isinstance(error, FleetError):
        return error
    if isinstance(error, PermissionError) and _is_in(error.filename, workspace) and not os.access(workspace, os.X_OK):
        return InputError(
            N_("the workspace is not open to you ({user})", user=os_user()),
            where=str(workspace),
            hint=N_("ask its owner: people share one that was made with `fleet init --group`, and are in that group"),
        )
    if error.filename is None:
        return FleetError(N_("the system refused: {reason}", reason=system_words(error)))
    return FleetError(N_("the file cannot be used: {reason}", reason=system_words(error)), where=os.fsdecode(error.filename))


def _is_in(file: Any, directory: Path) -> bool:
    return isinstance(file, str | bytes | Path) and Path(os.fsdecode(file)).is_relative_to(directory)


def _write_details(error: BaseException, workspace: Path) -> str | None:
    """Write what a person should not have to read into a file of the workspace, or a temporary one; None where there is no room for either."""
    import platform
    import traceback

    details = f"fleet on Python {platform.python_version()}, {platform.platform()}\n" + "".join(traceback.format_exception(error))
    for directory in (workspace, None):
        try:
            descriptor, name = tempfile.mkstemp(prefix="fleet-error-", suffix=".log", dir=directory)
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(details)
        except OSError:
            continue
        return name
    return None


def _make_output_forgiving() -> None:
    """A name that the terminal's encoding cannot show is written as its code instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
