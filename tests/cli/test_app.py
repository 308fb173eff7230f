"""The program as a whole: commands, language, workspace, errors and exit codes."""

import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from fleet.cli import app
from fleet.cli.app import COMMANDS, Entry, take_common_options
from fleet.cli.help import FleetGroup
from fleet.errors import FleetError, InputError, InternalError, WaitingError
from fleet.text import N_, current_language
from tests.conftest import Cli

Program = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., Any]], None]:
    """Put a function in the place of the module behind `fleet init`."""

    def replace(function: Callable[..., Any]) -> None:
        monkeypatch.setattr(app, "import_module", lambda name: SimpleNamespace(command=function, __name__=name))

    return replace


def test_help_lists_every_command_with_one_line(cli: Cli) -> None:
    ran = cli("--help")

    assert ran.code == 0
    assert [name for name in COMMANDS if f"\n  {name} " not in ran.out] == []
    assert "--workspace DIR" in ran.out


def test_every_command_of_the_table_has_a_module_with_a_command_and_help(cli: Cli) -> None:
    codes = {name: cli(name, "--help").code for name in COMMANDS}

    assert set(codes.values()) == {0}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_every_option_says_in_marked_words_what_it_is_for(name: str) -> None:
    module = import_module(f"fleet.cli.{name}")
    command = app.load_command(name)
    commands = list(command.commands.values()) if isinstance(command, FleetGroup) else [command]

    assert [info.callback for info in getattr(module, "app", typer.Typer()).registered_commands if not info.help] == []
    assert [f"{inner.name} {param.name}" for inner in commands for param in inner.params if not getattr(param, "help", None)] == []


def test_the_program_says_its_version(program: Program) -> None:
    ran = program("--version")

    assert ran.stdout.startswith("fleet 0.")
    assert ran.returncode == 0


def test_without_a_command_the_help_is_shown_and_nothing_done(cli: Cli) -> None:
    ran = cli()

    assert (ran.code, ran.out) == (2, "")
    assert "Usage: fleet" in ran.err


def test_common_options_are_taken_before_and_after_the_command() -> None:
    options, rest = take_common_options(["--lang", "en", "plan", "--select", "x", "--workspace=/w", "--", "--lang"])

    assert options == {"--lang": "en", "--workspace": "/w"}
    assert rest == ["plan", "--select", "x", "--", "--lang"]


def test_a_common_option_without_a_value_is_refused(cli: Cli) -> None:
    ran = cli("init", "--workspace")

    assert ran.code == 2
    assert "option `--workspace` needs a value" in ran.err


@pytest.mark.parametrize(
    "words",
    [
        ["checkin", "pharm\udcff", "--by", "technician-05"],
        ["export", "--rollout=r\udcff"],
        ["--workspace", "w\udcff", "status"],
        ["\udcff"],
    ],
)
def test_bytes_that_are_no_text_are_refused_by_name(cli: Cli, words: list[str]) -> None:
    ran = cli(*words)

    assert (ran.code, ran.out) == (2, "")
    assert "\\udcff` is not text in the encoding of your environment\nhint: " in ran.err


def test_bytes_on_a_real_command_line_are_refused(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("fleet")
    ran = subprocess.run(
        [program, "checkin", b"pharm\xff", "--by", "x"],
        cwd=tmp_path,
        env={"LC_ALL": "C.UTF-8"},
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert ran.returncode == 2
    assert ran.stderr.startswith(b"`pharm\\udcff` is not text")


def test_a_language_we_do_not_speak_is_refused_with_those_we_do(cli: Cli) -> None:
    ran = cli("--lang", "fr", "init")

    assert ran.code == 2
    assert ran.err == "we do not speak `fr`\nhint: choose one of en, zh_CN\n"


@pytest.mark.parametrize(
    ("file", "environment", "words", "language"),
    [
        ("", "zh_CN", [], "zh_CN"),
        ('lang = "zh_CN"', "", [], "zh_CN"),
        ('lang = "zh_CN"', "en", [], "en"),
        ('lang = "zh_CN"', "zh_CN", ["--lang", "en"], "en"),
        ("lang = [", "", [], "en"),
    ],
)
def test_the_option_goes_before_the_environment_and_that_before_the_file(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, file: str, environment: str, words: list[str], language: str
) -> None:
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace/fleet.toml").write_text(file, "utf-8")
    monkeypatch.setenv("FLEET_LANG", environment)

    cli(*words, "--version")

    assert current_language() == language


@pytest.mark.parametrize(
    ("words", "what", "hint"),
    [
        (["inti"], "there is no command `inti`", "did you mean `init`?"),
        (["qqq"], "there is no command `qqq`", "one of: demo, init,"),
        (["init", "--hepl"], "there is no option `--hepl`", "did you mean `--help`?"),
        (["init", "extra", "words"], "too many arguments: extra words", "`fleet init --help` shows what there is"),
    ],
)
def test_a_wrong_command_line_says_what_and_how_to_mend_it(cli: Cli, words: list[str], what: str, hint: str) -> None:
    ran = cli(*words)

    assert (ran.code, ran.out) == (2, "")
    assert what in ran.err
    assert hint in ran.err


def _choosy(
    *,
    number: int = typer.Option(1, min=1, max=9),
    share: float = typer.Option(0.5),
    shape: str = typer.Option(...),
    kind: str = typer.Argument(...),
) -> None:
    """Take what is given."""


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--number", "x", "--shape", "a", "k"], "`x` is not a whole number\n  at: --number"),
        (["--number", "0", "--shape", "a", "k"], "0 is less than 1\n  at: --number"),
        (["--number", "10", "--shape", "a", "k"], "10 is more than 9\n  at: --number"),
        (["--share", "x", "--shape", "a", "k"], "`x` is not a number\n  at: --share"),
        (["k"], "`--shape` is missing"),
        (["--shape", "a"], "`KIND` is missing"),
        (["k", "--shape"], "option `--shape` needs a value"),
    ],
)
def test_a_bad_value_is_named_with_its_option(cli: Cli, command: Cli, words: list[str], what: str) -> None:
    command(_choosy)

    ran = cli("init", *words)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(what)


