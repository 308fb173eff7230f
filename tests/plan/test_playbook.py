"""Reading a playbook: what is refused, and at which line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fleet.errors import MistakesError
from fleet.model.playbook import Command, Playbook, RunStep, StepKind
from fleet.plan import read_playbook

GOOD = """\
name: small
account:
  user: cardclient
  root: client
steps:
  - step: preflight
  - step: stage
  - step: configure
    file: etc/terminal.conf
  - step: bind-key
    key: token
    read: [bin/token]
  - step: activate
    probe: {words: [bin/health], timeout_s: 5}
  - step: run
    command: [/usr/bin/logger, upgraded]
    irreversible: true
"""

Edit = tuple[str, str]


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Playbook]:
    def read_edited(*edits: Edit) -> Playbook:
        text = GOOD
        for old, new in edits:
            assert old in text
            text = text.replace(old, new, 1)
        file = tmp_path / "playbook.yaml"
        file.write_text(text, encoding="utf-8")
        return read_playbook(file)

    return read_edited


def test_the_playbook_that_ships_reads_and_has_every_kind_of_step(playbook: Playbook) -> None:
    assert {step.step for step in playbook.steps} == set(StepKind)


def test_a_step_is_named_after_its_kind_and_a_command_may_be_a_list_of_words(read: Callable[..., Playbook]) -> None:
    playbook = read()

    assert [step.name for step in playbook.steps] == ["preflight", "stage", "configure", "bind-key", "activate", "run"]
    run = playbook.steps[-1]
    assert isinstance(run, RunStep)
    assert run.command == Command(words=("/usr/bin/logger", "upgraded"))


@pytest.mark.parametrize(
    ("edits", "line", "what"),
    [
        ([("  root: client", "  root: client\n  rooot: x")], 5, "unknown key `rooot`"),
        ([("file: etc", "fil: etc")], 9, "unknown key `fil`\nhint: did you mean `file`?"),
        ([("step: stage", "step: stag")], 7, "hint: did you mean `stage`?"),
        ([("read: [bin/token]", "read: bin/token")], 12, "write a command as a list of words"),
        ([("    irreversible: true\n", "")], 15, "give both `check` and `undo`, or say `irreversible: true`"),
        ([("irreversible: true", "check: [/usr/bin/true]")], 15, "give both `check` and `undo`, or say `irreversible: true`"),
        ([("    read: [bin/token]\n", "")], 10, "`read` belongs to key: already-there and token"),
        ([("step: configure", "step: configure\n    name: stage")], 6, "two steps are named `stage`"),
        ([("step: stage", "step: stage\n    retry: {attempts: 3, factor: 0.5}")], 8, "it must be at least 1"),
        ([("step: stage", "step: stage\n    retry: {attempts: 3, most_wait_s: 0}")], 8, "it must be more than 0"),
        (
            [("step: stage", "step: stage\n    retry: {attempts: 3, wait_s: 10, most_wait_s: 5}")],
            8,
            "`most_wait_s` is 5 s, less than `wait_s`, 10 s; the longest wait is at least the first",
        ),
    ],
)
def test_a_mistake_of_form_is_named_with_its_line(read: Callable[..., Playbook], edits: list[Edit], line: int, what: str) -> None:
    with pytest.raises(MistakesError) as caught:
        read(*edits)

    assert f"playbook.yaml:{line}: " in str(caught.value)
    assert what in str(caught.value)


@pytest.mark.parametrize(
    ("edits", "line", "what"),
    [
        ([("step: stage", "step: stage\n    where: kind:hospitl")], 8, "`hospitl` is no value of `kind:`\nhint: did you mean `hospital`?"),
        ([("step: stage", "step: stage\n    where: wave:1")], 8, "`wave:` is not known before a rollout"),
        ([("step: stage", "step: stage\n    timeout_s: 601")], 8, "may take 601 s, but a push ends after 600 s"),
        ([("[/usr/bin/logger, upgraded]", "{words: [logger], sudo: true}")], 16, "the account has no sudo command"),
        ([("root: client", "root: client\n  sudo_command: bin/admin")], 5, "`bin/admin` is not an absolute path"),
        ([("[bin/token]", "[bin/../token]")], 12, "`bin/../token` is no file of a release"),
        ([("[bin/token]", "[./token]")], 12, "`./token` is no file of a release"),
        ([("/usr/bin/logger", "-rf")], 16, "`-rf` cannot be the name of a program"),
        ([("  - step: stage\n", "")], 7, "step `configure` works inside the new release, and no stage step comes before it"),
        ([("  - step: preflight\n", "  - step: probe\n    command: [bin/health]\n")], 6, "step `probe` works inside the new release"),
        ([("step: preflight", "step: stage\n    name: first")], 8, "stage steps `first`, `stage` both apply"),
        ([("  - step: preflight\n", ""), ("step: stage", "step: stage\n  - step: preflight")], 7, "preflight comes after stage"),
        (
            [("  - step: run", "  - step: configure\n    name: late\n    file: x\n  - step: run")],
            15,
            "configure comes after activate",
        ),
    ],
)
def test_a_playbook_that_makes_no_sense_is_refused_with_its_line(
    read: Callable[..., Playbook], edits: list[Edit], line: int, what: str
) -> None:
    with pytest.raises(MistakesError) as caught:
        read(*edits)

    assert f"playbook.yaml:{line}: " in str(caught.value)
    assert what in str(caught.value)


def test_a_playbook_for_root_is_refused(read: Callable[..., Playbook]) -> None:
    with pytest.raises(MistakesError) as caught:
        read(("cardclient", "root"))

    [mistake] = caught.value.mistakes
    assert mistake.line == 3
    assert "a push never uses root" in str(caught.value)
    assert "hint: give an account of its own" in str(caught.value)


def test_a_playbook_without_a_stage_step_works_on_the_live_release(read: Callable[..., Playbook]) -> None:
    text = GOOD[GOOD.index("  - step: stage") : GOOD.index("  - step: bind-key")]
    activate = GOOD[GOOD.index("  - step: activate") : GOOD.index("  - step: run")]

    assert [step.name for step in read((text, ""), (activate, "")).steps] == ["preflight", "bind-key", "run"]
