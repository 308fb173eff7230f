"""compile_program: the same steps give the same text; what does not make a whole is refused."""

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.errors import InputError
from fleet.model.playbook import (
    Account,
    ActivateStep,
    BindKeyStep,
    Command,
    ConfigureStep,
    KeySource,
    Playbook,
    ProbeStep,
    RunStep,
    StageStep,
    Step,
    StepKind,
)
from fleet.terminal.compile import bootstrap, compile_program
from tests.terminal.field import build, playbook, upgrade_steps, words

RELEASE = build("2.0")


def compile_steps(*steps: Step) -> str:
    return compile_program(playbook(list(steps)), steps, RELEASE.artifact, "2.0").text


def test_the_same_steps_give_the_same_program_and_digest() -> None:
    first = compile_program(playbook(upgrade_steps("2.0")), upgrade_steps("2.0"), RELEASE.artifact, "2.0")
    second = compile_program(playbook(upgrade_steps("2.0")), upgrade_steps("2.0"), RELEASE.artifact, "2.0")

    assert first == second


def test_another_file_another_word_and_another_version_give_another_digest() -> None:
    steps = upgrade_steps("2.0")
    other_steps = [*steps[:-1], ProbeStep(name="other", command=words("true"))]
    programs = [
        compile_program(playbook(steps), steps, RELEASE.artifact, "2.0"),
        compile_program(playbook(steps), steps, build("2.1").artifact, "2.0"),
        compile_program(playbook(other_steps), other_steps, RELEASE.artifact, "2.0"),
        compile_program(playbook(steps), steps, RELEASE.artifact, "2.1"),
    ]

    assert len({program.digest for program in programs}) == len(programs)


def test_a_program_says_which_steps_are_in_it_and_which_cannot_be_undone() -> None:
    steps: list[Step] = [RunStep(name="wipe", command=words("true"), irreversible=True), ProbeStep(name="probe", command=words("true"))]

    program = compile_program(playbook(steps), steps, None, "2.0")

    assert program.steps == ("wipe", "probe")
    assert program.irreversible == ("wipe",)
    assert program.artifact is None


def test_what_travels_holds_no_comments() -> None:
    text = compile_steps(*upgrade_steps("2.0"))

    assert not any(line.startswith("#") or line != line.strip() for line in text.splitlines())


def test_a_program_holds_only_the_fragments_its_steps_need() -> None:
    text = compile_steps(ProbeStep(name="probe", command=words("true")))

    assert "probe()" in text
    assert "stage()" not in text


def test_the_bootstrap_is_one_line_that_fits_the_smallest_server() -> None:
    steps = upgrade_steps("2.0")

    command = bootstrap(compile_program(playbook(steps), steps, RELEASE.artifact, "2.0"))

    assert "\n" not in command
    assert len(command) < 1000


WORDS = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=40)


@given(st.lists(WORDS, min_size=1, max_size=5))
def test_a_word_that_is_quoted_and_read_by_sh_is_the_same_word(arguments: list[str]) -> None:
    text = compile_steps(ProbeStep(name="probe", command=words("show", *arguments)))
    line = next(line for line in text.split("\n") if line.startswith("attempt ") and " show " in line)

    ran = subprocess.run(
        ["sh", "-c", f"attempt() {{ shift 5; printf '%s\\0' \"$@\"; }}\n{line}"], capture_output=True, check=True, env={"LC_ALL": "C"}
    )

    assert ran.stdout.decode().split("\0")[:-1] == arguments


STAGE = StageStep(name="stage")
ACTIVATE = ActivateStep(name="activate", probe=words("true"))
CONFIGURE = ConfigureStep(name="configure", file="etc/client.conf")
OVERWRITE = ConfigureStep(name="configure", file="bin/client")


@pytest.mark.parametrize(
    ("steps", "what"),
    [
        ((ACTIVATE,), "`activate` needs a stage step before it"),
        ((CONFIGURE, STAGE), "`configure` needs a stage step before it"),
        ((STAGE, ACTIVATE, CONFIGURE), "configure comes after activate"),
        ((STAGE, STAGE.model_copy(update={"name": "again"})), "can have one `stage` step only"),
        ((STAGE, OVERWRITE), "would overwrite `bin/client`"),
        ((ProbeStep(name="probe", command=words("-rf")),), "`-rf` cannot be the name of a program"),
        ((ProbeStep(name="probe", command=words("A=b")),), "`A=b` cannot be the name of a program"),
        ((ProbeStep(name="probe", command=Command(words=("x",), sudo=True)),), "names no absolute `sudo_command`"),
    ],
)
def test_steps_that_do_not_make_a_whole_are_refused(steps: tuple[Step, ...], what: str) -> None:
    with pytest.raises(InputError, match=r"at: playbook upgrade, step") as caught:
        compile_steps(*steps)

    assert what in str(caught.value)


def test_staging_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="nothing to stage"):
        compile_program(playbook([STAGE]), [STAGE], None, "2.0")


def test_a_sudo_command_runs_the_account_s_one_command_without_asking() -> None:
    account = Account(user="fleet", root="client", sudo_command="/usr/local/sbin/client-control")
    step = ProbeStep(name="probe", command=Command(words=("status",), sudo=True))

    program = compile_program(Playbook(name="p", account=account, steps=(step,)), [step], None, "2.0")

    assert "sudo -n /usr/local/sbin/client-control status" in program.text


@pytest.mark.parametrize("kind", StepKind)
def test_every_kind_of_step_has_its_fragment(kind: StepKind) -> None:
    examples: list[Step] = [
        *upgrade_steps("2.0", key=BindKeyStep(name="bind-key", key=KeySource.TOKEN, read=words("true"))),
        RunStep(name="run", command=words("true"), check=words("true"), undo=words("true")),
    ]

    assert kind in {step.step for step in examples}
    assert compile_steps(*examples)