@pytest.mark.parametrize(
    ("error", "code"),
    [(FleetError(N_("no")), 1), (InputError(N_("no")), 2), (WaitingError(N_("no")), 3), (typer.Exit(4), 4), (KeyboardInterrupt(), 130)],
)
def test_an_error_becomes_its_words_and_its_exit_code(cli: Cli, command: Cli, error: BaseException, code: int) -> None:
    def fail() -> None:
        raise error

    command(fail)

    ran = cli("init")

    assert (ran.code, ran.out) == (code, "")
    assert ran.err.strip() == ("no" if isinstance(error, FleetError) else "")


@pytest.mark.parametrize(("result", "code"), [(None, 0), (1, 1), (3, 3), (True, 0)])
def test_a_command_may_return_its_exit_code(cli: Cli, command: Cli, result: int | None, code: int) -> None:
    command(lambda: result)

    assert cli("init").code == code


@pytest.mark.parametrize("error", [ValueError("secret \x1b[31m"), InternalError(N_("two tails"))])
def test_our_own_fault_is_one_message_and_a_file_with_the_details(cli: Cli, command: Cli, tmp_path: Path, error: Exception) -> None:
    def fail() -> None:
        raise error

    (tmp_path / "workspace").mkdir()
    command(fail)

    ran = cli("init")

    (details,) = (tmp_path / "workspace").glob("fleet-error-*.log")
    assert ran.code == 70
    assert "Traceback" not in ran.err
    assert str(details) in ran.err
    assert "Traceback" in details.read_text("utf-8")
    assert details.stat().st_mode & 0o777 == 0o600


def test_a_file_that_the_system_refuses_is_named(cli: Cli, command: Cli, tmp_path: Path) -> None:
    command((tmp_path / "absent.csv").read_bytes)

    ran = cli("init")

    assert ran.code == 1
    assert ran.err == f"the file cannot be used: No such file or directory\n  at: {tmp_path}/absent.csv\n"


def test_a_reader_that_went_away_is_no_error(tmp_path: Path) -> None:
    script = f"set -o pipefail; {sys.executable} -c 'from fleet.cli.app import main; main()' --help | true; echo ${{PIPESTATUS[0]}}"

    ran = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    assert ran.stderr == ""
    assert ran.stdout.strip() in {"0", "141"}


def test_without_anywhere_to_write_nothing_is_done(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("fleet")
    words = ["bash", "-c", f"{program} --lang en init >&-"]
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    assert (ran.returncode, ran.stderr.splitlines()[0]) == (1, "standard output is closed")
    assert list(tmp_path.iterdir()) == []


def test_without_anything_to_read_or_anywhere_to_complain_a_command_does_its_work(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("fleet")
    words = ["bash", "-c", f"{program} --workspace made init <&- 2>&-"]
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    assert (ran.returncode, ran.stdout.strip()) == (0, "made")


def test_what_was_typed_is_said_back_in_one_line_of_bounded_length(cli: Cli) -> None:
    long, broken = cli("x" * 100_000), cli("sta\ntus\x1b")

    assert (long.code, broken.code) == (2, 2)
    assert len(long.err) < 500
    assert r"`sta\ntus\x1b`" in broken.err


def test_an_entry_is_no_group_unless_it_says_so() -> None:
    assert not Entry(N_("Help.")).is_group


@pytest.mark.parametrize("where", ["FLEET_LANG", "fleet.toml"])
def test_a_language_we_do_not_speak_is_refused_wherever_it_is_named_and_lang_overrides_it(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    cli("init")
    if where == "FLEET_LANG":
        monkeypatch.setenv("FLEET_LANG", "fr")
    else:
        (tmp_path / "workspace" / "fleet.toml").write_text('lang = "fr"\n')

    refused, overridden = cli("release", "list"), cli("release", "list", "--lang", "zh_CN")

    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith("we do not speak `fr`\n  at: ")
    assert where in refused.err
    assert overridden.code == 0
